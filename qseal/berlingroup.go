package qseal

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The header fields of the seals of NextGenPSD2 1.3.8, 12, as http.Header has
// them.
const (
	fieldSignature   = "Signature"
	fieldDigest      = "Digest"
	fieldCertificate = "Tpp-Signature-Certificate"
	fieldRequestID   = "X-Request-Id"
	fieldDate        = "Date"
)

// The bounds on the time in a seal. The banks of the survey allow one to five
// minutes; a TPP's clock is rarely ahead by more than a few seconds.
const (
	defaultAge  = 5 * time.Minute
	defaultSkew = time.Minute
)

// maxRequestID bounds X-Request-ID: a UUID has 36 characters.
const maxRequestID = 128

// emptyObject is what some clients digest in place of no body.
const emptyObject = "{}"

// BerlinGroup13 is the seal of the Berlin Group's NextGenPSD2 framework
// (Implementation Guidelines 1.3.8, 12): Digest, a Signature of draft-cavage and
// TPP-Signature-Certificate. It seals neither method nor path, so that a
// verifier of it must remember X-Request-IDs.
func BerlinGroup13() Profile {
	return Profile{
		name:       "berlin-group-1.3",
		algorithms: cavageAlgorithms(),
		fields:     []string{fieldSignature, fieldDigest, fieldCertificate},
		known: QuirkExtraFields | QuirkUncoveredRedirect | QuirkJavaAlgorithm | QuirkHS2019 | QuirkUnquoted |
			QuirkSerialDecimal | QuirkNoIssuer | QuirkPercentKeyID | QuirkPEMCertificate | QuirkEmptyObject | QuirkMixedCase,
		skew: defaultSkew, maxAge: defaultAge,
		replay: true, derivesKeyID: true,
		parse: parseBerlin,
		match: matchBerlin,
		seal:  sealBerlin,
	}
}

// cavageAlgorithms is in the order of preference; RSA PKCS #1 is what
// rsa-sha256 means.
func cavageAlgorithms() []Algorithm {
	return []Algorithm{RSASHA256, RSASHA512, ECDSADERSHA256, ECDSADERSHA512}
}

func parseBerlin(m *message, p *Profile) (*sealed, *Error) {
	c, s, refusal := startCavage(m, p)
	if refusal != nil {
		return nil, refusal
	}
	if c.created != "" || c.expires != "" {
		return nil, reject(ReasonHeader, "created and expires are not of draft -10")
	}
	if s.chain, refusal = headerCertificate(m, p, s); refusal != nil {
		return nil, refusal
	}
	if s.chain == nil {
		return nil, reject(ReasonCertificateMissing, "no %s", fieldCertificate)
	}
	if refusal := coverBerlin(m, p, s); refusal != nil {
		return nil, refusal
	}
	if s.replayKey, refusal = requestID(m); refusal != nil {
		return nil, refusal
	}
	if s.base, refusal = c.base(m); refusal != nil {
		return nil, refusal
	}
	return s, nil
}

// startCavage reads what all profiles of draft-cavage have in common: one
// Signature, one Digest, the parameters, and fields once.
func startCavage(m *message, p *Profile) (*cavage, *sealed, *Error) {
	text, present, refusal := m.one(fieldSignature)
	if refusal != nil {
		return nil, nil, refusal
	}
	if !present {
		return nil, nil, &Error{Reason: ReasonSignatureMissing}
	}
	return readCavage(m, p, text)
}

func readCavage(m *message, p *Profile, text string) (*cavage, *sealed, *Error) {
	c, refusal := parseCavage(text)
	if refusal != nil {
		return nil, nil, refusal
	}
	s := &sealed{covered: c.covered, allowed: p.allowed}
	switch {
	case c.keyID == "" || c.signature == "" || !c.headers:
		return nil, nil, reject(ReasonHeader, "keyId, headers or signature is missing")
	case c.unquoted && !s.quirk(p, QuirkUnquoted):
		return nil, nil, reject(ReasonFormat, "a parameter has no quotes")
	case c.upper && !s.quirk(p, QuirkMixedCase):
		return nil, nil, reject(ReasonFormat, "a name in headers is not in lower case")
	}
	s.hint.KeyID = c.keyID
	algorithm, quirk := cavageAlgorithm(c.algorithm)
	if !s.quirk(p, quirk) || quirk == 0 && algorithm == 0 {
		return nil, nil, reject(ReasonAlgorithm, "algorithm %.40q", c.algorithm)
	}
	s.claimed = algorithm
	var err error
	if s.signature, err = decodeBase64(c.signature); err != nil {
		return nil, nil, reject(ReasonFormat, "signature is not base64: %w", err)
	}
	digest, present, refusal := m.one(fieldDigest)
	if refusal != nil {
		return nil, nil, refusal
	}
	if !present {
		return nil, nil, &Error{Reason: ReasonDigestMissing}
	}
	if s.digests, refusal = parseDigest(digest); refusal != nil {
		return nil, nil, refusal
	}
	for _, name := range c.covered {
		if _, _, refusal := m.one(canonicalName(name)); refusal != nil {
			return nil, nil, refusal
		}
	}
	s.pathBound = slices.Contains(c.covered, fieldTarget)
	return c, s, sealedDate(m, s)
}

// sealedDate takes the time of the seal from a sealed Date.
func sealedDate(m *message, s *sealed) *Error {
	if !slices.Contains(s.covered, "date") {
		return nil
	}
	text, present, _ := m.one(fieldDate)
	if !present {
		return reject(ReasonFieldMissing, "date")
	}
	at, err := http.ParseTime(text)
	if err != nil || at.IsZero() { // of year 1, which is no time in Go, and would be of no age
		return reject(ReasonFormat, "date %.40q is not an HTTP date", text)
	}
	s.signedAt = at.UTC()
	return nil
}

// coverBerlin holds the sealed fields to 12.2: digest and x-request-id always,
// these three if and only if they are there, nothing else.
func coverBerlin(m *message, p *Profile, s *sealed) *Error {
	for _, name := range [...]string{"digest", "x-request-id"} {
		if !slices.Contains(s.covered, name) {
			return reject(ReasonCoverage, "%s is not sealed", name)
		}
	}
	for _, name := range [...]string{"psu-id", "psu-corporate-id", "tpp-redirect-uri"} {
		if len(m.values(canonicalName(name))) == 0 || slices.Contains(s.covered, name) {
			continue
		}
		if name == "tpp-redirect-uri" && s.quirk(p, QuirkUncoveredRedirect) {
			continue
		}
		return reject(ReasonCoverage, "%s is there and not sealed", name)
	}
	for _, name := range s.covered {
		switch name {
		case "digest", "x-request-id", "psu-id", "psu-corporate-id", "tpp-redirect-uri":
		default:
			if !s.quirk(p, QuirkExtraFields) {
				return reject(ReasonCoverage, "%.60q may not be sealed", name)
			}
		}
	}
	return nil
}

// requestID returns X-Request-ID, "" when there is none.
func requestID(m *message) (string, *Error) {
	id, present, _ := m.one(fieldRequestID) // what is refused is empty
	if present && (id == "" || len(id) > maxRequestID) {
		return "", reject(ReasonFormat, "x-request-id has %d bytes, at least 1 and at most %d", len(id), maxRequestID)
	}
	return id, nil
}

// headerCertificate reads TPP-Signature-Certificate: base64 of DER; nil when
// the field is not there.
func headerCertificate(m *message, p *Profile, s *sealed) ([]*x509.Certificate, *Error) {
	text, present, refusal := m.one(fieldCertificate)
	if refusal != nil || !present {
		return nil, refusal
	}
	if len(text) > maxInput {
		return nil, reject(ReasonCertificateMalformed, "%d bytes, at most %d", len(text), maxInput)
	}
	var pemText []byte
	if strings.HasPrefix(text, string(pemBegin)) {
		pemText = []byte(text)
	} else {
		if chain, met := m.known.chain(text); met {
			return chain, nil
		}
		der, err := decodeBase64(text)
		if err != nil {
			return nil, reject(ReasonCertificateMalformed, "not base64: %w", err)
		}
		if !bytes.HasPrefix(der, pemBegin) {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, reject(ReasonCertificateMalformed, "%q", err.Error())
			}
			s.text = text // PEM is not remembered: it is a quirk each time, and one certificate has many
			return []*x509.Certificate{c}, nil
		}
		pemText = der
	}
	if !s.quirk(p, QuirkPEMCertificate) {
		return nil, reject(ReasonCertificateMalformed, "PEM, not base64 of DER")
	}
	chain, err := parsePEM(pemText)
	if err != nil {
		return nil, reject(ReasonCertificateMalformed, "%w", err)
	}
	return chain, nil
}

func matchBerlin(s *sealed, leaf *x509.Certificate) *Error {
	quirks, refusal := matchKeyID(s.hint.KeyID, leaf, s.allowed)
	s.quirks |= quirks
	return refusal
}

// sealBerlin writes Digest, Signature and TPP-Signature-Certificate.
func sealBerlin(m *message, p *Profile, k *sealer) error {
	leaf := k.chain[0]
	setDigest(m)
	if len(m.values(fieldRequestID)) == 0 {
		return errNoRequestID
	}
	covered := []string{"digest", "x-request-id"}
	for _, name := range [...]string{"psu-id", "psu-corporate-id", "tpp-redirect-uri"} {
		if len(m.values(canonicalName(name))) > 0 {
			covered = append(covered, name)
		}
	}
	m.header.Set(fieldCertificate, base64.StdEncoding.EncodeToString(leaf.Raw))
	return writeCavage(m, k, keyIDOf(leaf), covered)
}
