package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// proxied is nginx with the verifier beside it and a bank behind it.
type proxied struct {
	world    *eidastest.Test
	verifier *httptest.Server
	bank     *httptest.Server
	reached  atomic.Int64 // requests that came to the bank
	url      string
}

// startNginx runs nginx.conf. Without nginx the test is skipped, which is an
// error where EIDAS_NGINX says "required".
func startNginx(t *testing.T) *proxied {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err != nil {
		if os.Getenv("EIDAS_NGINX") == "required" {
			t.Fatal("EIDAS_NGINX=required, but there is no nginx: apt-get install nginx-light")
		}
		t.Skip("NOT TESTED: there is no nginx: apt-get install nginx-light")
	}
	p := &proxied{world: eidastest.Start(t, eidastest.Options{})}
	p.verifier = httptest.NewServer(newTestSidecar(t, p.world))
	t.Cleanup(p.verifier.Close)
	p.bank = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.reached.Add(1)
		for _, h := range certificateHeaders() {
			if r.Header.Get(h) != "" {
				t.Errorf("the bank got %s", h)
			}
		}
		if r.Header.Get(headerSecret) != "" {
			t.Error("the bank got the secret")
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %q %q%s", r.Method, r.Header.Values(headerID), r.Header.Values(headerRoles), body)
	}))
	t.Cleanup(p.bank.Close)
	dir := t.TempDir()
	listen := freeAddress(t)
	writeServerCertificate(t, p.world, dir)
	writeConfig(t, dir, map[string]string{
		"Dir": dir, "Listen": listen, "Secret": secret,
		"Verifier": p.verifier.Listener.Addr().String(), "Bank": p.bank.Listener.Addr().String(),
	})
	globals := "daemon off;"
	if os.Getuid() == 0 {
		globals += " user root;" // or it could not read the folder
	}
	nginx := exec.Command(binary, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log"), "-g", globals)
	var output strings.Builder
	nginx.Stdout, nginx.Stderr = &output, &output
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(os.Interrupt)
		_ = nginx.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("nginx: %s%s", output.String(), log)
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", listen)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nginx does not listen")
		}
	}
	p.url = "https://" + listen
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func writeServerCertificate(t *testing.T, w *eidastest.Test, dir string) {
	t.Helper()
	cert, err := w.ServerCertificate()
	w.Check(err)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	w.Check(err)
	w.Check(os.WriteFile(filepath.Join(dir, "server.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600))
	w.Check(os.WriteFile(filepath.Join(dir, "server.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
}

func writeConfig(t *testing.T, dir string, values map[string]string) {
	t.Helper()
	config, err := template.ParseFiles("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := config.Execute(f, values); err != nil {
		t.Fatal(err)
	}
}

// client keeps its connection, over h1 or h2.
func (p *proxied) client(t *testing.T, protocol string, config *tls.Config) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(protocol == "h1")
	transport.Protocols.SetHTTP2(protocol == "h2")
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (p *proxied) get(t *testing.T, c *http.Client, h http.Header) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/accounts", nil)
	if err != nil {
		t.Fatal(err)
	}
	if h != nil {
		r.Header = h
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (p *proxied) expect(t *testing.T, c *http.Client, h http.Header, status int, text string) {
	t.Helper()
	got, body := p.get(t, c, h)
	if got != status || !strings.Contains(body, text) {
		t.Errorf("got %d %s, want %d %s", got, body, status, text)
	}
}

func eachProtocol(t *testing.T, f func(t *testing.T, p *proxied, protocol string)) {
	t.Helper()
	for _, protocol := range []string{"h1", "h2"} {
		t.Run(protocol, func(t *testing.T) { f(t, startNginx(t), protocol) })
	}
}

const known = `["` + tppID + `"]`

func TestNginxLetsInWhomTheVerifierLetsIn(t *testing.T) {
	eachProtocol(t, func(t *testing.T, p *proxied, protocol string) {
		t.Helper()
		w := p.world
		client := func(l *eidastest.Leaf) *http.Client { return p.client(t, protocol, w.ClientConfig(l)) }
		p.expect(t, client(w.QWAC("LT", tppID, eidas.RoleAI)), nil, 200, `GET `+known+` ["PSP_AI"]`)
		p.expect(t, client(w.QWAC("DE", tppID, eidas.RoleAI|eidas.RolePI)), nil, 200, `GET `+known+` ["PSP_PI|PSP_AI"]`)

		serverAuth, expired := eidastest.QWAC(tppID, eidas.RoleAI), eidastest.QWAC(tppID, eidas.RoleAI)
		serverAuth.ExtKeyUsage = []string{eidastest.ServerAuth}
		expired.NotBefore, expired.NotAfter = w.Now().AddDate(-1, 0, 0), w.Now().Add(-time.Hour)
		p.expect(t, client(w.Issue("LT", serverAuth)), nil, 200, known)
		before := p.reached.Load()
		p.expect(t, client(w.Issue("LT", expired)), nil, 401, `"reason":"expired"`)
		p.expect(t, client(nil), nil, 401, `"reason":"certificate_missing"`)
		stranger, err := w.Impostor("LT").IssueQWAC(tppID, eidas.RoleAI)
		w.Check(err)
		p.expect(t, client(stranger), nil, 401, `"reason":"signature_invalid"`)
		p.expect(t, client(w.QWAC("LT", tppID, eidas.RolePI)), nil, 403, `"reason":"role_missing"`)
		p.expect(t, client(w.QSealC("LT", tppID, eidas.RoleAI)), nil, 401, `"reason":"`)
		if got := p.reached.Load(); got != before {
			t.Errorf("%d refused requests came to the bank", got-before)
		}
	})
}

// The subrequest has no body; the request must keep its own.
func TestNginxPassesOrdersOn(t *testing.T) {
	eachProtocol(t, func(t *testing.T, p *proxied, protocol string) {
		t.Helper()
		order := strings.Repeat("payment ", 4<<10)
		serverAuth := eidastest.QWAC(tppID, eidas.RoleAI)
		serverAuth.ExtKeyUsage = []string{eidastest.ServerAuth}
		for name, l := range map[string]*eidastest.Leaf{
			"clientAuth": p.world.QWAC("LT", tppID, eidas.RoleAI), "serverAuth": p.world.Issue("LT", serverAuth),
		} {
			c := p.client(t, protocol, p.world.ClientConfig(l))
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/payments", strings.NewReader(order))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Do(r)
			if err != nil {
				t.Fatal(name, err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := "POST " + known + ` ["PSP_AI"]` + order; err != nil || string(body) != want {
				t.Errorf("%s: got %d, %d bytes, %.60q and %v", name, resp.StatusCode, len(body), body, err)
			}
		}
	})
}

func TestNginxClientsCannotSpeakForTheProxy(t *testing.T) {
	eachProtocol(t, func(t *testing.T, p *proxied, protocol string) {
		t.Helper()
		w := p.world
		victim := escaped(w.QWAC("LT", tppID, eidas.RoleAI))
		mine := p.client(t, protocol, w.ClientConfig(w.QWAC("LT", "PSDLT-BL-EX000666", eidas.RoleAI)))
		nobody := p.client(t, protocol, w.ClientConfig(nil))

		own := `GET ["PSDLT-BL-EX000666"] ["PSP_AI"]`
		p.expect(t, mine, http.Header{headerID: {tppID}, headerRoles: {"PSP_PI"}}, 200, own)
		p.expect(t, mine, http.Header{headerCertificate: {victim}, headerSecret: {"guess"}}, 200, own)
		p.expect(t, mine, http.Header{headerReason: {"x"}, headerStatus: {"OK"}, headerID: {tppID, tppID}}, 200, own)
		before := p.reached.Load()
		p.expect(t, nobody, http.Header{headerCertificate: {victim}, headerID: {tppID}}, 401, `"reason":"certificate_missing"`)
		for _, name := range certificateHeaders()[1:] {
			p.expect(t, mine, http.Header{name: {victim}}, 403, `"reason":"header_conflict"`)
			p.expect(t, nobody, http.Header{name: {victim}, headerCertificate: {victim}}, 403, `"reason":"header_conflict"`)
		}
		// nginx drops names with underscores; if it did not, the verifier refuses.
		p.expect(t, nobody, http.Header{"X_SSL_Client_Cert": {victim}}, 401, `"reason":"certificate_missing"`)
		if got := p.reached.Load(); got != before {
			t.Errorf("%d refused requests came to the bank", got-before)
		}
		status, _ := p.get(t, p.client(t, protocol, w.ClientConfig(nil)), nil)
		if r, err := http.Get(p.verifier.URL); err != nil || r.StatusCode != http.StatusForbidden || status != 401 {
			t.Errorf("a client that reaches the verifier without the secret: %v %v", r, err)
		}
	})
}

func TestNginxRefusesARevokedCertificateOnAnOpenConnection(t *testing.T) {
	eachProtocol(t, func(t *testing.T, p *proxied, protocol string) {
		t.Helper()
		w := p.world
		old, next := w.QWAC("LT", tppID, eidas.RoleAI), w.QWAC("DE", tppID, eidas.RoleAI)
		current := old.TLS()
		var dialed atomic.Int64
		config := w.ClientConfig(nil)
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			dialed.Add(1)
			return &current, nil
		}
		c := p.client(t, protocol, config)
		p.expect(t, c, nil, 200, known)
		p.expect(t, c, nil, 200, known)
		w.QTSP("LT").Revoke(old, 1)
		current = next.TLS()
		p.expect(t, c, nil, 401, `"reason":"revoked"`)
		if got := dialed.Load(); got != 1 {
			t.Errorf("%d connections", got)
		}
		if protocol == "h2" { // nginx ends those by keepalive_time only
			p.expect(t, c, nil, 401, `"reason":"revoked"`)
			c.CloseIdleConnections()
		}
		p.expect(t, c, nil, 200, known) // it dialled again, with its new certificate
		if got := dialed.Load(); got != 2 {
			t.Errorf("%d connections", got)
		}
	})
}

func TestNginxFailsClosed(t *testing.T) {
	eachProtocol(t, func(t *testing.T, p *proxied, protocol string) {
		t.Helper()
		c := p.client(t, protocol, p.world.ClientConfig(p.world.QWAC("LT", tppID, eidas.RoleAI)))
		p.expect(t, c, nil, 200, known)
		p.world.QTSP("LT").Responder.SetFault(eidastest.FaultDown)
		p.expect(t, c, nil, 200, known) // by the last answer, which is fresh
		unasked := p.client(t, protocol, p.world.ClientConfig(p.world.QWAC("LT", tppID, eidas.RoleAI)))
		p.expect(t, unasked, nil, 503, `"reason":"revocation_unavailable"`)
		p.verifier.Close()
		before := p.reached.Load()
		p.expect(t, c, nil, 500, "")
		if got := p.reached.Load(); got != before {
			t.Error("a request came to the bank without a verdict")
		}
	})
}
