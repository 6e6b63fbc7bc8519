package qseal_test

import (
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

func stetScene(t *testing.T) *scene {
	t.Helper()
	s := rsaScene(t, qseal.STET16())
	url := stetURL(s.leaf.Certificate)
	var err error
	s.config.Resolver, err = qseal.NewDirectory(map[string][]byte{url: s.leaf.Certificate.Raw})
	require.NoError(t, err)
	s.usual = []func(f *forged){
		header("date", s.at.UTC().Format(http.TimeFormat)), covering("(request-target) digest date"),
		func(f *forged) {
			f.keyID, f.algorithm = url, "rsa-sha256"
			f.header.Del("Tpp-Signature-Certificate")
		},
	}
	return s
}

// Every field that is there must be sealed, and the times are the sealer's.
func TestSTETCoverage(t *testing.T) {
	for name, row := range map[string]struct {
		edits []func(f *forged)
		want  qseal.Reason
	}{
		"no target":                 {[]func(*forged){covering("digest date")}, qseal.ReasonCoverage},
		"no digest":                 {[]func(*forged){covering("(request-target) date")}, qseal.ReasonCoverage},
		"date not sealed":           {[]func(*forged){covering("(request-target) digest x-request-id")}, qseal.ReasonCoverage},
		"psu-ip-address not sealed": {[]func(*forged){header("psu-ip-address", "192.0.2.1")}, qseal.ReasonCoverage},
		"content-type not sealed":   {[]func(*forged){header("content-type", "text/plain")}, qseal.ReasonCoverage},
		"content-length not sealed": {[]func(*forged){header("content-length", "1")}, qseal.ReasonCoverage},
		"accept sealed":             {[]func(*forged){header("accept", "*/*"), covering("(request-target) digest date accept")}, qseal.ReasonCoverage},
		"sealed and not there":      {[]func(*forged){covering("(request-target) digest date psu-id")}, qseal.ReasonFieldMissing},
		"no time and no id":         {[]func(*forged){func(f *forged) { f.header.Del("Date") }, covering("(request-target) digest")}, qseal.ReasonCoverage},
		"two ids":                   {[]func(*forged){header("x-request-id", "a", "b"), covering("(request-target) digest date x-request-id")}, qseal.ReasonRepeated},
		"empty id":                  {[]func(*forged){header("x-request-id", ""), covering("(request-target) digest date x-request-id")}, qseal.ReasonFormat},
		"created":                   {[]func(*forged){later(func(r *http.Request) { r.Header.Set("Signature", r.Header.Get("Signature")+",created=1") })}, qseal.ReasonHeader},
		"ECDSA":                     {[]func(*forged){func(f *forged) { f.algorithm = "ecdsa-sha256" }}, qseal.ReasonAlgorithm},
		"no seal":                   {[]func(*forged){later(func(r *http.Request) { r.Header.Del("Signature") })}, qseal.ReasonSignatureMissing},
		"stale":                     {[]func(*forged){header("date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))}, qseal.ReasonStale},
	} {
		t.Run(name, func(t *testing.T) { stetScene(t).refused(row.want, row.edits...) })
	}
	for name, edits := range map[string][]func(*forged){
		"all": {
			header("psu-ip-address", "192.0.2.1"), header("content-type", "text/plain"), header("content-length", "1"),
			covering("(request-target) digest date x-request-id psu-ip-address content-type content-length"),
		},
		"an id instead of a date": {func(f *forged) { f.header.Del("Date") }, covering("(request-target) digest x-request-id")},
	} {
		t.Run(name, func(t *testing.T) {
			s := stetScene(t)
			require.NoError(t, s.verify(s.order(edits...)))
			require.ErrorIs(t, s.verify(s.order(edits...)), qseal.ReasonReplay, "an id that is sealed is remembered")
		})
	}
	s := stetScene(t)
	s.config.Profile = s.config.Profile.AllowQuirks(qseal.QuirkExtraFields)
	seal, err := s.verifier().VerifyRequest(t.Context(), s.order(header("accept", "*/*"), covering("(request-target) digest date accept")), s.at)
	require.NoError(t, err)
	assert.Equal(t, qseal.QuirkExtraFields, seal.Quirks)
	assert.True(t, seal.PathBound)
	assert.WithinDuration(t, s.at, seal.SignedAt, time.Second)
}

func ingScene(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, qseal.INGCavage())
	s.usual = []func(f *forged){
		header("date", s.at.UTC().Format(http.TimeFormat)), covering("(request-target) date digest"),
		func(f *forged) {
			f.keyID, _, _ = strings.Cut(f.keyID, ",")
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.leaf.Certificate.Raw})
			f.header.Set("Tpp-Signature-Certificate", strings.ReplaceAll(string(text), "\n", ""))
		},
	}
	return s
}

// moved puts the seal into Authorization, where ING's token request has it.
func moved(r *http.Request) {
	r.Header.Set("Authorization", "Signature "+r.Header.Get("Signature"))
	r.Header.Del("Signature")
}

func TestINGCavage(t *testing.T) {
	for name, row := range map[string]struct {
		edits []func(f *forged)
		want  qseal.Reason
	}{
		"no target":    {[]func(*forged){covering("date digest")}, qseal.ReasonCoverage},
		"no date":      {[]func(*forged){covering("(request-target) digest")}, qseal.ReasonCoverage},
		"no digest":    {[]func(*forged){covering("(request-target) date")}, qseal.ReasonCoverage},
		"more":         {[]func(*forged){covering("(request-target) date digest host")}, qseal.ReasonCoverage},
		"date missing": {[]func(*forged){func(f *forged) { f.header.Del("Date") }}, qseal.ReasonFieldMissing},
		"created":      {[]func(*forged){later(func(r *http.Request) { r.Header.Set("Signature", r.Header.Get("Signature")+",created=1") })}, qseal.ReasonHeader},
		"seals in both places": {[]func(*forged){later(func(r *http.Request) {
			r.Header.Set("Authorization", "Signature "+r.Header.Get("Signature"))
		})}, qseal.ReasonRepeated},
		"two authorizations": {[]func(*forged){later(func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer a", "Bearer b"} })}, qseal.ReasonRepeated},
		"two signatures":     {[]func(*forged){later(func(r *http.Request) { r.Header.Add("Signature", "x") })}, qseal.ReasonRepeated},
		"none":               {[]func(*forged){later(func(r *http.Request) { r.Header.Del("Signature") })}, qseal.ReasonSignatureMissing},
		"another scheme": {[]func(*forged){later(func(r *http.Request) {
			moved(r)
			r.Header.Set("Authorization", "Bearer"+strings.TrimPrefix(r.Header.Get("Authorization"), "Signature"))
		})}, qseal.ReasonSignatureMissing},
		"hop by hop":                     {[]func(*forged){header("connection", "authorization"), later(moved)}, qseal.ReasonHopByHop},
		"broken certificate":             {[]func(*forged){header("tpp-signature-certificate", "x")}, qseal.ReasonCertificateMalformed},
		"serial of another":              {[]func(*forged){func(f *forged) { f.keyID = "SN=1" }}, qseal.ReasonCertificateMismatch},
		"client id beside a certificate": {[]func(*forged){func(f *forged) { f.keyID = "client" }}, qseal.ReasonFormat},
		"client id, nobody knows it": {[]func(*forged){func(f *forged) {
			f.keyID = "client"
			f.header.Del("Tpp-Signature-Certificate")
		}}, qseal.ReasonCertificateMissing},
		"serial, nobody knows it": {[]func(*forged){func(f *forged) { f.header.Del("Tpp-Signature-Certificate") }}, qseal.ReasonCertificateMissing},
		"stale":                   {[]func(*forged){header("date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))}, qseal.ReasonStale},
	} {
		t.Run(name, func(t *testing.T) { ingScene(t).refused(row.want, row.edits...) })
	}
	s := ingScene(t)
	for name, edits := range map[string][]func(*forged){
		"in Signature": {}, "in Authorization": {later(moved)}, "beside a token": {header("authorization", "Bearer x")},
	} {
		s.config.Replay = replayMemory(t)
		seal, err := s.verifier().VerifyRequest(t.Context(), s.order(edits...), s.at)
		require.NoError(t, err, name)
		assert.Zero(t, seal.Quirks, "its own rules are no quirks")
		assert.True(t, seal.PathBound)
	}
	var err error
	s.config.Resolver, err = qseal.NewDirectory(map[string][]byte{"client": s.leaf.Certificate.Raw})
	require.NoError(t, err)
	byClient := func(f *forged) {
		f.keyID = "client"
		f.header.Del("Tpp-Signature-Certificate")
	}
	s.config.Replay = replayMemory(t)
	require.NoError(t, s.verify(s.order(byClient)))
	signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: s.config.Profile, Key: s.leaf.Key, Chain: s.leaf.Chain, KeyID: "client"})
	require.NoError(t, err)
	s.config.Replay = replayMemory(t)
	r := s.order()
	require.NoError(t, signer.SignRequest(r, s.at))
	require.NoError(t, s.verify(r))
}
