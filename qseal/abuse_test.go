package qseal_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// HTTP/2 of net/http leaves blanks around a field value, and a signing string
// has none: with them one seal would have any number of ids.
func TestReplayWithBlanksAroundTheIDIsRefused(t *testing.T) {
	const id = "99391c7e-ad88-49ec-a2ad-99ddcb1f7721"
	for _, spelling := range []string{" " + id, id + " ", "\t" + id + " \t"} {
		blanks := later(func(r *http.Request) { r.Header["X-Request-Id"] = []string{spelling} })
		s := newScene(t, qseal.BerlinGroup13())
		require.NoError(t, s.verify(s.order()))
		require.ErrorIs(t, s.verify(s.order(blanks)), qseal.ReasonFormat)

		undated := func(f *forged) { f.header.Del("Date") }
		s = stetScene(t)
		require.NoError(t, s.verify(s.order(undated, covering("(request-target) digest x-request-id"))))
		require.ErrorIs(t, s.verify(s.order(undated, covering("(request-target) digest x-request-id"), blanks)), qseal.ReasonFormat)
	}
	s := newScene(t, qseal.BerlinGroup13())
	require.ErrorIs(t, s.verify(s.order(header("x-request-id", " "))), qseal.ReasonFormat)
}

type replayFunc func(key string, ttl time.Duration) (bool, error)

func (f replayFunc) Add(_ context.Context, key string, ttl time.Duration) (bool, error) {
	return f(key, ttl)
}

// A seal with a time is remembered for as long as it would be accepted, whatever
// the window of those without.
func TestReplayOutlivesTheAgeOfASeal(t *testing.T) {
	for _, window := range []time.Duration{time.Second, 0} {
		const age, skew = 48 * time.Hour, time.Minute
		var got time.Duration
		s := newScene(t, qseal.BerlinGroup13().AllowQuirks(qseal.QuirkExtraFields).AllowAge(age, skew))
		s.config.ReplayWindow = window
		s.config.Replay = replayFunc(func(_ string, ttl time.Duration) (bool, error) {
			got = ttl
			return true, nil
		})
		require.NoError(t, s.verify(s.order(header("date", s.at.UTC().Format(http.TimeFormat)), covering("digest x-request-id date"))))
		assert.Greater(t, got, age+skew)
		require.NoError(t, s.verify(s.order()))
		if window == 0 {
			window = 24 * time.Hour
		}
		assert.Equal(t, window, got)
	}
}

func TestSealWithoutATimeNeedsSomebodyToRememberIt(t *testing.T) {
	s := stetScene(t)
	s.config.Replay, s.config.AllowReplays = nil, true
	require.NoError(t, s.verify(s.order()), "with a date")
	err := s.verify(s.order(func(f *forged) { f.header.Del("Date") }, covering("(request-target) digest x-request-id")))
	require.ErrorIs(t, err, qseal.ReasonCoverage)
}

// What a store is given as a key is bounded, though a nonce is not.
func TestReplayKeyIsBounded(t *testing.T) {
	var keys []string
	for _, nonce := range []string{"n", strings.Repeat("n", 4<<10), strings.Repeat("n", 4<<10) + "o"} {
		m := messageSeal{params: strings.Replace(usualParams, `nonce="n1"`, `nonce="`+nonce+`"`, 1)}
		r := m.request(t)
		hooks := sealers{map[string]*x509.Certificate{"k1": p256Forger().cert}}
		s := &scene{tb: t, config: qseal.Config{
			Validator: hooks, Resolver: hooks, AllowAnyPeer: true, Profile: qseal.RFC9421("fapi-2-request"),
		}}
		s.config.Replay = replayFunc(func(key string, _ time.Duration) (bool, error) {
			keys = append(keys, key)
			return true, nil
		})
		_, err := s.verifier().VerifyRequest(t.Context(), r, sealTime)
		require.NoError(t, err)
	}
	require.Len(t, keys, 3)
	assert.Less(t, max(len(keys[0]), len(keys[1]), len(keys[2])), 300)
	assert.NotEqual(t, keys[1], keys[2])
}

func TestQuirkOfTheCertificateFieldIsCountedEachTime(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13().AllowQuirks(qseal.QuirkPEMCertificate))
	v := s.verifier()
	text := base64.StdEncoding.EncodeToString([]byte(pemOf(s.leaf.Certificate.Raw)))
	for i := range 3 {
		r := s.order(header("x-request-id", fmt.Sprint(i)), header("tpp-signature-certificate", text))
		seal, err := v.VerifyRequest(t.Context(), r, s.at)
		require.NoError(t, err)
		assert.Equal(t, qseal.QuirkPEMCertificate, seal.Quirks, i)
	}
}

func TestConnectionFieldIsBounded(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	s.refused(qseal.ReasonHopByHop, header("connection", strings.Repeat(",", 2<<10)))
	s.refused(qseal.ReasonHopByHop, header("connection", strings.Repeat(",", 600), strings.Repeat(",", 600)))
	require.NoError(t, s.verify(s.order(header("connection", strings.Repeat(",", 500)), header("x-request-id", "x"))))
}

// A field of 1 MiB, parsed anew for each of 60 components, took half a minute.
func TestTextThatComponentsParseIsBounded(t *testing.T) {
	const limit = 64 << 10
	for name, row := range map[string]struct {
		component string
		size      int // of the field or query
		want      qseal.Reason
	}{
		"member":             {`"x-d";key="a"`, limit, 0},
		"member, too large":  {`"x-d";key="a"`, limit + 1, qseal.ReasonFieldMissing},
		"members, too large": {`"x-d";key="a" "x-d";key="b"`, limit/2 + 1, qseal.ReasonFieldMissing},
		"query":              {`"@query-param";name="a"`, limit, 0},
		"query, too large":   {`"@query-param";name="a"`, limit + 1, qseal.ReasonFieldMissing},
		"sf, too large":      {`"priority";sf`, limit + 1, qseal.ReasonFieldMissing},
	} {
		t.Run(name, func(t *testing.T) {
			r := messageSeal{}.request(t)
			const head, tail = `a=1, b=1, c="`, `"`
			text := head + strings.Repeat("1", row.size-len(head+tail)) + tail
			r.Header.Set("X-D", text)
			r.Header.Set("Priority", text)
			r.RequestURI = "/?a=1&" + strings.Repeat("1", row.size-len("/?a=1&"))
			input := r.Header.Get("Signature-Input")
			r.Header.Set("Signature-Input", strings.Replace(input, `("@method"`, `("@method" `+row.component, 1))
			_, _, err := qseal.BaseRFC9421(qseal.ViewRequest(r, nil), "s")
			require.Equal(t, row.want.String(), qseal.ReasonOf(err).String(), "%v", err)
			if row.want != 0 {
				require.ErrorContains(t, err, "to parse")
			}
		})
	}
}

// The seal of ING's token request is in a field that is no mark of a seal by itself.
func TestUnsealedIsNotOneWithASealInAuthorization(t *testing.T) {
	s := ingScene(t)
	s.config.AllowUnsealed = true
	for credentials, passes := range map[string]bool{
		"": true, "Bearer x": true, "Signature": false, ` signature keyId="SN=1"`: false, "Signatures x": true,
	} {
		called := false
		r := httptest.NewRequest(http.MethodPost, "/token", nil)
		r.Header.Set("Authorization", credentials)
		s.verifier().Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true })).
			ServeHTTP(httptest.NewRecorder(), r)
		assert.Equal(t, passes, called, credentials)
	}
}
