package eidas

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ParseClaimsDER is ParseClaims for the DER of a certificate. It reads
// certificates that crypto/x509 refuses too, such as those with a key on a
// Brainpool curve. It verifies nothing but the structure. If der is not a
// certificate, it returns nil and an *Error with ReasonCertificateMalformed.
// The Claims share memory with der.
func ParseClaimsDER(der []byte) (*Claims, error) {
	subject, extensions, ok := splitCertificate(der)
	if !ok {
		return nil, refuse(ReasonCertificateMalformed, "not a certificate in DER")
	}
	r := newClaimsReader(false)
	r.subject(subject)
	for n := 0; len(extensions) > 0; n++ {
		if n == maxExtensions {
			r.tooManyExtensions()
			break
		}
		var e extension
		if e, extensions, ok = nextExtension(extensions); !ok {
			return nil, refuse(ReasonCertificateMalformed, "extension %d", n+1)
		}
		r.extension(e.kind, e.critical, e.value)
	}
	return r.finish()
}

// splitCertificate returns the subject Name and the content of the SEQUENCE of
// extensions, empty when there are none, of a Certificate (RFC 5280, 4.1).
func splitCertificate(der []byte) (subject, extensions []byte, ok bool) {
	if len(der) > maxCertificateSize {
		return nil, nil, false
	}
	in := cryptobyte.String(der)
	var cert, tbs, name, wrapped, list cryptobyte.String
	version, has := int64(0), false
	if !in.ReadASN1(&cert, asn1.SEQUENCE) || !in.Empty() || !cert.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!cert.SkipASN1(asn1.SEQUENCE) || // signatureAlgorithm
		!cert.SkipASN1(asn1.BIT_STRING) || // signatureValue
		!cert.Empty() ||
		!tbs.ReadOptionalASN1Integer(&version, asn1.Tag(0).Constructed().ContextSpecific(), int64(0)) ||
		!tbs.SkipASN1(asn1.INTEGER) || // serialNumber
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature
		!tbs.SkipASN1(asn1.SEQUENCE) || // issuer
		!tbs.SkipASN1(asn1.SEQUENCE) || // validity
		!tbs.ReadASN1Element(&name, asn1.SEQUENCE) ||
		!tbs.SkipASN1(asn1.SEQUENCE) || // subjectPublicKeyInfo
		!tbs.SkipOptionalASN1(asn1.Tag(1).ContextSpecific()) || // issuerUniqueID
		!tbs.SkipOptionalASN1(asn1.Tag(2).ContextSpecific()) || // subjectUniqueID
		!tbs.ReadOptionalASN1(&wrapped, &has, asn1.Tag(3).Constructed().ContextSpecific()) ||
		!tbs.Empty() {
		return nil, nil, false
	}
	if !has {
		return name, nil, true
	}
	const v3 = 2
	if version != v3 || !wrapped.ReadASN1(&list, asn1.SEQUENCE) || !wrapped.Empty() {
		return nil, nil, false
	}
	return name, list, true
}

// extension is an Extension that is read here, or any other.
type extension struct {
	kind     extensionKind
	critical bool
	value    []byte
}

// nextExtension reads Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT
// FALSE, extnValue OCTET STRING } (RFC 5280, 4.1).
func nextExtension(list []byte) (e extension, rest []byte, ok bool) {
	body, rest, ok := nextOf(asn1.SEQUENCE, list)
	if !ok {
		return extension{}, nil, false
	}
	oid, body, ok := nextOf(asn1.OBJECT_IDENTIFIER, body)
	if !ok || !validOID(oid) {
		return extension{}, nil, false
	}
	if startsWith(asn1.BOOLEAN, body) {
		in := cryptobyte.String(body)
		if !in.ReadASN1Boolean(&e.critical) {
			return extension{}, nil, false
		}
		body = in
	}
	e.value, body, ok = nextOf(asn1.OCTET_STRING, body)
	e.kind = kindOf(oid)
	return e, rest, ok && len(body) == 0
}

func kindOf(oid []byte) extensionKind {
	switch string(oid) {
	case derStatements:
		return extensionStatements
	case derPolicies:
		return extensionPolicies
	case derExtendedKeyUsage:
		return extensionPurposes
	case derCABF:
		return extensionCABF
	case derValidityAssured:
		return extensionValidityAssured
	}
	return extensionOther
}
