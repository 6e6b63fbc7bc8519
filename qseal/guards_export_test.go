package qseal

import (
	"crypto"
	"crypto/x509"
)

// HasMember reports whether a JSON text has a member.
func HasMember(text, name string) bool {
	v, err := parseJSON(text, headerLimits())
	return err == nil && v.member(name).exists()
}

// NamesCertificate reports whether digests name a certificate.
func NamesCertificate(hashM string, digests [][]byte, c *x509.Certificate) bool {
	return namesCertificate(hashM, digests, c)
}

// Fits reports whether an algorithm is for a key.
func Fits(a Algorithm, pub crypto.PublicKey) bool { return a.fits(pub) }

// VerifySignature verifies with an algorithm that nobody has chosen for the key.
func VerifySignature(a Algorithm, pub crypto.PublicKey, data, signature []byte) error {
	if _, refusal := a.verify(pub, data, signature, false); refusal != nil {
		return refusal
	}
	return nil
}

// Sign signs with an algorithm that nobody has chosen for the key.
func Sign(a Algorithm, key crypto.Signer, data []byte) ([]byte, error) {
	return (&sealer{key: key, algorithm: a}).sign(data)
}

// CheckBodyOf holds a body to a seal of a profile without any digest.
func CheckBodyOf(p Profile, body []byte) error {
	if refusal := (&sealed{}).checkBody(&p, body); refusal != nil {
		return refusal
	}
	return nil
}

// IsRead reports a sealed request that changes nothing.
func IsRead(method string, s *Seal) bool { return isRead(&message{method: method}, s) }

// WriteCavage seals fields of a request as draft-cavage does.
func WriteCavage(v *MessageView, a Algorithm, key crypto.Signer, covered ...string) error {
	return writeCavage(v.m, &sealer{key: key, algorithm: a}, "k1", covered)
}

// SignHeader signs a header that no profile writes.
func SignHeader(a Algorithm, key crypto.Signer, header map[string]any) error {
	_, err := joseHeader(header).detached(&sealer{key: key, algorithm: a}, nil)
	return err
}

// WithoutSigner is a profile that does not sign.
func WithoutSigner(p Profile) Profile {
	p.seal = nil
	return p
}

// StripAuthority brings a target into origin form.
func StripAuthority(target string) string { return stripAuthority(target) }
