package qseal_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// scene is a bank, its world and a TPP with a seal.
type scene struct {
	tb     testing.TB
	w      *eidastest.Test
	leaf   *eidastest.Leaf
	peer   eidas.Identity // on the connection
	config qseal.Config
	at     time.Time
	usual  []func(f *forged) // edits that make an order lawful in the profile
}

func newScene(tb testing.TB, p qseal.Profile) *scene {
	tb.Helper()
	w := eidastest.Start(tb, eidastest.Options{})
	s := &scene{tb: tb, w: w, leaf: w.QSealC("LT", tppID, roles), peer: identityOf(tb, tppID)}
	s.at = w.Now()
	s.config = qseal.Config{
		Validator: w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)}),
		Profile:   p,
		Peer:      func(*http.Request) (eidas.Identity, error) { return s.peer, nil },
		Replay:    replayMemory(tb),
		MaxBody:   4096,
	}
	return s
}

func replayMemory(tb testing.TB) *qseal.ReplayMemory {
	tb.Helper()
	m, err := qseal.NewReplayMemory(1<<16, 24*time.Hour)
	require.NoError(tb, err)
	return m
}

func identityOf(tb testing.TB, s string) eidas.Identity {
	tb.Helper()
	id, err := eidas.ParseIdentity(s)
	require.NoError(tb, err)
	return id
}

func (s *scene) verifier() *qseal.Verifier {
	s.tb.Helper()
	v, err := qseal.New(s.config)
	require.NoError(s.tb, err)
	return v
}

func (s *scene) verify(r *http.Request) error {
	s.tb.Helper()
	_, err := s.verifier().VerifyRequest(context.Background(), r, s.at)
	return err
}

// forged is a Berlin Group message that says whatever a test wants it to say and
// is then properly sealed: a verifier that misses the rule accepts it. It shares
// no code with the package.
type forged struct {
	method, target string
	header         http.Header
	body           string
	sealedBody     *string // digest of another body; nil: of body
	keyID          string
	algorithm      string
	covered        string
	signature      func(key crypto.Signer, base []byte) string
	base           func(base string) string
	value          func(params map[string]string) string // of Signature
	after          func(r *http.Request)                 // once it is sealed
	leaf           *eidastest.Leaf
}

const payment = `<InstdAmt Ccy="EUR">123.50</InstdAmt>`

// order is a lawful payment order of the scene's TPP.
func (s *scene) order(edits ...func(f *forged)) *http.Request {
	s.tb.Helper()
	f := &forged{
		method: http.MethodPost, target: "/v1/payments", body: payment, header: http.Header{}, leaf: s.leaf,
		algorithm: "ecdsa-sha256", covered: "digest x-request-id", signature: signDER(crypto.SHA256),
	}
	f.header.Set("X-Request-Id", "99391c7e-ad88-49ec-a2ad-99ddcb1f7721")
	f.keyID = keyIDOf(s.leaf.Certificate)
	f.header.Set("Tpp-Signature-Certificate", base64.StdEncoding.EncodeToString(s.leaf.Certificate.Raw))
	for _, edit := range append(slices.Clone(s.usual), edits...) {
		edit(f)
	}
	return f.seal(s.tb)
}

func keyIDOf(c *x509.Certificate) string {
	return fmt.Sprintf("SN=%x,CA=%s", c.SerialNumber, c.Issuer.String())
}

func digestOf(body string) string {
	d := sha256.Sum256([]byte(body))
	return "SHA-256=" + base64.StdEncoding.EncodeToString(d[:])
}

func signDER(h crypto.Hash) func(key crypto.Signer, base []byte) string {
	return func(key crypto.Signer, base []byte) string {
		hashed := h.New()
		hashed.Write(base)
		signature, err := key.Sign(rand.Reader, hashed.Sum(nil), h)
		if err != nil {
			return err.Error()
		}
		return base64.StdEncoding.EncodeToString(signature)
	}
}

func (f *forged) seal(tb testing.TB) *http.Request {
	tb.Helper()
	if _, set := f.header["Digest"]; !set {
		body := f.body
		if f.sealedBody != nil {
			body = *f.sealedBody
		}
		f.header.Set("Digest", digestOf(body))
	}
	var content io.Reader
	if f.body != "" {
		content = strings.NewReader(f.body)
	}
	r := httptest.NewRequest(f.method, f.target, content)
	for name, lines := range f.header {
		r.Header[name] = lines
	}
	var lines []string
	for name := range strings.SplitSeq(f.covered, " ") {
		value := strings.Join(r.Header.Values(name), ", ")
		switch name {
		case "(request-target)":
			value = strings.ToLower(f.method) + " " + f.target
		case "host":
			value = r.Host
		}
		lines = append(lines, strings.ToLower(name)+": "+value)
	}
	base := strings.Join(lines, "\n")
	if f.base != nil {
		base = f.base(base)
	}
	params := map[string]string{
		"keyId": f.keyID, "algorithm": f.algorithm, "headers": f.covered, "signature": f.signature(f.leaf.Key, []byte(base)),
	}
	value := fmt.Sprintf(`keyId="%s",algorithm="%s",headers="%s",signature="%s"`,
		params["keyId"], params["algorithm"], params["headers"], params["signature"])
	if f.value != nil {
		value = f.value(params)
	}
	r.Header.Set("Signature", value)
	if f.after != nil {
		f.after(r)
	}
	return r
}

// refused holds a request to the reason of its refusal, and its twin without
// the attack to acceptance.
func (s *scene) refused(want qseal.Reason, edits ...func(f *forged)) {
	s.tb.Helper()
	s.config.Replay = replayMemory(s.tb)
	require.NoError(s.tb, s.verify(s.order()), "the lawful twin")
	s.config.Replay = replayMemory(s.tb)
	err := s.verify(s.order(edits...))
	require.Equal(s.tb, want.String(), qseal.ReasonOf(err).String(), "%v", err)
}

// header returns an edit that sets a field before sealing.
func header(name string, lines ...string) func(f *forged) {
	return func(f *forged) { f.header[http.CanonicalHeaderKey(name)] = lines }
}

// covering returns an edit of what is sealed.
func covering(names string) func(f *forged) { return func(f *forged) { f.covered = names } }

// later returns an edit after sealing.
func later(edit func(r *http.Request)) func(f *forged) { return func(f *forged) { f.after = edit } }

// countingBody counts what is read of it.
type countingBody struct {
	io.Reader
	n int
}

func (c *countingBody) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func (c *countingBody) Close() error { return nil }

// storeFunc is a ReplayStore.
type storeFunc func(key string) (bool, error)

func (f storeFunc) Add(_ context.Context, key string, _ time.Duration) (bool, error) { return f(key) }

var errOutage = errors.New("outage")

func clone(r *http.Request, body string) *http.Request {
	out := r.Clone(context.Background())
	out.Body = io.NopCloser(bytes.NewReader([]byte(body)))
	return out
}

// randomness and pssOptions are for keys that a test signs with in its own way.
var (
	randomness = rand.Reader
	pssOptions = &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
)

func serverConfig(tb testing.TB, w *eidastest.Test) *tls.Config {
	tb.Helper()
	certificate, err := w.ServerCertificate()
	require.NoError(tb, err)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
}

func sha256Of(b []byte) [32]byte { return sha256.Sum256(b) }

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
