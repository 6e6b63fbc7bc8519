package qwac_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	good := func() qwac.Config { return qwac.Config{Validator: &scripted{}} }
	_, err := qwac.New(good())
	require.NoError(t, err)
	for field, edit := range map[string]func(*qwac.Config){
		"Validator":     func(c *qwac.Config) { c.Validator = nil },
		"Timeout":       func(c *qwac.Config) { c.Timeout = -1 },
		"MaxConcurrent": func(c *qwac.Config) { c.MaxConcurrent = -1 },
		"Registerer": func(c *qwac.Config) {
			registry := prometheus.NewRegistry()
			c.Registerer = registry
			_, err := qwac.New(*c)
			require.NoError(t, err)
		},
	} {
		t.Run(field, func(t *testing.T) {
			c := good()
			edit(&c)
			_, err := qwac.New(c)
			assert.ErrorContains(t, err, "Config."+field)
		})
	}
}

func TestTwoVerifiersShareARegistryUnderLabels(t *testing.T) {
	registry := prometheus.NewRegistry()
	for _, policy := range []string{"production", "sandbox"} {
		_, err := qwac.New(qwac.Config{
			Validator: &scripted{}, Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"policy": policy}, registry),
		})
		require.NoError(t, err)
	}
}

func TestServerConfigRefusesWhatItWouldHaveToOverrule(t *testing.T) {
	v := newVerifier(t, qwac.Config{Validator: &scripted{}})
	for name, row := range map[string]struct {
		base *tls.Config
		err  string // "": accepted
	}{
		"nothing set":                {base: &tls.Config{}},
		"any certificate":            {base: &tls.Config{ClientAuth: tls.RequireAnyClientCert}},
		"TLS 1.2 at least":           {base: &tls.Config{MinVersion: tls.VersionTLS12}},
		"TLS 1.3 only":               {base: &tls.Config{MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13}},
		"nil":                        {err: "nil"},
		"optional certificate":       {base: &tls.Config{ClientAuth: tls.RequestClientCert}, err: "ClientAuth RequestClientCert"},
		"optional verification":      {base: &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven}, err: "ClientAuth VerifyClientCertIfGiven"},
		"the library's verification": {base: &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, err: "ClientAuth RequireAndVerifyClientCert"},
		"a pool of CAs":              {base: &tls.Config{ClientCAs: x509.NewCertPool()}, err: "ClientCAs"},
		"TLS 1.1 at least":           {base: &tls.Config{MinVersion: tls.VersionTLS11}, err: "MinVersion TLS 1.1"},
		"TLS 1.1 at most":            {base: &tls.Config{MaxVersion: tls.VersionTLS11}, err: "MaxVersion TLS 1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := v.ServerConfig(row.base)
			if row.err != "" {
				require.ErrorContains(t, err, row.err)
				assert.Nil(t, c)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tls.RequireAnyClientCert, c.ClientAuth)
			assert.Nil(t, c.ClientCAs, "no CA names are sent")
			assert.GreaterOrEqual(t, c.MinVersion, uint16(tls.VersionTLS12))
			assert.Equal(t, max(row.base.MinVersion, tls.VersionTLS12), c.MinVersion)
			for name, hook := range map[string]any{
				"VerifyPeerCertificate": c.VerifyPeerCertificate, "VerifyConnection": c.VerifyConnection,
				"WrapSession": c.WrapSession, "UnwrapSession": c.UnwrapSession,
			} {
				assert.False(t, reflect.ValueOf(hook).IsNil(), name)
			}
		})
	}
}

func TestServerConfigDoesNotChangeItsBase(t *testing.T) {
	w := newWorld(t)
	b := newBank(w)
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	base := b.base()
	base.NextProtos = []string{"h2"}
	untouched := base.Clone()
	config := guard(t, w.verifier(eidas.Policy{}), base)
	client := b.client(tls.VersionTLS13, l)
	assertAccepted(t, handshake(t, config, client), false)
	assertAccepted(t, handshake(t, config, client), true)

	// Every exported field, so that a new one is not forgotten.
	got, want := reflect.ValueOf(base).Elem(), reflect.ValueOf(untouched).Elem()
	for i := range got.NumField() {
		field := got.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if field.Type.Kind() == reflect.Func {
			assert.True(t, got.Field(i).IsNil(), field.Name)
			continue
		}
		assert.Equal(t, want.Field(i).Interface(), got.Field(i).Interface(), field.Name)
	}
}

// series returns the value of every series, by name and labels; of a histogram
// the number of observations.
func series(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			name := f.GetName() + "{" + strings.Join(labels, ",") + "}"
			out[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return out
}

func TestMetricsDoNotGrowWithPeers(t *testing.T) {
	w := newWorld(t)
	b := newBank(w)
	registry := prometheus.NewRegistry()
	v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{AllowServerAuthOnly: true}), Registerer: registry})
	config := guard(t, v, b.base())
	before := series(t, registry)
	for name, value := range before {
		assert.Zero(t, value, name)
	}

	issuer := w.qtsp("LT", "QTSP LT")
	for _, id := range []string{"PSDLT-BL-1", "PSDLT-BL-2", "PSDLT-BL-3"} {
		client := b.client(tls.VersionTLS13, w.qwac(issuer, request{id: id, edit: serverAuthOnly}))
		assertAccepted(t, handshake(t, config, client), false)
		assertAccepted(t, handshake(t, config, client), true)
		w.setStatus(unavailable)
		assertRefused(t, handshake(t, config, client), eidas.ReasonRevocationUnavailable)
		w.setStatus(nil)
	}
	after := series(t, registry)
	assert.Len(t, after, len(before), "every series is there from the start")
	got := map[string]float64{}
	for name, value := range after {
		if value != 0 {
			got[name] = value
		}
	}
	assert.Equal(t, map[string]float64{
		"eidas_qwac_degraded_total{degradation=server_auth_only}":                                  6,
		"eidas_qwac_sessions_total{outcome=declined}":                                              3,
		"eidas_qwac_sessions_total{outcome=full}":                                                  3,
		"eidas_qwac_sessions_total{outcome=resumed}":                                               3,
		"eidas_qwac_verdicts_total{decision=accept,hook=connection,reason=none}":                   3,
		"eidas_qwac_remembered_total{hook=session}":                                                3,
		"eidas_qwac_verdicts_total{decision=accept,hook=session,reason=none}":                      3,
		"eidas_qwac_verdicts_total{decision=refuse,hook=connection,reason=revocation_unavailable}": 3,
		"eidas_qwac_verdicts_total{decision=refuse,hook=session,reason=revocation_unavailable}":    3,
		"eidas_qwac_verdict_duration_seconds{hook=connection}":                                     6,
		"eidas_qwac_verdict_duration_seconds{hook=session}":                                        3,
	}, got)
}

func TestUnknownLabelsOfAValidatorMakeNoSeries(t *testing.T) {
	registry := prometheus.NewRegistry()
	var result *eidas.Result
	v := newVerifier(t, qwac.Config{Registerer: registry, Validator: validatorFunc(func() (*eidas.Result, error) {
		if result == nil {
			return nil, eidas.Reason(250)
		}
		return result, nil
	})})
	before := series(t, registry)
	require.Error(t, v.VerifyConnection(state(false, quick)))
	result = &eidas.Result{Degraded: []eidas.Degradation{"new"}}
	require.NoError(t, v.VerifyConnection(state(false, quick)))
	after := series(t, registry)
	assert.Len(t, after, len(before))
	assert.InDelta(t, 1, after["eidas_qwac_verdicts_total{decision=refuse,hook=connection,reason=internal}"], 0)
	assert.InDelta(t, 1, after["eidas_qwac_degraded_total{degradation=other}"], 0)
}

// records is a log: its text, and the values that a handler without escaping
// would write as they are.
type records struct {
	strings.Builder
	unescaped []string
}

func (r *records) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key != "stack" && strings.ContainsAny(a.Value.String(), "\n\r\x1b\u202e") {
			r.unescaped = append(r.unescaped, a.Key+": "+a.Value.String())
		}
		return a
	}}))
}

func TestLogSaysWhyAndOfWhom(t *testing.T) {
	w := newWorld(t)
	b := newBank(w)
	var log records
	v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), Logger: log.logger()})
	config := guard(t, v, b.base())
	issuer := w.qtsp("LT", "QTSP LT")
	l := w.qwac(issuer, request{})
	assertAccepted(t, handshake(t, config, b.client(tls.VersionTLS13, l)), false)
	assert.Contains(t, log.String(), "level=DEBUG msg=\"peer accepted\" event=verdict hook=connection sha256=")
	assert.Contains(t, log.String(), "claimed_identity="+tppID, "the key is not proved yet")
	log.Reset()

	r := httptest.NewRequest(http.MethodGet, apiURL, nil)
	proved := state(false, l.cert)
	proved.HandshakeComplete = true
	r.TLS = &proved
	v.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	assert.Contains(t, log.String(), "hook=request sha256=")
	assert.Contains(t, log.String(), " identity="+tppID)
	log.Reset()

	w.revoke(l.cert)
	assertRefused(t, handshake(t, config, b.client(tls.VersionTLS13, l)), eidas.ReasonRevoked)
	assert.Contains(t, log.String(), "level=INFO msg=\"peer refused\"")
	assert.Contains(t, log.String(), "reason=revoked cause=tpp")
	log.Reset()

	w.setStatus(unavailable)
	assertRefused(t, handshake(t, config, b.client(tls.VersionTLS13, w.qwac(issuer, request{}))), eidas.ReasonRevocationUnavailable)
	assert.Contains(t, log.String(), "level=WARN")
	assert.Contains(t, log.String(), "cause=third_party")
}

// Text of a certificate must not write lines of its own into a log.
func TestLogHoldsNoControlCharactersOfAPeer(t *testing.T) {
	unlisted, w := newWorld(t), newWorld(t)
	w.qtsp("LT", "QTSP LT")
	var log records
	v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), Logger: log.logger()})
	evil := "PSDLT-BL-1\nlevel=INFO msg=\"peer accepted\"\x1b[2K\u202e"
	for _, l := range []*leaf{
		unlisted.qwac(unlisted.qtsp("LT", evil), request{}),
		unlisted.qwac(unlisted.qtsp("LT", "Nobody"), request{id: evil, name: evil}),
	} {
		err := v.VerifyConnection(state(false, l.cert))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "\n", "net/http logs it as it is")
	}
	err := v.VerifyPeerCertificate([][]byte{[]byte(evil)}, nil)
	require.ErrorIs(t, err, eidas.ReasonCertificateMalformed)
	assert.NotContains(t, err.Error(), "\n")
	v = newVerifier(t, qwac.Config{Logger: log.logger(), Validator: validatorFunc(func() (*eidas.Result, error) { return nil, errors.New(evil) })})
	require.Error(t, v.VerifyConnection(state(false, quick)), "as of a responder that is quoted")
	v = newVerifier(t, qwac.Config{Logger: log.logger(), Validator: validatorFunc(func() (*eidas.Result, error) { panic(evil) })})
	require.Error(t, v.VerifyConnection(state(false, quick)))
	assert.Contains(t, log.String(), "msg=\"verdict panicked\" event=panic")
	assert.Empty(t, log.unescaped)
}

func TestCertificatesAreJudgedAtTheTimeOfTheHandshake(t *testing.T) {
	w := newWorld(t)
	var at time.Time
	v := newVerifier(t, qwac.Config{Validator: timeOf{&at}})
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	before := time.Now()
	require.NoError(t, v.VerifyConnection(state(false, l.cert)))
	assert.False(t, at.Before(before))
	assert.False(t, at.After(time.Now()))
}
