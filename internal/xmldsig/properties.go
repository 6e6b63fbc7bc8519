package xmldsig

import (
	"bytes"
	"cmp"
	"strings"
	"time"
)

// maxCertRefs bounds the references of a SigningCertificate to the certificates
// of the signer's path.
const maxCertRefs = 16

// properties is what is read of SignedProperties, from their canonical octets.
type properties struct {
	signingTime time.Time
	bound       bool // SigningCertificate or SigningCertificateV2 is there
}

// readProperties reads the signed properties of a signature by a certificate
// (ETSI EN 319 132-1, 5.2.1 and 5.2.2) and checks that they name the certificate.
func readProperties(octets, certificate []byte) (*properties, error) {
	p := &properties{}
	r := reader{NewReader(octets)}
	err := r.root(func(name Name) error {
		if name != xades("SignedSignatureProperties") {
			return nil
		}
		return r.children(func(name Name) error {
			switch name {
			case xades("SigningTime"):
				return p.readTime(r)
			case xades("SigningCertificate"):
				p.bound = true
				return r.signingCertificate(certificate, maxCertRefs)
			case xades("SigningCertificateV2"):
				p.bound = true
				// 5.2.2: the first reference shall be to the signing certificate.
				return r.signingCertificate(certificate, 1)
			}
			return nil
		})
	})
	switch {
	case err != nil:
		return nil, err
	case p.signingTime.IsZero():
		return nil, refuse(CodeProperties, "no SigningTime")
	case !p.bound:
		return nil, refuse(CodeProperties, "no SigningCertificate")
	}
	return p, nil
}

func (p *properties) readTime(r reader) error {
	text, err := r.content()
	if err != nil {
		return err
	}
	if !p.signingTime.IsZero() {
		return refuse(CodeProperties, "more than one SigningTime")
	}
	p.signingTime, err = parseDateTime(text)
	return err
}

// parseDateTime reads an xsd:dateTime. The time zone is optional in the schema;
// without one the time is taken as UTC.
func parseDateTime(text string) (time.Time, error) {
	text = strings.Trim(text, " \t\r\n")
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, refuse(CodeProperties, "SigningTime is %q", text)
}

// signingCertificate reads the current SigningCertificate and looks for the
// certificate among its first references.
func (r reader) signingCertificate(certificate []byte, among int) error {
	count, found := 0, false
	err := r.children(func(name Name) error {
		if name != xades("Cert") {
			return refuse(CodeProperties, "unexpected element %q", name)
		}
		if count++; count > maxCertRefs {
			return refuse(CodeLimit, "more than %d signing certificate references", maxCertRefs)
		}
		matches, err := r.certMatches(certificate)
		found = found || matches && count <= among
		return err
	})
	if err == nil && !found {
		err = refuse(CodeSigningCertificate, "none of %d references matches", count)
	}
	return err
}

// certMatches reports whether the current Cert holds the digest of certificate.
func (r reader) certMatches(certificate []byte) (bool, error) {
	matches := false
	err := r.children(func(name Name) error {
		if name != xades("CertDigest") {
			return nil // IssuerSerial is informative beside a digest
		}
		var uri string
		var stage sequence
		return r.children(func(name Name) error {
			var err error
			switch name {
			case ds("DigestMethod"):
				uri, err = r.algorithm(CodeAlgorithm)
				return cmp.Or(err, stage.enter(1, name))
			case ds("DigestValue"):
				matches, err = r.digestMatches(uri, certificate)
				return cmp.Or(err, stage.enter(2, name))
			}
			return refuse(CodeProperties, "unexpected element %q", name)
		})
	})
	return matches, err
}

func (r reader) digestMatches(uri string, certificate []byte) (bool, error) {
	hash, err := certificateHashOf(uri)
	if err != nil {
		return false, err
	}
	digest, err := r.base64()
	if err != nil {
		return false, err
	}
	return bytes.Equal(digest, digestOf(hash, certificate)), nil
}
