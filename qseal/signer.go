package qseal

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"time"
)

// SignerConfig is what a Signer works with.
type SignerConfig struct {
	// Profile is the standard to seal in. Required.
	Profile Profile
	// Key signs. It may live in an HSM. Required.
	Key crypto.Signer
	// Chain is the certificate of Key, followed by any intermediates. Required.
	Chain []*x509.Certificate
	// Algorithm is one of the profile's for the kind of Key. Zero is the first.
	Algorithm Algorithm
	// KeyID names the certificate where the profile does not derive its name: the
	// URL of STET, the client id of ING, the kid of OBIE, the keyid of RFC 9421.
	// Required where Profile.NeedsKeyID.
	KeyID string
	// Issuer is iss of OBIE. Empty is what the certificate says.
	Issuer string
	// MaxBody caps a body, in bytes. Zero is 1 MiB.
	MaxBody int64
}

// Signer seals messages. It is immutable and safe for concurrent use if its Key is.
type Signer struct {
	profile Profile
	sealer  sealer
	maxBody int64
}

// NewSigner checks the configuration.
func NewSigner(c SignerConfig) (*Signer, error) {
	switch {
	case c.Profile.IsZero():
		return nil, errors.New("qseal: SignerConfig.Profile is required")
	case c.Profile.seal == nil:
		return nil, fmt.Errorf("qseal: profile %s does not sign", c.Profile.name)
	case c.Key == nil:
		return nil, errors.New("qseal: SignerConfig.Key is required")
	case len(c.Chain) == 0 || slices.Contains(c.Chain, nil):
		return nil, errors.New("qseal: SignerConfig.Chain is required")
	case c.KeyID != "" && c.Profile.derivesKeyID:
		return nil, fmt.Errorf("qseal: profile %s names the key by the certificate, not by KeyID", c.Profile.name)
	case c.MaxBody < 0:
		return nil, errors.New("qseal: SignerConfig.MaxBody is negative")
	}
	pub, ok := c.Key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(c.Chain[0].PublicKey) {
		return nil, errors.New("qseal: SignerConfig.Key is not that of the certificate")
	}
	if refusal := checkKey(c.Chain[0].PublicKey); refusal != nil {
		return nil, refusal
	}
	algorithm, refusal := chooseAlgorithm(c.Chain[0].PublicKey, c.Profile.algorithms, c.Algorithm)
	if refusal != nil {
		return nil, refusal
	}
	if c.KeyID == "" && c.Profile.needsKeyID {
		return nil, fmt.Errorf("qseal: SignerConfig.KeyID is required for the profile %s", c.Profile.name)
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	return &Signer{profile: c.Profile, maxBody: c.MaxBody, sealer: sealer{
		key: c.Key, algorithm: algorithm, chain: slices.Clone(c.Chain), keyID: c.KeyID, issuer: c.Issuer,
	}}, nil
}

// SignRequest seals a request that a client is to send, at a time. It sets the
// header fields of the profile and replaces the body with one that can be read
// again; what the seal covers must not change after it. It fails where the
// profile needs a field that is not there, such as X-Request-ID.
func (s *Signer) SignRequest(r *http.Request, at time.Time) error {
	declared := r.ContentLength
	if declared == 0 {
		declared = -1 // net/http: of a client, 0 with a body is unknown
	}
	b := newBody(r.Body, declared, s.maxBody)
	content, refusal := b.read()
	if r.Body != nil {
		_ = r.Body.Close() // it has been read
	}
	if refusal != nil {
		return refusal
	}
	if content != nil {
		again := *b
		again.from = io.NopCloser(nil)
		r.Body, r.ContentLength = again.again(), int64(len(content))
		r.GetBody = func() (io.ReadCloser, error) { return again.again(), nil }
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	m := requestMessage(r)
	m.body = content
	return s.sign(m, at)
}

// SignResponse seals a response with a status and a body, which answers a
// request (nil where the profile does not need it), and sets the fields of the
// profile in header.
func (s *Signer) SignResponse(header http.Header, status int, body []byte, answered *http.Request, at time.Time) error {
	m := &message{status: status, header: header, body: body}
	if answered != nil {
		m.answered = requestMessage(answered)
	}
	return s.sign(m, at)
}

// SignCaptured returns a captured message with a seal.
func (s *Signer) SignCaptured(c *Captured, at time.Time) (*Captured, error) {
	signed := c.WithBody(c.m.body)
	if err := s.sign(signed.m, at); err != nil {
		return nil, err
	}
	return signed, nil
}

func (s *Signer) sign(m *message, at time.Time) error {
	for name := range m.header {
		// A verifier would see a field that this seal has missed.
		if name != textproto.CanonicalMIMEHeaderKey(name) {
			return fmt.Errorf("qseal: header key %q is not in canonical form", name)
		}
	}
	k := s.sealer
	k.at = at
	if err := s.profile.seal(m, &s.profile, &k); err != nil {
		return err
	}
	return nil
}

// RoundTripper seals every request on its way to next, which must not be nil. A
// request without X-Request-ID gets one where the profile needs it or seals it: two
// seals of one second would be one.
func (s *Signer) RoundTripper(next http.RoundTripper) http.RoundTripper {
	return &signingTransport{s, next}
}

type signingTransport struct {
	signer *Signer
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper. It does not modify r.
func (t *signingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	sealedRequest := r.Clone(r.Context())
	p := &t.signer.profile
	if (p.replay || p.sealsID) && sealedRequest.Header.Get(fieldRequestID) == "" {
		sealedRequest.Header.Set(fieldRequestID, newRequestID())
	}
	if err := t.signer.SignRequest(sealedRequest, now()); err != nil {
		return nil, err
	}
	return t.next.RoundTrip(sealedRequest)
}

// newRequestID returns a random UUID (RFC 9562, 5.4).
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
