package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// stored is the JSON of "trustlist fetch" and "trustlist status".
type stored struct {
	Ready    bool         `json:"ready"`
	Degraded bool         `json:"degraded"`
	Snapshot string       `json:"snapshot"`
	LOTL     storedList   `json:"lotl"`
	Lists    []storedList `json:"lists"`
	Error    string       `json:"error"`
}

type storedList struct {
	listLine
	Kept    bool      `json:"kept"`
	Checked time.Time `json:"checked"`
	Signer  string    `json:"signer"`
}

func (s stored) list(t *testing.T, territory string) storedList {
	t.Helper()
	for _, l := range s.Lists {
		if l.Territory == territory {
			return l
		}
	}
	require.Fail(t, "no list", territory)
	return storedList{}
}

// listHosts are the hosts of a world, reached the way a bank reaches the real
// ones: through a forward proxy, over TLS.
type listHosts struct {
	*eidastest.Test
	proxy, roots string
	stop         func()
}

// present starts a world that is judged now, as these commands do.
func present(t *testing.T) *listHosts {
	t.Helper()
	w := eidastest.Start(t, eidastest.Options{Profile: eidas.ProfileTest})
	lists := httptest.NewUnstartedServer(w.Handler())
	cert := hostCertificate(t)
	lists.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	lists.Config.ErrorLog = log.New(io.Discard, "", 0)
	lists.StartTLS()
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		tunnel(rw, lists.Listener.Addr().String())
	}))
	stop := sync.OnceFunc(func() { proxy.Close(); lists.CloseClientConnections(); lists.Close() })
	t.Cleanup(stop)
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	return &listHosts{w, proxy.URL, tempFile(t, roots), stop}
}

// hostCertificate is one for every host of a world.
func hostCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"*.eidastest.invalid"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// trusting are the flags that name where trust starts.
func (w *listHosts) trusting() []string {
	a := w.Anchors()
	return []string{"--anchors", fingerprintsOf(a.Signers), "--lotl", a.LOTL, "--notice", a.OfficialJournal}
}

func fingerprintsOf(signers [][32]byte) string {
	var all []string
	for _, s := range signers {
		all = append(all, hex.EncodeToString(s[:]))
	}
	return strings.Join(all, ",")
}

func (w *listHosts) fetch(t *testing.T, dir string, more ...string) outcome {
	t.Helper()
	args := append([]string{"trustlist", "fetch", "--dir", dir, "--proxy", w.proxy, "--tls-roots", w.roots}, w.trusting()...)
	o := eidasCmd(t, append(args, more...)...)
	require.NotEqual(t, 2, o.code, o.stderr)
	return o
}

func fetchInto(t *testing.T, w *listHosts, dir string, more ...string) (stored, outcome) {
	t.Helper()
	o := w.fetch(t, dir, append(more, "--json")...)
	return document[stored](t, o), o
}

func status(t *testing.T, w *listHosts, dir string) (stored, outcome) {
	t.Helper()
	o := eidasCmd(t, append([]string{"trustlist", "status", "--json", "--dir", dir}, w.trusting()...)...)
	require.NotEqual(t, 2, o.code, o.stderr)
	return document[stored](t, o), o
}

const dayPattern = `\d{4}-\d\d-\d\d`

func TestFetchThenStatusWithoutTheNetwork(t *testing.T) {
	w, dir := present(t), filepath.Join(t.TempDir(), "lists")
	fetched, o := fetchInto(t, w, dir)
	assert.Equal(t, 0, o.code)
	assert.True(t, fetched.Ready)
	assert.False(t, fetched.Degraded, o.stdout)
	assert.Len(t, fetched.list(t, "LT").Signer, 64)

	text := eidasCmd(t, append([]string{"trustlist", "status", "--dir", dir}, w.trusting()...)...)
	w.stop()
	kept, o := status(t, w, dir)
	assert.Equal(t, 0, o.code)
	assert.True(t, kept.Ready)
	assert.Equal(t, fetched.Snapshot, kept.Snapshot)
	assert.WithinDuration(t, time.Now(), kept.list(t, "LT").Checked, time.Hour)
	assert.Regexp(t, `(?s)^Ready

      state   sequence  issued      next update  services  checked
  EU  in use  300       `+dayPattern+`  `+dayPattern+`   +\d+ seconds? ago
  LT  in use  10        `+dayPattern+`  `+dayPattern+`   1         \d+ seconds? ago
  DE  in use  10        `+dayPattern+`  `+dayPattern+`   1         \d+ seconds? ago

Lists 2 of 2 in use, with 2 services
Snapshot [0-9a-f]{64}
$`, text.stdout)

	// Nothing on disk is believed for being there.
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		doc, err := os.ReadFile(f)
		require.NoError(t, err)
		doc[len(doc)/2] ^= 1
		require.NoError(t, os.WriteFile(f, doc, 0o600))
	}
	flipped, o := status(t, w, dir)
	assert.Equal(t, 1, o.code)
	assert.False(t, flipped.Ready)
	assert.NotEmpty(t, flipped.Error)
}

func TestFetchKeepsTheLastGoodCopyOfARefusedList(t *testing.T) {
	w, dir := present(t), t.TempDir()
	_, _ = fetchInto(t, w, dir)
	w.Check(w.List("LT").Tamper())
	got, o := fetchInto(t, w, dir)
	assert.Equal(t, 0, o.code, "the LOTL was had")
	assert.True(t, got.Ready)
	assert.True(t, got.Degraded)
	lt, de := got.list(t, "LT"), got.list(t, "DE")
	assert.True(t, lt.Accepted && lt.Kept)
	assert.Equal(t, "signature_invalid", lt.Reason)
	assert.True(t, de.Accepted && !de.Kept)
	text := w.fetch(t, dir)
	assert.Contains(t, text.stdout, "Degraded")
	assert.Contains(t, text.stdout, "last good copy; later: signature is wrong")
	assert.Contains(t, text.stdout, "Lists 2 of 2 in use, 1 kept, with 2 services")

	w.stop() // nobody answers any more
	got, o = fetchInto(t, w, dir)
	assert.Equal(t, 1, o.code, "the LOTL was not had")
	assert.True(t, got.Ready)
	assert.True(t, got.LOTL.Kept)
}

// exact are the members of a list's health but for times and text.
func exact(s stored) map[string]storedList {
	all := map[string]storedList{"EU": s.LOTL}
	for _, l := range s.Lists {
		all[l.Territory] = l
	}
	for territory, l := range all {
		l.Checked = time.Time{}
		all[territory] = l
	}
	return all
}

// One list of a world is replaced at its host. The health says exactly what
// became of it, its last good copy is in use, and of the others nothing changes.
func TestFetchOfAWorldWithOneListReplaced(t *testing.T) {
	rows := []struct {
		name   string
		change func(w *listHosts, l *eidastest.List) error
		reason string
	}{
		{"older sequence", func(_ *listHosts, l *eidastest.List) error { return l.Rollback() }, "rollback"},
		{"tampered", func(_ *listHosts, l *eidastest.List) error { return l.Tamper() }, "signature_invalid"},
		{"unsigned", func(_ *listHosts, l *eidastest.List) error { return l.Unsign() }, "signature_missing"},
		{"signed by another state's operator", func(w *listHosts, l *eidastest.List) error { return l.SignAs(w.List("DE")) }, "signer_unknown"},
		{"missing", func(_ *listHosts, l *eidastest.List) error { return l.Replace(nil) }, "not_found"},
		{"HTML", func(_ *listHosts, l *eidastest.List) error { return l.Replace([]byte("<!DOCTYPE html><p>moved")) }, "xml_malformed"},
	}
	w := present(t)
	w.Check(w.List("LT").Reissue()) // so that there is an older one
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			w.Check(w.List("LT").Restore())
			whole, o := fetchInto(t, w, dir)
			require.Equal(t, 0, o.code)
			require.False(t, whole.Degraded)
			w.Check(row.change(w, w.List("LT")))
			got, o := fetchInto(t, w, dir)
			assert.Equal(t, 0, o.code)
			assert.True(t, got.Ready && got.Degraded)
			assert.Equal(t, whole.Snapshot, got.Snapshot)
			want := exact(whole)
			lt := want["LT"]
			lt.Kept, lt.Reason = true, row.reason
			want["LT"] = lt
			assert.Equal(t, want, exact(got))

			// In a folder that never had it there is no copy to keep. An old edition is
			// then as good as any: nobody can know of a newer one.
			fresh, o := fetchInto(t, w, t.TempDir())
			assert.Equal(t, 0, o.code)
			if row.reason == "rollback" {
				assert.True(t, fresh.list(t, "LT").Accepted)
				return
			}
			assert.False(t, fresh.list(t, "LT").Accepted || fresh.list(t, "LT").Kept)
			assert.Equal(t, row.reason, fresh.list(t, "LT").Reason)
			assert.Equal(t, want["DE"], exact(fresh)["DE"])
		})
	}
}

// Where there is no network, lists come in a folder; what is older than what was
// had before is refused there too.
func TestFetchFromAFolder(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{Profile: eidas.ProfileTest})
	folder := func() string {
		dir := t.TempDir()
		require.NoError(t, w.WriteFolder(dir))
		return dir
	}
	hosts, store := &listHosts{Test: w}, t.TempDir()
	fetch := func(from string, more ...string) outcome {
		args := append([]string{"trustlist", "fetch", "--json", "--dir", store, "--from", from}, hosts.trusting()...)
		return eidasCmd(t, append(args, more...)...)
	}
	old := folder()
	w.Check(w.List("LT").Reissue())
	whole := document[stored](t, fetch(folder()))
	assert.True(t, whole.Ready && !whole.Degraded)
	assert.Equal(t, 11, whole.list(t, "LT").Sequence)

	o := fetch(old)
	assert.Equal(t, 0, o.code, o.stdout)
	got := document[stored](t, o)
	assert.True(t, got.Ready && got.Degraded)
	assert.Equal(t, whole.Snapshot, got.Snapshot)
	assert.Equal(t, "rollback", got.list(t, "LT").Reason)
	assert.True(t, got.list(t, "LT").Kept)
	assert.False(t, got.list(t, "DE").Kept || got.LOTL.Kept)

	w.Check(w.LOTL.Reissue())
	require.Equal(t, 0, fetch(folder()).code)
	o = fetch(old)
	assert.Equal(t, 1, o.code, "its LOTL is older too")
	got = document[stored](t, o)
	assert.Equal(t, "rollback", got.LOTL.Reason)
	assert.True(t, got.LOTL.Kept && got.Ready)

	for _, flags := range [][]string{{"--proxy", "http://proxy.invalid"}, {"--allow-any-port"}, {"--timeout", "1s"}, {"--allow-private", "10.0.0.0/8"}} {
		o := fetch(old, flags...)
		assert.Equal(t, 2, o.code)
		assert.Contains(t, o.stderr, "--from excludes")
	}
	assert.Equal(t, 2, fetch(t.TempDir()).code, "no manifest")
}

func TestFetchFromAMirrorInside(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{Profile: eidas.ProfileTest, Pivots: -1})
	cert := hostCertificate(t)
	mirror := httptest.NewUnstartedServer(w.Handler())
	mirror.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	mirror.Config.ErrorLog = log.New(io.Discard, "", 0)
	mirror.StartTLS()
	t.Cleanup(mirror.Close)
	for _, territory := range []string{"LT", "DE"} {
		l := w.List(territory)
		l.URL = mirror.URL + "/" + territory + ".xml"
		w.Check(l.Reissue())
	}
	w.LOTL.URL = mirror.URL + "/lotl.xml"
	w.Check(w.LOTL.Reissue())
	roots := tempFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})))
	hosts := &listHosts{Test: w}
	fetch := func(more ...string) (stored, outcome) {
		args := append([]string{"trustlist", "fetch", "--json", "--dir", t.TempDir(), "--tls-roots", roots}, hosts.trusting()...)
		o := eidasCmd(t, append(args, more...)...)
		require.NotEqual(t, 2, o.code, o.stderr)
		return document[stored](t, o), o
	}
	for _, flags := range [][]string{nil, {"--allow-any-port"}, {"--allow-private", "127.0.0.0/8"}, {"--allow-any-port", "--allow-private", "10.0.0.0/8"}} {
		got, o := fetch(flags...)
		assert.Equal(t, 1, o.code, "%v", flags)
		assert.False(t, got.Ready)
	}
	got, o := fetch("--allow-any-port", "--allow-private", "127.0.0.0/8")
	assert.Equal(t, 0, o.code, o.stdout)
	assert.True(t, got.Ready)
	assert.True(t, got.list(t, "LT").Accepted && got.list(t, "DE").Accepted)
}

// When the LOTL no longer names the notice that is built in, an operator can add
// the signers of the new one.
func TestFetchWithANoticeThatIsNotBuiltIn(t *testing.T) {
	w := present(t)
	a := w.Anchors()
	fetch := func(notice string) (stored, outcome) {
		o := eidasCmd(t, "trustlist", "fetch", "--json", "--dir", t.TempDir(), "--proxy", w.proxy, "--tls-roots", w.roots,
			"--lotl", a.LOTL, "--add-notice", notice)
		require.NotEqual(t, 2, o.code, o.stderr)
		return document[stored](t, o), o
	}
	got, o := fetch(a.OfficialJournal + "=" + fingerprintsOf(a.Signers))
	assert.Equal(t, 0, o.code, o.stdout)
	assert.True(t, got.Ready)
	for name, notice := range map[string]string{
		"other signer": a.OfficialJournal + "=" + strings.Repeat("1", 64),
		"other notice": "https://eur-lex.europa.eu/other=" + fingerprintsOf(a.Signers),
	} {
		got, o = fetch(notice)
		assert.Equal(t, 1, o.code, name)
		assert.False(t, got.Ready, name)
	}
	for _, bad := range []string{"x", "http://eur-lex.europa.eu/x=" + strings.Repeat("1", 64), "https://eur-lex.europa.eu/x=00", "https:x=" + strings.Repeat("1", 64)} {
		o := eidasCmd(t, "trustlist", "fetch", "--dir", t.TempDir(), "--add-notice", bad)
		assert.Equal(t, 2, o.code, bad)
		assert.Contains(t, o.stderr, "add-notice")
	}
}

func TestFetchIntoNothingFromNobody(t *testing.T) {
	w, dir := present(t), t.TempDir()
	w.stop()
	got, o := fetchInto(t, w, dir)
	assert.Equal(t, 1, o.code)
	assert.False(t, got.Ready)
	assert.NotEmpty(t, got.Error)
	got, o = status(t, w, dir)
	assert.Equal(t, 1, o.code)
	assert.False(t, got.Ready)
}

func TestFetchFlags(t *testing.T) {
	w, dir := present(t), t.TempDir()
	got, _ := fetchInto(t, w, dir, "--territories", "DE")
	assert.True(t, got.list(t, "DE").Accepted)
	assert.Len(t, got.Lists, 1)
	for territories, degraded := range map[string]bool{"DE": false, "DE,LT": true} {
		o := eidasCmd(t, append([]string{"trustlist", "status", "--json", "--dir", dir, "--territories", territories}, w.trusting()...)...)
		assert.Equal(t, degraded, document[stored](t, o).Degraded, "LT was not fetched")
	}
	for _, bad := range [][]string{
		{"--proxy", "nonsense"},
		{"--allow-private", "10.0.0.1"},
		{"--tls-roots", tempFile(t, "nonsense")},
		{"--anchors", "oj-1999"},
		{"extra"},
	} {
		o := eidasCmd(t, append([]string{"trustlist", "fetch", "--dir", dir}, bad...)...)
		assert.Equal(t, 2, o.code, bad)
		assert.Contains(t, o.stderr, bad[len(bad)-1])
	}
	for _, name := range []string{"fetch", "status"} {
		o := eidasCmd(t, "trustlist", name)
		assert.Equal(t, 2, o.code)
		assert.Contains(t, o.stderr, "--dir is missing")
	}
	missing := filepath.Join(dir, "none")
	assert.Equal(t, 2, eidasCmd(t, "trustlist", "status", "--dir", missing).code)
	assert.NoDirExists(t, missing)
	// Other roots than the system's are trusted only where they are named.
	o := eidasCmd(t, append([]string{"trustlist", "fetch", "--json", "--dir", t.TempDir(), "--proxy", w.proxy}, w.trusting()...)...)
	assert.Equal(t, 1, o.code)
	assert.Contains(t, document[stored](t, o).Error, "certificate")
}

func TestDiffOfTwoStores(t *testing.T) {
	w := present(t)
	before, after := filepath.Join(t.TempDir(), "before"), filepath.Join(t.TempDir(), "after")
	_, _ = fetchInto(t, w, before)
	w.Check(w.QTSP("LT").Withdraw(time.Now().Add(-time.Hour)))
	_, _ = fetchInto(t, w, after)

	diff := func(more ...string) outcome {
		return eidasCmd(t, append(append([]string{"trustlist", "diff"}, more...), w.trusting()...)...)
	}
	same := diff(before, before)
	assert.Equal(t, 0, same.code, same.stderr)
	assert.Equal(t, "nothing changed\n", same.stdout)

	o := diff(before, after, "--json")
	assert.Equal(t, 1, o.code, o.stderr)
	kinds := map[string]string{}
	for line := range strings.Lines(o.stdout) {
		var c struct{ Kind, Territory, Before, After string }
		require.NoError(t, json.Unmarshal([]byte(line), &c))
		kinds[c.Territory+" "+c.Kind] = c.Before + " " + c.After
	}
	const status = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/"
	assert.Equal(t, status+"granted "+status+"withdrawn", kinds["LT service_status"], o.stdout)
	assert.Contains(t, kinds, "LT list_sequence")
	assert.NotContains(t, kinds, "DE service_status")

	text := diff(before, after)
	assert.Equal(t, 1, text.code)
	assert.Contains(t, text.stdout, "CA/QC")
	assert.Contains(t, text.stdout, "granted → withdrawn")
	assert.Equal(t, 2, diff(before).code)
}

func TestDiffOfTwoWorlds(t *testing.T) {
	m := mint(t)
	before := m.folder(t)
	period := &m.QTSP("DE").Services[0].Periods[0]
	info := period.AdditionalInfo
	period.AdditionalInfo = []string{eidastest.ForWeb}
	m.Check(m.List("DE").Reissue())
	seals := m.folder(t)
	o := eidasCmd(t, "trustlist", "diff", before, seals)
	assert.Equal(t, 1, o.code, o.stderr)
	assert.Equal(t, "DE\n    list  sequence 10 → 11\n  ! CA/QC  QTSP DE 2: QTSP DE 2 Issuing CA  no longer ForeSeals, no longer ForeSignatures\n", o.stdout)
	o = eidasCmd(t, "trustlist", "diff", seals, before)
	assert.Contains(t, o.stdout, "now ForeSeals, now ForeSignatures\n")
	period.AdditionalInfo = info

	m.Check(m.List("LT").Replace(nil))
	m.Check(m.List("DE").Reissue())
	o = eidasCmd(t, "trustlist", "diff", before, m.folder(t))
	assert.Contains(t, o.stdout, "LT\n  - list  sequence 10, with 1 service\n")
	m.Check(m.LOTL.Tamper())
	o = eidasCmd(t, "trustlist", "diff", before, m.folder(t))
	assert.Equal(t, 2, o.code)
	assert.Contains(t, o.stderr, "signature")
}

// What a store keeps serves the commands that judge certificates.
func TestVerifyAgainstAStore(t *testing.T) {
	w, dir := present(t), t.TempDir()
	_, _ = fetchInto(t, w, dir)
	leaf := w.QWAC("LT", "PSDLT-BL-LB000458", eidas.RoleAI)
	file := tempFile(t, pemOf(leaf))
	args := append([]string{"verify", "--json", "--world", dir, "--revocation", "off", file}, w.trusting()...)
	o := eidasCmd(t, args...)
	require.Equal(t, 0, o.code, o.stdout+o.stderr)
	assert.Equal(t, "accept", document[verdict](t, o).Decision)
	for _, args := range [][]string{{"trustlist", "load"}, {"qualify", file}} {
		o := eidasCmd(t, append(append(args, "--world", dir), w.trusting()...)...)
		assert.Equal(t, 0, o.code, o.stdout+o.stderr)
	}
	o = eidasCmd(t, "verify", "--json", "--world", dir, "--revocation", "off", file)
	assert.Equal(t, 1, o.code, "under the EU's anchors it is no list")
}
