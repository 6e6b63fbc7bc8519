package qseal

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"
)

// The header parameters of UK Open Banking (Read/Write Data API profile,
// "Message Signing").
const (
	obieIat = "http://openbanking.org.uk/iat"
	obieIss = "http://openbanking.org.uk/iss"
	obieTan = "http://openbanking.org.uk/tan"
)

// OBIEVersion is the version of the Read/Write API whose header rules hold. The
// zero value is invalid.
type OBIEVersion uint8

// The versions that differ.
const (
	OBIE313 OBIEVersion = iota + 1 // 3.1.3 and before: the payload is not encoded, b64 is false and critical
	OBIE314                        // 3.1.4 and later: no b64
)

// obieTrustAnchor is the tan of the Open Banking directory.
const obieTrustAnchor = "openbanking.org.uk"

// obieMaxAge bounds the age of a seal. The standard wants iat in the past and
// sets no bound; without one a verifier would have to remember seals for ever.
const obieMaxAge = 5 * time.Minute

// OBIE31 returns the profile of UK Open Banking, read/write API 3.1 in a version:
// x-jws-signature holds a detached JWS over the body. tan lists the trust anchors
// that are accepted beside that of the Open Banking directory. The certificate is
// found by kid.
//
// iss is the subject of the certificate where it is written as a distinguished
// name, and must then be that of the sealer's. An identifier of the directory is
// held to its syntax, because no eIDAS certificate has one.
func OBIE31(v OBIEVersion, tan ...string) Profile {
	if v != OBIE313 && v != OBIE314 {
		return Profile{}
	}
	anchors := append([]string{obieTrustAnchor}, tan...)
	name := "obie-3.1.4"
	if v == OBIE313 {
		name = "obie-3.1.3"
	}
	return Profile{
		name:       name,
		algorithms: []Algorithm{PSSSHA256},
		fields:     []string{fieldJWS},
		known:      QuirkAnySalt,
		skew:       jadesSkew, maxAge: obieMaxAge, sealsTime: true,
		replay: true, wholeBody: true, obie: true, needsKeyID: true,
		parse: func(m *message, _ *Profile) (*sealed, *Error) { return readOBIE(m, v, anchors) },
		match: matchOBIE,
		seal:  func(m *message, _ *Profile, k *sealer) error { return sealOBIE(m, v, k) },
	}
}

func readOBIE(m *message, v OBIEVersion, anchors []string) (*sealed, *Error) {
	text, refusal := m.jwsField()
	if refusal != nil {
		return nil, refusal
	}
	j, h, refusal := parseOBIE(text, v)
	if refusal != nil {
		return nil, refusal
	}
	s := &sealed{hint: Hint{KeyID: h.kid}, signature: j.signature, signedAt: h.iat, issuer: h.iss, covered: []string{"body"}}
	if s.claimed, refusal = j.algorithm(); refusal != nil {
		return nil, refusal
	}
	if !slices.Contains(anchors, h.tan) {
		return nil, reject(ReasonHeader, "tan %.60q is not trusted", h.tan)
	}
	if !isName(h.iss) && !obiePartyOf(m).checkIss(h.iss) {
		return nil, reject(ReasonHeader, "iss %.80q is neither a name nor an identifier of the directory", h.iss)
	}
	return s, s.sealBody(m, j)
}

// sealBody makes what is signed of the body. A seal over nothing says nothing.
func (s *sealed) sealBody(m *message, j *jws) *Error {
	if len(m.body) == 0 {
		return reject(ReasonCoverage, "there is no body to seal")
	}
	s.base = j.input(m.body)
	return nil
}

// isName reports a distinguished name, which no identifier of the directory is.
func isName(iss string) bool { return strings.Contains(iss, "=") }

// matchOBIE holds iss to the subject of the certificate.
func matchOBIE(s *sealed, leaf *x509.Certificate) *Error {
	if isName(s.issuer) && !matchIssuer(s.issuer, &x509.Certificate{Issuer: leaf.Subject}) {
		return reject(ReasonCertificateMismatch, "iss %.200q is not the subject %.200q", s.issuer, leaf.Subject.String())
	}
	return nil
}

// obiePartyOf returns who seals a message: a TPP its requests, a bank responses.
func obiePartyOf(m *message) obieParty {
	if m.request {
		return obieTPP
	}
	return obieASPSP
}

func sealOBIE(m *message, v OBIEVersion, k *sealer) error {
	h, err := newJOSEHeader(k)
	if err != nil {
		return err
	}
	if len(k.chain) == 0 {
		return errors.New("a certificate is needed")
	}
	issuer := k.issuer
	if issuer == "" {
		issuer = k.chain[0].Subject.String()
	}
	h["typ"], h["cty"], h["kid"] = "JOSE", "application/json", k.keyID
	h[obieIat], h[obieIss], h[obieTan] = k.at.Unix(), issuer, obieTrustAnchor
	h["crit"] = obieExtensions(v)
	if v == OBIE313 {
		h["b64"] = false
	}
	value, err := h.detached(k, m.body)
	if err != nil {
		return err
	}
	m.header.Set(fieldJWS, value)
	return nil
}

// obieHeader is what a header of UK Open Banking says.
type obieHeader struct {
	kid string
	iat time.Time
	iss string
	tan string
}

// obieExtensions are the critical parameters of a version, all of them needed.
func obieExtensions(v OBIEVersion) []string {
	if v == OBIE313 {
		return []string{"b64", obieIat, obieIss, obieTan}
	}
	return []string{obieIat, obieIss, obieTan}
}

// parseOBIE reads the field x-jws-signature and holds its header to the rules of
// a version. It does not judge the times, the issuer and the trust anchor.
func parseOBIE(text string, v OBIEVersion) (*jws, *obieHeader, *Error) {
	j, refusal := parseCompact(text, obieExtensions(v))
	if refusal != nil {
		return nil, nil, refusal
	}
	if !j.detached {
		return nil, nil, reject(ReasonFormat, "signature is not detached")
	}
	if refusal := checkOBIEMembers(j, v); refusal != nil {
		return nil, nil, refusal
	}
	h := &obieHeader{}
	for _, f := range [...]struct {
		name string
		to   *string
	}{{"kid", &h.kid}, {obieIss, &h.iss}, {obieTan, &h.tan}} {
		if *f.to, refusal = j.text(f.name); refusal != nil {
			return nil, nil, refusal
		}
		if *f.to == "" {
			return nil, nil, reject(ReasonHeader, "%s is missing", f.name)
		}
	}
	var ok bool
	if h.iat, ok = numericDate(j.header.member(obieIat)); !ok {
		return nil, nil, reject(ReasonHeader, "%s is not a time", obieIat)
	}
	return j, h, nil
}

// checkOBIEMembers holds the header to the closed set of parameters: "only
// listed members".
func checkOBIEMembers(j *jws, v OBIEVersion) *Error {
	for name, value := range j.header.each() {
		text, _ := value.str()
		switch name {
		case "alg", "kid", "crit", obieIat, obieIss, obieTan:
		case "typ":
			if text != "JOSE" {
				return reject(ReasonHeader, "typ %.40q is not JOSE", text)
			}
		case "cty":
			if text != "json" && text != "application/json" {
				return reject(ReasonHeader, "cty %.40q is not json", text)
			}
		case "b64":
			if v != OBIE313 {
				return reject(ReasonHeader, "b64 is not allowed since 3.1.4")
			}
			if j.encoded {
				return reject(ReasonHeader, "b64 is not false")
			}
		default:
			return reject(ReasonHeader, "member %.60q does not belong in the header", name)
		}
	}
	if len(j.crit) != len(obieExtensions(v)) {
		return reject(ReasonCritical, "crit is not %s", strings.Join(obieExtensions(v), ", "))
	}
	return nil
}

// obieParty says whose iss a header has. The zero value is invalid.
type obieParty uint8

const (
	obieTPP   obieParty = iota + 1 // organisation id, a slash and software statement id
	obieASPSP                      // organisation id
)

// checkIss holds iss to the syntax of the Open Banking directory. The holder of
// an eIDAS certificate writes its subject there, which is not for this function.
func (p obieParty) checkIss(iss string) bool {
	const organisation, software = 18, 22 // characters of base62
	if p == obieASPSP {
		return isBase62(iss, organisation)
	}
	org, statement, _ := strings.Cut(iss, "/")
	return p == obieTPP && isBase62(org, organisation) && isBase62(statement, software)
}

func isBase62(s string, n int) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return len(s) == n
}
