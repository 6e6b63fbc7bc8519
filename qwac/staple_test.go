package qwac_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

// answerAbout asks the responder that a certificate names.
func answerAbout(t *testing.T, q *eidastest.QTSP, l *eidastest.Leaf) []byte {
	t.Helper()
	request, err := ocsp.CreateRequest(l.Certificate, q.Issuing.Certificate, nil)
	require.NoError(t, err)
	answer, err := http.Post(l.Certificate.OCSPServer[0], "application/ocsp-request", bytes.NewReader(request))
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	staple, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return staple
}

// A TLS 1.3 client may bring the answer about its certificate along, and is let
// in on it when the responder is out of reach. What it brings is not believed
// for being brought.
func TestStapleOfTheClient(t *testing.T) {
	for name, tc := range map[string]struct {
		staple func(t *testing.T, w *eidastest.Test, mine []byte) []byte
		want   eidas.Reason // 0: let in
	}{
		"good": {func(_ *testing.T, _ *eidastest.Test, mine []byte) []byte { return mine }, 0},
		"none": {func(*testing.T, *eidastest.Test, []byte) []byte { return nil }, eidas.ReasonRevocationUnavailable},
		"one bit flipped": {func(_ *testing.T, _ *eidastest.Test, mine []byte) []byte {
			mine[len(mine)-1] ^= 1
			return mine
		}, eidas.ReasonRevocationUnavailable},
		"about another certificate": {func(t *testing.T, w *eidastest.Test, _ []byte) []byte {
			t.Helper()
			return answerAbout(t, w.QTSP("LT"), w.QWAC("LT", tppID, eidas.RoleAI))
		}, eidas.ReasonRevocationUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			b := startBank(t, w, qwac.Config{})
			leaf := w.QWAC("LT", tppID, eidas.RoleAI)
			cert := leaf.TLS()
			cert.OCSPStaple = tc.staple(t, w, answerAbout(t, w.QTSP("LT"), leaf))
			w.QTSP("LT").Responder.SetFault(eidastest.FaultLater)
			config := w.ClientConfig(nil)
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
			client := eidastest.HTTPClient(config)
			if tc.want == 0 {
				b.assertLetIn(t, client, tppID+" LT")
				b.assertLetIn(t, client, tppID+" LT")
				return
			}
			b.assertRefused(t, client, tc.want)
		})
	}
}
