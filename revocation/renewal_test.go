package revocation_test

import (
	"context"
	"crypto/x509"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/revocation"
)

// inUse asks about a certificate each minute, as a busy TPP makes a server do,
// until it is known as revoked, and returns how long that took.
func inUse(t *testing.T, c *revocation.Checker, w *world, staple []byte) time.Duration {
	t.Helper()
	start := time.Now()
	for time.Since(start) < 8*24*time.Hour {
		q := w.query()
		q.At, q.Staple = time.Now(), staple
		a, ok := c.KnownStatus(q)
		if !ok {
			var err error
			a, err = c.CheckStatus(t.Context(), q)
			require.NoError(t, err)
		}
		if a.Status == eidas.StatusRevoked {
			break
		}
		synctest.Wait()
		time.Sleep(time.Minute)
	}
	return time.Since(start)
}

// revokedNow is an answer of now that holds for a month.
func (w *world) revokedNow() *response {
	r := w.revokedFor(1)
	r.producedAt = time.Now().Truncate(time.Second)
	r.singles[0].thisUpdate, r.singles[0].nextUpdate = r.producedAt, r.producedAt.Add(30*24*time.Hour)
	return r
}

// aged is a good answer that was signed so long before, and how long it holds then.
func (w *world) aged(age, hold time.Duration) *response {
	r := w.good()
	r.producedAt = w.now.Add(-age)
	r.singles[0].thisUpdate, r.singles[0].nextUpdate = r.producedAt, r.producedAt.Add(hold)
	return r
}

// A responder may sign long before it is asked. Its answer is renewed after half to
// three quarters of its time or, where that is past, within half an hour, and not
// with each use.
func TestRenewalOfAnswersBySignersOfTheirOwnPace(t *testing.T) {
	for name, row := range map[string]struct {
		age, hold time.Duration // of the answer when it is obtained
		quiet     time.Duration // how long it is used without asking
		seen      time.Duration // by when a revocation is known
	}{
		"new":                          {0, 8 * time.Hour, 4 * time.Hour, 6*time.Hour + 2*time.Minute},
		"past its half":                {20 * time.Hour, 24 * time.Hour, 30 * time.Minute, 32 * time.Minute},
		"past its greatest age":        {30 * time.Hour, 96 * time.Hour, 30 * time.Minute, 32 * time.Minute},
		"past its greatest age, short": {30 * time.Hour, 30*time.Hour + 20*time.Minute, 10 * time.Minute, 12 * time.Minute},
		"of a few minutes":             {0, 5 * time.Minute, 150 * time.Second, 6 * time.Minute},
		"of a few seconds":             {time.Hour, time.Hour + 8*time.Second, 4 * time.Second, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := liveWorld(t, "http://a.test/")
				net := new(network)
				net.says(w.aged(row.age, row.hold).encode(t))
				c := net.checker(t, revocation.Config{})
				_, err := ask(t, c, w)
				require.NoError(t, err)
				net.says(w.revokedNow().encode(t))
				q := w.query()
				q.At = time.Now().Add(row.quiet)
				a, ok := c.KnownStatus(q)
				require.True(t, ok, "used without asking")
				assert.Equal(t, eidas.StatusGood, a.Status)
				assert.LessOrEqual(t, inUse(t, c, w, nil), row.seen)
			})
		})
	}
}

// The same answer again and again, as a weekly signer gives it, is asked for twice
// an hour at most.
func TestRenewalThatBringsNothingNewerRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		net := new(network)
		net.says(w.aged(48*time.Hour, 7*24*time.Hour).encode(t))
		c := net.checker(t, revocation.Config{})
		for range 24 * 60 {
			_, err := ask(t, c, w)
			require.NoError(t, err)
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		assert.InDelta(t, 47, net.asked.Load(), 2, "in a day")
	})
}

// The client chooses which of its answers it staples, so one that is old is not
// let rest.
func TestOldStapleIsAskedAboutAtItsNextUse(t *testing.T) {
	for _, age := range []time.Duration{19 * time.Hour, 23 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := liveWorld(t, "http://a.test/")
			net := new(network)
			net.says(w.revokedNow().encode(t))
			c := net.checker(t, revocation.Config{})
			assert.LessOrEqual(t, inUse(t, c, w, w.aged(age, 24*time.Hour).encode(t)), 2*time.Minute)
		})
	}
}

// A staple that is due is no answer: somebody is asked first (rule P10).
func TestStapleThatIsDueIsNotTaken(t *testing.T) {
	for age, want := range map[time.Duration]eidas.Status{
		23 * time.Hour: eidas.StatusGood, // within the greatest age
		72 * time.Hour: eidas.StatusRevoked,
	} {
		w := liveWorld(t, "http://a.test/")
		net := new(network)
		net.says(w.revokedFor(1).encode(t))
		q := w.query()
		q.Staple = w.aged(age, 7*24*time.Hour).encode(t)
		a, err := net.checker(t, revocation.Config{}).CheckStatus(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, want, a.Status, age)
	}
}

// A question about a later time says nothing about what is new at present.
func TestQuestionAboutTheFutureDoesNotStopRenewal(t *testing.T) {
	for ahead, seen := range map[time.Duration]time.Duration{
		time.Minute:        18*time.Hour + 2*time.Minute, // about the present: half to three quarters of 24 hours
		26 * time.Hour:     2 * time.Minute,
		6 * 24 * time.Hour: 2 * time.Minute,
	} {
		t.Run(ahead.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := liveWorld(t, "http://a.test/")
				net := new(network)
				net.says(w.aged(0, 7*24*time.Hour).encode(t))
				c := net.checker(t, revocation.Config{})
				q := w.query()
				q.At = w.now.Add(ahead)
				_, err := c.CheckStatus(t.Context(), q)
				require.NoError(t, err)
				net.says(nil)
				q.At = q.At.Add(40 * time.Minute) // beyond the rest: an attempt to renew, in vain
				_, err = c.CheckStatus(t.Context(), q)
				require.NoError(t, err)
				synctest.Wait()
				time.Sleep(time.Minute)
				net.says(w.revokedNow().encode(t))
				assert.LessOrEqual(t, inUse(t, c, w, nil), seen)
			})
		})
	}
}

// A revocation that nothing can lift is asked about once.
func TestFinalRevocationIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		net := new(network)
		net.says(w.revokedNow().encode(t))
		c := net.checker(t, revocation.Config{})
		for range 10 {
			a, err := ask(t, c, w)
			require.NoError(t, err)
			assert.Equal(t, eidas.StatusRevoked, a.Status)
			synctest.Wait()
			time.Sleep(24 * time.Hour)
		}
		assert.EqualValues(t, 1, net.asked.Load())
	})
}

// MaxAge below an hour is kept between renewals that bring nothing newer.
func TestRestIsNoLongerThanTheGreatestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		net := new(network)
		net.says(w.aged(48*time.Hour, 7*24*time.Hour).encode(t))
		c := net.checker(t, revocation.Config{OCSP: revocation.OCSPPolicy{MaxAge: 10 * time.Minute}})
		_, err := ask(t, c, w)
		require.NoError(t, err)
		net.says(w.revokedNow().encode(t))
		assert.LessOrEqual(t, inUse(t, c, w, nil), 7*time.Minute)
	})
}

// Two callers wait for one question. Its answer is signed by a responder that a
// trusted list names, which the second one does not trust.
func TestAnswerOfAnotherCallersQuestionMustHoldForThisOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		listed := w.mint(t, nil, "Listed responder", nil)
		answer := w.good()
		answer.signer = listed
		body := answer.encode(t)
		c, err := revocation.NewWithFetcher(revocation.Config{}, fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
			time.Sleep(100 * time.Millisecond)
			return ocspBody(body)
		}))
		require.NoError(t, err)
		trusting := w.query()
		trusting.Responders = []*x509.Certificate{listed.cert}
		first := make(chan error)
		go func() {
			_, err := c.CheckStatus(t.Context(), trusting)
			first <- err
		}()
		synctest.Wait()
		_, err = c.CheckStatus(t.Context(), w.query())
		assert.Equal(t, isInvalid, eidas.ReasonOf(err), "%v", err)
		require.NoError(t, <-first)
	})
}

// An answer that is late for its question is no failure of the responder: the next
// question is asked.
func TestLateAnswerDoesNotHoldBackTheNextQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		body := w.good().encode(t)
		slow := true
		c, err := revocation.NewWithFetcher(revocation.Config{}, fetcherFunc(func(ctx context.Context, _ fetch.Request) (*fetch.Response, error) {
			if slow {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return ocspBody(body)
		}))
		require.NoError(t, err)
		_, err = c.CheckStatus(t.Context(), w.query())
		assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
		synctest.Wait()
		slow = false
		_, err = c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
	})
}
