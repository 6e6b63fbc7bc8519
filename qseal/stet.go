package qseal

import (
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// STET16 is the seal of the French STET framework (1.6.3.1, 3.5.1.2): a
// Signature of draft-cavage over request target, digest and more, whose keyId is
// the URL of the certificate. The URL is the sealer's, so that a resolver must
// know it beforehand (see [Directory]) or must be able to defend itself (see
// package qsealfetch).
func STET16() Profile {
	return Profile{
		name:       "stet-1.6",
		algorithms: []Algorithm{RSASHA256},
		fields:     []string{fieldSignature, fieldDigest},
		known:      QuirkExtraFields | QuirkUnquoted | QuirkEmptyObject | QuirkMixedCase | QuirkHS2019,
		skew:       defaultSkew, maxAge: defaultAge,
		bindsPath: true, sealsID: true, needsKeyID: true,
		parse: parseSTET,
		match: matchSTET,
		seal:  sealSTET,
	}
}

func parseSTET(m *message, p *Profile) (*sealed, *Error) {
	c, s, refusal := startCavage(m, p)
	if refusal != nil {
		return nil, refusal
	}
	if c.created != "" || c.expires != "" {
		return nil, reject(ReasonHeader, "created and expires are not of draft -10")
	}
	if _, err := stetFingerprint(c.keyID); err != nil {
		return nil, err
	}
	s.hint = Hint{KeyID: c.keyID, URL: c.keyID}
	if refusal := coverSTET(m, p, s); refusal != nil {
		return nil, refusal
	}
	if slices.Contains(s.covered, "x-request-id") {
		if s.replayKey, refusal = requestID(m); refusal != nil {
			return nil, refusal
		}
	}
	// Nothing else says when: such a seal would be good for ever. An id without a
	// time needs a verifier that remembers it, see judgement.remember.
	if s.signedAt.IsZero() && s.replayKey == "" {
		return nil, reject(ReasonCoverage, "neither date nor x-request-id is sealed")
	}
	if s.base, refusal = c.base(m); refusal != nil {
		return nil, refusal
	}
	return s, nil
}

// coverSTET: (request-target) and digest always; content-type, content-length,
// date and every psu field if and only if they are there.
func coverSTET(m *message, p *Profile, s *sealed) *Error {
	for _, name := range [...]string{fieldTarget, "digest"} {
		if m.request && !slices.Contains(s.covered, name) {
			return reject(ReasonCoverage, "%s is not sealed", name)
		}
	}
	for _, name := range stetFields(m) {
		if !slices.Contains(s.covered, name) {
			return reject(ReasonCoverage, "%.60q is there and not sealed", name)
		}
	}
	for _, name := range s.covered {
		switch {
		case name == fieldTarget, name == "digest", name == "x-request-id",
			name == "content-type", name == "content-length", name == "date", strings.HasPrefix(name, "psu-"):
		case s.quirk(p, QuirkExtraFields):
		default:
			return reject(ReasonCoverage, "%.60q may not be sealed", name)
		}
	}
	return nil
}

// stetFields are the fields of a message that must be sealed because they are
// there, in order of name.
func stetFields(m *message) []string {
	var names []string
	for key := range m.header {
		name := strings.ToLower(key)
		if name == "content-type" || name == "content-length" || name == "date" || strings.HasPrefix(name, "psu-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// stetFingerprint reads the SHA-256 at the end of the path of the certificate's
// URL: that of the file as it is served, be it PEM or DER.
func stetFingerprint(keyID string) ([]byte, *Error) {
	const digits = 64
	i := len(keyID) - digits
	if !strings.HasPrefix(keyID, "https://") || i < 1 || keyID[i-1] != '_' || strings.ContainsAny(keyID, "?#") {
		return nil, reject(ReasonFormat, "keyId %.200q is no https URL that ends in _ and a SHA-256", keyID)
	}
	digest, err := hex.DecodeString(keyID[i:])
	if err != nil {
		return nil, reject(ReasonFormat, "keyId %.200q does not end in a SHA-256", keyID)
	}
	return digest, nil
}

func matchSTET(s *sealed, _ *x509.Certificate) *Error {
	want, _ := stetFingerprint(s.hint.URL) // nothing, which matches nothing, if parseSTET had not refused it
	if subtle.ConstantTimeCompare(want, s.file[:]) != 1 {
		return reject(ReasonCertificateMismatch, "file has SHA-256 %x, its URL says %x", s.file, want)
	}
	return nil
}

func sealSTET(m *message, _ *Profile, k *sealer) error {
	if _, refusal := stetFingerprint(k.keyID); refusal != nil {
		return refusal
	}
	setDigest(m)
	setDate(m, k)
	setLength(m)
	covered := []string{"digest"}
	if m.request {
		covered = []string{fieldTarget, "digest"}
	}
	if len(m.values(fieldRequestID)) > 0 {
		covered = append(covered, "x-request-id")
	}
	return writeCavage(m, k, k.keyID, append(covered, stetFields(m)...))
}

// setLength writes Content-Length as net/http will send it, for a field that is
// sent must be sealed.
func setLength(m *message) {
	withContent := m.method == http.MethodPost || m.method == http.MethodPut || m.method == http.MethodPatch
	if len(m.body) > 0 || withContent {
		m.header.Set("Content-Length", strconv.Itoa(len(m.body)))
	}
}
