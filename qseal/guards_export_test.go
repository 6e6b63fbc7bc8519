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

// StripAuthority brings a target into origin form.
func StripAuthority(target string) string { return stripAuthority(target) }
