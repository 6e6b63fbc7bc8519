package trustlist_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/trustlist"
)

func TestLoadMintedUnion(t *testing.T) {
	u := newUnion(t)
	u.publish()
	s := u.mustLoad()
	assert.Equal(t, 100, s.LOTL.Sequence)
	assert.Empty(t, s.Pivots)
	assert.Empty(t, s.Alarms)
	require.Len(t, s.Lists, 2, "the PDF pointer is for people")
	for _, r := range s.Lists {
		assert.True(t, r.Accepted, "%+v", r)
		assert.Zero(t, r.Reason)
		require.NoError(t, r.Err)
	}
	assert.Equal(t, trustlist.Counts{Services: 3, CAQCGranted: 2}, s.Counts())
	set := s.Services().Services()
	require.Len(t, set, 3)
	assert.Equal(t, eidas.ProfileTest, set[0].List.Profile)
	assert.Equal(t, urlUT, set[0].List.URL)
	assert.Equal(t, 7, set[0].List.Sequence)
	assert.Equal(t, "UT", set[0].List.Territory)
	assert.Equal(t, s.Lists[0].SHA256, set[0].List.SHA256)
	assert.Equal(t, s.ID, s.Services().ID())
}

func TestSnapshotIDFollowsTheAcceptedLists(t *testing.T) {
	u := newUnion(t)
	u.publish()
	first := u.mustLoad()
	assert.Equal(t, first.ID, u.mustLoad().ID, "same lists, same snapshot")
	u.vtList.sequence++
	u.source.files[urlVT] = u.vt.sign(t, u.vtList.xml())
	second := u.mustLoad()
	assert.NotEqual(t, first.ID, second.ID)
	delete(u.source.files, urlVT)
	assert.NotEqual(t, second.ID, u.mustLoad().ID)
}

// pivoted makes the LOTL of u signed by the last of count pivots' signers. Each
// pivot is signed by the signer before it and announces the next.
func pivoted(u *union, count int) (urls []string) {
	u.tb.Helper()
	signer := u.eu
	var newestFirst []string
	for i := range count {
		next := newOperator(u.tb, fmt.Sprintf("EU %d", i))
		url := fmt.Sprintf("https://lotl.example/pivot-%d.xml", i)
		newestFirst = append([]string{url}, newestFirst...)
		p := u.lotl
		p.sequence = 10 + i
		p.links = append([]link{self(next)}, u.lotl.links[1:]...)
		p.uris = append(append([]string(nil), newestFirst...), urlNotice)
		u.source.files[url] = signer.sign(u.tb, p.xml())
		urls = append(urls, url)
		signer = next
	}
	u.lotl.uris = append(newestFirst, u.lotl.uris...)
	u.lotl.links[0] = self(signer)
	u.publish()
	u.source.files[urlLOTL] = signer.sign(u.tb, u.lotl.xml())
	return urls
}

func TestPivotsLeadFromTheNoticeToTheSigner(t *testing.T) {
	for _, count := range []int{1, 2, trustlist.MaxPivots} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			u := newUnion(t)
			urls := pivoted(u, count)
			s := u.mustLoad()
			require.Len(t, s.Pivots, count)
			for i, r := range s.Pivots {
				assert.Equal(t, urls[i], r.URL, "oldest first")
				assert.True(t, r.Accepted)
			}
			assert.Equal(t, 3, s.Counts().Services)
			assert.Empty(t, s.Alarms)
		})
	}
}

func TestPivotRefused(t *testing.T) {
	const middle = "https://lotl.example/pivot-1.xml"
	rows := []struct {
		name   string
		change func(*union)
		inner  trustlist.Reason
	}{
		{"missing", func(u *union) { delete(u.source.files, middle) }, trustlist.ReasonNotFound},
		{"not fetched", func(u *union) { u.source.fail[middle] = errors.New("hang up") }, trustlist.ReasonFetchFailed},
		{"unsigned", func(u *union) { u.source.files[middle] = []byte(u.lotl.xml()) }, trustlist.ReasonSignatureMissing},
		{"signed by the signer it announces", func(u *union) { u.source.files[middle] = u.vt.sign(t, u.lotl.xml()) }, trustlist.ReasonSignerUnknown},
		{"one pivot served for another", func(u *union) {
			u.source.files[middle] = u.source.files["https://lotl.example/pivot-2.xml"]
		}, trustlist.ReasonSignerUnknown},
		{"older pivot served again", func(u *union) {
			u.source.files["https://lotl.example/pivot-0.xml"] = u.eu.sign(t, spec{territory: "EU", typ: typeListOfLists, sequence: 12, links: []link{self(u.eu)}}.xml())
			u.source.files[middle] = u.eu.sign(t, spec{territory: "EU", typ: typeListOfLists, sequence: 12, links: []link{self(u.eu)}}.xml())
		}, trustlist.ReasonRollback},
		{"announces no signer", func(u *union) {
			u.source.files["https://lotl.example/pivot-0.xml"] = u.eu.sign(t, spec{territory: "EU", typ: typeListOfLists, sequence: 12}.xml())
		}, trustlist.ReasonPointer},
		{"announces a signer in a pointer that contradicts itself", func(u *union) {
			l := self(u.eu)
			l.raw = other("<TSLType>"+typeListOfLists+"</TSLType>") + other("<SchemeTerritory>EU</SchemeTerritory>") +
				other("<SchemeTerritory>UT</SchemeTerritory>") + other("<x:MimeType>"+mimeXML+"</x:MimeType>")
			u.source.files["https://lotl.example/pivot-0.xml"] = u.eu.sign(t, spec{territory: "EU", typ: typeListOfLists, sequence: 12, links: []link{l}}.xml())
		}, trustlist.ReasonPointer},
		{"is a national list", func(u *union) {
			u.source.files["https://lotl.example/pivot-0.xml"] = u.eu.sign(t, spec{territory: "EU", sequence: 12, links: []link{self(u.eu)}}.xml())
		}, trustlist.ReasonTypeMismatch},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			u := newUnion(t)
			pivoted(u, 3)
			_, err := u.load()
			require.NoError(t, err, "twin")
			row.change(u)
			s, err := u.load()
			require.ErrorIs(t, err, trustlist.ReasonPivot)
			require.ErrorIs(t, err, row.inner)
			assert.Equal(t, trustlist.ReasonPivot, trustlist.ReasonOf(err))
			assert.Nil(t, s)
			assert.NotContains(t, u.source.asked[len(u.source.asked)-1], urlUT, "no national list is fetched")
		})
	}
}

func TestPivotURLsThatAreNotFollowed(t *testing.T) {
	t.Run("http", func(t *testing.T) {
		u := newUnion(t)
		u.lotl.uris = append([]string{"http://lotl.example/pivot.xml"}, u.lotl.uris...)
		u.publish()
		_, err := u.load()
		require.ErrorIs(t, err, trustlist.ReasonPivot)
		assert.Equal(t, []string{urlLOTL}, u.source.asked)
	})
	t.Run("one more than the cap", func(t *testing.T) {
		u := newUnion(t)
		pivoted(u, trustlist.MaxPivots+1)
		_, err := u.load()
		require.ErrorIs(t, err, trustlist.ReasonPivot)
		assert.Equal(t, []string{urlLOTL}, u.source.asked)
	})
	t.Run("nothing is read behind the one too many", func(t *testing.T) {
		u := newUnion(t)
		for i := range trustlist.MaxPivots + 1 {
			u.lotl.uris = append([]string{fmt.Sprintf("https://lotl.example/%d.xml", i)}, u.lotl.uris...)
		}
		u.lotl.uris = slices.Insert(u.lotl.uris, trustlist.MaxPivots+1, "http://lotl.example/pivot.xml")
		u.source.files[urlLOTL] = []byte(u.lotl.xml()) // not signed at all
		_, err := u.load()
		require.ErrorIs(t, err, trustlist.ReasonPivot)
		require.ErrorContains(t, err, "more than 16 pivots")
		u.lotl.uris = u.lotl.uris[1:]
		u.source.files[urlLOTL] = []byte(u.lotl.xml())
		_, err = u.load()
		require.ErrorContains(t, err, "not https", "twin")
	})
	t.Run("URIs of an unsigned LOTL over two elements", func(t *testing.T) {
		for n, want := range map[int]trustlist.Reason{1000: trustlist.ReasonLimit, 500: trustlist.ReasonSignatureMissing} {
			u := newUnion(t)
			u.lotl.scheme = "<SchemeInformationURI>" + strings.Repeat("<URI>https://a.example/</URI>", n) + "</SchemeInformationURI>"
			u.lotl.scheme += u.lotl.scheme
			u.source.files[urlLOTL] = []byte(u.lotl.xml())
			_, err := u.load()
			assert.Equal(t, want, trustlist.ReasonOf(err), "%v", err)
		}
	})
	t.Run("more notices than the cap", func(t *testing.T) {
		for n, want := range map[int]trustlist.Reason{65: trustlist.ReasonLimit, 64: 0} {
			u := newUnion(t)
			for i := range n {
				u.lotl.uris = append([]string{fmt.Sprintf("https://eur-lex.europa.eu/new/%d", i)}, u.lotl.uris...)
			}
			u.publish()
			_, err := u.load()
			assert.Equal(t, want, trustlist.ReasonOf(err), "%v", err)
		}
	})
	t.Run("behind the notice of the anchors", func(t *testing.T) {
		u := newUnion(t)
		u.lotl.uris = append(u.lotl.uris, "https://lotl.example/pivot.xml")
		u.publish()
		assert.Empty(t, u.mustLoad().Pivots)
	})
	t.Run("anchors without a notice have no pivots", func(t *testing.T) {
		u := newUnion(t)
		u.lotl.uris = []string{"https://lotl.example/pivot.xml"}
		u.publish()
		a := u.anchors()
		a.OfficialJournal = ""
		s, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: a, Source: u.source}, now)
		require.NoError(t, err)
		assert.Empty(t, s.Pivots)
	})
}

// The signer of the LOTL is that of the last pivot: one that was replaced is
// refused, though the notice and earlier pivots had announced it.
func TestReplacedSignerIsRefused(t *testing.T) {
	u := newUnion(t)
	pivoted(u, 1)
	require.NotNil(t, u.mustLoad())
	u.source.files[urlLOTL] = u.eu.sign(t, u.lotl.xml())
	_, err := u.load()
	require.ErrorIs(t, err, trustlist.ReasonSignerUnknown)
}

func TestLOTLRefused(t *testing.T) {
	rows := []struct {
		name   string
		change func(*union)
		want   trustlist.Reason
	}{
		{"missing", func(u *union) { delete(u.source.files, urlLOTL) }, trustlist.ReasonNotFound},
		{"not fetched", func(u *union) { u.source.fail[urlLOTL] = errors.New("hang up") }, trustlist.ReasonFetchFailed},
		{"HTML", func(u *union) { u.source.files[urlLOTL] = []byte("<!DOCTYPE html><html><body>Sorry</body></html>") }, trustlist.ReasonXMLMalformed},
		{"other XML", func(u *union) { u.source.files[urlLOTL] = []byte("<html/>") }, trustlist.ReasonNotList},
		{"empty", func(u *union) { u.source.files[urlLOTL] = nil }, trustlist.ReasonXMLMalformed},
		{"unsigned", func(u *union) { u.source.files[urlLOTL] = []byte(u.lotl.xml()) }, trustlist.ReasonSignatureMissing},
		{"signed by a state", func(u *union) { u.source.files[urlLOTL] = u.ut.sign(u.tb, u.lotl.xml()) }, trustlist.ReasonSignerUnknown},
		{"a national list in its place", func(u *union) {
			u.source.files[urlLOTL] = u.eu.sign(u.tb, spec{territory: "EU", uris: u.lotl.uris}.xml())
		}, trustlist.ReasonTypeMismatch},
		{"notice not named", func(u *union) {
			u.lotl.uris = []string{"https://eur-lex.europa.eu/notice/0"}
			u.publish()
		}, trustlist.ReasonOfficialJournal},
		{"version 4", func(u *union) { u.lotl.version = 4; u.publish() }, trustlist.ReasonVersionUnsupported},
		{"issued in the future", func(u *union) {
			u.lotl.issued = now.Add(trustlist.MaxSkew + time.Second)
			u.publish()
		}, trustlist.ReasonIssuedInFuture},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			u := newUnion(t)
			u.publish()
			require.NotNil(t, u.mustLoad(), "twin")
			row.change(u)
			s, err := u.load()
			require.ErrorIs(t, err, row.want)
			assert.Equal(t, row.want, trustlist.ReasonOf(err))
			assert.Nil(t, s)
			assert.ErrorContains(t, err, urlLOTL)
		})
	}
	t.Run("older than its pivot", func(t *testing.T) {
		u := newUnion(t)
		u.lotl.sequence = 10
		pivoted(u, 1)
		require.NotNil(t, u.mustLoad(), "twin: the pivot itself may be the LOTL")
		u = newUnion(t)
		u.lotl.sequence = 9
		pivoted(u, 1)
		_, err := u.load()
		require.ErrorIs(t, err, trustlist.ReasonRollback)
	})
}

func TestStaleLOTLIsFlagged(t *testing.T) {
	u := newUnion(t)
	u.lotl.next = "<dateTime>" + now.Add(-time.Second).Format(time.RFC3339) + "</dateTime>"
	u.publish()
	s := u.mustLoad()
	assert.True(t, s.LOTL.Stale)
	assert.True(t, s.LOTL.Accepted)
	assert.Equal(t, 3, s.Counts().Services)
}

func TestAlarms(t *testing.T) {
	rows := []struct {
		name   string
		change func(*union)
		want   []trustlist.Alarm
	}{
		{"nothing new", func(*union) {}, nil},
		{"unknown notice in front of ours", func(u *union) {
			u.lotl.uris = append([]string{"https://eur-lex.europa.eu/notice/2"}, u.lotl.uris...)
		}, []trustlist.Alarm{{Kind: trustlist.AlarmOfficialJournal, URL: "https://eur-lex.europa.eu/notice/2"}}},
		{"unknown notice behind ours", func(u *union) {
			u.lotl.uris = append(u.lotl.uris, "https://eur-lex.europa.eu/notice/0")
		}, nil},
		{
			"LOTL moved", func(u *union) { u.lotl.links[0].url = "https://new.example/lotl.xml" },
			[]trustlist.Alarm{{Kind: trustlist.AlarmLOTLLocation, URL: "https://new.example/lotl.xml"}},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			u := newUnion(t)
			row.change(u)
			u.publish()
			s := u.mustLoad()
			assert.Equal(t, row.want, s.Alarms)
			assert.Equal(t, 3, s.Counts().Services, "an alarm takes nothing away")
		})
	}
	t.Run("LOTL moved, said by a pivot only", func(t *testing.T) {
		u := newUnion(t)
		urls := pivoted(u, 1)
		p := u.lotl
		p.sequence = 10
		p.links = append([]link{{url: "https://new.example/lotl.xml", territory: "EU", typ: typeListOfLists, mime: mimeXML, signers: u.lotl.links[0].signers}}, p.links[1:]...)
		u.source.files[urls[0]] = u.eu.sign(t, p.xml())
		assert.Equal(t, []trustlist.Alarm{{Kind: trustlist.AlarmLOTLLocation, URL: "https://new.example/lotl.xml"}}, u.mustLoad().Alarms)
	})
}
