package qseal

// polishMembers bounds the body that is looked into for its requestId. Bundles
// of payments are the largest bodies that PolishAPI has.
func polishLimits() jsonLimits {
	return jsonLimits{size: 1 << 20, depth: 32, nodes: 1 << 15, members: 128}
}

// PolishAPI21 returns the profile of PolishAPI 2.1: X-JWS-SIGNATURE holds a
// detached JWS over the body. X-REQUEST-ID must be the requestId in the sealed
// body, which is what a verifier remembers. The certificate comes in x5c, or
// x5t#S256 or kid says which one it is.
//
// The standard fixes the field and not the header of the JWS; what is accepted
// here is RFC 7515 without the parameters that point at keys elsewhere.
func PolishAPI21() Profile {
	return Profile{
		name:       "polish-api-2.1",
		algorithms: joseAlgorithms(),
		fields:     []string{fieldJWS, "X-Request-Id"},
		known:      QuirkAnySalt | QuirkPaddedDigest,
		replay:     true, wholeBody: true,
		parse: parsePolish,
		match: matchHint,
		seal:  sealPolish,
	}
}

func parsePolish(m *message, p *Profile) (*sealed, *Error) {
	text, refusal := m.jwsField()
	if refusal != nil {
		return nil, refusal
	}
	j, refusal := parseCompact(text, []string{"b64"})
	if refusal != nil {
		return nil, refusal
	}
	if !j.detached {
		return nil, reject(ReasonFormat, "signature is not detached")
	}
	for name := range j.header.each() {
		switch name {
		case "alg", "typ", "cty", "kid", "x5t#S256", "x5c", "b64", "crit":
		default:
			return nil, reject(ReasonHeader, "member %.60q does not belong in the header", name)
		}
	}
	s := &sealed{signature: j.signature, covered: []string{"body"}}
	if s.claimed, refusal = j.algorithm(); refusal != nil {
		return nil, refusal
	}
	if refusal := s.polishCertificate(j, p); refusal != nil {
		return nil, refusal
	}
	if s.replayKey, refusal = polishRequestID(m); refusal != nil {
		return nil, refusal
	}
	s.base = j.input(m.body)
	return s, nil
}

func (s *sealed) polishCertificate(j *jws, p *Profile) *Error {
	if j.header.member("x5c").exists() || j.header.member("x5t#S256").exists() {
		return s.jadesCertificate(j, p)
	}
	var refusal *Error
	if s.hint.KeyID, refusal = j.text("kid"); refusal == nil && s.hint.KeyID == "" {
		refusal = reject(ReasonCertificateMissing, "none of x5c, x5t#S256, kid")
	}
	return refusal
}

// polishRequestID returns the requestId of the sealed body, which the field must
// repeat: what is in the field alone is not sealed.
func polishRequestID(m *message) (string, *Error) {
	field, present, refusal := m.one("X-Request-Id")
	if refusal != nil {
		return "", refusal
	}
	if !present {
		return "", reject(ReasonFieldMissing, "X-Request-Id")
	}
	body, err := parseJSON(string(m.body), polishLimits())
	if err != nil {
		return "", reject(ReasonBody, "%w", err)
	}
	part := "requestHeader"
	if !m.request {
		part = "responseHeader"
	}
	id, ok := body.member(part).member("requestId").str()
	if !ok || id == "" {
		return "", reject(ReasonCoverage, "the body has no %s.requestId", part)
	}
	if id != field {
		return "", reject(ReasonCoverage, "X-Request-Id %.60q is not %s.requestId %.60q", field, part, id)
	}
	return id, nil
}

func sealPolish(m *message, _ *Profile, k *sealer) error {
	h, err := newJOSEHeader(k)
	if err != nil {
		return err
	}
	if err := h.addCertificate(k, true); err != nil {
		return err
	}
	value, err := h.detached(k, m.body)
	if err != nil {
		return err
	}
	m.header.Set(fieldJWS, value)
	return nil
}
