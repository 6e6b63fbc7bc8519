package trustlist_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/realdata"
	"github.com/seed-b953571c/eidas/trustlist"
)

// expectation is the member "expect" of world.json.
type expectation struct {
	Lists map[string]struct {
		Sequence     int
		Stale, Final bool
	}
	Absent   []string
	Services int
	Granted  int `json:"ca_qc_granted"`
	Web      int `json:"ca_qc_granted_web"`
	Seal     int `json:"ca_qc_granted_seal"`
	Sig      int `json:"ca_qc_granted_sig"`
}

// world is a folder of real lists.
type world struct {
	name string
	dir  string
	trustlist.World
	expect expectation
}

// worlds returns every world of the data, whatever they are called.
func worlds(tb testing.TB) []world {
	tb.Helper()
	root := realdata.Path(tb)
	var all []world
	for _, pattern := range []string{"worlds/*/world.json", "efda/lists/world.json"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(tb, err)
		for _, path := range found {
			w := world{dir: filepath.Dir(path)}
			w.name, err = filepath.Rel(root, w.dir)
			require.NoError(tb, err)
			w.World, err = trustlist.LoadWorld(w.dir)
			require.NoError(tb, err)
			require.NotEmpty(tb, w.Expect, "%s expects nothing", w.name)
			require.NoError(tb, json.Unmarshal(w.Expect, &w.expect))
			all = append(all, w)
		}
	}
	require.NotEmpty(tb, all, "no world in %s", root)
	return all
}

func (w world) open(tb testing.TB) *trustlist.Folder {
	tb.Helper()
	f, err := trustlist.OpenFolder(w.dir)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, f.Close()) })
	return f
}

func (w world) load(tb testing.TB, source trustlist.Source) (*trustlist.Snapshot, error) {
	tb.Helper()
	return trustlist.Load(tb.Context(), trustlist.Config{Anchors: w.Anchors, Source: source}, w.At)
}

func TestWorlds(t *testing.T) {
	for _, w := range worlds(t) {
		t.Run(w.name, func(t *testing.T) {
			s, err := w.load(t, w.open(t))
			require.NoError(t, err)
			assert.Equal(t, trustlist.Counts{
				Services: w.expect.Services, CAQCGranted: w.expect.Granted, CAQCGrantedWeb: w.expect.Web,
				CAQCGrantedSeal: w.expect.Seal, CAQCGrantedSig: w.expect.Sig,
			}, s.Counts())
			seen := map[string]bool{}
			services := 0
			for _, r := range s.Lists {
				assert.False(t, seen[r.Territory], "%s is reported twice", r.Territory)
				seen[r.Territory] = true
				want, present := w.expect.Lists[r.Territory]
				if !present {
					assert.Contains(t, w.expect.Absent, r.Territory)
					assert.False(t, r.Accepted, r.Territory)
					require.Error(t, r.Err, r.Territory)
					assert.NotZero(t, r.Reason, r.Territory)
					continue
				}
				assert.True(t, r.Accepted, "%s: %v", r.Territory, r.Err)
				assert.Equal(t, want.Sequence, r.Sequence, r.Territory)
				assert.Equal(t, want.Stale, r.Stale, r.Territory)
				assert.Equal(t, want.Final, r.Final, r.Territory)
				assert.Zero(t, r.ServicesSkipped, r.Territory)
				services += r.Services
			}
			assert.Len(t, s.Lists, len(w.expect.Lists)+len(w.expect.Absent), "every listed territory is reported")
			assert.Equal(t, w.expect.Services, services)
			for _, p := range s.Pivots {
				assert.True(t, p.Accepted)
			}
			assert.Len(t, s.Services().Services(), w.expect.Services)
		})
	}
}

// Anchors of another notice than the one that a LOTL counts from open nothing.
func TestWorldsRefuseTheWrongOfficialJournal(t *testing.T) {
	for _, w := range worlds(t) {
		for _, notice := range []trustlist.Anchors{trustlist.OfficialJournal2019(), trustlist.OfficialJournal2026()} {
			if notice.OfficialJournal == w.Anchors.OfficialJournal {
				continue
			}
			t.Run(w.name+" from "+notice.OfficialJournal, func(t *testing.T) {
				notice.LOTL = w.Anchors.LOTL
				s, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: notice, Source: w.open(t)}, w.At)
				require.Error(t, err)
				assert.Nil(t, s)
				assert.Contains(t, []trustlist.Reason{
					trustlist.ReasonOfficialJournal, trustlist.ReasonPivot, trustlist.ReasonSignerUnknown,
				}, trustlist.ReasonOf(err), "%v", err)
			})
		}
		t.Run(w.name+" from a stranger", func(t *testing.T) {
			w.Anchors.Signers = [][32]byte{{1}}
			_, err := w.load(t, w.open(t))
			require.ErrorIs(t, err, trustlist.ReasonSignerUnknown)
		})
	}
}

// overlay is a Source that serves some URLs otherwise; nil is missing.
type overlay struct {
	trustlist.Source
	files map[string][]byte
}

func (o overlay) Fetch(ctx context.Context, url string) ([]byte, error) {
	doc, ok := o.files[url]
	switch {
	case !ok:
		return o.Source.Fetch(ctx, url)
	case doc == nil:
		return nil, trustlist.ReasonNotFound
	}
	return doc, nil
}

var signatureElement = regexp.MustCompile(`(?s)<(?:\w+:)?Signature[\s>].*</(?:\w+:)?Signature\s*>`)

// One list of a world is replaced. Its report says why, and nothing else changes.
func TestWorldsWithOneListReplaced(t *testing.T) {
	rows := []struct {
		name   string
		change func(doc, neighbour []byte) []byte
		want   trustlist.Reason
	}{
		{"status changed", func(doc, _ []byte) []byte {
			return bytes.Replace(doc, []byte("Svcstatus/"), []byte("Svcstatus/x"), 1)
		}, trustlist.ReasonSignatureInvalid},
		{"sequence changed", func(doc, _ []byte) []byte {
			return bytes.Replace(doc, []byte("</TSLSequenceNumber>"), []byte("0</TSLSequenceNumber>"), 1)
		}, trustlist.ReasonSignatureInvalid},
		{"unsigned", func(doc, _ []byte) []byte { return signatureElement.ReplaceAll(doc, nil) }, trustlist.ReasonSignatureMissing},
		{"list of another state", func(_, neighbour []byte) []byte { return neighbour }, trustlist.ReasonSignerUnknown},
		{"truncated", func(doc, _ []byte) []byte { return doc[:len(doc)-100] }, trustlist.ReasonXMLMalformed},
		{"missing", func(_, _ []byte) []byte { return nil }, trustlist.ReasonNotFound},
	}
	for _, w := range worlds(t) {
		folder := w.open(t)
		whole, err := w.load(t, folder)
		require.NoError(t, err)
		target, neighbour := pair(t, whole)
		read := func(url string) []byte {
			doc, err := folder.Fetch(t.Context(), url)
			require.NoError(t, err)
			return doc
		}
		for _, row := range rows {
			t.Run(w.name+"/"+target.Territory+" "+row.name, func(t *testing.T) {
				changed := row.change(read(target.URL), read(neighbour.URL))
				require.NotEqual(t, read(target.URL), changed)
				s, err := w.load(t, overlay{folder, map[string][]byte{target.URL: changed}})
				require.NoError(t, err)
				require.Len(t, s.Lists, len(whole.Lists))
				for i, r := range s.Lists {
					if r.URL != target.URL {
						assert.Equal(t, whole.Lists[i], r, "untouched")
						continue
					}
					assert.False(t, r.Accepted)
					assert.Equal(t, row.want, r.Reason, "%v", r.Err)
				}
				assert.Equal(t, whole.Counts().Services-target.Services, s.Counts().Services)
				assert.NotEqual(t, whole.ID, s.ID)
			})
		}
	}
}

// pair returns an accepted list that has services, and another authentic list
// of another signer.
func pair(tb testing.TB, s *trustlist.Snapshot) (target, neighbour trustlist.ListReport) {
	tb.Helper()
	var some []trustlist.ListReport
	for _, r := range s.Lists {
		if r.Accepted && r.Services > 0 {
			some = append(some, r)
		}
	}
	require.NotEmpty(tb, some)
	return some[0], append(some, s.LOTL)[1]
}

// The same, but the file on disk is changed and its folder opened afresh.
func TestWorldOnDiskWithOneFileChanged(t *testing.T) {
	for _, w := range worlds(t) {
		t.Run(w.name, func(t *testing.T) {
			whole, err := w.load(t, w.open(t))
			require.NoError(t, err)
			target, _ := pair(t, whole)
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(w.dir)))
			text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
			require.NoError(t, err)
			var manifest map[string]struct{ File string }
			require.NoError(t, json.Unmarshal(text, &manifest))
			path := filepath.Join(dir, manifest[target.URL].File)
			doc, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.Chmod(path, 0o600))
			at := bytes.Index(doc, []byte("Svcstatus/")) + len("Svcstatus/")
			doc[at] ^= 1
			require.NoError(t, os.WriteFile(path, doc, 0o600))
			w.dir = dir
			s, err := w.load(t, w.open(t))
			require.NoError(t, err)
			assert.Equal(t, trustlist.ReasonSignatureInvalid, report(t, s, target.URL).Reason)
			assert.Equal(t, whole.Counts().Services-target.Services, s.Counts().Services)
		})
	}
}

// The LOTL itself and each pivot: changed, unsigned or missing, nothing loads.
func TestWorldsWithABrokenWay(t *testing.T) {
	for _, w := range worlds(t) {
		folder := w.open(t)
		whole, err := w.load(t, folder)
		require.NoError(t, err)
		for i, r := range append(whole.Pivots, whole.LOTL) {
			doc, err := folder.Fetch(t.Context(), r.URL)
			require.NoError(t, err)
			for name, row := range map[string]struct {
				doc  []byte
				want trustlist.Reason
			}{
				"changed":  {bytes.Replace(doc, []byte("</SchemeTerritory>"), []byte("X</SchemeTerritory>"), 1), trustlist.ReasonSignatureInvalid},
				"unsigned": {signatureElement.ReplaceAll(doc, nil), trustlist.ReasonSignatureMissing},
				"missing":  {nil, trustlist.ReasonNotFound},
			} {
				t.Run(w.name+"/"+r.URL+" "+name, func(t *testing.T) {
					s, err := w.load(t, overlay{folder, map[string][]byte{r.URL: row.doc}})
					require.ErrorIs(t, err, row.want)
					assert.Equal(t, i < len(whole.Pivots), errors.Is(err, trustlist.ReasonPivot))
					assert.Nil(t, s)
				})
			}
		}
	}
}

// Every real list is authentic under its own signer, and under no other's.
func TestCheckListOnEveryFile(t *testing.T) {
	for _, w := range worlds(t) {
		folder := w.open(t)
		s, err := w.load(t, folder)
		require.NoError(t, err)
		all := append(append([]trustlist.ListReport{s.LOTL}, s.Pivots...), s.Lists...)
		for i, r := range all {
			if !r.Accepted {
				continue
			}
			doc, err := folder.Fetch(t.Context(), r.URL)
			require.NoError(t, err)
			got := trustlist.CheckList(doc, [][32]byte{{1}, r.Signer})
			assert.True(t, got.Authentic && got.Accepted, "%s: %v", r.URL, got.Err)
			assert.Equal(t, r.Sequence, got.Sequence)
			assert.Equal(t, r.Services, got.Services)
			other := all[(i+1)%len(all)].Signer
			if other != r.Signer {
				assert.Equal(t, trustlist.ReasonSignerUnknown, trustlist.CheckList(doc, [][32]byte{other}).Reason)
			}
		}
	}
}

// What real lists hold that a parser might stumble over. The numbers are of the
// snapshot of October 2023, so only a world with its LOTL is asked.
func TestOdditiesOfRealLists(t *testing.T) {
	for _, w := range worlds(t) {
		s, err := w.load(t, w.open(t))
		require.NoError(t, err)
		for _, svc := range s.Services().Services() {
			checkService(t, svc)
		}
		if s.LOTL.Sequence != 332 || len(w.expect.Lists) != 30 {
			continue
		}
		for _, svc := range s.Services().Services() {
			checkUnderstood(t, svc)
		}
		var history, certs, withoutCert, severalCerts, refused, withoutSKI, taken, expired, qualified, nested, others int
		for _, svc := range s.Services().Services() {
			history += len(svc.Periods) - 1
			certs += len(svc.Anchors)
			if len(svc.Anchors) == 0 {
				withoutCert++
			}
			for _, a := range svc.Anchors {
				if a.KeyID == nil {
					withoutSKI++
				}
				if _, err := a.Certificate(); err != nil {
					refused++
				}
			}
			now := svc.Current()
			if now.TakenOverBy != "" {
				taken++
			}
			if now.Type != "http://uri.etsi.org/TrstSvc/Svctype/CA/QC" || !strings.HasSuffix(now.Status, "/granted") {
				continue
			}
			distinct := map[string]bool{}
			for _, a := range svc.Anchors {
				distinct[string(a.Raw)] = true
			}
			if len(distinct) > 1 {
				severalCerts++
			}
			if !now.ExpiredCerts.IsZero() {
				expired++
			}
			deep, other := false, false
			for _, q := range now.Qualifications {
				deep = deep || len(q.Criteria.Nested) > 0
				other = other || hasOther(q.Criteria)
			}
			if len(now.Qualifications) > 0 {
				qualified++
			}
			if deep {
				nested++
			}
			if other {
				others++
			}
		}
		assert.Equal(t, 2735, history, "history instances")
		assert.Equal(t, 3113, certs, "current identity certificates")
		assert.Equal(t, 13, withoutCert, "services without certificate: UK 10, BG 3")
		assert.Equal(t, 30, severalCerts, "granted CA/QC with several certificates")
		assert.Equal(t, 270, qualified, "granted CA/QC with Qualifications")
		assert.Equal(t, 8, nested, "with nested criteria")
		assert.Equal(t, 1, others, "with otherCriteriaList")
		assert.Positive(t, refused, "crypto/x509 refuses some, their services stay")
		assert.Positive(t, withoutSKI)
		assert.Positive(t, taken)
		assert.Positive(t, expired)
	}
}

func hasOther(c eidas.Criteria) bool {
	if len(c.SubjectDN)+len(c.ExtendedKey)+len(c.Statements) > 0 {
		return true
	}
	for _, n := range c.Nested {
		if hasOther(n) {
			return true
		}
	}
	return false
}

var dotted = regexp.MustCompile(`^[0-2](\.(0|[1-9][0-9]*))+$`)

// checkService holds what must be true of every service in any world.
func checkService(t *testing.T, s *eidas.Service) {
	t.Helper()
	require.NotEmpty(t, s.Periods)
	require.NotNil(t, s.List)
	for _, d := range s.Periods {
		require.NotEmpty(t, d.Type)
		require.NotEmpty(t, d.Status)
		require.False(t, d.Start.IsZero())
		for _, q := range d.Qualifications {
			checkCriteria(t, q.Criteria)
		}
	}
}

// checkUnderstood holds for the snapshot of 2023: there is nothing in it that
// the parser does not know.
func checkUnderstood(t *testing.T, s *eidas.Service) {
	t.Helper()
	require.NotEmpty(t, s.Provider.Names)
	for _, d := range s.Periods {
		require.True(t, strings.HasPrefix(d.Type, "http://uri.etsi.org/TrstSvc/Svctype/"), d.Type)
		require.True(t, strings.HasPrefix(d.Status, "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/"), d.Status)
		require.Empty(t, d.UnknownCritical)
		for _, q := range d.Qualifications {
			require.NotZero(t, q.Criteria.Assert)
			require.Empty(t, unknown(q.Criteria))
		}
	}
}

func unknown(c eidas.Criteria) []string {
	all := c.Unknown
	for _, n := range c.Nested {
		all = append(all, unknown(n)...)
	}
	return all
}

func checkCriteria(t *testing.T, c eidas.Criteria) {
	t.Helper()
	for _, sets := range [][][]string{c.PolicySets, c.SubjectDN, c.ExtendedKey} {
		for _, set := range sets {
			for _, oid := range set {
				require.Regexp(t, dotted, oid)
			}
		}
	}
	for _, n := range c.Nested {
		checkCriteria(t, n)
	}
}
