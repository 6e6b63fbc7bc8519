package eidastest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/revocation"
)

const identifier = "PSDLT-BL-LB000001"

// ask sends an OCSP request for a leaf and returns the answer's octets.
func ask(t *testing.T, l *eidastest.Leaf, method string, hash crypto.Hash) []byte {
	t.Helper()
	der, err := ocsp.CreateRequest(l.Certificate, l.Chain[1], &ocsp.RequestOptions{Hash: hash})
	require.NoError(t, err)
	where, body := l.Certificate.OCSPServer[0], io.Reader(bytes.NewReader(der))
	if method == http.MethodGet {
		where += "/" + url.PathEscape(base64.StdEncoding.EncodeToString(der))
		body = nil
	}
	req, err := http.NewRequestWithContext(t.Context(), method, where, body)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "application/ocsp-response", resp.Header.Get("Content-Type"))
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer
}

// judge gives an answer to both verifiers: that of the library and x/crypto.
func judge(t *testing.T, w *eidastest.Test, l *eidastest.Leaf, raw []byte) eidas.Status {
	t.Helper()
	target := revocation.Target{Certificate: l.Certificate, Issuer: l.Chain[1]}
	a, err := revocation.VerifyOCSP(raw, target, w.Now(), revocation.OCSPPolicy{})
	require.NoError(t, err)
	second, err := ocsp.ParseResponseForCert(raw, l.Certificate, l.Chain[1])
	require.NoError(t, err)
	assert.Equal(t, a.Status == eidas.StatusRevoked, second.Status == ocsp.Revoked)
	return a.Status
}

func TestResponderAnswersEveryWayOfAsking(t *testing.T) {
	for name, key := range map[string]eidastest.KeyType{"P-256": eidastest.P256, "RSA-2048": eidastest.RSA2048} {
		w := eidastest.Start(t, eidastest.Options{})
		q, err := w.AddQTSP(eidastest.QTSPOptions{Territory: "LT", Key: key})
		require.NoError(t, err)
		good, err := q.IssueQWAC(identifier, eidas.RoleAI)
		require.NoError(t, err)
		bad, err := q.IssueQWAC(identifier, eidas.RoleAI)
		require.NoError(t, err)
		q.Revoke(bad, 4)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
				for _, direct := range []bool{false, true} {
					t.Run(name+" "+method+" "+hash.String(), func(t *testing.T) {
						q.Responder.SetDirect(direct)
						assert.Equal(t, eidas.StatusGood, judge(t, w, good, ask(t, good, method, hash)))
						assert.Equal(t, eidas.StatusRevoked, judge(t, w, bad, ask(t, bad, method, hash)))
					})
				}
			}
		}
		assert.Equal(t, 16, q.Responder.Requests())
	}
}

// The base64 of a request can hold two slashes in a row, which http.ServeMux
// would answer with a redirect.
func TestResponderTakesPathsWithTwoSlashes(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for range 2000 {
		l := w.QWAC("LT", identifier, eidas.RoleAI)
		der, err := ocsp.CreateRequest(l.Certificate, l.Chain[1], nil)
		require.NoError(t, err)
		if !bytes.Contains([]byte(base64.StdEncoding.EncodeToString(der)), []byte("//")) {
			continue
		}
		where := l.Certificate.OCSPServer[0] + "/" + base64.StdEncoding.EncodeToString(der)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, where, nil)
		require.NoError(t, err)
		resp, err := http.DefaultTransport.RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusGood, judge(t, w, l, answer))
		return
	}
	t.Fatal("no request had two slashes")
}

func TestRevocationCarriesReasonAndTime(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	w.QTSP("LT").Revoke(l, 1)
	target := revocation.Target{Certificate: l.Certificate, Issuer: l.Chain[1]}
	a, err := revocation.VerifyOCSP(ask(t, l, http.MethodPost, crypto.SHA256), target, w.Now(), revocation.OCSPPolicy{})
	require.NoError(t, err)
	assert.Equal(t, 1, a.Code)
	assert.WithinDuration(t, w.Now(), a.RevokedAt, time.Minute)
	w.QTSP("LT").Responder.Unrevoke(l.Certificate.SerialNumber)
	assert.Equal(t, eidas.StatusGood, judge(t, w, l, ask(t, l, http.MethodPost, crypto.SHA256)))
}

func TestLifetimeOfAnswers(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{Now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	target := revocation.Target{Certificate: l.Certificate, Issuer: l.Chain[1]}
	for name, row := range map[string]struct{ set, next time.Duration }{
		"as it comes":   {12 * time.Hour, 12 * time.Hour},
		"five minutes":  {5 * time.Minute, 5 * time.Minute},
		"no nextUpdate": {0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w.QTSP("LT").Responder.SetLifetime(row.set)
			a, err := revocation.VerifyOCSP(ask(t, l, http.MethodPost, crypto.SHA256), target, w.Now(), revocation.OCSPPolicy{})
			require.NoError(t, err)
			if row.next == 0 {
				assert.True(t, a.NextUpdate.IsZero())
				return
			}
			assert.True(t, w.Now().Add(row.next).Equal(a.NextUpdate), a.NextUpdate)
		})
	}
}

// Every fault makes the validator refuse with the reason that it stands for.
func TestFaultsRefuseForTheirReason(t *testing.T) {
	for name, row := range map[string]struct {
		fault  eidastest.Fault
		reason eidas.Reason
		rule   revocation.Rule
	}{
		"none":    {eidastest.FaultNone, 0, 0},
		"down":    {eidastest.FaultDown, eidas.ReasonRevocationUnavailable, revocation.RuleQ2},
		"garbage": {eidastest.FaultGarbage, eidas.ReasonRevocationInvalid, revocation.RuleQ2},
		"later":   {eidastest.FaultLater, eidas.ReasonRevocationUnavailable, revocation.RuleP2},
		"stale":   {eidastest.FaultStale, eidas.ReasonRevocationInvalid, revocation.RuleP8},
		"unknown": {eidastest.FaultUnknown, eidas.ReasonRevocationUnknown, revocation.RuleP3},
		"forged":  {eidastest.FaultForged, eidas.ReasonRevocationInvalid, revocation.RuleP6},
		"sibling": {eidastest.FaultSibling, eidas.ReasonRevocationInvalid, revocation.RuleP4},
		"other":   {eidastest.FaultOther, eidas.ReasonRevocationInvalid, revocation.RuleP3},
	} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			l := w.QWAC("LT", identifier, eidas.RoleAI)
			w.QTSP("LT").Responder.SetFault(row.fault)
			_, err := validate(t, w, l, eidas.UseTLS)
			if row.reason == 0 {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, row.reason, eidas.ReasonOf(err), "%v", err)
			assert.Equal(t, row.rule, revocation.RuleOf(err), "%v", err)
		})
	}
}

// A forgery is only worth its name when the status in it is good: the revoked
// certificate whose sibling vouches for it is the attack.
func TestForgeriesSayGoodOfARevokedCertificate(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	w.QTSP("LT").Revoke(l, 1)
	w.QTSP("LT").Responder.SetFault(eidastest.FaultSibling)
	raw := ask(t, l, http.MethodPost, crypto.SHA256)
	lax, err := ocsp.ParseResponseForCert(raw, l.Certificate, l.Chain[1])
	require.NoError(t, err, "x/crypto/ocsp does not ask who the signer is")
	assert.Equal(t, ocsp.Good, lax.Status)
}

func TestSlowResponderWaitsForRelease(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	r := w.QTSP("LT").Responder
	v := w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))
	r.SetFault(eidastest.FaultSlow)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := v.Validate(ctx, l.Chain, eidas.UseTLS, w.Now())
	require.Error(t, err)

	done := make(chan error, 1)
	go func() {
		_, err := v.Validate(t.Context(), l.Chain, eidas.UseTLS, w.Now())
		done <- err
	}()
	for r.Requests() == 0 { // the request has come in, and only now is it released
		select {
		case err := <-done:
			t.Fatalf("answered before it was released: %v", err)
		default:
			runtime.Gosched()
		}
	}
	r.Release()
	require.NoError(t, <-done)
	r.Release() // harmless
	_, err = validate(t, w, l, eidas.UseTLS)
	require.NoError(t, err, "the fault has ended")
}

func TestResponderRefusesWhatItCannotAnswer(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	other := eidastest.Start(t, eidastest.Options{})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	post := func(body []byte) []byte {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.Certificate.OCSPServer[0], bytes.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return answer
	}
	assert.Equal(t, ocsp.MalformedRequestErrorResponse, post([]byte("not DER")))
	foreign := other.QWAC("LT", identifier, eidas.RoleAI)
	der, err := ocsp.CreateRequest(foreign.Certificate, foreign.Chain[1], nil)
	require.NoError(t, err)
	assert.Equal(t, ocsp.UnauthorizedErrorResponse, post(der))

	for path, status := range map[string]int{"/!!!": http.StatusBadRequest, "-elsewhere": http.StatusNotFound} {
		resp, err := http.Get(l.Certificate.OCSPServer[0] + path)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, status, resp.StatusCode, path)
	}
}

func TestCertificateThatWasNeverIssuedIsUnknown(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	der, key, err := q.IssueDER(eidastest.QWAC(identifier, eidas.RoleAI))
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	l := &eidastest.Leaf{Certificate: cert, Key: key, Chain: []*x509.Certificate{cert, q.Issuing.Certificate}}
	_, err = validate(t, w, l, eidas.UseTLS)
	require.ErrorIs(t, err, eidas.ReasonRevocationUnknown)
	q.Responder.Issued(cert)
	_, err = validate(t, w, l, eidas.UseTLS)
	require.NoError(t, err)
}

// validate runs the real validator over a leaf's chain.
func validate(t *testing.T, w *eidastest.Test, l *eidastest.Leaf, use eidas.Use) (*eidas.Result, error) {
	t.Helper()
	v := w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))
	return v.Validate(t.Context(), l.Chain, use, w.Now())
}
