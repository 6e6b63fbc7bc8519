package qseal

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// MaxJWS and the errors of the JSON walker, for tests.
const MaxJWS = maxJWS

// The errors of the JSON walker.
var (
	ErrJSONSize      = errJSONSize
	ErrJSONSyntax    = errJSONSyntax
	ErrJSONDuplicate = errJSONDuplicate
)

// DecodeJSON walks a JSON text under the limits of headers and returns what
// encoding/json would, with numbers as written.
func DecodeJSON(s string) (any, error) {
	v, err := parseJSON(s, headerLimits())
	if err != nil {
		return nil, err
	}
	return v.plain(), nil
}

func (v jsonValue) plain() any {
	n := v.node()
	switch n.kind {
	case jsonBool:
		return n.text == "true"
	case jsonNumber:
		return json.Number(n.text)
	case jsonString:
		return n.text
	case jsonArray:
		out := []any{}
		for _, e := range v.each() {
			out = append(out, e.plain())
		}
		return out
	case jsonObject:
		out := map[string]any{}
		for name, m := range v.each() {
			out[name] = m.plain()
		}
		return out
	case jsonNull:
	}
	return nil
}

// ParsedJWS is a JWS that was read, for tests.
type ParsedJWS struct{ j *jws }

// ParseJWS reads a JWS of a profile that understands b64 alone.
func ParseJWS(text string) (*ParsedJWS, error) {
	j, refusal := parseJWS(text, []string{"b64"})
	if refusal != nil {
		return nil, refusal
	}
	return &ParsedJWS{j}, nil
}

// Alg is the parameter alg.
func (p *ParsedJWS) Alg() string { return p.j.alg }

// Signature is the decoded signature.
func (p *ParsedJWS) Signature() []byte { return p.j.signature }

// Input is what is signed, with a payload when the JWS is detached.
func (p *ParsedJWS) Input(payload []byte) []byte {
	if p.j.detached {
		return p.j.input(payload)
	}
	return p.j.attachedInput()
}

// Verify verifies with a key and the algorithm that the verifier chose.
func (p *ParsedJWS) Verify(pub crypto.PublicKey, alg string, payload []byte) error {
	a := joseAlgorithm(alg)
	if a == 0 {
		return reject(ReasonAlgorithm, "alg %q", alg)
	}
	if _, refusal := p.j.verify(pub, []Algorithm{a}, p.Input(payload)); refusal != nil {
		return refusal
	}
	return nil
}

// SplitCompact splits a compact JWS.
func SplitCompact(text string) error {
	if _, refusal := parseCompact(text, nil); refusal != nil {
		return refusal
	}
	return nil
}

// CheckOBIEHeader reads a header of a version of OBIE.
func CheckOBIEHeader(text, version string) error {
	v := map[string]OBIEVersion{"3.1.3": OBIE313, "3.1.4": OBIE314}[version]
	if _, _, refusal := parseOBIE(text, v); refusal != nil {
		return refusal
	}
	return nil
}

// CheckOBIEIss holds iss to its syntax.
func CheckOBIEIss(kind, iss string) error {
	if !(map[string]obieParty{"tpp": obieTPP, "aspsp": obieASPSP}[kind].checkIss(iss)) {
		return ReasonHeader
	}
	return nil
}

// CheckContentDigest compares a body with the fields Content-Digest.
func CheckContentDigest(lines []string, body []byte) error {
	demands, err := parseContentDigest(lines)
	if err != nil {
		return reject(ReasonDigest, "%w", err)
	}
	for _, d := range demands {
		if refusal := d.check(body); refusal != nil {
			return refusal
		}
	}
	return nil
}

// readRFC9421 reads the signature with a label.
func readRFC9421(m *message, label string) (*sealed, *Error) {
	all, err := parseSignatureInput(m.values(fieldSignatureInput))
	if err != nil {
		return nil, reject(ReasonFormat, "%w", err)
	}
	i := slices.IndexFunc(all, func(s signatureParams) bool { return s.label == label })
	if i < 0 {
		return nil, reject(ReasonSignatureMissing, "no label %q", label)
	}
	return readSignature(m, &all[i])
}

// BaseRFC9421 returns the signature base of a label and the signature.
func BaseRFC9421(m *MessageView, label string) (string, []byte, error) {
	s, refusal := readRFC9421(m.m, label)
	if refusal != nil {
		return "", nil, refusal
	}
	return string(s.base), s.signature, nil
}

// VerifyRFC9421 verifies the signature with a label, by an algorithm that the
// verifier chose, and returns the signature base.
func VerifyRFC9421(m *MessageView, label, alg string, pub crypto.PublicKey) (string, error) {
	s, refusal := readRFC9421(m.m, label)
	if refusal != nil {
		return "", refusal
	}
	a, refusal := chooseAlgorithm(pub, []Algorithm{messageAlgorithm(alg)}, s.claimed)
	if refusal != nil {
		return "", refusal
	}
	if _, refusal := a.verify(pub, s.base, s.signature, false); refusal != nil {
		return "", refusal
	}
	return string(s.base), nil
}

// MessageView is the view of a message, for tests.
type MessageView struct{ m *message }

// ViewRequest views a request with its body.
func ViewRequest(r *http.Request, body []byte) *MessageView {
	m := requestMessage(r)
	m.scheme, m.body = "https", body
	return &MessageView{m}
}

// WithoutBody returns the view of a message that has no body.
func (v *MessageView) WithoutBody() *MessageView {
	m := *v.m
	m.body = nil
	return &MessageView{&m}
}

// ViewResponse views a response with its body and the request it answers.
func ViewResponse(r *http.Response, body []byte, request *MessageView) *MessageView {
	m := responseMessage(r)
	m.body = body
	if request != nil {
		m.answered = request.m
	}
	return &MessageView{m}
}

// ReadSeal is what a profile reads in a message, for tests.
type ReadSeal struct {
	Base, ReplayKey string
	Covered         []string
	Quirks          Quirk
}

// VerifyMessage reads and proves a message with a profile and a certificate, or
// the one that came along when leaf is nil, at a time. It decides no trust.
func VerifyMessage(m *MessageView, p Profile, leaf *x509.Certificate, at time.Time) (*ReadSeal, error) {
	s, refusal := read(&p, m.m)
	if refusal != nil {
		return nil, refusal
	}
	if leaf != nil {
		s.chain = []*x509.Certificate{leaf}
	}
	proof, refusal := prove(&p, s, at)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := proof.checkBody(&p, m.m.body); refusal != nil {
		return nil, refusal
	}
	key, _ := proof.rememberedBy()
	return &ReadSeal{string(s.base), key, s.covered, s.quirks}, nil
}

// SealMessage seals a message with a profile.
func SealMessage(m *MessageView, p Profile, key crypto.Signer, alg Algorithm, chain []*x509.Certificate, keyID string, at time.Time) error {
	return p.seal(m.m, &p, &sealer{key: key, algorithm: alg, chain: chain, keyID: keyID, at: at})
}

// VerifyFields verifies a JAdES signature over the fields of a request that
// holds no body, as published examples are: by profile, by its form if lenient.
// They do not seal all that a bank demands.
func VerifyFields(r *http.Request, lenient bool, leaf *x509.Certificate) (*ReadSeal, error) {
	p := JAdESHTTP().AllowAge(0, 0)
	if lenient {
		p = p.AllowQuirks(p.known &^ QuirkAnySalt)
	}
	m := requestMessage(r)
	m.scheme = "https"
	m.header.Del("X-Request-Id")
	s, refusal := read(&p, m)
	if refusal != nil {
		return nil, refusal
	}
	s.chain = []*x509.Certificate{leaf}
	if _, refusal := prove(&p, s, s.signedAt); refusal != nil {
		return nil, refusal
	}
	return &ReadSeal{string(s.base), s.replayKey, s.covered, s.quirks}, nil
}
