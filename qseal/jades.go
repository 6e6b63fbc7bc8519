package qseal

import (
	"crypto/x509"
	"encoding/base64"
	"slices"
	"time"
)

// JAdESOptions says what a JAdES signature is held to. The zero value is the
// strictest.
type JAdESOptions struct {
	// Certificates is the chain of the signer when the signature refers to its
	// certificate without carrying it; the reference is checked.
	Certificates []*x509.Certificate
	// AllowExpired accepts a signature after its exp.
	AllowExpired bool
}

// JAdES is a JAdES baseline signature (ETSI TS 119 182-1) that was verified. It
// does not say that Chain is worth anything: a Validator decides about it. It is
// immutable.
type JAdES struct {
	Chain     []*x509.Certificate // of the signer, its own first
	Algorithm Algorithm
	SignedAt  time.Time // iat or sigT: the signer's own word
	ExpiresAt time.Time // exp, zero when absent
	Payload   []byte    // what was signed, nil when documents were
}

// documentSkew is how far the clock of a document's signer may be ahead.
const documentSkew = time.Minute

// VerifyJAdES verifies a JAdES signature in compact or JSON serialisation, with
// the documents that it refers to when it is detached, at a time. It reads the
// protected header alone; timestamps and other unsigned members are not looked
// at. A signature may be of any age, but not of a time to come: the caller looks
// at JAdES.SignedAt. The error is an *Error.
//
// The certificate of the signature proves itself here and nothing else: ask
// [Verifier.VerifyCertificate] about JAdES.Chain.
func VerifyJAdES(text []byte, docs []Document, at time.Time, o JAdESOptions) (*JAdES, error) {
	r, refusal := verifyJAdES(text, docs, at, o)
	if refusal != nil {
		return nil, refusal
	}
	return r, nil
}

func verifyJAdES(text []byte, docs []Document, at time.Time, o JAdESOptions) (*JAdES, *Error) {
	j, refusal := parseJWS(string(text), jadesExtensions())
	if refusal != nil {
		return nil, refusal
	}
	if refusal := checkJAdES(j); refusal != nil {
		return nil, refusal
	}
	r := &JAdES{}
	if refusal := r.readTimes(j, at, o); refusal != nil {
		return nil, refusal
	}
	if r.Chain, refusal = jadesSigner(j, o.Certificates); refusal != nil {
		return nil, refusal
	}
	input, refusal := r.signed(j, docs)
	if refusal != nil {
		return nil, refusal
	}
	if r.Algorithm, refusal = j.verify(r.Chain[0].PublicKey, joseAlgorithms(), input); refusal != nil {
		return nil, refusal
	}
	return r, nil
}

// jadesExtensions are the header parameters of TS 119 182-1 v1.2.1, 5.2, and of
// RFC 7797, that may be critical. Those that say something about the signer or
// the place are understood in that they change nothing here; etsiU is not signed
// and nbf is not of JAdES.
func jadesExtensions() []string {
	return []string{
		"b64", "sigD", "sigT", "iat", "exp", "x5t#o", "sigX5ts",
		"srCms", "sigPl", "srAts", "adoTst", "sigPId",
	}
}

// joseAlgorithms are all algorithms of JOSE with a public key.
func joseAlgorithms() []Algorithm {
	return []Algorithm{
		PSSSHA256, PSSSHA384, PSSSHA512, RSASHA256, RSASHA384, RSASHA512, ECDSAP256, ECDSAP384, ECDSAP521, Ed25519,
	}
}

// checkJAdES holds a header to the rules of TS 119 182-1 v1.2.1, 5.1 and 5.2.8.
func checkJAdES(j *jws) *Error {
	h := j.header
	if h.member("x5t").exists() { // 5.1.6: SHA-1
		return reject(ReasonHeader, "x5t is forbidden")
	}
	if !h.member("x5t#S256").exists() && !h.member("x5c").exists() && !h.member("sigX5ts").exists() && !h.member("x5t#o").exists() {
		return reject(ReasonCertificateMissing, "none of x5t#S256, x5c, sigX5ts, x5t#o") // 5.1.7
	}
	sigD := h.member("sigD")
	if !sigD.exists() {
		return nil
	}
	if sigD.node().kind != jsonObject {
		return reject(ReasonHeader, "sigD is not an object")
	}
	if !slices.Contains(j.crit, "sigD") { // 5.1.9
		return reject(ReasonCritical, "sigD is not critical")
	}
	if !j.detached { // 5.2.8.1
		return reject(ReasonHeader, "sigD beside a payload")
	}
	return nil
}

// signingTime reads the signing time of a JAdES header: 5.1.11, exactly one of
// iat and sigT, which iat replaced.
func signingTime(j *jws) (time.Time, *Error) {
	iat, sigT := j.header.member("iat"), j.header.member("sigT")
	if iat.exists() == sigT.exists() {
		return time.Time{}, reject(ReasonHeader, "not exactly one of iat and sigT")
	}
	if iat.exists() {
		if t, ok := numericDate(iat); ok {
			return t, nil
		}
		return time.Time{}, reject(ReasonHeader, "iat is not a time")
	}
	text, _ := sigT.str()
	t, err := time.Parse(sigTLayout, text)
	if err != nil || t.IsZero() { // of year 1, which is no time in Go, and would be of no age
		return time.Time{}, reject(ReasonHeader, "sigT %.40q is not a UTC time in seconds", text)
	}
	return t, nil
}

// sigTLayout is the one form of sigT (5.2.1).
const sigTLayout = "2006-01-02T15:04:05Z"

func (r *JAdES) readTimes(j *jws, at time.Time, o JAdESOptions) (refusal *Error) {
	if r.SignedAt, refusal = signingTime(j); refusal != nil {
		return refusal
	}
	if r.SignedAt.Sub(at) > documentSkew {
		return reject(ReasonIssuedInFuture, "at %s", r.SignedAt.Format(time.RFC3339))
	}
	exp := j.header.member("exp")
	if !exp.exists() {
		return nil
	}
	t, ok := numericDate(exp)
	if text, isText := exp.str(); isText {
		// Signers write it as they write sigT.
		var err error
		t, err = time.Parse(sigTLayout, text)
		ok = err == nil
	}
	if !ok {
		return reject(ReasonHeader, "exp is not a time")
	}
	if !at.Before(t) && !o.AllowExpired {
		return reject(ReasonExpired, "at %s", t.Format(time.RFC3339))
	}
	r.ExpiresAt = t
	return nil
}

// jadesSigner returns the signer's chain, from the header or from the caller,
// and holds its first certificate to every reference in the header.
func jadesSigner(j *jws, known []*x509.Certificate) ([]*x509.Certificate, *Error) {
	chain, refusal := j.x5c()
	if refusal != nil {
		return nil, refusal
	}
	if chain == nil {
		chain = slices.Clone(known)
	}
	if len(chain) == 0 || chain[0] == nil {
		return nil, reject(ReasonCertificateMissing, "the header refers to a certificate that nobody has")
	}
	if refusal := j.checkThumbprint(chain[0]); refusal != nil {
		return nil, refusal
	}
	if o := j.header.member("x5t#o"); o.exists() {
		if refusal := matchReference(o, chain[0]); refusal != nil {
			return nil, refusal
		}
	}
	if list := j.header.member("sigX5ts"); list.exists() {
		// 5.2.2.3: the signer's own is the first.
		if refusal := matchReference(list.first(), chain[0]); refusal != nil {
			return nil, refusal
		}
	}
	return chain, nil
}

// matchReference compares an object with digAlg and digVal (5.2.2.2).
func matchReference(v jsonValue, c *x509.Certificate) *Error {
	alg, ok1 := v.member("digAlg").str()
	val, ok2 := v.member("digVal").str()
	if !ok1 || !ok2 {
		return reject(ReasonHeader, "certificate reference without digAlg and digVal")
	}
	return matchThumbprint(alg, val, c)
}

// signed returns the octets under the signature and notes the payload.
func (r *JAdES) signed(j *jws, docs []Document) ([]byte, *Error) {
	sigD := j.header.member("sigD")
	switch {
	case sigD.exists():
		return signedDocuments(j, sigD, docs)
	case !j.detached && len(docs) > 0:
		return nil, reject(ReasonCoverage, "signature has a payload and refers to no document")
	case !j.detached && !j.encoded:
		r.Payload = []byte(j.payload)
		return j.attachedInput(), nil
	case !j.detached:
		payload, err := decodeBase64URL(j.payload)
		if err != nil {
			return nil, reject(ReasonFormat, "payload: %w", err)
		}
		r.Payload = payload
		return j.attachedInput(), nil
	case len(docs) == 1:
		return j.input(docs[0].Data), nil
	}
	return nil, reject(ReasonCoverage, "detached signature without sigD, and %d documents", len(docs))
}

// signedDocuments returns the octets under a signature with sigD.
func signedDocuments(j *jws, sigD jsonValue, docs []Document) ([]byte, *Error) {
	mechanism, _ := sigD.member("mId").str()
	switch mechanism {
	case sigDByURIHash:
		d, refusal := readHashes(sigD)
		if refusal != nil {
			return nil, refusal
		}
		return j.attachedInput(), d.checkHashes(docs, j.encoded)
	case sigDByURI:
		pars, refusal := readPars(sigD)
		if refusal != nil {
			return nil, refusal
		}
		if sigD.member("hashM").exists() || sigD.member("hashV").exists() {
			return nil, reject(ReasonHeader, "sigD by URI has digests")
		}
		ordered, refusal := orderDocuments(pars, docs)
		if refusal != nil {
			return nil, refusal
		}
		return j.concatenated(ordered), nil
	}
	return nil, reject(ReasonHeader, "sigD mId %.60q is not of documents", mechanism)
}

// concatenated returns the octets under a signature over several documents
// (5.2.8.3.2): each in base64url, unless b64 is false.
func (j *jws) concatenated(docs []Document) []byte {
	b := []byte(j.protected + ".")
	for _, d := range docs {
		if j.encoded {
			b = base64.RawURLEncoding.AppendEncode(b, d.Data)
		} else {
			b = append(b, d.Data...)
		}
	}
	return b
}
