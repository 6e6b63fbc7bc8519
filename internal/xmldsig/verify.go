package xmldsig

import (
	"bytes"
	"slices"
	"time"
)

// Verified is an authenticated document. Its zero value proves nothing; only
// [Verify] makes one.
type Verified struct {
	// Octets are the canonical octets that were digested: well-formed, without
	// comments, without the signature. Parse only these.
	Octets []byte
	// Root is the name of the root element.
	Root Name
	// Signer is the DER of the certificate that signed, one of the announced.
	Signer []byte
	// SigningTime is the signed claim of the signer, inside the validity of its
	// certificate. It is not a time stamp.
	SigningTime time.Time
	// SignatureAlgorithm and DigestAlgorithm are the identifiers of the signature
	// method and of the digest method of the reference to the list.
	SignatureAlgorithm, DigestAlgorithm string
}

// Verify authenticates a trusted list: exactly one enveloped XAdES signature by
// one of the signers, over the whole document. It does not ask whether the
// signer's certificate is valid now, nor who issued it: a list operator is
// trusted because its certificate is announced, and many announced ones have
// expired. No signers means that nothing is accepted.
//
// Every refusal is an *Error. Verify keeps no reference to doc and is safe for
// concurrent use.
func Verify(doc []byte, signers []Fingerprint) (*Verified, error) {
	found, err := scan(doc)
	if err != nil {
		return nil, err
	}
	if found.signature == nil {
		return nil, &Error{Code: CodeSignatureMissing}
	}
	// The signer comes first: whoever is not announced gets no more work done.
	by, err := found.signature.signer(signers)
	if err != nil {
		return nil, err
	}
	info, err := readSignedInfo(found.signature.signedInfo)
	if err != nil {
		return nil, err
	}
	if err := info.checkReferences(found); err != nil {
		return nil, err
	}
	value, err := decodeBase64(found.signature.value)
	if err != nil {
		return nil, refuse(CodeSignatureMalformed, "SignatureValue: %w", err)
	}
	// The signature comes before the digests: whoever cannot sign gets nothing
	// hashed but SignedInfo.
	if err := info.algorithm.verify(by.key, info.octets, value); err != nil {
		return nil, err
	}
	claims, err := info.checkDigests(found, by)
	if err != nil {
		return nil, err
	}
	return &Verified{
		Octets:             found.octets,
		Root:               found.root,
		Signer:             by.der,
		SigningTime:        claims.signingTime,
		SignatureAlgorithm: info.algorithm.uri,
		DigestAlgorithm:    info.list.method,
	}, nil
}

// signer returns the certificate of KeyInfo if it is announced. KeyInfo is not
// signed, so equality of the whole DER is what binds it.
func (sig *signature) signer(announced []Fingerprint) (*signer, error) {
	raw, err := decodeBase64(sig.certificate)
	if err != nil {
		return nil, refuse(CodeSignatureMalformed, "X509Certificate: %w", err)
	}
	if len(raw) == 0 {
		return nil, refuse(CodeSignatureMalformed, "no X509Certificate")
	}
	if f := FingerprintOf(raw); !slices.Contains(announced, f) {
		return nil, refuse(CodeSignerUnknown, "certificate %s", f)
	}
	return parseSigner(raw)
}

// checkReferences checks that the references are to the whole list and to the
// signed properties, by the transforms of the profile.
func (info *signedInfo) checkReferences(found *scanned) error {
	sig := found.signature
	if sig.properties == nil {
		return refuse(CodeProperties, "no SignedProperties")
	}
	if info.list.uri != "" {
		if found.rootID == "" || info.list.uri != "#"+found.rootID {
			return refuse(CodeReference, "reference to %q, not to the root", info.list.uri)
		}
		if err := found.unique(found.rootID); err != nil {
			return err
		}
	}
	if sig.properties.id == "" || info.signed.uri != "#"+sig.properties.id {
		return refuse(CodeReference, "reference to %q, not to SignedProperties", info.signed.uri)
	}
	if err := found.unique(sig.properties.id); err != nil {
		return err
	}
	if sig.targeted {
		if sig.id == "" || sig.target != "#"+sig.id {
			return refuse(CodeReference, "QualifyingProperties are for %q", sig.target)
		}
		if err := found.unique(sig.id); err != nil {
			return err
		}
	}
	if !slices.Equal(info.list.transforms, []string{algEnveloped, algExclusive}) {
		return refuse(CodeTransform, "transforms of the list are %q", info.list.transforms)
	}
	var err error
	info.inclusive, err = info.signed.inclusive()
	return err
}

// unique checks that an identifier occurs once in the document, whatever the
// attribute that gives it is called.
func (found *scanned) unique(id string) error {
	count := 0
	for _, other := range found.ids {
		if other == id {
			count++
		}
	}
	if count != 1 {
		return refuse(CodeDuplicateID, "%q occurs %d times", id, count)
	}
	return nil
}

// inclusive reports how the signed properties are canonicalised. No transform
// means Canonical XML 1.0 (XML Signature 1.1, 4.4.3.2).
func (ref *reference) inclusive() (bool, error) {
	switch len(ref.transforms) {
	case 0:
		return true, nil
	case 1:
		return isInclusive(ref.transforms[0])
	}
	return false, refuse(CodeTransform, "transforms of SignedProperties are %q", ref.transforms)
}

// checkDigests digests the signed properties and the list, each once, and checks
// what the properties say about the signer.
func (info *signedInfo) checkDigests(found *scanned, by *signer) (*properties, error) {
	octets, err := found.signature.properties.canonical(info.inclusive)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(info.signed.digest, digestOf(info.signed.hash, octets)) {
		return nil, refuse(CodeDigest, "SignedProperties")
	}
	if !bytes.Equal(info.list.digest, digestOf(info.list.hash, found.octets)) {
		return nil, refuse(CodeDigest, "list")
	}
	claims, err := readProperties(octets, by.der)
	if err != nil {
		return nil, err
	}
	if t := claims.signingTime; t.Before(by.notBefore) || t.After(by.notAfter) {
		return nil, refuse(CodeSigningTime, "%s is not in [%s, %s]", t.Format(time.RFC3339),
			by.notBefore.Format(time.RFC3339), by.notAfter.Format(time.RFC3339))
	}
	return claims, nil
}
