package qseal

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"slices"
	"strings"
	"time"
)

// fieldJWS carries a detached JWS in every standard that has one.
const fieldJWS = "X-Jws-Signature"

// The clock rule of the banks that use JAdES over HTTP.
const (
	jadesSkew   = 2 * time.Second
	jadesMaxAge = time.Minute
)

// JAdESHTTP returns the profile of a JAdES signature over header fields (ETSI TS
// 119 182-1 v1.2.1, 5.2.8.2): X-JWS-Signature holds a detached JWS over the
// fields that sigD names. A request must seal (request-target) and digest, or
// content-digest, and content-type, x-request-id, psu-id, psu-corporate-id and
// tpp-redirect-uri where they are there; a response the same without target. The
// certificate comes in x5c, or x5t#S256 says which one it is.
func JAdESHTTP() Profile {
	return Profile{
		name:       "jades-http",
		algorithms: joseAlgorithms(),
		fields:     []string{fieldJWS, "Digest", "Content-Digest", "X-Request-Id"},
		known:      QuirkMixedCase | QuirkAbsoluteTarget | QuirkAnySalt | QuirkPaddedDigest,
		skew:       jadesSkew, maxAge: jadesMaxAge, sealsTime: true,
		replay: true, bindsPath: true,
		parse: func(m *message, p *Profile) (*sealed, *Error) {
			return parseJAdESHTTP(m, p, jadesExtensions())
		},
		match: matchHint,
		seal:  sealJAdESHTTP,
	}
}

// INGJAdES returns the profile of ING's variant of JAdES over header fields: PS256,
// sigT, the certificate named by x5t#S256 and never sent along. Its published
// recipe signs with a salt of maximal length, which is not PS256 (RFC 7518, 3.5):
// QuirkAnySalt accepts it.
func INGJAdES() Profile {
	p := JAdESHTTP()
	p.name = "ing-jades"
	p.algorithms = []Algorithm{PSSSHA256}
	p.known = QuirkAnySalt
	p.parse = parseINGJAdES
	p.seal = sealINGJAdES
	return p
}

func parseINGJAdES(m *message, p *Profile) (*sealed, *Error) {
	s, refusal := parseJAdESHTTP(m, p, []string{"sigT", "sigD", "b64"})
	if refusal != nil {
		return nil, refusal
	}
	if s.chain != nil { // or else x5t#S256 is there
		return nil, reject(ReasonHeader, "certificate is not named by x5t#S256 alone")
	}
	return s, nil
}

func parseJAdESHTTP(m *message, p *Profile, understood []string) (*sealed, *Error) {
	text, refusal := m.jwsField()
	if refusal != nil {
		return nil, refusal
	}
	j, refusal := parseCompact(text, understood)
	if refusal != nil {
		return nil, refusal
	}
	s := &sealed{signature: j.signature}
	if s.claimed, refusal = j.algorithm(); refusal != nil {
		return nil, refusal
	}
	if refusal := checkJAdES(j); refusal != nil {
		return nil, refusal
	}
	pars, refusal := httpPars(j, s, p)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := s.jadesTimes(j); refusal != nil {
		return nil, refusal
	}
	if refusal := s.jadesCertificate(j, p); refusal != nil {
		return nil, refusal
	}
	if refusal := s.cover(m, pars); refusal != nil {
		return nil, refusal
	}
	return s, s.jadesBase(m, j, p)
}

// httpPars reads a sigD of the mechanism HttpHeaders (5.2.8.2): the payload is
// not encoded, the names are in lower case and each is there once.
func httpPars(j *jws, s *sealed, p *Profile) ([]string, *Error) {
	sigD := j.header.member("sigD")
	mechanism, _ := sigD.member("mId").str()
	if mechanism != sigDHTTPHeaders {
		return nil, reject(ReasonHeader, "sigD mId %.60q is not %q", mechanism, sigDHTTPHeaders)
	}
	if j.encoded {
		return nil, reject(ReasonCritical, "b64 is not false") // 5.1.10
	}
	for name := range sigD.each() {
		if name != "mId" && name != "pars" {
			return nil, reject(ReasonHeader, "member %.60q does not belong in sigD of header fields", name)
		}
	}
	names := sigD.member("pars").strs()
	if len(names) == 0 || len(names) > maxCovered {
		return nil, reject(ReasonHeader, "sigD pars is not a list of 1 to %d strings", maxCovered)
	}
	pars := make([]string, 0, len(names))
	for _, name := range names {
		lower := strings.ToLower(name)
		if lower != name && !s.quirk(p, QuirkMixedCase) {
			return nil, reject(ReasonHeader, "%.60q in pars is not in lower case", name)
		}
		// Before folding: U+212A would become a k.
		if lower != fieldTarget && !isToken(name) {
			return nil, reject(ReasonHeader, "%.60q in pars is no field name", name)
		}
		if slices.Contains(pars, lower) {
			return nil, reject(ReasonHeader, "pars names %.60q twice", name)
		}
		pars = append(pars, lower)
	}
	return pars, nil
}

func (s *sealed) jadesTimes(j *jws) (refusal *Error) {
	if s.signedAt, refusal = signingTime(j); refusal != nil {
		return refusal
	}
	if exp := j.header.member("exp"); exp.exists() {
		var ok bool
		if s.expires, ok = numericDate(exp); !ok {
			return reject(ReasonHeader, "exp is not a time")
		}
	}
	return nil
}

// jadesCertificate reads whose certificate it is. What came along is held to
// every reference at once; otherwise x5t#S256 says whose to look for.
func (s *sealed) jadesCertificate(j *jws, p *Profile) *Error {
	if text, refusal := j.text("x5t#S256"); refusal != nil {
		return refusal
	} else if text != "" {
		trimmed := strings.TrimRight(text, "=")
		if trimmed != text && s.quirk(p, QuirkPaddedDigest) {
			text = trimmed
		}
		sum, _ := decodeBase64URL(text)
		if len(sum) != sha256.Size {
			return reject(ReasonFormat, "x5t#S256 is not a digest in base64url")
		}
		s.hint.SHA256 = sum
	}
	var refusal *Error
	if s.hint.KeyID, refusal = j.text("kid"); refusal != nil {
		return refusal
	}
	if j.header.member("x5c").exists() {
		s.chain, refusal = jadesSigner(j, nil)
		return refusal
	}
	if s.hint.SHA256 == nil {
		return reject(ReasonCertificateMissing, "neither x5c nor x5t#S256")
	}
	return nil
}

// conditional are the fields that must be sealed where they are there: what a
// bank acts upon and a proxy could add.
func conditional() []string {
	return []string{"content-type", "x-request-id", "psu-id", "psu-corporate-id", "tpp-redirect-uri"}
}

// cover holds the covered names to what must be sealed.
func (s *sealed) cover(m *message, pars []string) *Error {
	s.covered = pars
	s.pathBound = slices.Contains(pars, fieldTarget)
	if m.request != s.pathBound {
		return reject(ReasonCoverage, "%s is sealed in requests, and only there", fieldTarget)
	}
	for _, name := range conditional() {
		if len(m.values(canonicalName(name))) > 0 && !slices.Contains(pars, name) {
			return reject(ReasonCoverage, "%s is there and not sealed", name)
		}
	}
	for _, name := range pars {
		if name == fieldTarget {
			continue
		}
		value, present, refusal := m.one(canonicalName(name))
		if refusal != nil {
			return refusal
		}
		if !present {
			return reject(ReasonFieldMissing, "%.60q", name)
		}
		if refusal := s.useField(name, value); refusal != nil {
			return refusal
		}
	}
	if len(s.digests) == 0 {
		return reject(ReasonDigestMissing, "neither digest nor content-digest is sealed")
	}
	return nil
}

// useField takes from a sealed field what it means to the verifier.
func (s *sealed) useField(name, value string) *Error {
	switch name {
	case "digest":
		demands, refusal := parseDigest(value)
		s.digests = append(s.digests, demands...)
		return refusal
	case "content-digest":
		demands, err := parseContentDigest([]string{value})
		if err != nil {
			return reject(ReasonDigest, "%w", err)
		}
		s.digests = append(s.digests, demands...)
	case "x-request-id":
		s.replayKey = value
	}
	return nil
}

// jadesBase makes what is signed: the protected header, a dot, and the signing
// string of draft-cavage over pars.
func (s *sealed) jadesBase(m *message, j *jws, p *Profile) *Error {
	text, refusal := (&cavage{covered: s.covered}).base(m)
	if refusal != nil {
		return refusal
	}
	s.base = j.input(text)
	if m.request && p.allowed&QuirkAbsoluteTarget != 0 {
		view := *m
		view.target = m.scheme + "://" + m.authority + m.target
		if text, refusal = (&cavage{covered: s.covered}).base(&view); refusal != nil {
			return refusal
		}
		s.otherBase, s.otherQuirk = j.input(text), QuirkAbsoluteTarget
	}
	return nil
}

// matchHint holds the certificate to x5t#S256.
func matchHint(s *sealed, leaf *x509.Certificate) *Error {
	if s.hint.SHA256 == nil {
		return nil
	}
	sum := sha256.Sum256(leaf.Raw)
	if subtle.ConstantTimeCompare(sum[:], s.hint.SHA256) != 1 {
		return reject(ReasonCertificateMismatch, "x5t#S256 is another certificate's")
	}
	return nil
}
