package eidastest_test

import (
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/internal/xmldsig"
	"github.com/seed-b953571c/eidas/trustlist"
)

// load loads the world and fails when its LOTL is refused.
func load(t *testing.T, w *eidastest.Test) *trustlist.Snapshot {
	t.Helper()
	s, err := w.Load(t.Context())
	require.NoError(t, err)
	return s
}

// report finds the report of a national list.
func report(t *testing.T, s *trustlist.Snapshot, territory string) trustlist.ListReport {
	t.Helper()
	for _, r := range s.Lists {
		if r.Territory == territory {
			return r
		}
	}
	require.Fail(t, "no report", territory)
	return trustlist.ListReport{}
}

func TestMintedWorldLoadsThroughItsPivot(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	s := load(t, w)

	assert.True(t, s.LOTL.Accepted)
	assert.Equal(t, 300, s.LOTL.Sequence)
	assert.Equal(t, 6, s.LOTL.Version)
	require.Len(t, s.Pivots, 1)
	assert.Equal(t, 280, s.Pivots[0].Sequence)
	assert.Contains(t, w.Anchors().Signers, s.Pivots[0].Signer, "the anchors sign the pivot")
	assert.NotContains(t, w.Anchors().Signers, s.LOTL.Signer, "and do not sign the LOTL")
	assert.Empty(t, s.Alarms)

	require.Len(t, s.Lists, 2)
	signers := map[[32]byte]bool{s.LOTL.Signer: true}
	for i, territory := range []string{"LT", "DE"} {
		r := s.Lists[i]
		assert.Equal(t, territory, r.Territory)
		assert.True(t, r.Accepted, r.Err)
		assert.Equal(t, 10, r.Sequence)
		assert.False(t, r.Stale)
		assert.False(t, r.Final)
		assert.False(t, signers[r.Signer], "each list has a signer of its own")
		signers[r.Signer] = true
	}
	assert.Equal(t, trustlist.Counts{
		Services: 2, CAQCGranted: 2, CAQCGrantedWeb: 2, CAQCGrantedSeal: 2, CAQCGrantedSig: 2,
	}, s.Counts())
	assert.Equal(t, eidas.ProfileEU, s.Services().Services()[0].List.Profile)
}

// The kit writes eidas.Period values, and the parser must read the same back:
// every extension, criterion and history entry that the vocabulary knows.
func TestEveryFieldOfAServiceComesBack(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{Territories: []string{"HU"}})
	q := w.QTSP("HU")
	service := q.Services[0]
	now := w.Now().UTC().Truncate(time.Second)
	service.Periods = []eidas.Period{{
		Type:   eidastest.ServiceCAQC,
		Names:  []eidas.Name{{Lang: "en", Value: `A & B <C> "D"`}, {Lang: "hu", Value: "Minősített"}},
		Status: eidastest.StatusGranted, Start: now.Add(-time.Hour),
		AdditionalInfo: []string{eidastest.ForWeb, eidastest.ForSeals},
		Qualifications: []eidas.Qualification{{
			Qualifiers: []string{"http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/QCForWSA"},
			Criteria: eidas.Criteria{
				Assert: eidas.AssertAll,
				KeyUsages: []eidas.KeyUsageCriterion{{
					{Bit: x509.KeyUsageDigitalSignature, Value: true},
					{Bit: x509.KeyUsageContentCommitment, Value: false},
					{Bit: x509.KeyUsageKeyEncipherment, Value: true},
				}, {
					{Bit: x509.KeyUsageDataEncipherment, Value: true},
					{Bit: x509.KeyUsageKeyAgreement, Value: true},
					{Bit: x509.KeyUsageCertSign, Value: false},
					{Bit: x509.KeyUsageCRLSign, Value: false},
					{Bit: x509.KeyUsageEncipherOnly, Value: false},
					{Bit: x509.KeyUsageDecipherOnly, Value: false},
				}},
				PolicySets:  [][]string{{"0.4.0.194112.1.4"}, {"1.2.3", "1.2.4"}},
				SubjectDN:   [][]string{{"2.5.4.97"}},
				ExtendedKey: [][]string{{eidastest.ClientAuth, eidastest.ServerAuth}},
				Statements: [][]eidas.StatementCriterion{
					{{ID: "0.4.0.1862.1.1"}, {ID: "0.4.0.1862.1.6", Type: eidastest.TypeWeb}},
				},
				Nested: []eidas.Criteria{{
					Assert: eidas.AssertNone, PolicySets: [][]string{{"1.2.5"}},
					Nested: []eidas.Criteria{{Assert: eidas.AssertAtLeastOne, PolicySets: [][]string{{"1.2.6"}}}},
				}},
			},
		}},
		TakenOverBy:  "https://successor.example/",
		ExpiredCerts: now.AddDate(-5, 0, 0),
	}, {
		Type: eidastest.ServiceCAQC, Names: []eidas.Name{{Lang: "en", Value: "Old"}},
		Status: eidastest.StatusWithdrawn, Start: now.AddDate(-1, 0, 0), UnknownCritical: []string{"Novel"},
	}}
	w.Check(q.List().Reissue())

	s := load(t, w)
	require.True(t, report(t, s, "HU").Accepted, report(t, s, "HU").Err)
	got := s.Services().Services()[0]
	want := service.Periods
	require.Len(t, got.Periods, 2)
	require.Len(t, got.Periods[1].UnknownCritical, 1)
	assert.Contains(t, got.Periods[1].UnknownCritical[0], "Novel")
	got.Periods[1].UnknownCritical = want[1].UnknownCritical
	for i := range want {
		assert.True(t, want[i].Start.Equal(got.Periods[i].Start))
		assert.Equal(t, want[i], got.Periods[i])
	}
	assert.Equal(t, q.Issuing.Certificate.Raw, got.Anchors[0].Raw)
	assert.Equal(t, [][]byte{q.Issuing.Certificate.SubjectKeyId}, got.KeyIDs)
	assert.Equal(t, q.Provider.Names, got.Provider.Names)
	assert.Equal(t, q.Provider.TradeNames, got.Provider.TradeNames)
}

func TestAnchorsDecideWhetherAWorldIsTrusted(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	other := eidastest.Start(t, eidastest.Options{})
	for name, row := range map[string]struct {
		anchors trustlist.Anchors
		refused bool
	}{
		"its own anchors":                {anchors: w.Anchors()},
		"the anchors of another world":   {anchors: other.Anchors(), refused: true},
		"the Official Journal of the EU": {anchors: trustlist.DefaultAnchors(), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: row.anchors, Source: w.Source()}, w.Now())
			assert.Equal(t, row.refused, err != nil, "%v", err)
		})
	}
	direct := w.Anchors()
	direct.OfficialJournal = ""
	_, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: direct, Source: w.Source()}, w.Now())
	require.ErrorIs(t, err, trustlist.ReasonSignerUnknown, "without the pivot the LOTL's signer is a stranger")
}

func TestOptionsShapeTheWorld(t *testing.T) {
	past := time.Date(2021, time.March, 1, 12, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		options eidastest.Options
		pivots  int
		lists   int
	}{
		"no pivot":          {eidastest.Options{Pivots: -1}, 0, 2},
		"three pivots":      {eidastest.Options{Pivots: 3}, 3, 2},
		"P-384 signers":     {eidastest.Options{SignerKey: eidastest.P384}, 1, 2},
		"P-521 signers":     {eidastest.Options{SignerKey: eidastest.P521}, 1, 2},
		"RSA-2048 signers":  {eidastest.Options{SignerKey: eidastest.RSA2048, Territories: []string{"FR"}}, 1, 1},
		"three territories": {eidastest.Options{Territories: []string{"AT", "EL", "SE"}}, 1, 3},
		"a world of 2021":   {eidastest.Options{Now: past}, 1, 2},
		"a sandbox":         {eidastest.Options{Profile: eidas.ProfileTest}, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, row.options)
			s := load(t, w)
			assert.Len(t, s.Pivots, row.pivots)
			require.Len(t, s.Lists, row.lists)
			for _, r := range s.Lists {
				assert.True(t, r.Accepted, r.Err)
			}
			profile := row.options.Profile
			if profile == "" {
				profile = eidas.ProfileEU
			}
			for _, service := range s.Services().Services() {
				assert.Equal(t, profile, service.List.Profile)
			}
			if !row.options.Now.IsZero() {
				assert.Equal(t, row.options.Now, w.Now())
			}
		})
	}
}

func TestTerritoryOfAnythingButTwoLettersIsAnError(t *testing.T) {
	_, err := eidastest.NewWorld(eidastest.Options{Territories: []string{"LT", "Germany"}})
	require.ErrorContains(t, err, `"Germany"`)
}

func TestListsVerifyWithTheirSignersAlone(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	lists := []*eidastest.List{w.LOTL, w.List("LT"), w.List("DE")}
	for _, l := range lists {
		assert.Same(t, l.Signer(), l.Signers()[0])
	}
	for _, signed := range lists {
		for _, l := range lists {
			var signers []xmldsig.Fingerprint
			for _, c := range l.Signers() {
				signers = append(signers, xmldsig.FingerprintOf(c.Raw))
			}
			_, err := xmldsig.Verify(signed.Served(), signers)
			assert.Equal(t, signed == l, err == nil, "%s by %s: %v", signed.Territory, l.Territory, err)
		}
	}
}

func TestEditionsAreJudgedForWhatTheyAre(t *testing.T) {
	for name, row := range map[string]struct {
		edit   func(l *eidastest.List, w *eidastest.Test) error
		reason trustlist.Reason
		want   trustlist.ListReport // of an accepted list: Sequence, Version, Stale, Final
	}{
		"reissued": {
			edit: func(l *eidastest.List, _ *eidastest.Test) error { return l.Reissue() },
			want: trustlist.ListReport{Sequence: 11, Version: 6},
		},
		"expired": {
			edit: func(l *eidastest.List, _ *eidastest.Test) error { return l.Expire(24 * time.Hour) },
			want: trustlist.ListReport{Sequence: 11, Version: 6, Stale: true},
		},
		"final": {
			edit: func(l *eidastest.List, _ *eidastest.Test) error {
				l.NextUpdate = time.Time{}
				return l.Publish()
			},
			want: trustlist.ListReport{Sequence: 10, Version: 6, Final: true},
		},
		"format 5": {
			edit: func(l *eidastest.List, _ *eidastest.Test) error {
				l.Version = 5
				return l.Publish()
			},
			want: trustlist.ListReport{Sequence: 10, Version: 5},
		},
		"rolled back": {
			edit: func(l *eidastest.List, _ *eidastest.Test) error {
				return errors.Join(l.Reissue(), l.Rollback())
			},
			want: trustlist.ListReport{Sequence: 10, Version: 6},
		},
		"restored": {
			edit: func(l *eidastest.List, _ *eidastest.Test) error {
				return errors.Join(l.Reissue(), l.Tamper(), l.Restore())
			},
			want: trustlist.ListReport{Sequence: 11, Version: 6},
		},
		"format 4": {
			edit: func(l *eidastest.List, _ *eidastest.Test) error {
				l.Version = 4
				return l.Publish()
			},
			reason: trustlist.ReasonVersionUnsupported,
		},
		"from the future": {
			edit: func(l *eidastest.List, w *eidastest.Test) error {
				l.Issued = w.Now().Add(time.Hour)
				return l.Publish()
			},
			reason: trustlist.ReasonIssuedInFuture,
		},
		"tampered": {
			edit:   func(l *eidastest.List, _ *eidastest.Test) error { return l.Tamper() },
			reason: trustlist.ReasonSignatureInvalid,
		},
		"unsigned": {
			edit:   func(l *eidastest.List, _ *eidastest.Test) error { return l.Unsign() },
			reason: trustlist.ReasonSignatureMissing,
		},
		"signed by another operator": {
			edit:   func(l *eidastest.List, w *eidastest.Test) error { return l.SignAs(w.List("DE")) },
			reason: trustlist.ReasonSignerUnknown,
		},
		"signed by the LOTL's signer": {
			edit:   func(l *eidastest.List, w *eidastest.Test) error { return l.SignAs(w.LOTL) },
			reason: trustlist.ReasonSignerUnknown,
		},
		"another territory's list": {
			edit: func(l *eidastest.List, _ *eidastest.Test) error {
				l.Territory = "PL"
				return l.Publish()
			},
			reason: trustlist.ReasonTerritoryMismatch,
		},
		"missing": {
			edit:   func(l *eidastest.List, _ *eidastest.Test) error { return l.Replace(nil) },
			reason: trustlist.ReasonNotFound,
		},
		"no list at all": {
			edit: func(l *eidastest.List, _ *eidastest.Test) error {
				return l.Replace([]byte("<html>Not found</html>"))
			},
			reason: trustlist.ReasonNotList,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			w.Check(row.edit(w.List("LT"), w))
			s := load(t, w)
			r := s.Lists[0]
			assert.Equal(t, row.reason, r.Reason, "%v", r.Err)
			wantServices := 1
			if row.reason == 0 {
				wantServices = 2
				got := trustlist.ListReport{Sequence: r.Sequence, Version: r.Version, Stale: r.Stale, Final: r.Final}
				assert.Equal(t, row.want, got)
			}
			assert.Len(t, s.Services().Services(), wantServices, "the other list is not touched")
			assert.Equal(t, s.ID, w.Services().ID(), "the live services follow")
		})
	}
}

func TestRollbackNeedsAnEarlierEdition(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	require.Error(t, w.List("LT").Rollback())
}

func TestBrokenLOTLKeepsTheLastGoodServices(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	before := w.Services().ID()
	w.Check(w.LOTL.Tamper())
	require.ErrorIs(t, w.LoadError(), trustlist.ReasonSignatureInvalid)
	assert.Equal(t, before, w.Services().ID())
	w.Check(w.LOTL.Restore())
	require.NoError(t, w.LoadError())
}

func TestWithdrawalAndGrantBecomeHistory(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	w.Check(q.Withdraw(w.Now()))
	assert.Equal(t, 1, load(t, w).Counts().CAQCGranted)
	w.Check(q.Grant(w.Now()))
	s := load(t, w)
	assert.Equal(t, 2, s.Counts().CAQCGranted)
	var statuses []string
	for _, p := range s.Services().Services()[0].Periods {
		statuses = append(statuses, p.Status)
	}
	assert.Equal(t, []string{eidastest.StatusGranted, eidastest.StatusWithdrawn, eidastest.StatusGranted}, statuses)
	assert.Equal(t, 12, report(t, s, "LT").Sequence)
}

func TestAddedQTSPIsListed(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	second, err := w.AddQTSP(eidastest.QTSPOptions{Territory: "LT", Name: "Second & Co"})
	require.NoError(t, err)
	assert.Same(t, w.List("LT"), second.List())
	foreign, err := w.AddQTSP(eidastest.QTSPOptions{Territory: "NO", AdditionalInfo: []string{eidastest.ForSeals}})
	require.NoError(t, err)
	assert.Same(t, foreign, w.QTSP("NO"))
	assert.Equal(t, []*eidastest.QTSP{w.QTSP("LT"), second}, w.List("LT").QTSPs())
	assert.Equal(t, "Second & Co", second.Name())

	s := load(t, w)
	require.Len(t, s.Lists, 3)
	assert.Equal(t, 301, s.LOTL.Sequence, "a new list needs a new LOTL")
	assert.Equal(t, 11, report(t, s, "LT").Sequence)
	assert.Equal(t, 10, report(t, s, "NO").Sequence)
	assert.Equal(t, trustlist.Counts{
		Services: 4, CAQCGranted: 4, CAQCGrantedWeb: 3, CAQCGrantedSeal: 4, CAQCGrantedSig: 3,
	}, s.Counts())
}

func TestImpostorPrintsTheNamesButHasNoListing(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	honest, impostor := w.QTSP("LT"), w.Impostor("LT")
	assert.Equal(t, honest.Issuing.Certificate.RawSubject, impostor.Issuing.Certificate.RawSubject)
	assert.Equal(t, honest.Root.Certificate.RawSubject, impostor.Root.Certificate.RawSubject)
	assert.Equal(t, honest.Issuing.Certificate.SubjectKeyId, impostor.Issuing.Certificate.SubjectKeyId)
	assert.NotEqual(t, honest.Issuing.Certificate.RawSubjectPublicKeyInfo, impostor.Issuing.Certificate.RawSubjectPublicKeyInfo)
	assert.Nil(t, impostor.List())
	require.Error(t, impostor.Withdraw(w.Now()), "it has no service to withdraw")
	assert.Equal(t, 2, load(t, w).Counts().Services)
}

func TestFolderIsTheSameWorld(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{Territories: []string{"LT", "DE", "PL"}})
	w.Check(w.QTSP("DE").Withdraw(w.Now()))
	w.Check(w.List("PL").Expire(time.Hour))
	dir := t.TempDir()
	w.Check(w.WriteFolder(dir))

	world, err := trustlist.LoadWorld(dir)
	require.NoError(t, err)
	assert.Equal(t, w.Anchors().Signers, world.Anchors.Signers)
	assert.Equal(t, eidas.ProfileTest, world.Anchors.Profile, "a folder cannot say that its anchors are the EU's")
	folder, err := trustlist.OpenFolder(dir)
	require.NoError(t, err)
	defer folder.Close()
	s, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: world.Anchors, Source: folder}, world.At)
	require.NoError(t, err)
	assert.Equal(t, trustlist.Counts{
		Services: 3, CAQCGranted: 2, CAQCGrantedWeb: 2, CAQCGrantedSeal: 2, CAQCGrantedSig: 2,
	}, s.Counts())
	assert.JSONEq(t, `{
		"lists": {
			"LT": {"sequence": 10, "stale": false, "final": false},
			"DE": {"sequence": 11, "stale": false, "final": false},
			"PL": {"sequence": 11, "stale": true, "final": false}
		},
		"absent": [], "services": 3,
		"ca_qc_granted": 2, "ca_qc_granted_web": 2, "ca_qc_granted_seal": 2, "ca_qc_granted_sig": 2
	}`, string(world.Expect))
}

func TestFolderThatIsNotThereIsMade(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	dir := filepath.Join(t.TempDir(), "missing", "too")
	require.NoError(t, w.WriteFolder(dir))
	assert.FileExists(t, filepath.Join(dir, "world.json"))
	require.Error(t, w.WriteFolder(filepath.Join(dir, "world.json")), "a file stands there")
}

func TestHandlerServesTheListsByHost(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	server := httptest.NewServer(w.Handler())
	defer server.Close()
	get := func(url string) (int, string) {
		rest, ok := strings.CutPrefix(url, "https://")
		require.True(t, ok)
		host, path, _ := strings.Cut(rest, "/")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/"+path, nil)
		require.NoError(t, err)
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	for _, l := range []*eidastest.List{w.LOTL, w.List("LT"), w.List("DE")} {
		status, body := get(l.URL)
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, string(l.Served()), body)
	}
	status, _ := get("https://elsewhere.invalid/tl.xml")
	assert.Equal(t, http.StatusNotFound, status)
}

// BenchmarkNewWorld shows what a test pays: the aim is below 100 ms.
func BenchmarkNewWorld(b *testing.B) {
	for b.Loop() {
		w, err := eidastest.NewWorld(eidastest.Options{})
		if err != nil {
			b.Fatal(err)
		}
		w.Close()
	}
}

func TestFormatsHaveTheirOwnSigningCertificate(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	l := w.List("LT")
	assert.Contains(t, string(l.Served()), "SigningCertificateV2>")
	l.Version = 5
	w.Check(l.Publish())
	assert.NotContains(t, string(l.Served()), "SigningCertificateV2>")
	assert.Contains(t, string(l.Served()), "SigningCertificate>")
}
