package qseal

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
)

// fieldAuthorization carries the seal of ING's token request.
const fieldAuthorization = "Authorization"

// INGCavage is the seal of ING's open banking API over draft-cavage:
// (request-target), date and digest; in Authorization for the token request,
// with the certificate in TPP-Signature-Certificate, and in Signature after it,
// with the client id as keyId, whose certificate a resolver must know.
func INGCavage() Profile {
	return Profile{
		name:       "ing-cavage",
		algorithms: cavageAlgorithms(),
		fields:     []string{fieldSignature, fieldDigest, fieldCertificate},
		known:      QuirkExtraFields | QuirkUnquoted | QuirkEmptyObject | QuirkMixedCase | QuirkHS2019,
		skew:       defaultSkew, maxAge: defaultAge,
		sealsTime:       true,
		bindsPath:       true,
		inAuthorization: true,
		parse:           parseINGCavage,
		match:           matchINGCavage,
		seal:            sealINGCavage,
	}
}

// ingRules are deviations elsewhere and ING's own rules: always accepted, and
// not counted.
const ingRules = QuirkNoIssuer | QuirkPEMCertificate

func parseINGCavage(m *message, p *Profile) (*sealed, *Error) {
	text, present, refusal := ingSignature(m)
	if refusal != nil {
		return nil, refusal
	}
	if !present {
		return nil, &Error{Reason: ReasonSignatureMissing}
	}
	rules := p.AllowQuirks(ingRules)
	p = &rules
	c, s, refusal := readCavage(m, p, text)
	if refusal != nil {
		return nil, refusal
	}
	if c.created != "" || c.expires != "" {
		return nil, reject(ReasonHeader, "created and expires are not of draft -10")
	}
	if s.chain, refusal = headerCertificate(m, p, s); refusal != nil {
		return nil, refusal
	}
	for _, name := range [...]string{fieldTarget, "date", "digest"} {
		if m.request && !slices.Contains(s.covered, name) {
			return nil, reject(ReasonCoverage, "%s is not sealed", name)
		}
	}
	for _, name := range s.covered {
		switch name {
		case fieldTarget, "date", "digest":
		default:
			if !s.quirk(p, QuirkExtraFields) {
				return nil, reject(ReasonCoverage, "%.60q may not be sealed", name)
			}
		}
	}
	if s.base, refusal = c.base(m); refusal != nil {
		return nil, refusal
	}
	s.quirks &^= ingRules
	return s, nil
}

// ingSignature finds the seal in one of its two places and refuses both.
func ingSignature(m *message) (text string, present bool, refusal *Error) {
	text, present, refusal = m.one(fieldSignature)
	if refusal != nil {
		return "", false, refusal
	}
	credentials, authorized, refusal := m.one(fieldAuthorization)
	if refusal != nil {
		return "", false, refusal
	}
	rest, found := ingCredentials(credentials)
	if !authorized || !found {
		return text, present, nil
	}
	if present {
		return "", false, reject(ReasonRepeated, "seals in authorization and in signature")
	}
	return rest, true, m.guardHops([]string{fieldAuthorization})
}

// ingCredentials cuts the seal out of Authorization, where there is one.
func ingCredentials(line string) (seal string, found bool) {
	kind, seal, _ := strings.Cut(strings.TrimLeft(line, " \t"), " ")
	return seal, strings.EqualFold(kind, "Signature")
}

func matchINGCavage(s *sealed, leaf *x509.Certificate) *Error {
	if s.resolved && !strings.HasPrefix(s.hint.KeyID, "SN=") {
		return nil // the resolver knows whose client id it is
	}
	quirks, refusal := matchKeyID(s.hint.KeyID, leaf, s.allowed)
	s.quirks |= quirks &^ ingRules
	return refusal
}

// sealINGCavage seals for the token request, unless the sealer has a client id.
func sealINGCavage(m *message, _ *Profile, k *sealer) error {
	setDigest(m)
	setDate(m, k)
	covered := []string{"date", "digest"}
	if m.request {
		covered = []string{fieldTarget, "date", "digest"}
	}
	if k.keyID != "" {
		m.header.Del(fieldCertificate) // of a seal before
		return writeCavage(m, k, k.keyID, covered)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.chain[0].Raw})
	m.header.Set(fieldCertificate, strings.ReplaceAll(string(text), "\n", ""))
	return writeCavage(m, k, keyIDOf(k.chain[0]), covered)
}

// setDate writes Date unless it is there.
func setDate(m *message, k *sealer) {
	if len(m.values(fieldDate)) == 0 {
		m.header.Set(fieldDate, k.at.UTC().Format(http.TimeFormat))
	}
}
