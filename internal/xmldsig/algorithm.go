package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // CertDigest only, see digestOf
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"math/big"
)

// Algorithm identifiers of XML Signature 1.1, RFC 9231 and XML Encryption.
const (
	algExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algInclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	algEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

	algSHA1   = "http://www.w3.org/2000/09/xmldsig#sha1"
	algSHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	algSHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
	algSHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
)

// Bounds on RSA keys. Norway signs with RSA-2032, which the usual bound of 2048
// would lose; 1900 is the legacy bound of the SOG-IS agreed mechanisms that
// ETSI TS 119 312 takes over. The upper bound limits the cost of one exponentiation.
const (
	minRSABits = 1900
	maxRSABits = 16384
)

type scheme uint8

const (
	schemePKCS1 scheme = iota + 1
	schemePSS
	schemeECDSA
)

// signatureAlgorithm is a row of the allow-list of signature algorithms.
type signatureAlgorithm struct {
	uri    string
	scheme scheme
	hash   crypto.Hash
}

// signatureAlgorithms is the allow-list. HMAC, DSA and everything with SHA-1 or
// MD5 are absent on purpose. The PSS rows are those of RFC 9231, 2.3.10, with the
// salt as long as the hash.
var signatureAlgorithms = [...]signatureAlgorithm{
	{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", schemePKCS1, crypto.SHA256},
	{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", schemePKCS1, crypto.SHA384},
	{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", schemePKCS1, crypto.SHA512},
	{"http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", schemePSS, crypto.SHA256},
	{"http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1", schemePSS, crypto.SHA384},
	{"http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1", schemePSS, crypto.SHA512},
	{"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", schemeECDSA, crypto.SHA256},
	{"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", schemeECDSA, crypto.SHA384},
	{"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512", schemeECDSA, crypto.SHA512},
}

func signatureAlgorithmOf(uri string) (signatureAlgorithm, error) {
	for _, a := range signatureAlgorithms {
		if a.uri == uri {
			return a, nil
		}
	}
	return signatureAlgorithm{}, refuse(CodeAlgorithm, "signature method %q", uri)
}

// hashOf returns the hash of a digest method of a reference.
func hashOf(uri string) (crypto.Hash, error) {
	switch uri {
	case algSHA256:
		return crypto.SHA256, nil
	case algSHA384:
		return crypto.SHA384, nil
	case algSHA512:
		return crypto.SHA512, nil
	}
	return 0, refuse(CodeAlgorithm, "digest method %q", uri)
}

// certificateHashOf returns the hash of a XAdES CertDigest. SHA-1 is allowed
// only here: a third of the real lists use it, and the certificate it points to
// is pinned by its DER anyway.
func certificateHashOf(uri string) (crypto.Hash, error) {
	if uri == algSHA1 {
		return crypto.SHA1, nil
	}
	return hashOf(uri)
}

func digestOf(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}

// verify checks value as a signature of key over data.
func (a signatureAlgorithm) verify(key crypto.PublicKey, data, value []byte) error {
	digest := digestOf(a.hash, data)
	rsaKey, isRSA := key.(*rsa.PublicKey)
	ecdsaKey, isECDSA := key.(*ecdsa.PublicKey)
	switch {
	case a.scheme == schemePKCS1 && isRSA:
		return invalidIf(rsa.VerifyPKCS1v15(rsaKey, a.hash, digest, value))
	case a.scheme == schemePSS && isRSA:
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return invalidIf(rsa.VerifyPSS(rsaKey, a.hash, digest, value, options))
	case a.scheme == schemeECDSA && isECDSA:
		return verifyECDSA(ecdsaKey, digest, value)
	}
	return refuse(CodeAlgorithm, "signature method %q does not fit a key of type %T", a.uri, key)
}

func invalidIf(err error) error {
	if err != nil {
		return &Error{Code: CodeSignatureInvalid, Err: err}
	}
	return nil
}

// verifyECDSA checks the concatenation of r and s, each exactly as long as the
// order of the curve (XML Signature 1.1, 6.4.3), not the DER of X.509.
func verifyECDSA(pub *ecdsa.PublicKey, digest, value []byte) error {
	size := (pub.Params().N.BitLen() + 7) / 8
	if len(value) != 2*size {
		return refuse(CodeSignatureInvalid, "ECDSA signature of %d bytes, not %d", len(value), 2*size)
	}
	r, s := new(big.Int).SetBytes(value[:size]), new(big.Int).SetBytes(value[size:])
	if !ecdsa.Verify(pub, digest, r, s) {
		return refuse(CodeSignatureInvalid, "ECDSA verification failed")
	}
	return nil
}

// decodeBase64 decodes the lexical form of xsd:base64Binary: white space is
// allowed anywhere, padding and unused bits must be right.
func decodeBase64(text []byte) ([]byte, error) {
	compact := make([]byte, 0, len(text))
	for len(text) > 0 {
		i := bytes.IndexAny(text, " \t\r\n")
		if i < 0 {
			i = len(text)
		}
		compact = append(compact, text[:i]...)
		text = text[min(i+1, len(text)):]
	}
	n, err := base64.StdEncoding.Strict().Decode(compact, compact)
	if err != nil {
		return nil, err
	}
	return compact[:n], nil
}
