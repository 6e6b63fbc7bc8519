package qseal_test

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// misread holds a request to a refusal of its form, and to the words of it,
// where another guard would refuse for the same reason.
func (s *scene) misread(says string, edits ...func(f *forged)) {
	s.tb.Helper()
	s.refused(qseal.ReasonFormat, edits...)
	s.config.Replay = replayMemory(s.tb)
	require.ErrorContains(s.tb, s.verify(s.order(edits...)), says)
}

// adding appends a parameter to Signature once it is sealed.
func adding(parameter string) func(f *forged) {
	return later(func(r *http.Request) { r.Header.Set("Signature", r.Header.Get("Signature")+parameter) })
}

func TestCavageGuards(t *testing.T) {
	expires := adding(",expires=4102444800")
	newScene(t, qseal.BerlinGroup13()).refused(qseal.ReasonHeader, expires)
	stetScene(t).refused(qseal.ReasonHeader, expires)
	ingScene(t).refused(qseal.ReasonHeader, expires)

	berlin := newScene(t, qseal.BerlinGroup13())
	berlin.misread("no parameter at", adding(",x"))
	berlin.misread("no parameter at", adding(`,x y="z"`))
	berlin.misread("unknown parameter", adding(`,x="z"`))
	berlin.config.Profile = berlin.config.Profile.AllowQuirks(qseal.QuirkPercentKeyID)
	berlin.misread("percent-encoded", func(f *forged) { f.keyID = "%zz" + f.keyID })

	// A client sealed no body, and its digest is of neither nothing nor {}.
	empty := newScene(t, qseal.BerlinGroup13().AllowQuirks(qseal.QuirkEmptyObject))
	noBody, braces, other := func(f *forged) { f.body = "" }, "{}", "other"
	empty.usual = append(empty.usual, noBody)
	empty.refused(qseal.ReasonDigest, func(f *forged) { f.sealedBody = &other })
	empty.config.Replay = replayMemory(t)
	require.NoError(t, empty.verify(empty.order(func(f *forged) { f.sealedBody = &braces })))

	// Host is sealed, and the request has none.
	host := newScene(t, qseal.INGCavage().AllowQuirks(qseal.QuirkExtraFields))
	host.usual = ingScene(t).usual
	host.usual[0] = header("date", host.at.UTC().Format(http.TimeFormat))
	sealsHost := covering("(request-target) date digest host")
	require.NoError(t, host.verify(host.order(sealsHost)))
	host.refused(qseal.ReasonFieldMissing, sealsHost, later(func(r *http.Request) { r.Host, r.URL.Host = "", "" }))
}

func TestKeyIDGuards(t *testing.T) {
	match := func(keyID string, c *x509.Certificate, allowed qseal.Quirk) string {
		_, refusal := qseal.MatchKeyID(keyID, c, allowed)
		if refusal == nil {
			return ""
		}
		return refusal.Reason.String()
	}
	mismatch := qseal.ReasonCertificateMismatch.String()
	c := issued(0x10, attribute(`a\b`, 2, 5, 4, 10), attribute("VATLT-1", 2, 5, 4, 97))
	for name, row := range map[string]struct {
		keyID   string
		allowed qseal.Quirk
		want    string
	}{
		"a backslash":                    {keyID: `SN=10,CA=O=a\\b,OID.2.5.4.97=VATLT-1`},
		"a prefix that is not OID":       {keyID: `SN=10,CA=O=a\\b,ABC.2.5.4.97=VATLT-1`, want: mismatch},
		"an OID that is another":         {keyID: `SN=10,CA=O=a\\b,OID.2.5.4.98=VATLT-1`, want: mismatch},
		"decimal":                        {keyID: `SN=16,CA=O=a\\b,2.5.4.97=VATLT-1`, allowed: qseal.QuirkSerialDecimal},
		"decimal, and another number":    {keyID: `SN=17,CA=O=a\\b,2.5.4.97=VATLT-1`, allowed: qseal.QuirkSerialDecimal, want: mismatch},
		"hexadecimal of a decimal, both": {keyID: `SN=0x10,CA=O=a\\b,2.5.4.97=VATLT-1`, allowed: qseal.QuirkSerialDecimal, want: mismatch},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, row.want, match(row.keyID, c, row.allowed)) })
	}
	nameless := issued(1, attribute("", 2, 5, 4, 10))
	assert.Empty(t, match("SN=1,CA=O=", nameless, 0))
	assert.Equal(t, mismatch, match("SN=1,CA=O", nameless, 0), "an attribute has an equals sign")

	many := func(n int) (*x509.Certificate, string) {
		c, name := issued(1), make([]string, n)
		for i := range n {
			c.Issuer.Names = append(c.Issuer.Names, attribute("u", 2, 5, 4, 11))
			name[i] = "OU=u"
		}
		return c, "SN=1,CA=" + strings.Join(name, ",")
	}
	c32, name32 := many(32)
	assert.Empty(t, match(name32, c32, 0))
	assert.Equal(t, mismatch, match(name32+",OU=v", c32, 0), "one more than there are")
	c33, name33 := many(33)
	assert.Equal(t, mismatch, match(name33, c33, 0))
	assert.Equal(t, mismatch, match(name32, c33, 0))
}

func TestSTETKeyIDGuards(t *testing.T) {
	s := stetScene(t)
	digest := hexSHA256(s.leaf.Certificate.Raw)
	for name, url := range map[string]string{
		"no underscore":  "https://tpp.example/seal-" + digest,
		"a query":        "https://tpp.example/seal?x_" + digest,
		"a fragment":     "https://tpp.example/seal#x_" + digest,
		"digest alone":   digest,
		"too short":      "https://tpp.example/_",
		"not in https":   "http://tpp.example/seal_" + digest,
		"no hexadecimal": "https://tpp.example/seal_" + strings.Repeat("g", 64),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			s.config.Resolver, err = qseal.NewDirectory(map[string][]byte{url: s.leaf.Certificate.Raw, stetURL(s.leaf.Certificate): s.leaf.Certificate.Raw})
			require.NoError(t, err)
			s.refused(qseal.ReasonFormat, func(f *forged) { f.keyID = url })
			signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: qseal.STET16(), Key: s.leaf.Key, Chain: s.leaf.Chain, KeyID: url})
			require.NoError(t, err)
			require.ErrorIs(t, signer.SignRequest(s.order(), s.at), qseal.ReasonFormat)
		})
	}
}

// Responses have no request target, and are held to all else.
func TestResponsesInCavage(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	r := eidastest.QSealC(tppID, roles)
	r.KeyType = eidastest.RSA2048
	leaf := w.Issue("LT", r)
	directory, err := qseal.NewDirectory(map[string][]byte{stetURL(leaf.Certificate): leaf.Certificate.Raw})
	require.NoError(t, err)
	for _, p := range []qseal.Profile{qseal.BerlinGroup13(), qseal.STET16(), qseal.INGCavage()} {
		t.Run(p.Name(), func(t *testing.T) {
			header := http.Header{"X-Request-Id": {"1"}}
			require.NoError(t, sealing(t, p, leaf).SignResponse(header, http.StatusCreated, []byte(payment), nil, w.Now()))
			verify := func(validator qseal.Validator, body string) error {
				v, err := qseal.New(qseal.Config{Validator: validator, Profile: p, AllowAnyPeer: true, Resolver: directory, Replay: replayMemory(t)})
				require.NoError(t, err)
				_, err = v.VerifyResponse(t.Context(), &http.Response{
					StatusCode: http.StatusCreated, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1,
				}, w.Now())
				return err
			}
			anybody := w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)})
			require.NoError(t, verify(anybody, payment))
			require.ErrorIs(t, verify(anybody, payment+" "), qseal.ReasonDigest)
			nobody := w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAS)})
			require.ErrorIs(t, verify(nobody, payment), qseal.ReasonCertificate, "the sealer of a response is judged too")
		})
	}
}

func TestResolverThatFindsNothingInParticular(t *testing.T) {
	s := ingScene(t)
	byClient := func(f *forged) {
		f.keyID = "client"
		f.header.Del("Tpp-Signature-Certificate")
	}
	for name, found := range map[string]*qseal.Resolved{"nobody": nil, "no certificate": {}} {
		t.Run(name, func(t *testing.T) {
			s.config.Resolver = resolverFunc(func(qseal.Hint) (*qseal.Resolved, error) { return found, nil })
			s.refused(qseal.ReasonCertificateMissing, byClient)
		})
	}
	// A serial number is compared, whoever has found the certificate.
	s.config.Resolver = resolverFunc(func(qseal.Hint) (*qseal.Resolved, error) {
		return &qseal.Resolved{Chain: s.leaf.Chain}, nil
	})
	s.refused(qseal.ReasonCertificateMismatch, func(f *forged) {
		byClient(f)
		f.keyID = "SN=1"
	})
	s.config.Replay = replayMemory(t)
	require.NoError(t, s.verify(s.order(byClient)))
	_, err := qseal.NewDirectory(map[string][]byte{"k": []byte("no certificate")})
	require.ErrorContains(t, err, `certificate of "k"`)
}

// failing yields some bytes and an error, once, and then the rest as if nothing
// had happened.
type failing struct {
	first, rest io.Reader
	failed      bool
}

func (f *failing) Read(p []byte) (int, error) {
	if f.failed {
		return f.rest.Read(p)
	}
	n, err := f.first.Read(p)
	if err != nil {
		f.failed = true
		return n, errOutage
	}
	return n, nil
}

type closing struct {
	io.Reader
	err error
}

func (c closing) Close() error { return c.err }

func TestBodyGuards(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	broken := func() *http.Request {
		return s.order(later(func(r *http.Request) {
			r.Body = io.NopCloser(&failing{first: strings.NewReader(payment[:10]), rest: strings.NewReader(payment[10:])})
		}))
	}
	t.Run("an error in the middle", func(t *testing.T) {
		err := s.verify(broken())
		require.ErrorIs(t, err, qseal.ReasonBody)
		require.ErrorIs(t, err, errOutage)
		s.config.Replay = replayMemory(t)
		err = s.verify(s.order(later(func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(errOutage)) })))
		require.ErrorIs(t, err, errOutage)
	})
	t.Run("an error in the middle of a stream", func(t *testing.T) {
		s.config.Replay = replayMemory(t)
		r := broken()
		pending, err := s.verifier().VerifyStream(t.Context(), r, s.at)
		require.NoError(t, err)
		_, err = pending.Commit(t.Context())
		require.ErrorIs(t, err, qseal.ReasonBody)
		require.ErrorIs(t, err, errOutage)
		_, err = io.ReadAll(r.Body)
		require.ErrorIs(t, err, errOutage, "the end of a body is its end")
		_, err = pending.Commit(t.Context())
		require.ErrorIs(t, err, errOutage)
	})
	t.Run("closing", func(t *testing.T) {
		s.config.Replay = replayMemory(t)
		r := s.order(later(func(r *http.Request) { r.Body = closing{strings.NewReader(payment), errOutage} }))
		require.NoError(t, s.verify(r))
		require.ErrorIs(t, r.Body.Close(), errOutage)
	})
	t.Run("no body, whatever is announced", func(t *testing.T) {
		for _, body := range []io.ReadCloser{nil, http.NoBody} {
			s := newScene(t, qseal.RFC9421("fapi-2-request"))
			r := s.bodyless("", -1)
			r.Body, r.ContentLength = body, -1
			pending, err := s.verifier().VerifyStream(t.Context(), r, s.at)
			require.NoError(t, err)
			_, err = pending.Commit(t.Context())
			require.NoError(t, err)
		}
	})
	require.ErrorIs(t, qseal.CheckBodyOf(qseal.BerlinGroup13(), []byte("x")), qseal.ReasonDigestMissing)
	require.NoError(t, qseal.CheckBodyOf(qseal.BerlinGroup13(), nil))
	require.NoError(t, qseal.CheckBodyOf(qseal.PolishAPI21(), []byte("x")), "which seals the body itself")
}

func TestHandlerGuards(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	unsealed := func() *http.Request { return httptest.NewRequest(http.MethodGet, "/v1/accounts", nil) }
	w := httptest.NewRecorder()
	s.verifier().Handler(mustNotRun(t)).ServeHTTP(w, unsealed())
	assert.Equal(t, http.StatusUnauthorized, w.Code, "unsealed requests do not pass")

	// Authorization is no field of Berlin Group's seal, whatever it says.
	s.config.AllowUnsealed = true
	r := unsealed()
	r.Header.Set("Authorization", "Signature x")
	ran := false
	s.verifier().Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })).ServeHTTP(httptest.NewRecorder(), r)
	assert.True(t, ran)

	w = httptest.NewRecorder()
	var none *qseal.Error
	qseal.BerlinGroup13().WriteRefusal(w, none)
	assert.Equal(t, http.StatusInternalServerError, w.Code, "no refusal is a defect")
}

func TestOptionsNeedAProfile(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	for name, option := range map[string]func(c *qseal.Config){
		"Peer":                   func(c *qseal.Config) { c.Peer = s.config.Peer },
		"AllowAnyPeer":           func(c *qseal.Config) { c.AllowAnyPeer = true },
		"Origin":                 func(c *qseal.Config) { c.Origin = "https://bank.example" },
		"Resolver":               func(c *qseal.Config) { c.Resolver = &qseal.Directory{} },
		"Replay":                 func(c *qseal.Config) { c.Replay = s.config.Replay },
		"AllowReplayUnavailable": func(c *qseal.Config) { c.AllowReplayUnavailable = true },
		"AllowReplays":           func(c *qseal.Config) { c.AllowReplays = true },
		"AllowRepeatedReads":     func(c *qseal.Config) { c.AllowRepeatedReads = true },
		"ReplayWindow":           func(c *qseal.Config) { c.ReplayWindow = time.Hour },
		"MaxBody":                func(c *qseal.Config) { c.MaxBody = 1 },
		"AllowUnsealed":          func(c *qseal.Config) { c.AllowUnsealed = true },
		"Logger":                 func(c *qseal.Config) { c.Logger = slog.Default() },
		"Metrics":                func(c *qseal.Config) { c.Metrics = prometheus.NewRegistry() },
	} {
		t.Run(name, func(t *testing.T) {
			c := qseal.Config{Validator: s.config.Validator}
			_, err := qseal.New(c)
			require.NoError(t, err)
			option(&c)
			_, err = qseal.New(c)
			require.ErrorContains(t, err, "Config.Profile is required")
		})
	}
	c := s.config
	c.Profile = c.Profile.AllowAge(time.Minute, -1)
	_, err := qseal.New(c)
	require.ErrorContains(t, err, "negative")
	c = s.config
	c.Origin = "http://bank.example"
	_, err = qseal.New(c)
	require.NoError(t, err, "behind a proxy that ends TLS")
	metrics := prometheus.NewRegistry()
	c.Metrics = metrics
	_, err = qseal.New(c)
	require.NoError(t, err)
	_, err = qseal.New(c)
	require.ErrorContains(t, err, "register metrics")
}

// The refusal of a Validator is passed on as it is, with what it has proved.
func TestRefusalOfTheValidatorIsItsOwn(t *testing.T) {
	own := &eidas.Error{Reason: eidas.ReasonRevoked}
	var none *eidas.Error
	for name, row := range map[string]struct {
		err  error
		says string
	}{
		"its own":      {own, ""},
		"nil refusal":  {none, "returned a nil refusal"},
		"not a reason": {errOutage, "outage"},
		"no reason":    {&eidas.Error{Err: errOutage}, "outage"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, validatorFunc(func(_ context.Context, _ eidas.Use, _ time.Time) (*eidas.Result, error) { return nil, row.err }))
			_, err := v.VerifyCertificate(t.Context(), nil, time.Now())
			if row.says == "" {
				assert.Same(t, own, err)
				return
			}
			require.ErrorIs(t, err, eidas.ReasonInternal)
			assert.ErrorContains(t, err, row.says)
		})
	}
}

func TestReplayMemoryWithoutOwnersHasNoShares(t *testing.T) {
	m, err := qseal.NewReplayMemory(256, time.Hour)
	require.NoError(t, err)
	owned, unowned := 0, 0
	for i := range 64 {
		if _, err := m.Add(t.Context(), strings.Repeat("a", i+1), time.Minute); err == nil {
			unowned++
		}
	}
	m, err = qseal.NewReplayMemory(256, time.Hour)
	require.NoError(t, err)
	for i := range 64 {
		if _, err := m.Add(t.Context(), "o\x00"+strings.Repeat("a", i+1), time.Minute); err == nil {
			owned++
		}
	}
	assert.LessOrEqual(t, owned, 32, "one for each part of the memory")
	assert.Greater(t, unowned, 32)
}

func TestTargetGuards(t *testing.T) {
	for in, want := range map[string]string{
		"http://h/a": "/a", "HTTPS://h?b": "/?b", "https://h": "/",
		"": "", "*": "*", "/a?u=http://h/b": "/a?u=http://h/b", "http": "http", "https": "https", "ftp://h/a": "ftp://h/a",
	} {
		assert.Equal(t, want, qseal.StripAuthority(in))
	}
	s := newScene(t, qseal.BerlinGroup13())
	r := s.order()
	r.URL, r.RequestURI = nil, ""
	require.NoError(t, s.verify(r), "a request that a test made by hand")
}

func TestCapturedGuards(t *testing.T) {
	const noMessage = "no HTTP message in it: the first line must be like 'POST /path HTTP/1.1'"
	for name, row := range map[string]struct{ in, says string }{
		"nothing":             {"", noMessage},
		"method is no token":  {"G@T / HTTP/1.1\n\n", noMessage},
		"no target":           {"GET  HTTP/1.1\n\n", noMessage},
		"another protocol":    {"GET / SIP/2.0\n\n", noMessage},
		"no message":          {"{\n\"amount\"\n}\n", noMessage},
		"byte order mark":     {"\ufeffGET / HTTP/1.1\n\n", "byte order mark"},
		"no status":           {"HTTP/1.1 OK\n\n", "status line"},
		"field without colon": {"GET / HTTP/1.1\nA\n\n", "header of the message"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := qseal.ParseCaptured([]byte(row.in))
			require.ErrorContains(t, err, row.says)
		})
	}
	s := newScene(t, qseal.INGCavage())
	captured, err := qseal.ParseCaptured([]byte("POST /x HTTP/1.1\nHost: h\n\n" + payment))
	require.NoError(t, err)
	signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: s.config.Profile, Key: s.leaf.Key, Chain: s.leaf.Chain, KeyID: "client"})
	require.NoError(t, err)
	signed, err := signer.SignCaptured(captured, s.at)
	require.NoError(t, err)
	_, err = s.config.Profile.Examine(signed, nil, s.at)
	require.ErrorIs(t, err, qseal.ReasonCertificateMissing)
	e, err := s.config.Profile.Examine(signed, &qseal.Resolved{Chain: s.leaf.Chain}, s.at)
	require.NoError(t, err)
	assert.Equal(t, s.leaf.Chain, e.Chain)

	b := newScene(t, qseal.BerlinGroup13())
	signed, err = sealing(t, b.config.Profile, b.leaf).SignCaptured(mustCapture(t, "POST /x HTTP/1.1\nHost: h\nX-Request-ID: 1\n\n"), b.at)
	require.NoError(t, err)
	_, err = b.config.Profile.Examine(signed, &qseal.Resolved{Chain: b.leaf.Chain}, b.at)
	require.NoError(t, err, "the certificate that the message brings")
	v := newVerifier(t, b.config.Validator) // for certificates alone
	_, err = v.VerifyCaptured(t.Context(), signed, b.at)
	require.ErrorContains(t, err, "no profile")
	_, err = v.VerifyRequest(t.Context(), b.order(), b.at)
	require.ErrorContains(t, err, "no profile")
	_, err = v.VerifyResponse(t.Context(), &http.Response{Body: http.NoBody}, b.at)
	require.ErrorContains(t, err, "no profile")
}

func TestReadsAreThoseWhoseSealSaysSo(t *testing.T) {
	lawful := qseal.Seal{PathBound: true, SignedAt: time.Unix(1, 0)}
	for method, read := range map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "POST": false, "PUT": false, "": false} {
		assert.Equal(t, read, qseal.IsRead(method, &lawful), method)
	}
	assert.False(t, qseal.IsRead("GET", &qseal.Seal{SignedAt: time.Unix(1, 0)}), "anybody may have changed the method")
	assert.False(t, qseal.IsRead("GET", &qseal.Seal{PathBound: true}), "it would be good for ever")
}

func mustCapture(t *testing.T, text string) *qseal.Captured {
	t.Helper()
	c, err := qseal.ParseCaptured([]byte(text))
	require.NoError(t, err)
	return c
}
