package qseal_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// A request without a body is sealed without a digest. Nobody may add a body to
// it on the way, announced or not, whether the body is buffered or streamed.
func TestAttack12BodyAddedToASealWithoutADigest(t *testing.T) {
	for name, row := range map[string]struct {
		body             string
		length           int64
		buffered, stream qseal.Reason
	}{
		"none":           {"", 0, 0, 0},
		"unknown length": {"{}", -1, qseal.ReasonCoverage, qseal.ReasonCoverage},
		"announced":      {"{}", 2, qseal.ReasonCoverage, qseal.ReasonCoverage},
		"denied":         {"{}", 0, qseal.ReasonBody, qseal.ReasonDigestMissing},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, qseal.RFC9421("fapi-2-request"))
			r := s.bodyless(row.body, row.length)
			_, err := s.verifier().VerifyRequest(t.Context(), r, s.at)
			assert.Equal(t, row.buffered.String(), qseal.ReasonOf(err).String(), "%v", err)

			s.config.Replay = replayMemory(t)
			pending, err := s.verifier().VerifyStream(t.Context(), s.bodyless(row.body, row.length), s.at)
			if err == nil {
				_, err = pending.Commit(t.Context())
			}
			assert.Equal(t, row.stream.String(), qseal.ReasonOf(err).String(), "%v", err)
		})
	}
}

// bodyless is a request that was sealed without a body, and got one afterwards.
func (s *scene) bodyless(body string, length int64) *http.Request {
	s.tb.Helper()
	directory, err := qseal.NewDirectory(map[string][]byte{"k1": s.leaf.Certificate.Raw})
	require.NoError(s.tb, err)
	s.config.Resolver = directory
	signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: s.config.Profile, Key: s.leaf.Key, Chain: s.leaf.Chain, KeyID: "k1"})
	require.NoError(s.tb, err)
	r, err := http.NewRequestWithContext(s.tb.Context(), http.MethodGet, "https://bank.example"+sealTarget, nil)
	require.NoError(s.tb, err)
	require.NoError(s.tb, signer.SignRequest(r, s.at))
	require.Empty(s.tb, r.Header.Get("Content-Digest"))
	served := clone(r, body)
	served.RequestURI, served.TLS = sealTarget, &tls.ConnectionState{}
	served.Body, served.ContentLength = io.NopCloser(strings.NewReader(body)), length
	return served
}

// A refused certificate is answered with the sentence of the Validator's
// reason, and without its detail.
func TestRefusalOfACertificateSaysWhy(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	s.at = s.leaf.Certificate.NotAfter.Add(time.Hour)
	_, err := s.verifier().VerifyRequest(t.Context(), s.order(), s.at)
	require.ErrorIs(t, err, qseal.ReasonCertificate)
	rec := httptest.NewRecorder()
	s.config.Profile.WriteRefusal(rec, err)
	w := rec.Body.String()
	assert.Contains(t, w, "certificate is refused: certificate has expired")
	assert.Contains(t, w, "CERTIFICATE_EXPIRED")
	assert.NotContains(t, w, s.leaf.Certificate.Subject.CommonName)
}
