package eidastest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// Delegate returns the request for the certificate of a delegated OCSP responder
// (RFC 6960, 4.2.2.2) with every field as a QTSP would fill it. Change what the
// test is about, have it issued and hand it to Responder.SetDelegate:
//
//	r := eidastest.Delegate()
//	r.ExtKeyUsage = nil // anybody's certificate
//	q.Responder.SetDelegate(w.Issue("LT", r))
func Delegate() Request {
	return Request{
		Subject:     []Attribute{{OID: OIDCountry, Value: "LT"}, {OID: OIDCommonName, Value: "OCSP responder"}},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []string{OCSPSigning},
		OCSP:        []string{},
		Extensions:  []pkix.Extension{NoCheck()},
	}
}

// NoCheck returns the extension id-pkix-ocsp-nocheck (RFC 6960, 4.2.2.2.1).
func NoCheck() pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: []byte{asn1.TagNull, 0}}
}

// CRLIssuer returns the request for the certificate of one who signs CRLs in the
// name of the CA that issues it, see PointOptions.Signer.
func CRLIssuer() Request {
	return Request{
		Subject:  []Attribute{{OID: OIDCountry, Value: "LT"}, {OID: OIDCommonName, Value: "CRL issuer"}},
		KeyUsage: x509.KeyUsageCRLSign,
		OCSP:     []string{},
	}
}

// SetDelegate makes answers be signed with the key of l, whatever its
// certificate is fit for, and carry l.Chain: none when that is nil, as of
// responders that only a trusted list knows. With nil the responder has a
// delegate of its own again.
func (r *Responder) SetDelegate(l *Leaf) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delegate = l
}
