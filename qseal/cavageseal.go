package qseal

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

var errNoRequestID = errors.New("qseal: the message has no X-Request-ID")

// setDigest writes the Digest (RFC 3230) of the body; that of no bytes where
// there is none (NextGenPSD2 1.3.8, 12.1).
func setDigest(m *message) {
	digest := sha256.Sum256(m.body)
	m.header.Set(fieldDigest, "SHA-256="+base64.StdEncoding.EncodeToString(digest[:]))
}

// keyIDOf names a certificate as NextGenPSD2 does.
func keyIDOf(c *x509.Certificate) string {
	return fmt.Sprintf("SN=%x,CA=%s", c.SerialNumber, c.Issuer.String())
}

// writeCavage seals the covered fields of a message and writes Signature.
func writeCavage(m *message, k *sealer, keyID string, covered []string) error {
	name := cavageName(k.algorithm)
	if name == "" {
		return fmt.Errorf("qseal: draft-cavage has no name for %s", k.algorithm)
	}
	if strings.Contains(keyID, `"`) {
		return errors.New("qseal: the name of the issuer has a quotation mark, which keyId cannot have")
	}
	for _, field := range covered {
		if lines := m.values(canonicalName(field)); len(lines) > 1 {
			return fmt.Errorf("qseal: %s has %d lines", field, len(lines))
		}
	}
	base, refusal := (&cavage{algorithm: name, covered: covered}).base(m)
	if refusal != nil {
		return refusal
	}
	signature, err := k.sign(base)
	if err != nil {
		return err
	}
	m.header.Set(fieldSignature, `keyId="`+keyID+`",algorithm="`+name+`",headers="`+strings.Join(covered, " ")+
		`",signature="`+base64.StdEncoding.EncodeToString(signature)+`"`)
	return nil
}

// cavageName is the name of an algorithm in draft-cavage, "" where it has none.
func cavageName(a Algorithm) string {
	switch a { //nolint:exhaustive // the draft has these four
	case RSASHA256:
		return "rsa-sha256"
	case RSASHA512:
		return "rsa-sha512"
	case ECDSADERSHA256:
		return "ecdsa-sha256"
	case ECDSADERSHA512:
		return "ecdsa-sha512"
	}
	return ""
}
