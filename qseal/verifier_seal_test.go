package qseal_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
	"github.com/seed-b953571c/eidas/qwac"
)

func TestNewRefusesWhatIsUnsafeOrUnused(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	for name, row := range map[string]struct {
		edit func(c *qseal.Config)
		want string
	}{
		"lawful":             {func(*qseal.Config) {}, ""},
		"no validator":       {func(c *qseal.Config) { c.Validator = nil }, "Validator"},
		"no peer":            {func(c *qseal.Config) { c.Peer = nil }, "Peer"},
		"peer and any peer":  {func(c *qseal.Config) { c.AllowAnyPeer = true }, "exclude"},
		"any peer":           {func(c *qseal.Config) { c.Peer, c.AllowAnyPeer = nil, true }, ""},
		"no replay store":    {func(c *qseal.Config) { c.Replay = nil }, "Replay is required"},
		"STET without store": {func(c *qseal.Config) { c.Profile, c.Replay = qseal.STET16(), nil }, "Replay is required"},
		"STET with replays": {func(c *qseal.Config) {
			c.Profile, c.Replay, c.AllowReplays = qseal.STET16(), nil, true
		}, ""},
		"ING with replays": {func(c *qseal.Config) {
			c.Profile, c.Replay, c.AllowReplays = qseal.INGCavage(), nil, true
		}, ""},
		"replays of what seals no path": {func(c *qseal.Config) { c.Replay, c.AllowReplays = nil, true }, "AllowReplays"},
		"replays and a store":           {func(c *qseal.Config) { c.Profile, c.AllowReplays = qseal.STET16(), true }, "excludes"},
		"replays at any age": {func(c *qseal.Config) {
			c.Profile, c.Replay, c.AllowReplays = qseal.STET16().AllowAge(0, 0), nil, true
		}, "for ever"},
		"window without store": {func(c *qseal.Config) {
			c.Profile, c.Replay, c.AllowReplays, c.ReplayWindow = qseal.STET16(), nil, true, 1
		}, "need Config.Replay"},
		"outages without store": {func(c *qseal.Config) {
			c.Profile, c.Replay, c.AllowReplays, c.AllowReplayUnavailable = qseal.STET16(), nil, true, true
		}, "need Config.Replay"},
		"reads without store": {func(c *qseal.Config) {
			c.Profile, c.Replay, c.AllowReplays, c.AllowRepeatedReads = qseal.STET16(), nil, true, true
		}, "need Config.Replay"},
		"reads":                       {func(c *qseal.Config) { c.Profile, c.AllowRepeatedReads = qseal.STET16(), true }, ""},
		"reads of what seals no path": {func(c *qseal.Config) { c.AllowRepeatedReads = true }, "AllowRepeatedReads"},
		"reads at any age": {func(c *qseal.Config) {
			c.Profile, c.AllowRepeatedReads = qseal.STET16().AllowAge(0, 0), true
		}, "for ever"},
		"negative window":     {func(c *qseal.Config) { c.ReplayWindow = -1 }, "negative"},
		"negative cap":        {func(c *qseal.Config) { c.MaxBody = -1 }, "negative"},
		"negative age":        {func(c *qseal.Config) { c.Profile = c.Profile.AllowAge(-1, 0) }, "negative"},
		"foreign quirk":       {func(c *qseal.Config) { c.Profile = c.Profile.AllowQuirks(qseal.QuirkAnySalt) }, "no quirk any_salt"},
		"an origin":           {func(c *qseal.Config) { c.Origin = "https://api.bank.example:8443" }, ""},
		"origin with a path":  {func(c *qseal.Config) { c.Origin = "https://api.bank.example/" }, "Origin"},
		"origin with a user":  {func(c *qseal.Config) { c.Origin = "https://a@api.bank.example" }, "Origin"},
		"origin, no scheme":   {func(c *qseal.Config) { c.Origin = "api.bank.example" }, "Origin"},
		"origin, no host":     {func(c *qseal.Config) { c.Origin = "https://:443" }, "Origin"},
		"origin, no HTTP":     {func(c *qseal.Config) { c.Origin = "ftp://api.bank.example" }, "Origin"},
		"origin, no URL":      {func(c *qseal.Config) { c.Origin = "https://%zz" }, "Origin"},
		"origin, no profile":  {func(c *qseal.Config) { *c = qseal.Config{Validator: c.Validator, Origin: "https://b.example"} }, "Config.Profile"},
		"options, no profile": {func(c *qseal.Config) { c.Profile = qseal.Profile{} }, "Config.Profile"},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.config
			row.edit(&c)
			v, err := qseal.New(c)
			if row.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.want)
			assert.Nil(t, v)
		})
	}
	v := newVerifier(t, s.config.Validator) // for certificates alone
	_, err := v.VerifyRequest(t.Context(), s.order(), s.at)
	require.ErrorIs(t, err, qseal.ReasonInternal)
	_, err = v.VerifyStream(t.Context(), s.order(), s.at)
	require.ErrorIs(t, err, qseal.ReasonInternal)
	_, err = v.VerifyResponse(t.Context(), &http.Response{Body: http.NoBody}, s.at)
	assert.ErrorIs(t, err, qseal.ReasonInternal)
}

func TestVerifyRequestSaysWhoSealedWhat(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	registry := prometheus.NewRegistry()
	s.config.Metrics = registry
	v := s.verifier()
	r := s.order()
	seal, err := v.VerifyRequest(t.Context(), r, s.at)
	require.NoError(t, err)
	assert.Equal(t, tppID, seal.Signer.Identity.String())
	assert.Equal(t, roles, seal.Signer.Roles)
	assert.Equal(t, "berlin-group-1.3", seal.Profile)
	assert.Equal(t, qseal.ECDSADERSHA256, seal.Algorithm)
	assert.Equal(t, []string{"digest", "x-request-id"}, seal.Covered)
	assert.False(t, seal.PathBound)
	assert.Zero(t, seal.Quirks)
	assert.Equal(t, "digest: "+digestOf(payment)+"\nx-request-id: "+r.Header.Get("X-Request-Id"), string(seal.Base))
	for range 2 {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		if len(body) > 0 {
			assert.Equal(t, payment, string(body), "it can be read again")
		}
	}
	require.NoError(t, r.Body.Close())
	_, err = v.VerifyRequest(t.Context(), s.order(), s.at)
	require.ErrorIs(t, err, qseal.ReasonReplay)
	_, err = qseal.New(s.config)
	assert.Error(t, err, "two verifiers of one profile under the same registry")
}

func TestMetricsCountReasonsAndQuirks(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13().AllowQuirks(qseal.QuirkJavaAlgorithm))
	registry := prometheus.NewRegistry()
	s.config.Metrics = registry
	v := s.verifier()
	java := func(f *forged) { f.algorithm = "SHA256withECDSA" }
	seal, err := v.VerifyRequest(t.Context(), s.order(java), s.at)
	require.NoError(t, err)
	assert.Equal(t, qseal.QuirkJavaAlgorithm, seal.Quirks)
	_, err = v.VerifyRequest(t.Context(), s.order(), s.at)
	require.ErrorIs(t, err, qseal.ReasonReplay)
	got := map[string]float64{}
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if m.GetCounter().GetValue() > 0 && l.GetName() != "profile" {
					got[f.GetName()+" "+l.GetValue()] = m.GetCounter().GetValue()
				}
			}
		}
	}
	assert.Equal(t, map[string]float64{
		"eidas_qseal_verdicts_total none": 1, "eidas_qseal_verdicts_total replay": 1,
		"eidas_qseal_quirks_total java_algorithm": 1,
	}, got)
}

// A hook that panics or fails refuses one message and nobody else's.
func TestMisbehavingHooksRefuse(t *testing.T) {
	for name, row := range map[string]struct {
		edit func(s *scene)
		want qseal.Reason
	}{
		"peer panics": {func(s *scene) { s.config.Peer = func(*http.Request) (eidas.Identity, error) { panic("x\n") } }, qseal.ReasonInternal},
		"peer fails": {func(s *scene) {
			s.config.Peer = func(*http.Request) (eidas.Identity, error) { return s.peer, errOutage }
		}, qseal.ReasonPeerMissing},
		"store panics": {func(s *scene) { s.config.Replay = storeFunc(func(string) (bool, error) { panic("x") }) }, qseal.ReasonInternal},
		"validator panics": {func(s *scene) {
			s.config.Validator = validatorFunc(func(context.Context, eidas.Use, time.Time) (*eidas.Result, error) { panic("x") })
		}, qseal.ReasonCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13())
			row.edit(s)
			err := s.verify(s.order())
			require.Equal(t, row.want.String(), qseal.ReasonOf(err).String())
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestRefusalsInTheWordsOfTheStandards(t *testing.T) {
	certificate := func(r eidas.Reason) error {
		return &qseal.Error{Reason: qseal.ReasonCertificate, Err: &eidas.Error{Reason: r}}
	}
	for name, row := range map[string]struct {
		err          error
		status       int
		code         string
		obieStatus   int
		obie         string
		cause        eidas.Cause
		profileKnown bool
	}{
		"unsealed":       {err: &qseal.Error{Reason: qseal.ReasonSignatureMissing}, status: 401, code: "SIGNATURE_MISSING", obieStatus: 400, obie: "UK.OBIE.Signature.Missing", cause: eidas.CauseTPP},
		"wrong":          {err: &qseal.Error{Reason: qseal.ReasonSignatureInvalid}, status: 401, code: "SIGNATURE_INVALID", obieStatus: 401, obie: "UK.OBIE.Signature.Invalid", cause: eidas.CauseTPP},
		"not readable":   {err: &qseal.Error{Reason: qseal.ReasonFormat}, status: 400, code: "FORMAT_ERROR", obieStatus: 400, obie: "UK.OBIE.Signature.Malformed", cause: eidas.CauseTPP},
		"too large":      {err: &qseal.Error{Reason: qseal.ReasonTooLarge}, status: 413, code: "FORMAT_ERROR", obieStatus: 413, obie: "UK.OBIE.Signature.Malformed", cause: eidas.CauseTPP},
		"another's":      {err: &qseal.Error{Reason: qseal.ReasonPeer}, status: 401, code: "CERTIFICATE_INVALID", obieStatus: 401, obie: "UK.OBIE.Signature.Invalid", cause: eidas.CauseTPP},
		"store down":     {err: &qseal.Error{Reason: qseal.ReasonReplayUnavailable}, status: 503, code: "INTERNAL_SERVER_ERROR", obieStatus: 503, obie: "UK.OBIE.UnexpectedError", cause: eidas.CauseSelf},
		"expired":        {err: certificate(eidas.ReasonExpired), status: 401, code: "CERTIFICATE_EXPIRED", obieStatus: 401, obie: "UK.OBIE.Signature.Invalid", cause: eidas.CauseTPP},
		"revoked":        {err: certificate(eidas.ReasonRevoked), status: 401, code: "CERTIFICATE_REVOKED", obieStatus: 401, obie: "UK.OBIE.Signature.Invalid", cause: eidas.CauseTPP},
		"withdrawn":      {err: certificate(eidas.ReasonServiceNotGranted), status: 401, code: "CERTIFICATE_BLOCKED", obieStatus: 401, obie: "UK.OBIE.Signature.Invalid", cause: eidas.CauseTPP},
		"no role":        {err: certificate(eidas.ReasonRoleMissing), status: 401, code: "ROLE_INVALID", obieStatus: 401, obie: "UK.OBIE.Signature.Invalid", cause: eidas.CauseTPP},
		"not qualified":  {err: certificate(eidas.ReasonNotQualified), status: 401, code: "CERTIFICATE_INVALID", obieStatus: 401, obie: "UK.OBIE.Signature.Invalid", cause: eidas.CauseTPP},
		"responder down": {err: certificate(eidas.ReasonRevocationUnavailable), status: 503, code: "INTERNAL_SERVER_ERROR", obieStatus: 503, obie: "UK.OBIE.UnexpectedError", cause: eidas.CauseThirdParty},
		"no list":        {err: certificate(eidas.ReasonTrustUnavailable), status: 503, code: "INTERNAL_SERVER_ERROR", obieStatus: 503, obie: "UK.OBIE.UnexpectedError", cause: eidas.CauseSelf},
		"defect":         {err: certificate(eidas.ReasonInternal), status: 500, code: "INTERNAL_SERVER_ERROR", obieStatus: 500, obie: "UK.OBIE.UnexpectedError", cause: eidas.CauseSelf},
		"foreign error":  {err: errOutage, status: 500, code: "INTERNAL_SERVER_ERROR", obieStatus: 500, obie: "UK.OBIE.UnexpectedError"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			qseal.BerlinGroup13().WriteRefusal(w, row.err)
			assert.Equal(t, row.status, w.Code)
			var body struct {
				TPPMessages []struct{ Category, Code string }
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			require.Len(t, body.TPPMessages, 1)
			assert.Equal(t, row.code, body.TPPMessages[0].Code)
			w = httptest.NewRecorder()
			qseal.OBIE31(qseal.OBIE314).WriteRefusal(w, row.err)
			assert.Equal(t, row.obieStatus, w.Code)
			assert.Contains(t, w.Body.String(), `"ErrorCode":"`+row.obie+`"`)
			var refusal *qseal.Error
			if errors.As(row.err, &refusal) {
				assert.Equal(t, row.cause, refusal.Cause())
			}
		})
	}
}

func TestReasonsAndQuirksAreClosedSets(t *testing.T) {
	codes := map[string]bool{}
	for _, r := range qseal.Reasons() {
		assert.Regexp(t, "^[a-z_]+$", r.String())
		assert.NotEqual(t, r.String(), r.Error())
		assert.False(t, codes[r.String()], "%s twice", r)
		codes[r.String()] = true
		status, code := (&qseal.Error{Reason: r}).BerlinGroup()
		assert.GreaterOrEqual(t, status, 400)
		assert.NotEmpty(t, code)
		status, code = (&qseal.Error{Reason: r}).OBIE()
		assert.GreaterOrEqual(t, status, 400)
		assert.NotEmpty(t, code)
		text, err := r.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, r.String(), string(text))
	}
	assert.Empty(t, qseal.Reason(0).String())
	assert.Equal(t, "reason(255)", qseal.Reason(255).String())
	assert.Equal(t, qseal.ReasonInternal, qseal.ReasonOf(errOutage))
	assert.Equal(t, qseal.ReasonReplay, qseal.ReasonOf(qseal.ReasonReplay))
	assert.Zero(t, qseal.ReasonOf(nil))

	all := qseal.Quirks - 1
	for bit := qseal.Quirk(1); bit < qseal.Quirks; bit <<= 1 {
		assert.Regexp(t, "^[a-z_0-9]+$", bit.String())
		back, err := qseal.ParseQuirks(bit.String())
		require.NoError(t, err)
		assert.Equal(t, bit, back)
	}
	back, err := qseal.ParseQuirks(all.String())
	require.NoError(t, err)
	assert.Equal(t, all, back)
	_, err = qseal.ParseQuirks("lenient")
	require.Error(t, err)
	names := map[string]bool{}
	for _, p := range qseal.Profiles() {
		assert.False(t, names[p.Name()], "%s twice", p.Name())
		names[p.Name()] = true
		assert.Zero(t, p.KnownQuirks()&^all)
		again, found := qseal.ProfileByName(p.Name())
		assert.True(t, found)
		assert.Equal(t, p.Name(), again.Name())
	}
	_, found := qseal.ProfileByName("lenient")
	assert.False(t, found)
}

// A bank's server, its TPPs with both of their certificates, over TLS: every
// ordered pair of five, in every profile, and both certificates replaced by those
// of another QTSP. Nothing is configured anew for that but the certificates of
// seals that do not bring theirs.
func TestSealAndConnectionAreOfOneTPP(t *testing.T) {
	ids := []string{"PSDLT-BL-LB000468", "PSDLT-BL-LB000469", "PSDDE-BAFIN-1", "PSDFR-ACPR-2", "PSDFI-FINFSA-3"}
	w := eidastest.Start(t, eidastest.Options{})
	validator := w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)})
	type tpp struct{ connect, seal *eidastest.Leaf }
	tpps := map[string][]tpp{}
	for _, territory := range []string{"LT", "DE"} {
		for _, id := range ids {
			r := eidastest.QSealC(id, roles)
			r.KeyType = eidastest.RSA2048 // STET has nothing else
			tpps[territory] = append(tpps[territory], tpp{w.QWAC(territory, id, roles), w.Issue(territory, r)})
		}
	}
	for _, p := range qseal.Profiles() {
		t.Run(p.Name(), func(t *testing.T) {
			files := map[string][]byte{}
			for _, all := range tpps {
				for _, one := range all {
					files[stetURL(one.seal.Certificate)] = one.seal.Certificate.Raw
				}
			}
			directory, err := qseal.NewDirectory(files)
			require.NoError(t, err)
			v, err := qseal.New(qseal.Config{
				Validator: validator, Profile: p, Peer: connected, Replay: replayMemory(t), Resolver: directory,
			})
			require.NoError(t, err)
			url := serve(t, w, validator, v)
			for territory, all := range tpps {
				for i, connect := range all {
					for j, seal := range all {
						status := send(t, w, url, connect.connect, sealing(t, p, seal.seal))
						want := http.StatusUnauthorized
						if i == j {
							want = http.StatusOK
						}
						require.Equal(t, want, status, "%s: %s sealed by %s", territory, ids[i], ids[j])
					}
				}
			}
		})
	}
}

func connected(r *http.Request) (eidas.Identity, error) {
	result, ok := qwac.FromContext(r.Context())
	if !ok {
		return eidas.Identity{}, errors.New("nobody on the connection")
	}
	return result.Identity, nil
}

// serve runs a bank that answers 200 to whom it lets in and reads the body.
func serve(t *testing.T, w *eidastest.Test, validator *eidas.Validator, v *qseal.Verifier) string {
	t.Helper()
	tlsVerifier, err := qwac.New(qwac.Config{Validator: validator})
	require.NoError(t, err)
	config, err := tlsVerifier.ServerConfig(serverConfig(t, w))
	require.NoError(t, err)
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seal, ok := qseal.FromContext(r.Context())
		assert.True(t, ok)
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Contains(t, string(body), r.Header.Get("X-Request-Id"))
		peer, _ := qwac.FromContext(r.Context())
		assert.Equal(t, peer.Identity, seal.Signer.Identity)
	})
	return w.Serve(&http.Server{Handler: tlsVerifier.Handler(v.Handler(handler)), TLSConfig: config, ReadHeaderTimeout: time.Minute})
}

func stetURL(c *x509.Certificate) string {
	return "https://tpp.example/seal_" + hexSHA256(c.Raw)
}

func sealing(t *testing.T, p qseal.Profile, l *eidastest.Leaf) *qseal.Signer {
	t.Helper()
	c := qseal.SignerConfig{Profile: p, Key: l.Key, Chain: l.Chain}
	if p.Name() != "berlin-group-1.3" && p.Name() != "ing-cavage" {
		c.KeyID = stetURL(l.Certificate)
	}
	signer, err := qseal.NewSigner(c)
	require.NoError(t, err)
	return signer
}

func send(t *testing.T, w *eidastest.Test, url string, connect *eidastest.Leaf, signer *qseal.Signer) int {
	t.Helper()
	client := w.Client(connect)
	client.Transport = signer.RoundTripper(client.Transport)
	id := rand.Text()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/a%2Fb?c=1;d=%20",
		strings.NewReader(`{"requestHeader": {"requestId": "`+id+`"}}`))
	require.NoError(t, err)
	r.Header.Set("X-Request-ID", id)
	r.Header.Set("PSU-ID", "anton")
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	client.CloseIdleConnections()
	assert.Empty(t, r.Header.Get("Signature"), "the caller's request is not modified")
	return response.StatusCode
}

func TestSignedRequestOfEachProfileVerifies(t *testing.T) {
	for _, p := range []qseal.Profile{qseal.BerlinGroup13(), qseal.STET16(), qseal.INGCavage()} {
		t.Run(p.Name(), func(t *testing.T) {
			s := rsaScene(t, p)
			var err error
			s.config.Resolver, err = qseal.NewDirectory(map[string][]byte{stetURL(s.leaf.Certificate): s.leaf.Certificate.Raw})
			require.NoError(t, err)
			for _, body := range []string{"", payment} {
				r := httptest.NewRequest(http.MethodPost, "https://bank.example/v1/x%2Fy?z", strings.NewReader(body))
				r.Header.Set("X-Request-Id", "id"+body[:min(2, len(body))])
				r.Header.Set("Psu-Id", "anton")
				signer := sealing(t, p, s.leaf)
				require.NoError(t, signer.SignRequest(r, s.at))
				seal, err := s.verifier().VerifyRequest(t.Context(), r, s.at)
				require.NoError(t, err)
				assert.Equal(t, p.Name() != "berlin-group-1.3", seal.PathBound)
				assert.Zero(t, seal.Quirks)
				// Everything that is sealed is.
				for _, line := range strings.Split(string(seal.Base), "\n") {
					name, value, _ := strings.Cut(line, ": ")
					if strings.HasPrefix(name, "(") {
						continue
					}
					changed := r.Clone(t.Context())
					changed.Body = io.NopCloser(strings.NewReader(body))
					changed.Header.Set(name, flip(value))
					s.config.Replay = replayMemory(t)
					require.Error(t, s.verify(changed), name)
				}
			}
		})
	}
}

func TestResponses(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	signer := sealing(t, s.config.Profile, s.leaf)
	header := http.Header{}
	require.ErrorContains(t, signer.SignResponse(header, 201, []byte(payment), nil, s.at), "X-Request-ID")
	header.Set("X-Request-Id", "1")
	require.NoError(t, signer.SignResponse(header, 201, []byte(payment), nil, s.at))
	response := func(body string) *http.Response {
		return &http.Response{StatusCode: http.StatusCreated, Header: header.Clone(), Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}
	}
	v := s.verifier()
	for range 2 { // responses are not replayed
		r := response(payment)
		seal, err := v.VerifyResponse(t.Context(), r, s.at)
		require.NoError(t, err)
		assert.Equal(t, tppID, seal.Signer.Identity.String())
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		assert.Equal(t, payment, string(body))
	}
	_, err := v.VerifyResponse(t.Context(), response(payment+" "), s.at)
	require.ErrorIs(t, err, qseal.ReasonDigest)
	target := response(payment)
	target.Header.Set("Signature", strings.Replace(target.Header.Get("Signature"), `headers="`, `headers="(request-target) `, 1))
	s.config.Profile = s.config.Profile.AllowQuirks(qseal.QuirkExtraFields)
	_, err = s.verifier().VerifyResponse(t.Context(), target, s.at)
	require.ErrorIs(t, err, qseal.ReasonFieldMissing)
	uncompressed := response(payment)
	uncompressed.Uncompressed = true
	_, err = v.VerifyResponse(t.Context(), uncompressed, s.at)
	assert.ErrorIs(t, err, qseal.ReasonBody)
}

func TestNewSignerRefusesWhatItCannotUse(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	other := s.w.QSealC("LT", tppID, roles)
	lawful := qseal.SignerConfig{Profile: s.config.Profile, Key: s.leaf.Key, Chain: s.leaf.Chain}
	for name, row := range map[string]struct {
		edit func(c *qseal.SignerConfig)
		want string
	}{
		"no profile":           {func(c *qseal.SignerConfig) { c.Profile = qseal.Profile{} }, "Profile"},
		"no key":               {func(c *qseal.SignerConfig) { c.Key = nil }, "Key"},
		"no chain":             {func(c *qseal.SignerConfig) { c.Chain = nil }, "Chain"},
		"nil certificate":      {func(c *qseal.SignerConfig) { c.Chain = []*x509.Certificate{nil} }, "Chain"},
		"key of another":       {func(c *qseal.SignerConfig) { c.Key = other.Key }, "not that of the certificate"},
		"algorithm of another": {func(c *qseal.SignerConfig) { c.Algorithm = qseal.RSASHA256 }, "not for a key"},
		"foreign algorithm":    {func(c *qseal.SignerConfig) { c.Algorithm = qseal.PSSSHA256 }, "does not allow"},
		"key of no use":        {func(c *qseal.SignerConfig) { c.Profile = qseal.STET16() }, "no algorithm for a key of type *ecdsa.PublicKey: it takes RSA"},
		"key id of no use":     {func(c *qseal.SignerConfig) { c.KeyID = "x" }, "KeyID"},
		"negative cap":         {func(c *qseal.SignerConfig) { c.MaxBody = -1 }, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			c := lawful
			row.edit(&c)
			_, err := qseal.NewSigner(c)
			assert.ErrorContains(t, err, row.want)
		})
	}
	signer, err := qseal.NewSigner(lawful)
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["psu-id"] = []string{"x"}
	r.Header.Set("X-Request-Id", "1")
	assert.ErrorContains(t, signer.SignRequest(r, s.at), "canonical")
}

// 43 to 45: what is sealed is the target on the wire.
func TestAttack43RequestTarget(t *testing.T) {
	s := newScene(t, qseal.INGCavage())
	signer := sealing(t, s.config.Profile, s.leaf)
	signed := func(target string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		require.NoError(t, signer.SignRequest(r, s.at))
		return r
	}
	for _, target := range []string{"/a%2Fb", "/a%20b?", "/?a=1;b=2", "/%zz"[:1] + "x?u=http://y/z", "//double"} {
		require.NoError(t, s.verify(signed(target)), target)
	}
	// Through a forward proxy.
	r := signed("/v1/x?y=1")
	r.RequestURI, r.Host = "https://bank.example"+r.RequestURI, "bank.example" // as net/http reads it
	require.NoError(t, s.verify(r))
	for from, to := range map[string]string{"/a%2Fb": "/a/b", "/a?": "/a", "/a?b=1;c=2": "/a?b=1", "/a%2fb": "/a%2Fb"} {
		r := signed(from)
		r.RequestURI = to
		require.ErrorIs(t, s.verify(r), qseal.ReasonSignatureInvalid, from)
	}
	r = signed("/a")
	r.Method = http.MethodPost
	assert.ErrorIs(t, s.verify(r), qseal.ReasonSignatureInvalid)
}

func TestAttack44And45MuxesAndProxies(t *testing.T) {
	s := newScene(t, qseal.INGCavage())
	signer := sealing(t, s.config.Profile, s.leaf)
	s.at = time.Now()
	ran := 0
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran++ })
	backend := httptest.NewServer(count)
	defer backend.Close()
	to, err := url.Parse(backend.URL + "/prefix")
	require.NoError(t, err)
	v := s.verifier()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	for name, handler := range map[string]http.Handler{
		"under StripPrefix": http.StripPrefix("/v1", v.Handler(count)),
		"before a proxy":    v.Handler(proxy),
	} {
		t.Run(name, func(t *testing.T) {
			before := ran
			r := httptest.NewRequest(http.MethodGet, "/v1/x?a="+strconv.Itoa(before)+";b=2", nil)
			require.NoError(t, signer.SignRequest(r, s.at))
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			assert.Equal(t, http.StatusOK, w.Code, w.Body)
			assert.Equal(t, before+1, ran)
		})
	}
}

// 51: a handler of a stream that does not read to the end learns from Commit.
func TestAttack51StreamedBodies(t *testing.T) {
	long := `{"amount": 1}` + strings.Repeat(" ", 2000)
	readers := map[string]func(r io.Reader){
		"nothing":  func(io.Reader) {},
		"half":     func(r io.Reader) { _, _ = io.CopyN(io.Discard, r, int64(len(long)/2)) },
		"all":      func(r io.Reader) { _, _ = io.Copy(io.Discard, r) },
		"JSON":     func(r io.Reader) { var v any; _ = json.NewDecoder(r).Decode(&v) },
		"and ends": func(r io.Reader) { _, _ = io.Copy(io.Discard, r); _ = r.(io.Closer).Close() },
	}
	for name, read := range readers {
		for tampered, want := range map[bool]qseal.Reason{false: 0, true: qseal.ReasonDigest} {
			s := newScene(t, qseal.BerlinGroup13())
			r := s.order(func(f *forged) {
				f.body, f.sealedBody = long, &long
				if tampered {
					f.body = long[:len(long)-1] + "\t"
				}
			})
			pending, err := s.verifier().VerifyStream(t.Context(), r, s.at)
			require.NoError(t, err)
			read(r.Body)
			for range 2 {
				seal, err := pending.Commit(t.Context())
				require.Equal(t, want.String(), qseal.ReasonOf(err).String(), name)
				require.Equal(t, !tampered, seal != nil)
			}
		}
	}
	s := newScene(t, qseal.BerlinGroup13())
	r := s.order(func(f *forged) { f.body = strings.Repeat("x", 4096) })
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", 4097))), -1
	pending, err := s.verifier().VerifyStream(t.Context(), r, s.at)
	require.NoError(t, err)
	_, err = pending.Commit(t.Context())
	require.ErrorIs(t, err, qseal.ReasonTooLarge)
	r.ContentLength = 5000
	_, err = s.verifier().VerifyStream(t.Context(), r, s.at)
	require.ErrorIs(t, err, qseal.ReasonTooLarge)
	r = s.order(header("x-request-id", "stuck"))
	r.Body, r.ContentLength = io.NopCloser(nothing{}), -1
	pending, err = s.verifier().VerifyStream(t.Context(), r, s.at)
	require.NoError(t, err)
	_, err = pending.Commit(t.Context())
	require.ErrorIs(t, err, qseal.ReasonBody)
	r = s.order(header("x-request-id", "2"))
	s.peer = eidas.Identity{}
	_, err = s.verifier().VerifyStream(t.Context(), r, s.at)
	require.ErrorIs(t, err, qseal.ReasonPeerMissing)
	s.peer = identityOf(t, "PSDLT-BL-LB000469")
	_, err = s.verifier().VerifyStream(t.Context(), r, s.at)
	require.ErrorIs(t, err, qseal.ReasonPeer)
	s.peer = identityOf(t, tppID)
	_, err = s.verifier().VerifyStream(t.Context(), r, s.at)
	require.NoError(t, err)
	_, err = s.verifier().VerifyStream(t.Context(), r, s.at)
	require.ErrorIs(t, err, qseal.ReasonReplay)
	r.Header.Set("X-Request-ID", "3")
	_, err = s.verifier().VerifyStream(t.Context(), r, s.at)
	require.ErrorIs(t, err, qseal.ReasonSignatureInvalid)
	s.config.Profile = qseal.OBIE31(qseal.OBIE314)
	_, err = s.verifier().VerifyStream(t.Context(), s.order(), s.at)
	require.ErrorIs(t, err, qseal.ReasonInternal, "it seals the body itself")
}

// 18: the URL in keyId leads nowhere but to what is known.
func TestAttack18KeyIDURL(t *testing.T) {
	s := rsaScene(t, qseal.STET16())
	url := stetURL(s.leaf.Certificate)
	dialled := 0
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { dialled++ }))
	defer target.Close()
	sign := func(keyID string) *http.Request {
		signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: s.config.Profile, Key: s.leaf.Key, Chain: s.leaf.Chain, KeyID: keyID})
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		require.NoError(t, signer.SignRequest(r, s.at))
		return r
	}
	internal := strings.Replace(target.URL, "http:", "https:", 1) + url[strings.LastIndexByte(url, '/'):]
	for _, keyID := range []string{url, internal} {
		require.ErrorIs(t, s.verify(sign(keyID)), qseal.ReasonCertificateMissing, "no resolver")
	}
	var err error
	s.config.Resolver, err = qseal.NewDirectory(map[string][]byte{url: s.leaf.Certificate.Raw})
	require.NoError(t, err)
	require.NoError(t, s.verify(sign(url)))
	require.ErrorIs(t, s.verify(sign(internal)), qseal.ReasonCertificateMissing)
	// The file is another than the URL says: also the same certificate in PEM.
	for _, file := range []string{string(s.w.QSealC("LT", tppID, roles).Certificate.Raw), pemOf(s.leaf.Certificate.Raw)} {
		s.config.Resolver, err = qseal.NewDirectory(map[string][]byte{url: []byte(file)})
		require.NoError(t, err)
		require.ErrorIs(t, s.verify(sign(url)), qseal.ReasonCertificateMismatch)
	}
	s.config.Resolver = resolverFunc(func(qseal.Hint) (*qseal.Resolved, error) { return nil, errOutage })
	require.ErrorIs(t, s.verify(sign(url)), qseal.ReasonCertificateUnresolved)
	for _, bad := range []string{"http:" + url[6:], url + "?x", "x", url[:len(url)-1] + "g"} {
		r := sign(url)
		r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), url, bad, 1))
		require.ErrorIs(t, s.verify(r), qseal.ReasonFormat, bad)
	}
	assert.Zero(t, dialled)
}

type resolverFunc func(h qseal.Hint) (*qseal.Resolved, error)

func (f resolverFunc) Resolve(_ context.Context, h qseal.Hint) (*qseal.Resolved, error) { return f(h) }

func TestSealsOverBothVersionsOfHTTP(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s := newScene(t, qseal.INGCavage())
		s.config.Peer, s.config.AllowAnyPeer = nil, true
		signer := sealing(t, s.config.Profile, s.leaf)
		server := httptest.NewUnstartedServer(s.verifier().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seal, _ := qseal.FromContext(r.Context())
			_, _ = io.WriteString(w, r.Proto+" "+seal.Signer.Identity.String())
		})))
		server.EnableHTTP2 = http2
		server.StartTLS()
		defer server.Close()
		client := server.Client()
		client.Transport = signer.RoundTripper(client.Transport)
		for _, target := range []string{"/v1/a%2Fb?c=1;d=%20", "/?", "/a//b/../c"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+target, io.MultiReader(strings.NewReader(payment)))
			require.NoError(t, err)
			response, err := client.Do(r)
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			_ = response.Body.Close()
			assert.Equal(t, map[bool]string{false: "HTTP/1.1 ", true: "HTTP/2.0 "}[http2]+tppID, string(body), target)
		}
	}
}

// A seal that says in no way whose it is would be refused by every verifier. The
// twin: with a name, or in a profile whose seals bring the certificate.
func TestSignerNeedsANameForTheKey(t *testing.T) {
	s := rsaScene(t, qseal.BerlinGroup13())
	var need []string
	for _, p := range qseal.Profiles() {
		c := qseal.SignerConfig{Profile: p, Key: s.leaf.Key, Chain: s.leaf.Chain}
		_, err := qseal.NewSigner(c)
		if !p.NeedsKeyID() {
			require.NoError(t, err, p.Name())
			continue
		}
		need = append(need, p.Name())
		require.ErrorContains(t, err, "KeyID is required for the profile "+p.Name())
		c.KeyID = stetURL(s.leaf.Certificate)
		_, err = qseal.NewSigner(c)
		require.NoError(t, err, p.Name())
	}
	assert.Equal(t, []string{"stet-1.6", "obie-3.1.3", "obie-3.1.4", "rfc9421"}, need)
}

// The kinds of keys that a profile takes, each once.
func TestWrongKindOfKeyNamesThoseThatFit(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	f := forgerWith(p256)
	for _, p := range []qseal.Profile{qseal.STET16(), qseal.OBIE31(qseal.OBIE314)} {
		_, err = qseal.NewSigner(qseal.SignerConfig{Profile: p, Key: f.key, Chain: f.chain(), KeyID: "k1"})
		require.ErrorIs(t, err, qseal.ReasonAlgorithm)
		require.ErrorContains(t, err, "it takes RSA", p.Name())
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	f = forgerWith(ed)
	_, err = qseal.NewSigner(qseal.SignerConfig{Profile: qseal.BerlinGroup13(), Key: f.key, Chain: f.chain()})
	require.ErrorContains(t, err, "it takes RSA, ECDSA")
}
