package main

import (
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

const (
	tppID  = "PSDLT-BL-EX000042"
	secret = "0123456789abcdef0123456789abcdef"
)

// escaped is nginx's $ssl_client_escaped_cert.
func escaped(l *eidastest.Leaf) string {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.Certificate.Raw})
	return strings.ReplaceAll(url.QueryEscape(string(text)), "+", "%20")
}

func newTestSidecar(t *testing.T, w *eidastest.Test) *sidecar {
	t.Helper()
	v, err := qwac.New(qwac.Config{Validator: w.Validator(policy())})
	if err != nil {
		t.Fatal(err)
	}
	return newSidecar(v, secret)
}

// Each row is what the verifier says to one set of headers.
func TestVerdictsByHeader(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	good := escaped(w.QWAC("LT", tppID, eidas.RoleAI))
	other := escaped(w.QWAC("LT", tppID, eidas.RolePI))
	awsStyle := strings.ReplaceAll(good, "%2B", "+") // RFC 3986 lets a + stand
	header := func(pairs ...string) http.Header {
		h := http.Header{headerSecret: {secret}}
		for i := 0; i < len(pairs); i += 2 {
			h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
		}
		return h
	}
	rows := map[string]struct {
		header http.Header
		status int
		reason string
	}{
		"good":                 {header(headerCertificate, good), 200, ""},
		"plus signs":           {header(headerCertificate, awsStyle), 200, ""},
		"none":                 {header(), 401, "certificate_missing"},
		"empty":                {header(headerCertificate, ""), 401, "certificate_missing"},
		"lacks the role":       {header(headerCertificate, other), 403, "role_missing"},
		"twice":                {header(headerCertificate, good, headerCertificate, good), 403, reasonConflict},
		"two in one":           {header(headerCertificate, good+good), 401, "certificate_malformed"},
		"with text behind":     {header(headerCertificate, good+"x"), 401, "certificate_malformed"},
		"bad escape":           {header(headerCertificate, good+"%zz"), 401, "certificate_malformed"},
		"no PEM":               {header(headerCertificate, "MIIB"), 401, "certificate_malformed"},
		"too long":             {header(headerCertificate, strings.Repeat("A", maxHeader+1)), 401, "chain_too_long"},
		"no secret":            {http.Header{headerCertificate: {good}}, 403, reasonProxy},
		"wrong secret":         {http.Header{headerCertificate: {good}, headerSecret: {secret + "x"}}, 403, reasonProxy},
		"secret twice":         {http.Header{headerCertificate: {good}, headerSecret: {secret, secret}}, 403, reasonProxy},
		"alias by underscores": {header(headerCertificate, good, "X_ssl_client_cert", good), 403, reasonConflict},
		"alias alone":          {header("X_ssl_client_cert", good), 403, reasonConflict},
	}
	for _, name := range certificateHeaders()[1:] {
		rows["beside "+name] = struct {
			header http.Header
			status int
			reason string
		}{header(headerCertificate, good, name, good), 403, reasonConflict}
		rows["alone "+name] = struct {
			header http.Header
			status int
			reason string
		}{header(name, good), 403, reasonConflict}
	}
	s := newTestSidecar(t, w)
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header = row.header
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			if rec.Code != row.status || rec.Header().Get(headerReason) != row.reason {
				t.Errorf("got %d %q, want %d %q", rec.Code, rec.Header().Get(headerReason), row.status, row.reason)
			}
			want := ""
			if row.status == http.StatusOK {
				want = tppID
			}
			if got := rec.Header().Get(headerID); got != want {
				t.Errorf("got identity %q, want %q", got, want)
			}
		})
	}
}

// auth_request knows 200, 401 and 403 only.
func TestFaultsOfOursAreForbiddenWithTheirStatusBeside(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	l := w.QWAC("LT", tppID, eidas.RoleAI)
	w.QTSP("LT").Responder.SetFault(eidastest.FaultDown)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header = http.Header{headerSecret: {secret}, headerCertificate: {escaped(l)}}
	rec := httptest.NewRecorder()
	newTestSidecar(t, w).ServeHTTP(rec, r)
	if rec.Code != http.StatusForbidden || rec.Header().Get(headerStatus) != http.StatusText(http.StatusServiceUnavailable) {
		t.Errorf("got %d %v", rec.Code, rec.Header())
	}
}

func TestListenerAdmitsTheProxyAlone(t *testing.T) {
	v := eidastest.Start(t, eidastest.Options{}).Validator(policy())
	logger := slog.New(slog.DiscardHandler)
	if _, _, err := listen(t.Context(), "127.0.0.1:0", "", v, logger); err == nil {
		t.Error("a TCP listener without a secret")
	}
	path := filepath.Join(t.TempDir(), "s")
	listener, server, err := listen(t.Context(), "unix:"+path, "", v, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if server.MaxHeaderBytes <= maxHeader {
		t.Errorf("headers end at %d", server.MaxHeaderBytes)
	}
	short := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(short, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(short); err == nil {
		t.Error("a secret of 5 characters")
	}
}
