package eidastest

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
)

// Request says what certificate to issue. QWAC and QSealC return one with
// every field as a QTSP would fill it; change what the test is about. What is
// zero is left out of the certificate, unless the field says otherwise.
type Request struct {
	Subject     []Attribute
	Statements  Statements
	KeyUsage    x509.KeyUsage
	ExtKeyUsage []string // dotted OIDs
	Policies    []string // dotted OIDs
	DNSNames    []string
	CA          bool // a CA certificate instead of an end entity's

	NotBefore time.Time // zero: one hour before the world's time
	NotAfter  time.Time // zero: one year after NotBefore

	OCSP []string // URLs of responders; nil: the one of the QTSP; empty: none
	CRL  []string // URLs of CRL distribution points
	// Points are the CRL distribution points of the QTSP that the certificate
	// names, such as QTSP.CRL; instead of CRL. Delta CRLs it names as the freshest.
	Points    []*DistributionPoint
	CAIssuers []string // URLs of the issuer's certificate

	Serial  *big.Int      // nil: random
	Key     crypto.Signer // nil: a new one of KeyType
	KeyType KeyType
	// Signature is the algorithm of the CA; zero: one with SHA-256 for its key.
	Signature x509.SignatureAlgorithm

	// Extensions are written as they are. They replace extensions of the same
	// OID that other fields ask for; two of one OID are both written.
	Extensions []pkix.Extension
}

// QWAC returns the request for a PSD2 QWAC of the legal person that
// organizationIdentifier names. Roles may be empty: then it has no PSD2
// statement.
func QWAC(organizationIdentifier string, roles eidas.Roles) Request {
	r := qualified(organizationIdentifier, roles, TypeWeb)
	r.KeyUsage = x509.KeyUsageDigitalSignature
	r.ExtKeyUsage = []string{ClientAuth, ServerAuth}
	r.Policies = []string{PolicyQEVCPw, PolicyQCPwPSD2}
	r.DNSNames = []string{"api.tpp.example"}
	return r
}

// QSealC returns the request for a PSD2 QSealC, like QWAC. As most real ones,
// it has nonRepudiation alone and no extended key usage.
func QSealC(organizationIdentifier string, roles eidas.Roles) Request {
	r := qualified(organizationIdentifier, roles, TypeESeal)
	r.KeyUsage = x509.KeyUsageContentCommitment
	r.Policies = []string{PolicyQCPl}
	return r
}

func qualified(identifier string, roles eidas.Roles, qcType string) Request {
	r := Request{
		Subject: Subject("LT", "Example TPP", identifier, "Example TPP"),
		Statements: Statements{
			Compliance: true, Types: []string{qcType}, Semantics: true,
			PDS: "https://qtsp.example/pds_en.pdf",
		},
	}
	if roles != 0 {
		r.Statements.PSD2 = psd2For(identifier, roles)
	}
	return r
}

// SetAttribute gives an attribute of the subject another value and type. An
// attribute that is not there yet is added at the end.
func (r *Request) SetAttribute(a Attribute) {
	r.Subject = slices.Clone(r.Subject)
	for i := range r.Subject {
		if r.Subject[i].OID == a.OID {
			r.Subject[i] = a
			return
		}
	}
	r.Subject = append(r.Subject, a)
}

// template turns the request into what crypto/x509 signs.
func (r *Request) template(now time.Time) (*x509.Certificate, error) {
	subject, err := marshalName(r.Subject)
	if err != nil {
		return nil, err
	}
	notBefore, notAfter := r.NotBefore, r.NotAfter
	if notBefore.IsZero() {
		notBefore = now.Add(-time.Hour)
	}
	if notAfter.IsZero() {
		notAfter = notBefore.Add(leafLifetime)
	}
	tmpl := &x509.Certificate{
		RawSubject: subject, NotBefore: notBefore, NotAfter: notAfter, SerialNumber: r.Serial,
		KeyUsage: r.KeyUsage, BasicConstraintsValid: true, IsCA: r.CA,
		OCSPServer: r.OCSP, CRLDistributionPoints: r.CRL, IssuingCertificateURL: r.CAIssuers,
		SignatureAlgorithm: r.Signature,
	}
	for _, name := range r.DNSNames {
		if ip := net.ParseIP(name); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
			continue
		}
		tmpl.DNSNames = append(tmpl.DNSNames, name)
	}
	if tmpl.UnknownExtKeyUsage, err = parseOIDs(r.ExtKeyUsage); err != nil {
		return nil, err
	}
	for _, p := range r.Policies {
		oid, err := x509.ParseOID(p)
		if err != nil {
			return nil, fmt.Errorf("eidastest: policy %q: %w", p, err)
		}
		tmpl.Policies = append(tmpl.Policies, oid)
	}
	return tmpl, r.addExtensions(tmpl)
}

// addExtensions adds qcStatements, distribution points and the extensions of
// the request.
func (r *Request) addExtensions(tmpl *x509.Certificate) error {
	value, err := r.Statements.marshal()
	if err != nil {
		return err
	}
	if value != nil {
		ext, err := extension(oidStatements, r.Statements.Critical, value)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(r.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(ext.Id) }) {
			tmpl.ExtraExtensions = append(tmpl.ExtraExtensions, ext)
		}
	}
	if err := r.addPoints(tmpl); err != nil {
		return err
	}
	tmpl.ExtraExtensions = append(tmpl.ExtraExtensions, r.Extensions...)
	return nil
}

func parseOIDs(dotted []string) ([]asn1.ObjectIdentifier, error) {
	var list []asn1.ObjectIdentifier
	for _, d := range dotted {
		oid, err := parseOID(d)
		if err != nil {
			return nil, err
		}
		list = append(list, oid)
	}
	return list, nil
}
