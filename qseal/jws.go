package qseal

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"
	"time"
)

// jws is a JSON Web Signature (RFC 7515) with one signature: read, held to the
// rules that every profile shares, and not verified.
type jws struct {
	header    jsonValue
	protected string // base64url of header, as signed
	payload   string // as signed: base64url, or itself where encoded is false
	detached  bool   // payload is empty in the JWS
	encoded   bool   // RFC 7797: the payload is signed in base64url
	crit      []string
	alg       string
	signature []byte
}

// parseCompact reads a JWS in compact serialisation. understood is the closed
// set of extensions of the profile.
func parseCompact(text string, understood []string) (*jws, *Error) {
	return parseSegments(text, maxJWS, understood)
}

func parseSegments(text string, limit int, understood []string) (*jws, *Error) {
	header, payload, signature, err := splitCompact(text, limit)
	if err != nil {
		return nil, reject(ReasonFormat, "jws: %w", err)
	}
	return newJWS(jwsParts{header, payload, signature}, understood)
}

// jwsField returns the field that carries the JWS of a message.
func (m *message) jwsField() (string, *Error) {
	text, present, refusal := m.one(fieldJWS)
	if !present {
		refusal = &Error{Reason: ReasonSignatureMissing}
	}
	return text, refusal
}

// jwsParts are the texts of a JWS, of whatever serialisation.
type jwsParts struct{ protected, payload, signature string }

func newJWS(p jwsParts, understood []string) (*jws, *Error) {
	if limit := base64.RawURLEncoding.EncodedLen(headerLimits().size); len(p.protected) > limit {
		return nil, reject(ReasonFormat, "jws header: %d bytes, at most %d", len(p.protected), limit)
	}
	raw, err := decodeBase64URL(p.protected)
	if err != nil {
		return nil, reject(ReasonFormat, "jws header: %w", err)
	}
	j := &jws{protected: p.protected, payload: p.payload, detached: p.payload == ""}
	if j.header, err = parseJSON(string(raw), headerLimits()); err != nil {
		return nil, reject(ReasonFormat, "jws header: %w", err)
	}
	if j.header.node().kind != jsonObject {
		return nil, reject(ReasonFormat, "jws header is not a JSON object")
	}
	if j.signature, err = decodeBase64URL(p.signature); err != nil {
		return nil, reject(ReasonFormat, "jws signature: %w", err)
	}
	if j.crit, err = checkCrit(j.header, understood); err != nil {
		return nil, reject(ReasonCritical, "%w", err)
	}
	if j.encoded, err = checkB64(j.header, j.crit); err != nil {
		return nil, reject(ReasonCritical, "%w", err)
	}
	alg, ok := j.header.member("alg").str()
	if !ok {
		return nil, reject(ReasonAlgorithm, "alg is missing or no string")
	}
	if alg == "none" { // RFC 7518, 3.6: no signature, whatever stands in its place
		return nil, reject(ReasonAlgorithm, "alg is none")
	}
	if len(j.signature) == 0 {
		return nil, reject(ReasonFormat, "jws signature is empty")
	}
	j.alg = alg
	return j, nil
}

// maxJAdES bounds a JAdES signature that is a document by itself: it may hold
// its payload, and timestamps with the revocation lists of years. The text is
// walked once, the header is bounded by maxJWS.
const maxJAdES = 2 << 20

// parseJWS reads a JWS in any serialisation of RFC 7515, 7.
func parseJWS(text string, understood []string) (*jws, *Error) {
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return parseSegments(text, maxJAdES, understood)
	}
	limits := headerLimits()
	limits.size = maxJAdES
	doc, err := parseJSON(text, limits)
	if err != nil {
		return nil, reject(ReasonFormat, "jws: %w", err)
	}
	p, refusal := jsonParts(doc)
	if refusal != nil {
		return nil, refusal
	}
	return newJWS(p, understood)
}

// jsonParts reads the flattened and the general JSON serialisation (RFC 7515,
// 7.2). Other members are ignored, as 7.2.1 says: they are not signed, and
// nothing here looks at them. A seal has one signature; of several, each with
// its own b64 (RFC 7797, 3), readers would have to agree which one counts.
func jsonParts(doc jsonValue) (jwsParts, *Error) {
	object := doc
	if list := doc.member("signatures"); list.exists() {
		if doc.member("signature").exists() || doc.member("protected").exists() {
			return jwsParts{}, reject(ReasonFormat, "jws mixes the flattened and the general form")
		}
		n := 0
		for _, v := range list.each() {
			object = v
			n++
		}
		if list.node().kind != jsonArray || n != 1 {
			return jwsParts{}, reject(ReasonFormat, "jws has %d signatures, not one", n)
		}
	}
	var p jwsParts
	var ok1, ok2, ok3 bool
	p.protected, ok1 = object.member("protected").str()
	p.signature, ok2 = object.member("signature").str()
	p.payload, ok3 = doc.member("payload").str()
	if !ok1 || !ok2 || !ok3 && doc.member("payload").exists() {
		return jwsParts{}, reject(ReasonFormat, "jws lacks protected or signature, or one is no string")
	}
	unprotected := object.member("header")
	if unprotected.exists() && unprotected.node().kind != jsonObject {
		return jwsParts{}, reject(ReasonFormat, "jws header is not a JSON object")
	}
	for _, name := range [...]string{"alg", "crit", "b64", "x5c", "x5t#S256", "sigD", "sigT", "iat"} {
		// RFC 7515, 7.2.1: the two headers must be disjoint, and what decides
		// must be signed.
		if unprotected.member(name).exists() {
			return jwsParts{}, reject(ReasonFormat, "%q is in the unprotected header", name)
		}
	}
	return p, nil
}

// input returns what is signed when payload is the content of a detached JWS
// (RFC 7515, 5.1; RFC 7797, 5).
func (j *jws) input(payload []byte) []byte {
	n := len(j.protected) + 1
	if !j.encoded {
		b := make([]byte, 0, n+len(payload))
		b = append(append(b, j.protected...), '.')
		return append(b, payload...)
	}
	b := make([]byte, 0, n+base64.RawURLEncoding.EncodedLen(len(payload)))
	b = append(append(b, j.protected...), '.')
	return base64.RawURLEncoding.AppendEncode(b, payload)
}

// attachedInput returns what is signed when the payload is in the JWS.
func (j *jws) attachedInput() []byte { return []byte(j.protected + "." + j.payload) }

// text returns a string member; "" when it is absent.
func (j *jws) text(name string) (string, *Error) {
	v := j.header.member(name)
	if !v.exists() {
		return "", nil
	}
	s, ok := v.str()
	if !ok {
		return "", reject(ReasonHeader, "%s is not a string", name)
	}
	return s, nil
}

// x5c returns the certificates of the header, the signer's first, or none
// (RFC 7515, 4.1.6: base64, not base64url, of DER).
func (j *jws) x5c() ([]*x509.Certificate, *Error) {
	v := j.header.member("x5c")
	if !v.exists() {
		return nil, nil
	}
	list := v.strs()
	if len(list) == 0 {
		return nil, reject(ReasonHeader, "x5c is not a list of strings")
	}
	if len(list) > maxCertificates {
		return nil, reject(ReasonHeader, "x5c has %d certificates, at most %d", len(list), maxCertificates)
	}
	chain := make([]*x509.Certificate, 0, len(list))
	for i, text := range list {
		der, err := decodeBase64(text)
		if err != nil {
			return nil, reject(ReasonCertificateMalformed, "x5c[%d]: %w", i, err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, reject(ReasonCertificateMalformed, "x5c[%d]: %q", i, err.Error())
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// checkThumbprint compares x5t#S256, when it is there, with a certificate. The
// key of any other certificate could make a valid signature too.
func (j *jws) checkThumbprint(c *x509.Certificate) *Error {
	text, refusal := j.text("x5t#S256")
	if refusal != nil || !j.header.member("x5t#S256").exists() {
		return refusal
	}
	return matchThumbprint("S256", text, c)
}

// matchThumbprint compares a digest in base64url with that of a certificate.
func matchThumbprint(alg, text string, c *x509.Certificate) *Error {
	h := sigDHash(alg)
	if h == nil {
		return reject(ReasonHeader, "digest algorithm %.40q is none of S256, S384, S512", alg)
	}
	want, err := decodeBase64URL(text)
	if err != nil {
		return reject(ReasonFormat, "certificate digest: %w", err)
	}
	h.Write(c.Raw)
	if subtle.ConstantTimeCompare(h.Sum(nil), want) != 1 {
		return reject(ReasonCertificateMismatch, "certificate digest is another certificate's")
	}
	return nil
}

// sigDHash returns the hash of a name in the closed set of TS 119 182-1, nil
// for any other.
func sigDHash(name string) hash.Hash {
	switch name {
	case "S256":
		return sha256.New()
	case "S384":
		return sha512.New384()
	case "S512":
		return sha512.New()
	}
	return nil
}

// numericDate reads a NumericDate (RFC 7519, 2): seconds since 1970. Banks send
// fractions too, which the RFC allows; exponents and signs it does not need.
func numericDate(v jsonValue) (time.Time, bool) {
	n := v.node()
	if n.kind != jsonNumber {
		return time.Time{}, false
	}
	whole, fraction, fractional := strings.Cut(n.text, ".")
	const maxSeconds = 253402300799 // year 9999
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds > maxSeconds || whole[0] == '-' {
		return time.Time{}, false
	}
	var nanos int64
	if fractional {
		const digits = 9
		fraction = (fraction + "000000000")[:digits]
		if nanos, err = strconv.ParseInt(fraction, 10, 64); err != nil {
			return time.Time{}, false
		}
	}
	return time.Unix(seconds, nanos).UTC(), true
}

// joseAlgorithm returns the algorithm of a name in JOSE (RFC 7518, 3.1; RFC
// 8037, 3.1), 0 for every other: HMAC, none, and what else there may be.
func joseAlgorithm(name string) Algorithm {
	for a := Algorithm(1); a < algorithmEnd; a++ {
		if n := a.joseName(); n != "" && n == name {
			return a
		}
	}
	return 0
}

// joseName returns the name of an algorithm in JOSE, "" if it has none.
func (a Algorithm) joseName() string {
	switch a { //nolint:exhaustive // DER is not for JOSE
	case RSASHA256:
		return "RS256"
	case RSASHA384:
		return "RS384"
	case RSASHA512:
		return "RS512"
	case PSSSHA256:
		return "PS256"
	case PSSSHA384:
		return "PS384"
	case PSSSHA512:
		return "PS512"
	case ECDSAP256:
		return "ES256"
	case ECDSAP384:
		return "ES384"
	case ECDSAP521:
		return "ES512"
	case Ed25519:
		return "EdDSA"
	}
	return ""
}

// algorithm returns the algorithm that the header names.
func (j *jws) algorithm() (Algorithm, *Error) {
	a := joseAlgorithm(j.alg)
	if a == 0 {
		return 0, reject(ReasonAlgorithm, "alg %.40q", j.alg)
	}
	return a, nil
}

// verify checks the signature over input with a key.
func (j *jws) verify(pub crypto.PublicKey, allowed []Algorithm, input []byte) (Algorithm, *Error) {
	if refusal := checkKey(pub); refusal != nil {
		return 0, refusal
	}
	claimed, refusal := j.algorithm()
	if refusal != nil {
		return 0, refusal
	}
	a, refusal := chooseAlgorithm(pub, allowed, claimed)
	if refusal != nil {
		return 0, refusal
	}
	_, refusal = a.verify(pub, input, j.signature, false)
	return a, refusal
}
