package revocation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"time"
)

// maxAssured is the longest life of a certificate whose validity is assured.
// Such a one is to end sooner than a revocation takes to be processed (ETSI EN
// 319 412-1, 5.2), which is 24 h by EN 319 411-1, 6.2.4; the CA/Browser Forum
// calls no certificate short-lived of more than 7 days. What lives longer is
// asked about like any other.
const maxAssured = 7 * 24 * time.Hour

// Extensions by which an issuer says that it owes no revocation information.
func isNoRevAvail(id asn1.ObjectIdentifier) bool { // RFC 9608, 2
	return id.Equal(asn1.ObjectIdentifier{2, 5, 29, 56})
}

func isValidityAssured(id asn1.ObjectIdentifier) bool { // ETSI EN 319 412-1, 5.2
	return id.Equal(asn1.ObjectIdentifier{0, 4, 0, 194121, 2, 1})
}

// isPointer recognises the extensions that point to revocation information,
// whatever kind of address they give, which crypto/x509 does not tell.
func isPointer(id asn1.ObjectIdentifier, value []byte) bool {
	switch {
	case id.Equal(asn1.ObjectIdentifier{2, 5, 29, 31}), // cRLDistributionPoints
		id.Equal(asn1.ObjectIdentifier{2, 5, 29, 46}): // freshestCRL
		return true
	case id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}): // authorityInfoAccess
		return bytes.Contains(value, []byte("\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01")) // id-ad-ocsp
	}
	return false
}

// NotOwed reports whether the issuer of cert, which the caller has proved, owes
// no revocation information about it (rule B4): nobody has to be asked, and the
// status is eidas.StatusNotOwed. Checker does this itself; it is for those who
// have an answer at hand. An error is an *eidas.Error and says that the
// certificate contradicts itself.
func NotOwed(cert *x509.Certificate) (bool, error) { return notOwed(cert) }

// notOwed reports whether the issuer of cert, which the caller has proved,
// owes no revocation information about it (rule B4). The error says that the
// certificate contradicts itself.
func notOwed(cert *x509.Certificate) (bool, error) {
	var noRevAvail, assured, pointers bool
	for _, e := range cert.Extensions {
		switch {
		case isNoRevAvail(e.Id):
			noRevAvail = true
		case isValidityAssured(e.Id):
			assured = true
		default:
			pointers = pointers || isPointer(e.Id, e.Value)
			continue
		}
		if !bytes.Equal(e.Value, []byte{asn1.TagNull, 0}) {
			return false, invalid(RuleB4, "extension %s is not NULL", e.Id)
		}
	}
	if noRevAvail && (cert.IsCA || pointers) {
		return false, invalid(RuleB4, "noRevAvail in a CA certificate or beside a revocation pointer")
	}
	// A CA's certificates live on when its key is lost: it is always asked about.
	short := !cert.IsCA && cert.NotAfter.Sub(cert.NotBefore) <= maxAssured
	return noRevAvail || assured && short, nil
}
