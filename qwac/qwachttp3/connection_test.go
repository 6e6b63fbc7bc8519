package qwachttp3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/qwac/qwachttp3"
)

func TestScenarioR6_RevokedWhileAConnectionIsOpen(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	old := w.QWAC("LT", identifier, eidas.RoleAI)
	c := client(w, old, nil)
	kept := c.keepAlive(t)
	other := client(w, w.QWAC("DE", "PSDDE-BAFIN-100001", eidas.RoleAI), nil).keepAlive(t)
	for range 2 {
		a, err := get(t, kept, b.url)
		require.NoError(t, err)
		assert.Equal(t, identifier+" LT", a.body)
	}
	connection := b.latest.Load()
	a, err := get(t, other, b.url)
	require.NoError(t, err)
	assert.Equal(t, "PSDDE-BAFIN-100001 DE", a.body)
	bystander := b.latest.Load()
	b.told()

	w.QTSP("LT").Revoke(old, 1)
	c.present(w.QWAC("DE", identifier, eidas.RoleAI))
	a, err = get(t, kept, b.url)
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, a.status)
	assert.Contains(t, a.body, `"reason":"revoked"`)
	assert.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	assert.Equal(t, []qwac.EventKind{qwac.EventRevoked}, b.told())
	// The stock client dials again, with what it has now, and loses no request.
	for range 2 {
		a, err = get(t, kept, b.url)
		require.NoError(t, err)
		assert.Equal(t, identifier+" DE", a.body)
	}
	assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventIssuerChanged, qwac.EventSuperseded}, b.told())

	waitFor(t, connection.Context().Done()) // the server ends the old one
	closed, ok := errors.AsType[*quic.ApplicationError](cause(connection))
	require.True(t, ok, "%v", cause(connection))
	assert.False(t, closed.Remote)
	assert.Equal(t, quic.ApplicationErrorCode(http3.ErrCodeNoError), closed.ErrorCode)
	require.NoError(t, bystander.Context().Err(), "and no other")
	assert.EqualValues(t, 5, b.handled.Load())
}

// What was let in before the revocation is finished, what comes after it is told
// that nothing was done.
func TestRetiredConnectionFinishesWhatIsUnderWay(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	arrived, gate := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(gate) })
	b := startBank(t, w, bankOptions{handler: func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-gate
		}
		whoami(rw, r)
	}})
	t.Cleanup(release) // before that of the server, which waits for its handlers
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	conn, dialed, err := client(w, l, nil).dial(newRequest(t, http.MethodGet, b.url))
	require.NoError(t, err)
	raw := &http.Client{Transport: conn} // unlike http3.Transport it dials no other

	slow := make(chan result, 1)
	request := newRequest(t, http.MethodGet, b.url+"/slow")
	go func() {
		a, err := ask(raw, request)
		slow <- result{a, err}
	}()
	waitFor(t, arrived)
	w.QTSP("LT").Revoke(l, 1)
	a, err := get(t, raw, b.url)
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, a.status)
	for range 3 {
		_, err = get(t, raw, b.url)
		rejected, ok := errors.AsType[*http3.Error](err)
		require.True(t, ok, "%v", err)
		assert.True(t, rejected.Remote)
		assert.Equal(t, http3.ErrCodeRequestRejected, rejected.ErrorCode)
	}
	require.NoError(t, dialed.Context().Err(), "a request is under way")
	release()
	under := waitFor(t, slow)
	require.NoError(t, under.err)
	assert.Equal(t, identifier+" LT", under.body)
	waitFor(t, dialed.Context().Done())
	closed, ok := errors.AsType[*quic.ApplicationError](cause(dialed))
	require.True(t, ok, "%v", cause(dialed))
	assert.Equal(t, quic.ApplicationErrorCode(http3.ErrCodeNoError), closed.ErrorCode)
	assert.EqualValues(t, 1, b.handled.Load())
}

// The same, with the time that it may take.
func TestRetiredConnectionEndsWhenItsLastRequestHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Int32
		c := qwachttp3.NewConnection(func() { ended.Add(1) })
		c.Known()
		wait := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		for range 3 { // one ends before, one is refused, one is under way
			assert.True(t, c.Begin())
		}
		c.End()
		wait(time.Hour)
		assert.Zero(t, ended.Load(), "it is not retired")
		c.Retire()
		assert.False(t, c.Begin())
		c.End()
		wait(time.Hour)
		assert.Zero(t, ended.Load(), "a request is under way")
		assert.False(t, c.Begin())
		c.End()
		wait(qwachttp3.Linger - 1)
		assert.Zero(t, ended.Load(), "the last answer is on its way")
		wait(1)
		assert.EqualValues(t, 1, ended.Load())
		assert.False(t, c.Begin())
		wait(time.Hour)
		assert.EqualValues(t, 1, ended.Load())
	})
}

// Where the fault is ours, dialling again would not help.
func TestConnectionStaysWhereThePeerIsNotAtFault(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	var broken atomic.Bool
	b := startBank(t, w, bankOptions{policy: eidas.Policy{Authorizer: func(*eidas.Evidence) error {
		if broken.Load() {
			panic("boom")
		}
		return nil
	}}})
	kept := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil).keepAlive(t)
	var connection *quic.Conn
	for _, want := range []int{http.StatusOK, http.StatusServiceUnavailable, http.StatusOK} {
		broken.Store(want != http.StatusOK)
		a, err := get(t, kept, b.url)
		require.NoError(t, err)
		assert.Equal(t, want, a.status)
		if connection == nil {
			connection = b.latest.Load()
		}
		assert.Same(t, connection, b.latest.Load())
	}
}

// Config.Deferred: the peer can read why it is refused, and R24: a large post too.
func TestScenarioR24_DeferredRefusalsAreAnswered(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	impostor, err := w.Impostor("LT").IssueQWAC(identifier, eidas.RoleAI)
	require.NoError(t, err)
	revoked := w.QWAC("LT", identifier, eidas.RoleAI)
	w.QTSP("LT").Revoke(revoked, 1)
	body := bytes.Repeat([]byte("payment "), 1<<20)
	for name, row := range map[string]struct {
		leaf   *eidastest.Leaf
		status int
		want   eidas.Reason
	}{
		"lawful":         {w.QWAC("LT", identifier, eidas.RoleAI), http.StatusOK, 0},
		"revoked":        {revoked, http.StatusUnauthorized, eidas.ReasonRevoked},
		"impostor":       {impostor, http.StatusUnauthorized, eidas.ReasonSignatureInvalid},
		"other role":     {w.QWAC("LT", identifier, eidas.RolePI), http.StatusForbidden, eidas.ReasonRoleMissing},
		"no certificate": {nil, http.StatusUnauthorized, eidas.ReasonCertificateMissing},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBank(t, w, bankOptions{config: qwac.Config{Deferred: true}, handler: func(rw http.ResponseWriter, r *http.Request) {
				n, err := io.Copy(io.Discard, r.Body)
				assert.NoError(t, err)
				assert.EqualValues(t, len(body), n)
				whoami(rw, r)
			}})
			c := client(w, row.leaf, nil)
			for range 2 { // the second one offers its session
				r := newRequest(t, http.MethodPost, b.url)
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
				a, err := ask(c.keepAlive(t), r)
				require.NoError(t, err)
				assert.Equal(t, row.status, a.status)
				if row.want != 0 {
					assert.Contains(t, a.body, `"reason":"`+row.want.String()+`"`)
				}
			}
			if row.want != 0 {
				assert.Zero(t, b.handled.Load())
				assert.Empty(t, b.told(), "it was never let in")
			}
			assert.Empty(t, b.failures)
		})
	}
}

func TestDeferredThiefIsNotLetIn(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{config: qwac.Config{Deferred: true}})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	stolen, err := l.Thief()
	require.NoError(t, err)
	_, err = client(w, stolen, nil).call(t, http.MethodGet, b.url)
	require.Error(t, err)
	require.ErrorContains(t, waitFor(t, b.failures), "invalid signature by the client certificate")
	assert.Zero(t, b.handled.Load())
	b.assertLetIn(t, client(w, l, nil), identifier+" LT")
}

// The owner's handler has all that http3 gives.
func TestHandlerGetsTheWriterOfHTTP3(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{handler: func(rw http.ResponseWriter, _ *http.Request) {
		_, taker := rw.(http3.HTTPStreamer)
		_, settings := rw.(http3.Settingser)
		_, flusher := rw.(http.Flusher)
		assert.True(t, taker && settings && flusher)
		_, _ = io.WriteString(rw, "ok")
	}})
	b.assertLetIn(t, client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil), "ok")
}
