package trustlist_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/trustlist"
)

// A week of real answers of status 500 from every host, over HTTP, with the
// clock of a bubble: it stands still while the sockets are at work.
func TestRunThroughAWeekOfStatus500(t *testing.T) {
	u := newUnion(t)
	h := &host{u: u, lists: map[string]*served{}, faults: map[string]http.HandlerFunc{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // an idle connection would hold the clock
		h.ServeHTTP(w, r)
	}))
	defer h.Close()
	u.lotl.links[0].url, u.lotl.links[2].url, u.lotl.links[3].url = h.URL+"/lotl.xml", h.URL+"/ut.xml", h.URL+"/vt.xml"
	h.publish()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		wake()
		s := h.store(t, time.Minute, inDir(dir))
		stop := run(t, s)
		require.True(t, s.Health().Ready, "%v", s.Health().Err)
		before := s.Snapshot()
		h.mu.Lock()
		for path := range h.lists {
			h.faults[path] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
		}
		h.asked = nil
		h.mu.Unlock()
		time.Sleep(7 * 24 * time.Hour)
		synctest.Wait()
		health := s.Health()
		assert.True(t, health.Ready)
		assert.True(t, health.Degraded)
		assert.Equal(t, before.ID, health.Snapshot, "nothing is lost")
		for _, l := range append(health.Lists, health.LOTL) {
			assert.True(t, l.Accepted && l.Kept, l.URL)
			assert.Equal(t, trustlist.ReasonFetchFailed, l.Reason, l.URL)
			assert.Greater(t, l.Age, 7*24*time.Hour-7*time.Hour)
		}
		h.mu.Lock()
		asked := 0
		for _, path := range h.asked {
			if path == "/lotl.xml" {
				asked++
			}
		}
		assert.Less(t, asked, 60, "about four times a day, not a flood")
		assert.Greater(t, asked, 20)
		clear(h.faults)
		h.mu.Unlock()
		time.Sleep(7 * time.Hour)
		synctest.Wait()
		assert.False(t, s.Health().Degraded, "back by itself")
		stop()
	})
}
