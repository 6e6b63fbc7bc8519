package trustlist_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/trustlist"
)

// wake sleeps until the time that minted lists are made for. In a bubble of
// testing/synctest that takes no time.
func wake() { time.Sleep(time.Until(now)) }

// newStore returns a store over the lists of u; change may be nil.
func (u *union) newStore(tb testing.TB, change func(*trustlist.StoreConfig)) *trustlist.Store {
	tb.Helper()
	c := trustlist.StoreConfig{Config: trustlist.Config{Anchors: u.anchors(), Source: u.source}}
	if change != nil {
		change(&c)
	}
	s, err := trustlist.NewStore(c)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, s.Close()) })
	return s
}

func TestStoreIsEmptyUntilItHasLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		s := u.newStore(t, nil)
		assert.Nil(t, s.Services())
		assert.Nil(t, s.Snapshot())
		h := s.Health()
		assert.False(t, h.Ready)
		assert.True(t, h.Degraded)

		require.ErrorIs(t, s.Refresh(t.Context()), trustlist.ReasonNotFound)
		assert.Nil(t, s.Services(), "nothing was had")
		h = s.Health()
		assert.False(t, h.Ready)
		require.ErrorIs(t, h.Err, trustlist.ReasonNotFound)

		u.publish()
		require.NoError(t, s.Refresh(t.Context()))
		assert.Len(t, s.Services().Services(), 3)
		h = s.Health()
		assert.True(t, h.Ready)
		assert.False(t, h.Degraded)
		require.NoError(t, h.Err)
		assert.Equal(t, s.Snapshot().ID, h.Snapshot)
	})
}

func TestStoreWithoutServicesIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		delete(u.source.files, urlUT)
		delete(u.source.files, urlVT)
		s := u.newStore(t, nil)
		require.NoError(t, s.Refresh(t.Context()), "the LOTL is authentic")
		assert.False(t, s.Health().Ready)
		assert.True(t, s.Health().Degraded)
	})
}

// What fails at a refresh leaves the last good copy of that list in use.
func TestStoreKeepsTheLastGoodCopy(t *testing.T) {
	rows := []struct {
		name   string
		change func(*union)
		want   trustlist.Reason
	}{
		{"missing", func(u *union) { delete(u.source.files, urlUT) }, trustlist.ReasonNotFound},
		{"not fetched", func(u *union) { u.source.fail[urlUT] = errors.New("status 500") }, trustlist.ReasonFetchFailed},
		{"tampered", func(u *union) {
			u.source.files[urlUT] = bytes.Replace(u.source.files[urlUT], []byte("withdrawn"), []byte("granted"), 1)
		}, trustlist.ReasonSignatureInvalid},
		{"unsigned", func(u *union) { u.source.files[urlUT] = []byte(u.utList.xml()) }, trustlist.ReasonSignatureMissing},
		{"signed by another state", func(u *union) { u.source.files[urlUT] = u.vt.sign(u.tb, u.utList.xml()) }, trustlist.ReasonSignerUnknown},
		{"lower sequence", func(u *union) {
			u.utList.sequence--
			u.source.files[urlUT] = u.ut.sign(u.tb, u.utList.xml())
		}, trustlist.ReasonRollback},
		{"higher sequence, issued before", func(u *union) {
			u.utList.sequence++
			u.utList.issued = now.AddDate(0, -2, 0)
			u.source.files[urlUT] = u.ut.sign(u.tb, u.utList.xml())
		}, trustlist.ReasonRollback},
		{"not for another territory", func(u *union) { u.source.files[urlUT] = u.ut.sign(u.tb, u.vtList.xml()) }, trustlist.ReasonTerritoryMismatch},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wake()
				u := newUnion(t)
				u.publish()
				s := u.newStore(t, nil)
				require.NoError(t, s.Refresh(t.Context()))
				before := s.Snapshot()
				good := u.source.files[urlUT]
				time.Sleep(time.Hour)
				row.change(u)
				require.NoError(t, s.Refresh(t.Context()))

				after := s.Snapshot()
				r := report(t, after, urlUT)
				assert.True(t, r.Accepted && r.Kept)
				assert.Equal(t, row.want, r.Reason)
				require.ErrorIs(t, r.Err, row.want)
				assert.Equal(t, 7, r.Sequence)
				assert.Equal(t, before.ID, after.ID)
				assert.Same(t, before.Services(), after.Services())
				vt := report(t, after, urlVT)
				assert.True(t, vt.Accepted && !vt.Kept)
				h := s.Health()
				assert.True(t, h.Ready)
				assert.True(t, h.Degraded)
				assert.Equal(t, time.Hour, h.Lists[0].Age, "of the copy in use")
				assert.Zero(t, h.Lists[1].Age)

				delete(u.source.fail, urlUT)
				u.source.files[urlUT] = good
				require.NoError(t, s.Refresh(t.Context()))
				assert.False(t, s.Health().Degraded, "mended")
			})
		})
	}
}

// The same for the LOTL: national lists are refreshed by the last good one.
func TestStoreKeepsTheLastGoodLOTL(t *testing.T) {
	rows := []struct {
		name   string
		change func(*union)
		want   trustlist.Reason
	}{
		{"missing", func(u *union) { delete(u.source.files, urlLOTL) }, trustlist.ReasonNotFound},
		{"unsigned", func(u *union) { u.source.files[urlLOTL] = []byte(u.lotl.xml()) }, trustlist.ReasonSignatureMissing},
		{"older", func(u *union) {
			u.lotl.sequence--
			u.source.files[urlLOTL] = u.eu.sign(u.tb, u.lotl.xml())
		}, trustlist.ReasonRollback},
		{"with a pivot that is missing", func(u *union) {
			u.lotl.sequence++
			u.lotl.uris = append([]string{"https://lotl.example/pivot.xml"}, u.lotl.uris...)
			u.source.files[urlLOTL] = u.eu.sign(u.tb, u.lotl.xml())
		}, trustlist.ReasonPivot},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wake()
				u := newUnion(t)
				u.publish()
				s := u.newStore(t, nil)
				require.NoError(t, s.Refresh(t.Context()))
				success := s.Health().LastSuccess
				time.Sleep(time.Hour)
				row.change(u)
				u.vtList.sequence++
				u.source.files[urlVT] = u.vt.sign(t, u.vtList.xml())
				require.NoError(t, s.Refresh(t.Context()))
				after := s.Snapshot()
				assert.True(t, after.LOTL.Kept && after.LOTL.Accepted)
				assert.Equal(t, row.want, after.LOTL.Reason)
				assert.Equal(t, 100, after.LOTL.Sequence)
				assert.Equal(t, 9, report(t, after, urlVT).Sequence, "refreshed all the same")
				h := s.Health()
				assert.True(t, h.Ready && h.Degraded)
				assert.Equal(t, success, h.LastSuccess)
				assert.Equal(t, success.Add(time.Hour), h.LastAttempt)
			})
		})
	}
}

// A signer that the LOTL no longer announces is not believed any more, not even
// for the copy that was accepted when it was.
func TestStoreDropsACopyWhoseSignerIsNoLongerAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		s := u.newStore(t, nil)
		require.NoError(t, s.Refresh(t.Context()))
		next := newOperator(t, "UT 2")
		u.lotl.sequence++
		u.lotl.links[2].signers = []*operator{next}
		u.source.files[urlLOTL] = u.eu.sign(t, u.lotl.xml())
		require.NoError(t, s.Refresh(t.Context()))
		r := report(t, s.Snapshot(), urlUT)
		assert.False(t, r.Accepted)
		assert.Equal(t, trustlist.ReasonSignerUnknown, r.Reason)
		assert.Len(t, s.Services().Services(), 1)

		u.source.files[urlUT] = next.sign(t, u.utList.xml())
		require.NoError(t, s.Refresh(t.Context()))
		assert.Len(t, s.Services().Services(), 3)
	})
}

func TestStoreFollowsAListToItsNewLocation(t *testing.T) {
	const moved = "https://ut.example/new.xml"
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		s := u.newStore(t, nil)
		require.NoError(t, s.Refresh(t.Context()))
		u.lotl.sequence++
		u.lotl.links[2].url = moved
		u.source.files[urlLOTL] = u.eu.sign(t, u.lotl.xml())
		require.NoError(t, s.Refresh(t.Context()))
		require.Len(t, s.Snapshot().Lists, 2)
		r := s.Snapshot().Lists[0]
		assert.True(t, r.Accepted && r.Kept, "the copy from the old location")
		assert.Equal(t, trustlist.ReasonNotFound, r.Reason)

		u.utList.sequence = 6
		u.source.files[moved] = u.ut.sign(t, u.utList.xml())
		require.NoError(t, s.Refresh(t.Context()))
		assert.Equal(t, trustlist.ReasonRollback, s.Snapshot().Lists[0].Reason, "the guard goes with the territory")

		u.utList.sequence = 8
		u.source.files[moved] = u.ut.sign(t, u.utList.xml())
		require.NoError(t, s.Refresh(t.Context()))
		r = report(t, s.Snapshot(), moved)
		assert.True(t, r.Accepted && !r.Kept)
	})
}

func TestStoreDropsAListThatIsNoLongerListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		s := u.newStore(t, nil)
		require.NoError(t, s.Refresh(t.Context()))
		u.lotl.sequence++
		u.lotl.links = u.lotl.links[:3]
		u.source.files[urlLOTL] = u.eu.sign(t, u.lotl.xml())
		require.NoError(t, s.Refresh(t.Context()))
		assert.Len(t, s.Services().Services(), 2)
	})
}

func TestStoreReportsAReusedSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		s := u.newStore(t, nil)
		require.NoError(t, s.Refresh(t.Context()))
		u.utList.providers = provider(service(u.ut.der, "withdrawn", ""))
		u.source.files[urlUT] = u.ut.sign(t, u.utList.xml())
		require.NoError(t, s.Refresh(t.Context()))
		after := s.Snapshot()
		assert.Equal(t, []trustlist.Alarm{{Kind: trustlist.AlarmSequenceReused, URL: urlUT}}, after.Alarms)
		r := report(t, after, urlUT)
		assert.True(t, r.Accepted && !r.Kept)
		assert.Equal(t, 1, r.Services, "the newer one is used")
		require.NoError(t, s.Refresh(t.Context()))
		assert.Empty(t, s.Snapshot().Alarms, "said once")
	})
}

func TestStoreDoesNotReadUnchangedListsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		pivoted(u, 2)
		var changes []int
		s := u.newStore(t, func(c *trustlist.StoreConfig) {
			c.OnChange = func(before, after *trustlist.Snapshot) {
				if before == nil {
					changes = append(changes, 0)
				}
				changes = append(changes, after.Counts().Services)
			}
		})
		require.NoError(t, s.Refresh(t.Context()))
		first := s.Snapshot()
		assert.Len(t, u.source.asked, 5)
		require.NoError(t, s.Refresh(t.Context()))
		assert.Equal(t, []string{urlLOTL}, u.source.asked[5:6])
		assert.Len(t, u.source.asked, 8, "no pivot was asked for again")
		assert.NotSame(t, first, s.Snapshot())
		assert.Same(t, first.Services(), s.Services(), "same generation of trust")
		assert.Len(t, s.Snapshot().Pivots, 2)

		u.vtList.sequence++
		u.vtList.providers = ""
		u.source.files[urlVT] = u.vt.sign(t, u.vtList.xml())
		require.NoError(t, s.Refresh(t.Context()))
		assert.NotSame(t, first.Services(), s.Services())
		assert.Same(t, first.Services().Services()[0], s.Services().Services()[0], "the services of UT are the same")
		assert.Equal(t, []int{0, 3, 2}, changes)
	})
}

func TestStoreLearnsOfNewPivots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		urls := pivoted(u, 1)
		s := u.newStore(t, nil)
		require.NoError(t, s.Refresh(t.Context()))
		// The world rotates its signer once more.
		old := u.lotl.links[0].signers[0]
		next := newOperator(t, "EU next")
		p := u.lotl
		p.sequence = 50
		p.links = append([]link{self(next)}, u.lotl.links[1:]...)
		u.source.files["https://lotl.example/p2.xml"] = old.sign(t, p.xml())
		u.lotl.links[0] = self(next)
		u.lotl.sequence++
		u.lotl.uris = append([]string{"https://lotl.example/p2.xml"}, u.lotl.uris...)
		u.source.files[urlLOTL] = next.sign(t, u.lotl.xml())
		u.source.asked = nil
		require.NoError(t, s.Refresh(t.Context()))
		require.Len(t, s.Snapshot().Pivots, 2)
		assert.False(t, s.Snapshot().LOTL.Kept)
		assert.NotContains(t, u.source.asked, urls[0], "known before")
	})
}

// A pivot is taken over only if the way to it is the same.
func TestStoreAuthenticatesAPivotAgainAfterAnotherWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		urls := pivoted(u, 2)
		s := u.newStore(t, nil)
		require.NoError(t, s.Refresh(t.Context()))
		// The first pivot is replaced by one that announces a stranger, so the
		// second is no longer authentic, though it was.
		const other = "https://lotl.example/other.xml"
		p := u.lotl
		p.sequence = 10
		p.links = []link{self(u.vt)}
		u.source.files[other] = u.eu.sign(t, p.xml())
		u.lotl.sequence++
		u.lotl.uris = []string{urls[1], other, urlNotice}
		u.source.files[urlLOTL] = u.lotl.links[0].signers[0].sign(t, u.lotl.xml())
		require.NoError(t, s.Refresh(t.Context()))
		assert.True(t, s.Snapshot().LOTL.Kept)
		require.ErrorIs(t, s.Snapshot().LOTL.Err, trustlist.ReasonPivot)
		require.ErrorIs(t, s.Snapshot().LOTL.Err, trustlist.ReasonSignerUnknown)
	})
}

// The same when the way starts at another notice.
func TestStoreAuthenticatesAPivotAgainAfterAnotherNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		const notice2 = "https://eur-lex.europa.eu/notice/2"
		u := newUnion(t)
		urls := pivoted(u, 1)
		s := u.newStore(t, func(c *trustlist.StoreConfig) {
			c.Fallback = []trustlist.Anchors{c.Anchors}
			c.Anchors.OfficialJournal, c.Anchors.Signers = notice2, [][32]byte{{9}}
		})
		require.NoError(t, s.Refresh(t.Context()))
		u.lotl.sequence++
		u.lotl.uris = []string{urls[0], notice2, urlNotice}
		u.source.files[urlLOTL] = u.lotl.links[0].signers[0].sign(t, u.lotl.xml())
		require.NoError(t, s.Refresh(t.Context()))
		assert.True(t, s.Snapshot().LOTL.Kept)
		require.ErrorIs(t, s.Snapshot().LOTL.Err, trustlist.ReasonPivot)
	})
}

// A location that the LOTL names beside another has no copy but its own.
func TestStoreDoesNotKeepTheCopyOfAnotherLocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		const second = "https://ut.example/second.xml"
		u := newUnion(t)
		l := u.lotl.links[2]
		l.url = second
		u.lotl.links = append(u.lotl.links, l)
		u.publish()
		s := u.newStore(t, nil)
		require.NoError(t, s.Refresh(t.Context()))
		require.NoError(t, s.Refresh(t.Context()))
		require.Len(t, s.Snapshot().Lists, 3)
		ut := report(t, s.Snapshot(), urlUT)
		assert.True(t, ut.Accepted && !ut.Kept)
		r := report(t, s.Snapshot(), second)
		assert.False(t, r.Accepted)
		assert.Equal(t, trustlist.ReasonNotFound, r.Reason)
		assert.Len(t, s.Services().Services(), 3)
	})
}

func TestHealthTellsAListThatHasBecomeStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.utList.next = "<dateTime>" + now.Add(time.Hour).Format(time.RFC3339) + "</dateTime>"
		u.publish()
		s := u.newStore(t, nil)
		require.NoError(t, s.Refresh(t.Context()))
		assert.False(t, s.Health().Lists[0].Stale)
		assert.False(t, s.Health().Degraded)
		time.Sleep(time.Hour + time.Second)
		assert.True(t, s.Health().Lists[0].Stale)
		assert.False(t, s.Health().Lists[1].Stale)
		assert.True(t, s.Health().Degraded)
	})
}

func TestRunWaitsAtLeastAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		s := u.newStore(t, func(c *trustlist.StoreConfig) { c.Interval = time.Second })
		stop := run(t, s)
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		assert.LessOrEqual(t, u.source.refreshes(), 11)
		assert.GreaterOrEqual(t, u.source.refreshes(), 9)
		stop()
	})
}

func TestFallbackAnchors(t *testing.T) {
	const notice2 = "https://eur-lex.europa.eu/notice/2"
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		coming := trustlist.Anchors{Profile: eidas.ProfileTest, LOTL: urlLOTL, OfficialJournal: notice2, Signers: [][32]byte{{9}}}
		_, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: coming, Source: u.source}, now)
		require.ErrorIs(t, err, trustlist.ReasonOfficialJournal)
		s, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: coming, Fallback: []trustlist.Anchors{u.anchors()}, Source: u.source}, now)
		require.NoError(t, err)
		assert.Equal(t, 3, s.Counts().Services)
		// From the day that the LOTL names the new notice, only its signers count.
		u.lotl.uris = append([]string{notice2}, u.lotl.uris...)
		u.publish()
		_, err = trustlist.Load(t.Context(), trustlist.Config{Anchors: coming, Fallback: []trustlist.Anchors{u.anchors()}, Source: u.source}, now)
		require.ErrorIs(t, err, trustlist.ReasonSignerUnknown)
		// Known notices are no alarm.
		s, err = trustlist.Load(t.Context(), trustlist.Config{Anchors: u.anchors(), Fallback: []trustlist.Anchors{coming}, Source: u.source}, now)
		require.NoError(t, err)
		assert.Empty(t, s.Alarms)

		for name, bad := range map[string]trustlist.Anchors{
			"other LOTL":    {Profile: eidas.ProfileTest, LOTL: urlUT, OfficialJournal: notice2, Signers: [][32]byte{{9}}},
			"other profile": {Profile: eidas.ProfileEU, LOTL: urlLOTL, OfficialJournal: notice2, Signers: [][32]byte{{9}}},
			"no notice":     {Profile: eidas.ProfileTest, LOTL: urlLOTL, Signers: [][32]byte{{9}}},
			"no signer":     {Profile: eidas.ProfileTest, LOTL: urlLOTL, OfficialJournal: notice2},
		} {
			_, err = trustlist.Load(t.Context(), trustlist.Config{Anchors: u.anchors(), Fallback: []trustlist.Anchors{bad}, Source: u.source}, now)
			require.Error(t, err, name)
		}
	})
}

func TestExtraAnchors(t *testing.T) {
	u := newUnion(t)
	u.publish()
	sandbox := newOperator(t, "Sandbox CA")
	load := func(x ...trustlist.Extra) (*trustlist.Snapshot, error) {
		return trustlist.Load(t.Context(), trustlist.Config{Anchors: u.anchors(), Source: u.source, Extra: x}, now)
	}
	plain, err := load()
	require.NoError(t, err)
	s, err := load(trustlist.Extra{Profile: eidas.ProfileUKOB, Name: "Directory", Certificates: [][]byte{sandbox.der}})
	require.NoError(t, err)
	services := s.Services().Services()
	require.Len(t, services, 4)
	assert.Equal(t, eidas.ProfileUKOB, services[3].List.Profile)
	assert.Equal(t, sandbox.der, services[3].Anchors[0].Raw)
	assert.Equal(t, 3, s.Counts().Services, "not of a list")
	assert.NotEqual(t, plain.ID, s.ID)
	for name, bad := range map[string]trustlist.Extra{
		"the EU's profile": {Profile: eidas.ProfileEU, Name: "x", Certificates: [][]byte{sandbox.der}},
		"no profile":       {Name: "x", Certificates: [][]byte{sandbox.der}},
		"no name":          {Profile: eidas.ProfileTest, Certificates: [][]byte{sandbox.der}},
		"no certificate":   {Profile: eidas.ProfileTest, Name: "x"},
		"odd certificate":  {Profile: eidas.ProfileTest, Name: "x", Certificates: [][]byte{{1}}},
	} {
		_, err := load(bad)
		require.Error(t, err, name)
	}
}

func TestStoreConfigRefused(t *testing.T) {
	u := newUnion(t)
	good := trustlist.StoreConfig{Config: trustlist.Config{Anchors: u.anchors(), Source: u.source}}
	for name, change := range map[string]func(*trustlist.StoreConfig){
		"no source and no folder": func(c *trustlist.StoreConfig) { c.Source = nil },
		"no anchors":              func(c *trustlist.StoreConfig) { c.Anchors = trustlist.Anchors{} },
		"negative interval":       func(c *trustlist.StoreConfig) { c.Interval = -1 },
		"negative retry":          func(c *trustlist.StoreConfig) { c.Retry = -1 },
		"folder that is a file":   func(c *trustlist.StoreConfig) { c.Dir = "store_test.go" },
	} {
		c := good
		change(&c)
		_, err := trustlist.NewStore(c)
		require.Error(t, err, name)
	}
	s, err := trustlist.NewStore(good)
	require.NoError(t, err, "twin")
	require.Error(t, s.Load(t.Context()), "there is no folder")
	require.NoError(t, s.Close())
}

// Readers see one snapshot or the next while the store is refreshed.
func TestStoreIsSafeForConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		s := u.newStore(t, func(c *trustlist.StoreConfig) { c.Dir = t.TempDir(); c.Registerer = prometheus.NewRegistry() })
		ctx, cancel := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for ctx.Err() == nil {
					if set := s.Services(); set != nil {
						n := len(set.Services())
						assert.True(t, n == 2 || n == 3, "%d services", n)
					}
					_ = s.Health()
					time.Sleep(time.Millisecond)
				}
			})
		}
		for i := range 20 {
			u.source.mu.Lock()
			u.vtList.sequence++
			u.vtList.providers = provider(service(u.vt.der, "granted", ""))
			if i%2 == 0 {
				u.vtList.providers = ""
			}
			u.source.files[urlVT] = u.vt.sign(t, u.vtList.xml())
			u.source.mu.Unlock()
			require.NoError(t, s.Refresh(ctx))
			time.Sleep(time.Millisecond)
		}
		cancel()
		readers.Wait()
	})
}

// run starts Run and returns a function that ends it.
func run(t *testing.T, s *trustlist.Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	synctest.Wait()
	return func() {
		cancel()
		assert.ErrorIs(t, <-done, context.Canceled)
	}
}

// refreshes counts how often the LOTL was asked for.
func (m *memory) refreshes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, url := range m.asked {
		if url == urlLOTL {
			n++
		}
	}
	return n
}

func TestRunRefreshesAtTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		s := u.newStore(t, func(c *trustlist.StoreConfig) { c.Interval = 4 * time.Hour })
		stop := run(t, s)
		assert.Equal(t, 1, u.source.refreshes(), "at once")
		time.Sleep(4*time.Hour - time.Second)
		synctest.Wait()
		assert.Equal(t, 1, u.source.refreshes())
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 2, u.source.refreshes(), "within the jitter")
		stop()
		time.Sleep(24 * time.Hour)
		assert.Equal(t, 2, u.source.refreshes(), "ended")
	})
}

func TestRunRefreshesWhenAListIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.utList.next = "<dateTime>" + now.Add(time.Hour).Format(time.RFC3339) + "</dateTime>"
		u.publish()
		s := u.newStore(t, nil)
		stop := run(t, s)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, 1, u.source.refreshes())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 2, u.source.refreshes())
		assert.True(t, s.Snapshot().Lists[0].Stale)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, 2, u.source.refreshes(), "a list that is late is not asked for all the time")
		stop()
	})
}

func TestRunRetriesSoonerAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		s := u.newStore(t, func(c *trustlist.StoreConfig) { c.Retry = 10 * time.Minute })
		stop := run(t, s)
		assert.Equal(t, 1, u.source.refreshes())
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 2, u.source.refreshes())
		time.Sleep(19 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 2, u.source.refreshes(), "the wait doubles")
		u.source.mu.Lock()
		u.publish()
		u.source.mu.Unlock()
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 3, u.source.refreshes())
		assert.True(t, s.Health().Ready)
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		assert.Equal(t, 3, u.source.refreshes(), "back to the interval")
		stop()
	})
}

// A week of every host answering 500: nothing is lost, and it is said.
func TestRunThroughAWeekOfFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		var log bytes.Buffer
		s := u.newStore(t, func(c *trustlist.StoreConfig) {
			c.Dir = t.TempDir()
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		stop := run(t, s)
		require.True(t, s.Health().Ready)
		u.source.mu.Lock()
		for _, url := range []string{urlLOTL, urlUT, urlVT} {
			u.source.fail[url] = errors.New("status 500")
		}
		u.source.mu.Unlock()
		time.Sleep(7 * 24 * time.Hour)
		synctest.Wait()
		h := s.Health()
		assert.True(t, h.Ready)
		assert.True(t, h.Degraded)
		assert.Len(t, s.Services().Services(), 3)
		assert.Greater(t, h.Lists[0].Age, 7*24*time.Hour-7*time.Hour)
		assert.Less(t, u.source.refreshes(), 60, "about four a day, not a flood")
		assert.Greater(t, u.source.refreshes(), 20)
		assert.Contains(t, log.String(), "trusted list refused")
		stop()
	})
}

func TestStoreMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		registry := prometheus.NewRegistry()
		c := trustlist.StoreConfig{Config: trustlist.Config{Anchors: u.anchors(), Source: u.source}, Registerer: registry}
		s, err := trustlist.NewStore(c)
		require.NoError(t, err)
		_, err = trustlist.NewStore(c)
		require.Error(t, err, "one registry holds one store")
		assert.Zero(t, gather(t, registry)["ready"])
		require.Error(t, s.Refresh(t.Context()))
		u.publish()
		require.NoError(t, s.Refresh(t.Context()))
		u.utList.sequence--
		u.source.files[urlUT] = u.ut.sign(t, u.utList.xml())
		delete(u.source.files, urlLOTL)
		time.Sleep(time.Minute)
		require.NoError(t, s.Refresh(t.Context()))
		got := gather(t, registry)
		for name, want := range map[string]float64{
			"ready": 1, "degraded": 1, "disk_failed": 0, "services": 3, "lotl_sequence": 100,
			"list_accepted EU": 1, "list_kept EU": 1, "list_stale EU": 0, "list_age_seconds EU": 60,
			"list_accepted UT": 1, "list_kept UT": 1, "list_stale UT": 0, "list_age_seconds UT": 60,
			"list_accepted VT": 1, "list_kept VT": 0, "list_stale VT": 0, "list_age_seconds VT": 0,
			"refreshes_total failed": 1, "refreshes_total kept": 1, "refreshes_total ok": 1,
			"refused_total not_found ": 1, "refused_total not_found EU": 1, "refused_total rollback UT": 1,
			"alarms_total lotl_moved": 0, "last_success_timestamp_seconds": float64(now.Unix()),
		} {
			value, told := got[name]
			assert.True(t, told, name)
			assert.InDelta(t, want, value, 0, name)
		}
		require.NoError(t, s.Close())
		assert.Empty(t, gather(t, registry))
		taken := prometheus.NewGauge(prometheus.GaugeOpts{Name: "eidas_trustlist_refresh_seconds", Help: "Duration of refreshes."})
		require.NoError(t, registry.Register(taken))
		_, err = trustlist.NewStore(c)
		require.Error(t, err, "a name is taken")
		assert.Len(t, gather(t, registry), 1, "nothing is left behind")
		require.True(t, registry.Unregister(taken))
		again, err := trustlist.NewStore(c)
		require.NoError(t, err, "closed and made anew")
		require.NoError(t, again.Close())
	})
}

// gather returns the values of the store's metrics, by name and label values.
func gather(tb testing.TB, registry *prometheus.Registry) map[string]float64 {
	tb.Helper()
	families, err := registry.Gather()
	require.NoError(tb, err)
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "eidas_trustlist_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			all[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return all
}

func TestDiff(t *testing.T) {
	u := newUnion(t)
	u.publish()
	before := u.mustLoad()
	assert.Empty(t, trustlist.Diff(before, before))
	assert.Empty(t, trustlist.Diff(nil, nil))

	u.utList.sequence = 9
	u.utList.providers = provider(service(u.ut.der, "withdrawn", ""), service(u.vt.der, "granted", ""))
	next := newOperator(t, "VT 2")
	u.lotl.links[3].signers = []*operator{u.vt, next}
	u.lotl.sequence = 101
	u.publish()
	u.source.files[urlVT] = next.sign(t, u.vtList.xml())
	after := u.mustLoad()
	const status = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/"
	const caqc = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC"
	service := func(kind trustlist.ChangeKind, before, after string) trustlist.Change {
		return trustlist.Change{Kind: kind, Territory: "UT", Provider: "Test Trust GmbH", Service: "CA", Type: caqc, Before: before, After: after}
	}
	changes := trustlist.Diff(before, after)
	assert.Contains(t, changes, trustlist.Change{Kind: trustlist.ChangeListSequence, Territory: "EU", Before: "100", After: "101"})
	assert.Contains(t, changes, trustlist.Change{Kind: trustlist.ChangeListSequence, Territory: "UT", Before: "7", After: "9"})
	assert.Contains(t, changes, service(trustlist.ChangeServiceStatus, status+"granted", status+"withdrawn"))
	assert.Contains(t, changes, service(trustlist.ChangeServiceRemoved, status+"withdrawn", ""))
	assert.Contains(t, changes, service(trustlist.ChangeServiceAdded, "", status+"granted"))
	require.Len(t, changes, 6)
	assert.Equal(t, trustlist.ChangeListSigner, changes[5].Kind)
	assert.Equal(t, "VT", changes[5].Territory)

	delete(u.source.files, urlVT)
	gone := trustlist.Diff(after, u.mustLoad())
	require.Len(t, gone, 2)
	assert.Equal(t, trustlist.ChangeListRemoved, gone[0].Kind)
	assert.Equal(t, trustlist.ChangeServiceRemoved, gone[1].Kind)
	assert.Len(t, trustlist.Diff(nil, after), 3+3, "three lists and three services are new")
}

func TestDiffOfAScope(t *testing.T) {
	const asi = "<AdditionalServiceInformation><URI xml:lang=\"en\">" + root + "ForeSeals</URI></AdditionalServiceInformation>"
	qualified := func(policy string) string {
		return extension("true", "<s:Qualifications><s:QualificationElement><s:Qualifiers><s:Qualifier uri=\""+root+"QCForESeal\"/></s:Qualifiers>"+
			"<s:CriteriaList assert=\"all\"><s:PolicySet>"+oid("s:PolicyIdentifier", policy)+"</s:PolicySet></s:CriteriaList></s:QualificationElement></s:Qualifications>")
	}
	u := newUnion(t)
	editions := make([]*trustlist.Snapshot, 0, 4)
	for _, extensions := range []string{"", extension("true", asi), extension("true", asi) + qualified("1.2.3"), extension("true", asi) + qualified("1.2.4")} {
		u.utList.providers = provider(service(u.ut.der, "granted", extensions))
		u.publish()
		editions = append(editions, u.mustLoad())
	}
	seals, both := root+"ForeSeals", root+"ForeSeals "+root+"QCForESeal"
	for i, want := range [][2]string{{"", seals}, {seals, both}, {both, both}} {
		changes := trustlist.Diff(editions[i], editions[i+1])
		require.Len(t, changes, 1)
		assert.Equal(t, trustlist.ChangeServiceScope, changes[0].Kind)
		assert.Equal(t, want, [2]string{changes[0].Before, changes[0].After})
	}
	assert.Empty(t, trustlist.Diff(editions[3], editions[3]))
}

func TestDiffOfServicesWithOneKey(t *testing.T) {
	u := newUnion(t)
	of := func(status, start string) string {
		return "<TSPService><ServiceInformation>" + body(u.ut.der, status, start, "") + "</ServiceInformation></TSPService>"
	}
	first, second := of("granted", "2020-01-01T00:00:00Z"), of("withdrawn", "2021-01-01T00:00:00Z")
	load := func(services ...string) *trustlist.Snapshot {
		u.utList.providers = provider(services...)
		u.publish()
		return u.mustLoad()
	}
	before := load(first, second)
	assert.Empty(t, trustlist.Diff(before, load(second, first)), "their order says nothing")
	changes := trustlist.Diff(before, load(of("granted", "2025-01-01T00:00:00Z"), first, second))
	require.Len(t, changes, 1)
	assert.Equal(t, trustlist.ChangeServiceAdded, changes[0].Kind)
}
