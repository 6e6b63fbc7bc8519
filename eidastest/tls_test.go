package eidastest_test

import (
	"crypto/tls"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

// serveGuarded runs a server that tells each caller who he is and whether his
// session was resumed.
func serveGuarded(t *testing.T, w *eidastest.Test) string {
	t.Helper()
	verifier, err := qwac.New(qwac.Config{
		Validator: w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))),
	})
	require.NoError(t, err)
	config, err := verifier.ServerConfig(&tls.Config{})
	require.NoError(t, err)
	tell := func(rw http.ResponseWriter, r *http.Request) {
		tpp, _ := qwac.FromContext(r.Context())
		_, _ = fmt.Fprintf(rw, "%s resumed=%t", tpp.Identity.OrganizationIdentifier(), r.TLS.DidResume)
	}
	return w.Serve(&http.Server{Handler: verifier.Handler(http.HandlerFunc(tell)), TLSConfig: config})
}

func get(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestHandshakesOverBothVersions(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			url := serveGuarded(t, w)
			client := func(l *eidastest.Leaf) *http.Client {
				c := w.ClientConfig(l)
				c.MaxVersion = version
				return eidastest.HTTPClient(c)
			}
			tpp := w.QWAC("LT", identifier, eidas.RoleAI)
			c := client(tpp)
			body, err := get(t, c, url)
			require.NoError(t, err)
			assert.Equal(t, identifier+" resumed=false", body)
			body, err = get(t, c, url)
			require.NoError(t, err)
			assert.Equal(t, identifier+" resumed=true", body, "every request has a handshake, and sessions are resumed")

			rotated, err := get(t, client(w.QWAC("DE", identifier, eidas.RoleAI)), url)
			require.NoError(t, err)
			assert.Equal(t, identifier+" resumed=false", rotated)

			impostor, err := w.Impostor("LT").IssueQWAC(identifier, eidas.RoleAI)
			require.NoError(t, err)
			_, err = get(t, client(impostor), url)
			require.Error(t, err, "impostor")
			thief, err := tpp.Thief()
			require.NoError(t, err)
			_, err = get(t, client(thief), url)
			require.Error(t, err, "thief")
			_, err = get(t, client(nil), url)
			require.Error(t, err, "no certificate")

			w.QTSP("LT").Revoke(tpp, 1)
			_, err = get(t, c, url)
			require.Error(t, err, "revoked, with a session to resume")
		})
	}
}

func TestWithdrawalEndsAccessAtTheNextHandshake(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	url := serveGuarded(t, w)
	c := w.Client(w.QWAC("LT", identifier, eidas.RoleAI))
	_, err := get(t, c, url)
	require.NoError(t, err)
	w.Check(w.QTSP("LT").Withdraw(w.Now()))
	_, err = get(t, c, url)
	require.Error(t, err)
	w.Check(w.QTSP("LT").Grant(w.Now()))
	_, err = get(t, c, url)
	require.NoError(t, err)
}

func TestServeKeepsTheServersOwnCertificate(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	own, err := w.ServerCertificate()
	require.NoError(t, err)
	config := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13}
	url := w.Serve(&http.Server{
		Handler:   http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusTeapot) }),
		TLSConfig: config,
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := w.Client(nil).Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusTeapot, resp.StatusCode)
	assert.Equal(t, own.Leaf.Raw, resp.TLS.PeerCertificates[0].Raw)
}

func TestServeWithoutHandlerIsAnError(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for _, under := range []*http.Server{nil, {}} {
		_, err := w.World.Serve(under)
		require.Error(t, err)
	}
}

// recorder is a TB that remembers. Fatalf ends the goroutine, as testing does.
type recorder struct {
	failed   string
	cleanups []func()
}

type failure struct{}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	panic(failure{})
}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// run runs f and returns what it failed with.
func (r *recorder) run(f func()) string {
	r.failed = ""
	defer func() {
		if p := recover(); p != nil && p != any(failure{}) {
			panic(p)
		}
	}()
	f()
	return r.failed
}

func TestFailuresFailTheTest(t *testing.T) {
	r := &recorder{}
	var w *eidastest.Test
	require.Empty(t, r.run(func() { w = eidastest.Start(r, eidastest.Options{}) }))
	for name, f := range map[string]func(){
		"Start":     func() { eidastest.Start(r, eidastest.Options{Territories: []string{""}}) },
		"Check":     func() { w.Check(assert.AnError) },
		"territory": func() { w.QWAC("XX", identifier, eidas.RoleAI) },
		"Issue":     func() { w.Issue("LT", eidastest.Request{KeyType: 99}) },
		"Impostor":  func() { w.Impostor("XX") },
		"Validator": func() { w.Validator(eidas.Policy{}) },
		"Serve":     func() { w.Serve(nil) },
	} {
		r.run(f)
		assert.NotEmpty(t, r.failed, name)
	}
	assert.NotEmpty(t, r.cleanups)
	for _, f := range r.cleanups {
		f()
	}
	_, err := http.Get(w.QTSP("LT").ResponderURL)
	require.Error(t, err, "the responders are closed")
}

// The example is the promise of the package: a bank's own test is short.
func TestExampleIsShortAndRunsInATest(t *testing.T) {
	bankTest(t)
	const limit = 25
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "example_test.go", nil, 0)
	require.NoError(t, err)
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "bankTest" {
			lines := files.Position(f.Body.Rbrace).Line - files.Position(f.Body.Lbrace).Line - 1
			assert.LessOrEqual(t, lines, limit)
			return
		}
	}
	t.Fatal("bankTest is gone")
}
