package revocation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
)

// Extensions by which an issuer says that it owes no revocation information.
func isNoRevAvail(id asn1.ObjectIdentifier) bool { // RFC 9608, 2
	return id.Equal(asn1.ObjectIdentifier{2, 5, 29, 56})
}

func isValidityAssured(id asn1.ObjectIdentifier) bool { // ETSI EN 319 412-1, 5.2
	return id.Equal(asn1.ObjectIdentifier{0, 4, 0, 194121, 2, 1})
}

func isFreshestCRL(id asn1.ObjectIdentifier) bool { // RFC 5280, 4.2.1.15
	return id.Equal(asn1.ObjectIdentifier{2, 5, 29, 46})
}

// notOwed reports whether the issuer of cert, which the caller has proved,
// owes no revocation information about it (rule B4). The error says that the
// certificate contradicts itself.
func notOwed(cert *x509.Certificate) (bool, error) {
	var noRevAvail, assured, freshest bool
	for _, e := range cert.Extensions {
		switch {
		case isNoRevAvail(e.Id):
			noRevAvail = true
		case isValidityAssured(e.Id):
			assured = true
		case isFreshestCRL(e.Id):
			freshest = true
			continue
		default:
			continue
		}
		if !bytes.Equal(e.Value, []byte{asn1.TagNull, 0}) {
			return false, invalid(RuleB4, "extension %s is not NULL", e.Id)
		}
	}
	pointers := freshest || len(cert.CRLDistributionPoints) > 0 || len(cert.OCSPServer) > 0
	if noRevAvail && (cert.IsCA || pointers) {
		return false, invalid(RuleB4, "noRevAvail in a CA certificate or beside a revocation pointer")
	}
	return noRevAvail || assured, nil
}
