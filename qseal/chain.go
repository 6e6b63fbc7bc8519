package qseal

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"

	"github.com/seed-b953571c/eidas"
)

// Limits of what is read for a stranger; the Validator holds the first one for
// every way in.
const (
	// maxCertificates: real chains have 1 to 4 certificates.
	maxCertificates = 8
	// maxInput bounds the text of a chain. 32 KiB of certificates, which is what
	// a Validator looks at, are below 45 KiB in PEM.
	maxInput = 48 << 10
)

// The encapsulation boundaries of a certificate (RFC 7468, 5.1).
var (
	pemBegin = []byte("-----BEGIN CERTIFICATE-----")
	pemEnd   = []byte("-----END CERTIFICATE-----")
)

// ParseChain reads the certificates that came with a sealed message: one
// certificate in DER, or any number in PEM (RFC 7468), the sealer's own first.
// The PEM is read strictly, because it is a stranger's: nothing but white space
// may stand around the certificates, no headers in them, and the base64 has one
// spelling only. The error is an *[eidas.Error] with ReasonCertificateMissing,
// ReasonCertificateMalformed or ReasonChainTooLong. It proves nothing.
func ParseChain(b []byte) ([]*x509.Certificate, error) {
	chain, refusal := parseChain(b)
	if refusal != nil {
		return nil, refusal
	}
	return chain, nil
}

func parseChain(b []byte) ([]*x509.Certificate, *eidas.Error) {
	if len(b) > maxInput {
		return nil, refuse(eidas.ReasonChainTooLong, "%d bytes, at most %d", len(b), maxInput)
	}
	const sequence = 0x30 // begins a certificate in DER, and no PEM
	if len(b) > 0 && b[0] == sequence {
		c, refusal := parseCertificate(b, 0)
		if refusal != nil {
			return nil, refusal
		}
		return []*x509.Certificate{c}, nil
	}
	return parsePEM(b)
}

func parsePEM(b []byte) ([]*x509.Certificate, *eidas.Error) {
	var chain []*x509.Certificate
	for b = trim(b); len(b) > 0; b = trim(b) {
		if len(chain) == maxCertificates {
			return nil, refuse(eidas.ReasonChainTooLong, "more than %d certificates", maxCertificates)
		}
		der, rest, refusal := cutBlock(b, len(chain))
		if refusal != nil {
			return nil, refusal
		}
		c, refusal := parseCertificate(der, len(chain))
		if refusal != nil {
			return nil, refusal
		}
		chain, b = append(chain, c), rest
	}
	if len(chain) == 0 {
		return nil, &eidas.Error{Reason: eidas.ReasonCertificateMissing}
	}
	return chain, nil
}

// cutBlock decodes the PEM block that b begins with. Not encoding/pem: it skips
// what it does not understand, so that two readers may see two first
// certificates in one text.
func cutBlock(b []byte, i int) (der, rest []byte, refusal *eidas.Error) {
	body, found := bytes.CutPrefix(b, pemBegin)
	if !found {
		return nil, nil, refuse(eidas.ReasonCertificateMalformed, "certificate %d is neither PEM nor DER", i)
	}
	body, rest, found = bytes.Cut(body, pemEnd)
	if !found {
		return nil, nil, refuse(eidas.ReasonCertificateMalformed, "certificate %d has no end", i)
	}
	text := make([]byte, 0, len(body))
	for _, c := range body {
		if c != ' ' && c != '\t' { // the decoder skips line breaks by itself
			text = append(text, c)
		}
	}
	der = make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(der, text)
	if err != nil {
		return nil, nil, refuse(eidas.ReasonCertificateMalformed, "certificate %d is not base64: %w", i, err)
	}
	return der[:n], rest, nil
}

func parseCertificate(der []byte, i int) (*x509.Certificate, *eidas.Error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		// %q: the parser may quote the certificate.
		return nil, refuse(eidas.ReasonCertificateMalformed, "certificate %d: %q", i, err.Error())
	}
	return c, nil
}

// trim cuts the white space of RFC 7468, 3, that real files have.
func trim(b []byte) []byte { return bytes.Trim(b, " \t\n\r") }

func refuse(r eidas.Reason, format string, args ...any) *eidas.Error {
	return &eidas.Error{Reason: r, Err: fmt.Errorf(format, args...)}
}
