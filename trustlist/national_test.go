package trustlist_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/trustlist"
)

// Each row breaks the list of UT; VT must not notice.
func TestNationalListRefused(t *testing.T) {
	rows := []struct {
		name   string
		change func(*union)
		want   trustlist.Reason
		// authentic: the list itself is good, so its statements are reported
		authentic bool
	}{
		{"missing", func(u *union) { delete(u.source.files, urlUT) }, trustlist.ReasonNotFound, false},
		{"not fetched", func(u *union) { u.source.fail[urlUT] = errors.New("no route") }, trustlist.ReasonFetchFailed, false},
		{"too large for the source", func(u *union) { u.source.fail[urlUT] = trustlist.ReasonTooLarge }, trustlist.ReasonTooLarge, false},
		{"too large", func(u *union) { u.source.files[urlUT] = make([]byte, trustlist.MaxListSize+1) }, trustlist.ReasonTooLarge, false},
		{"truncated", func(u *union) { u.source.files[urlUT] = u.source.files[urlUT][:2000] }, trustlist.ReasonXMLMalformed, false},
		{"HTML", func(u *union) { u.source.files[urlUT] = []byte("<html><body/></html>") }, trustlist.ReasonNotList, false},
		{"unsigned", func(u *union) { u.source.files[urlUT] = []byte(u.utList.xml()) }, trustlist.ReasonSignatureMissing, false},
		{"one status changed", func(u *union) {
			u.source.files[urlUT] = bytes.Replace(u.source.files[urlUT], []byte("withdrawn"), []byte("granted"), 1)
		}, trustlist.ReasonSignatureInvalid, false},
		{"signed by another state", func(u *union) { u.source.files[urlUT] = u.vt.sign(u.tb, u.utList.xml()) }, trustlist.ReasonSignerUnknown, false},
		{"signed by the LOTL's signer", func(u *union) { u.source.files[urlUT] = u.eu.sign(u.tb, u.utList.xml()) }, trustlist.ReasonSignerUnknown, false},
		{"the list of another state", func(u *union) { u.source.files[urlUT] = u.source.files[urlVT] }, trustlist.ReasonSignerUnknown, false},
		{"another territory, signed by the right operator", func(u *union) {
			u.source.files[urlUT] = u.ut.sign(u.tb, u.vtList.xml())
		}, trustlist.ReasonTerritoryMismatch, true},
		{"another type", func(u *union) { u.utList.typ = typeListOfLists }, trustlist.ReasonTypeMismatch, true},
		{"version 4", func(u *union) { u.utList.version = 4 }, trustlist.ReasonVersionUnsupported, true},
		{"version 7", func(u *union) { u.utList.version = 7 }, trustlist.ReasonVersionUnsupported, true},
		{"issued beyond the skew", func(u *union) { u.utList.issued = now.Add(trustlist.MaxSkew + time.Second) }, trustlist.ReasonIssuedInFuture, true},
		{"no NextUpdate", func(u *union) { u.utList.next = "-" }, trustlist.ReasonMalformed, true},
		{"NextUpdate is no time", func(u *union) { u.utList.next = "<dateTime>soon</dateTime>" }, trustlist.ReasonMalformed, true},
		{"two territories", func(u *union) { u.utList.scheme = "<SchemeTerritory>UT</SchemeTerritory>" }, trustlist.ReasonMalformed, true},
		{"too many services", func(u *union) {
			u.utList.providers = provider(strings.Repeat("<TSPService/>", 1<<14+1))
		}, trustlist.ReasonLimit, true},
		{"too many providers", func(u *union) {
			u.utList.providers = strings.Repeat("<TrustServiceProvider/>", 1<<12+1)
		}, trustlist.ReasonLimit, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			u := newUnion(t)
			u.publish()
			twin := report(t, u.mustLoad(), urlUT)
			require.True(t, twin.Accepted, "twin")
			before := u.utList.xml()
			row.change(u)
			if after := u.utList.xml(); after != before {
				u.source.files[urlUT] = u.ut.sign(t, after)
			}
			s := u.mustLoad()
			r := report(t, s, urlUT)
			assert.Equal(t, row.want, r.Reason, "%v", r.Err)
			assert.Equal(t, row.want == 0, r.Accepted)
			assert.Equal(t, row.authentic, r.Authentic)
			assert.Equal(t, "UT", r.Territory, "the pointer's")
			if row.want == 0 {
				return
			}
			require.ErrorIs(t, r.Err, row.want)
			require.ErrorContains(t, r.Err, urlUT)
			assert.Equal(t, 1, s.Counts().Services, "only those of VT")
			assert.True(t, report(t, s, urlVT).Accepted)
		})
	}
}

func TestNationalListAccepted(t *testing.T) {
	rows := []struct {
		name         string
		change       func(*spec)
		stale, final bool
	}{
		{"version 6", func(s *spec) { s.version = 6 }, false, false},
		{"issued within the skew", func(s *spec) { s.issued = now.Add(trustlist.MaxSkew) }, false, false},
		{"at its NextUpdate", func(s *spec) { s.next = "<dateTime>" + now.Format(time.RFC3339) + "</dateTime>" }, false, false},
		{"past its NextUpdate", func(s *spec) { s.next = "<dateTime>" + now.Add(-time.Second).Format(time.RFC3339) + "</dateTime>" }, true, false},
		{"final", func(s *spec) { s.next = "\n" }, false, true},
		{"no provider", func(s *spec) { s.providers = "" }, false, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			u := newUnion(t)
			row.change(&u.utList)
			u.publish()
			r := report(t, u.mustLoad(), urlUT)
			require.True(t, r.Accepted, "%v", r.Err)
			assert.Equal(t, row.stale, r.Stale)
			assert.Equal(t, row.final, r.Final)
			assert.Equal(t, row.final, r.NextUpdate.IsZero())
			assert.Equal(t, u.ut.fingerprint(), r.Signer)
		})
	}
}

func TestPointers(t *testing.T) {
	info := func(parts ...string) string { return strings.Join(parts, "") }
	typ, territory := other("<TSLType>"+typeGeneric+"</TSLType>"), other("<SchemeTerritory>UT</SchemeTerritory>")
	mime := other("<x:MimeType>" + mimeXML + "</x:MimeType>")
	ut := func(u *union) *link { return &u.lotl.links[2] }
	rows := []struct {
		name   string
		change func(*union)
		want   trustlist.Reason
	}{
		{"fields in one OtherInformation", func(u *union) {
			ut(u).raw = other("<TSLType>" + typeGeneric + "</TSLType><SchemeTerritory>UT</SchemeTerritory><x:MimeType>" + mimeXML + "</x:MimeType>")
		}, 0},
		{"field repeated alike", func(u *union) { ut(u).raw = info(typ, typ, territory, mime) }, 0},
		{"two territories", func(u *union) {
			ut(u).raw = info(typ, territory, other("<SchemeTerritory>VT</SchemeTerritory>"), mime)
		}, trustlist.ReasonPointer},
		{"no territory", func(u *union) { ut(u).raw = info(typ, mime) }, trustlist.ReasonPointer},
		{"no signer", func(u *union) { ut(u).signers = nil }, trustlist.ReasonPointer},
		{"pointer repeated with a contradiction in the second", func(u *union) {
			second := *ut(u)
			second.raw = info(typ, territory, mime, other("<x:MimeType> application/vnd.etsi.tsl+xml;v=6</x:MimeType>"))
			u.lotl.links = append(u.lotl.links, second)
		}, trustlist.ReasonPointer},
		{"second of two signers", func(u *union) { ut(u).signers = []*operator{u.eu, u.ut} }, 0},
		{"pointer repeated alike", func(u *union) { u.lotl.links = append(u.lotl.links, *ut(u)) }, 0},
		{"pointer repeated with the signer only in the second", func(u *union) {
			second := *ut(u)
			ut(u).signers = []*operator{u.eu}
			u.lotl.links = append(u.lotl.links, second)
		}, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			u := newUnion(t)
			row.change(u)
			u.publish()
			s := u.mustLoad()
			require.Len(t, s.Lists, 2)
			r := report(t, s, urlUT)
			assert.Equal(t, row.want, r.Reason, "%v", r.Err)
			assert.Equal(t, row.want == 0, r.Accepted)
			assert.True(t, report(t, s, urlVT).Accepted)
		})
	}
	t.Run("other type or media type is not a pointer to a list", func(t *testing.T) {
		u := newUnion(t)
		u.lotl.links[2].typ += "X"
		u.lotl.links[3].mime = "application/xml"
		u.publish()
		assert.Empty(t, u.mustLoad().Lists)
	})
}

func TestTwoLocationsOfOneTerritory(t *testing.T) {
	const moved = "https://ut.example/v6.xml"
	for _, row := range []struct {
		name     string
		sequence int
		used     string
		unused   string
	}{
		{"the newer one is used", 8, moved, urlUT},
		{"the first one is used when they are equal", 7, urlUT, moved},
		{"the older one is not used", 6, urlUT, moved},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := newUnion(t)
			second := u.lotl.links[2]
			second.url = moved
			u.lotl.links = append(u.lotl.links, second)
			u.publish()
			list := u.utList
			list.sequence = row.sequence
			u.source.files[moved] = u.ut.sign(t, list.xml())
			s := u.mustLoad()
			assert.True(t, report(t, s, row.used).Accepted)
			r := report(t, s, row.unused)
			assert.Equal(t, trustlist.ReasonSuperseded, r.Reason)
			assert.Zero(t, r.Services)
			assert.Equal(t, 3, s.Counts().Services, "no service counts twice")
		})
	}
	t.Run("one of them is missing", func(t *testing.T) {
		u := newUnion(t)
		second := u.lotl.links[2]
		second.url = moved
		u.lotl.links = append(u.lotl.links, second)
		u.publish()
		s := u.mustLoad()
		assert.True(t, report(t, s, urlUT).Accepted)
		assert.Equal(t, trustlist.ReasonNotFound, report(t, s, moved).Reason)
	})
}

func TestTerritoryFilter(t *testing.T) {
	u := newUnion(t)
	u.publish()
	config := trustlist.Config{Anchors: u.anchors(), Source: u.source, Territories: []string{"VT", "XX"}}
	s, err := trustlist.Load(t.Context(), config, now)
	require.NoError(t, err)
	require.Len(t, s.Lists, 2)
	assert.Equal(t, "VT", s.Lists[0].Territory)
	assert.True(t, s.Lists[0].Accepted)
	assert.Equal(t, "XX", s.Lists[1].Territory)
	assert.Equal(t, trustlist.ReasonNotListed, s.Lists[1].Reason)
	assert.NotContains(t, u.source.asked, urlUT)
	assert.Equal(t, 1, s.Counts().Services)
}

func TestProgressAndLog(t *testing.T) {
	u := newUnion(t)
	u.lotl.links[0].url = "https://new.example/lotl.xml"
	u.utList.next = "<dateTime>" + now.Add(-time.Hour).Format(time.RFC3339) + "</dateTime>"
	u.publish()
	delete(u.source.files, urlVT)
	var log bytes.Buffer
	var events []trustlist.Event
	_, err := trustlist.Load(t.Context(), trustlist.Config{
		Anchors: u.anchors(), Source: u.source, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Progress: func(e trustlist.Event) { events = append(events, e) },
	}, now)
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, []int{1, 2}, []int{events[0].Done, events[1].Done})
	assert.Equal(t, 2, events[1].Total)
	assert.Contains(t, log.String(), "reason=not_found")
	assert.Contains(t, log.String(), "kind=lotl_moved")
	assert.Contains(t, log.String(), `msg="trusted list past its next update" territory=UT sequence=7`)
	assert.Equal(t, 1, strings.Count(log.String(), "past its next update"), "the LOTL is not")
}

func TestLoadEndsWithItsContext(t *testing.T) {
	u := newUnion(t)
	u.publish()
	for _, url := range []string{urlLOTL, urlVT} {
		ctx, cancel := context.WithCancel(t.Context())
		source := sourceFunc(func(ctx context.Context, asked string) ([]byte, error) {
			if asked == url {
				cancel()
				return nil, ctx.Err()
			}
			return u.source.Fetch(ctx, asked)
		})
		s, err := trustlist.Load(ctx, trustlist.Config{Anchors: u.anchors(), Source: source}, now)
		require.ErrorIs(t, err, context.Canceled, "a snapshot that lacks what was not waited for is none")
		assert.Nil(t, s)
	}
}

type sourceFunc func(context.Context, string) ([]byte, error)

func (f sourceFunc) Fetch(ctx context.Context, url string) ([]byte, error) { return f(ctx, url) }

func TestConfigRefused(t *testing.T) {
	u := newUnion(t)
	u.publish()
	good := trustlist.Config{Anchors: u.anchors(), Source: u.source}
	rows := []struct {
		name   string
		change func(*trustlist.Config)
		at     time.Time
	}{
		{"no source", func(c *trustlist.Config) { c.Source = nil }, now},
		{"no anchors", func(c *trustlist.Config) { c.Anchors = trustlist.Anchors{} }, now},
		{"no profile", func(c *trustlist.Config) { c.Anchors.Profile = "" }, now},
		{"no LOTL", func(c *trustlist.Config) { c.Anchors.LOTL = "lotl.xml" }, now},
		{"no signer", func(c *trustlist.Config) { c.Anchors.Signers = nil }, now},
		{"zero fingerprint", func(c *trustlist.Config) { c.Anchors.Signers = make([][32]byte, 1) }, now},
		{"no time", func(*trustlist.Config) {}, time.Time{}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := good
			row.change(&c)
			_, err := trustlist.Load(t.Context(), c, row.at)
			require.Error(t, err)
		})
	}
	_, err := trustlist.Load(t.Context(), good, now)
	require.NoError(t, err, "twin")
}

func TestCheckList(t *testing.T) {
	u := newUnion(t)
	u.publish()
	doc := u.source.files[urlUT]
	signer := [][32]byte{u.ut.fingerprint()}
	r := trustlist.CheckList(doc, signer)
	assert.True(t, r.Authentic)
	assert.True(t, r.Accepted)
	assert.Equal(t, "UT", r.Territory)
	assert.Equal(t, 7, r.Sequence)
	assert.Equal(t, 2, r.Services)

	assert.Equal(t, trustlist.ReasonSignerUnknown, trustlist.CheckList(doc, [][32]byte{u.vt.fingerprint()}).Reason)
	assert.Equal(t, trustlist.ReasonSignerUnknown, trustlist.CheckList(doc, nil).Reason)
	u.utList.version = 4
	r = trustlist.CheckList(u.ut.sign(t, u.utList.xml()), signer)
	assert.True(t, r.Authentic, "authentic all the same")
	assert.False(t, r.Accepted)
	assert.Equal(t, trustlist.ReasonVersionUnsupported, r.Reason)
}
