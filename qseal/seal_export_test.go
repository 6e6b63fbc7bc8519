package qseal

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"net/http"
)

// CavageMessage is a message of draft-cavage that was read, for tests of the
// grammar and the signing string alone: no rule of a bank is applied.
type CavageMessage struct {
	Base      string
	Algorithm string // as the message names it
	Signature []byte
}

// ReadCavage reads the signature of a captured message in a field.
func ReadCavage(c *Captured, field string) (*CavageMessage, error) {
	var text string
	var present bool
	var refusal *Error
	if field == fieldAuthorization {
		text, present, refusal = ingSignature(c.m)
	} else {
		text, present, refusal = c.m.one(field)
	}
	if refusal != nil {
		return nil, refusal
	}
	if !present {
		return nil, &Error{Reason: ReasonSignatureMissing}
	}
	p, refusal := parseCavage(text)
	if refusal != nil {
		return nil, refusal
	}
	if p.keyID == "" || p.signature == "" {
		return nil, reject(ReasonHeader, "keyId or signature is missing")
	}
	if !p.headers { // the drafts' defaults: -10 and -12
		p.covered = []string{"date"}
		if p.created != "" {
			p.covered = []string{fieldCreated}
		}
	}
	base, refusal := p.base(c.m)
	if refusal != nil {
		return nil, refusal
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(p.signature)
	if err != nil {
		return nil, reject(ReasonFormat, "%w", err)
	}
	return &CavageMessage{Base: string(base), Algorithm: p.algorithm, Signature: signature}, nil
}

// Verify verifies with the algorithm that the verifier chose for the key.
func (c *CavageMessage) Verify(pub crypto.PublicKey, algorithm string) error {
	for a := Algorithm(1); a < algorithmEnd; a++ {
		if a.String() == algorithm {
			_, refusal := a.verify(pub, []byte(c.Base), c.Signature, false)
			if refusal != nil {
				return refusal
			}
			return nil
		}
	}
	return reject(ReasonAlgorithm, "no algorithm %q", algorithm)
}

// CheckDigest holds a body to a Digest header.
func CheckDigest(header string, body []byte) error {
	demands, refusal := parseDigest(header)
	if refusal != nil {
		return refusal
	}
	for _, d := range demands {
		if refusal := d.check(body); refusal != nil {
			return refusal
		}
	}
	return nil
}

// Algorithms is the number of algorithms, Quirks that of quirks.
const (
	Algorithms = int(algorithmEnd) - 1
	Quirks     = quirkEnd
)

// CheckKey holds a key to what is accepted.
func CheckKey(pub crypto.PublicKey) error {
	if refusal := checkKey(pub); refusal != nil {
		return refusal
	}
	return nil
}

// MatchKeyID compares a keyId with a certificate.
var MatchKeyID = matchKeyID

// PrepareBerlin returns the reading of a Berlin Group message: parameters,
// coverage, signing string and keyId, without the certificate's own parsing.
func PrepareBerlin(r *http.Request, leaf *x509.Certificate) func() error {
	p := BerlinGroup13()
	known := &known{}
	known.chains.add(r.Header.Get(fieldCertificate), []*x509.Certificate{leaf})
	return func() error {
		m := requestMessage(r)
		m.known = known
		s, refusal := read(&p, m)
		if refusal != nil {
			return refusal
		}
		if refusal := p.match(s, leaf); refusal != nil {
			return refusal
		}
		return nil
	}
}
