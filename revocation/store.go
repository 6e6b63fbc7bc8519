package revocation

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
)

// DefaultStoreTimeout is what a question waits for the store, which is near or
// of no use.
const DefaultStoreTimeout = 50 * time.Millisecond

const (
	// storeHost is the store among the hosts of the breaker. No URL has it.
	storeHost = "store"
	// maxSaves bounds the records on their way to the store; more are dropped,
	// and whoever misses them asks a responder.
	maxSaves = 64
	// saveTimeout is for one of them. Nobody waits for it.
	saveTimeout = 5 * time.Second
	// maxUnsaved bounds the revocations that wait for a store that is down.
	maxUnsaved = 1024
	// maxStoredSet bounds the CRLs in the proof of one revocation.
	maxStoredSet = 16
)

// ErrNotStored says that a Store has no record under a key.
var ErrNotStored = errors.New("revocation: not stored")

// Store keeps what Checkers have verified beyond the life of a process, or for
// several of them. It is not trusted: a Checker verifies each Value again when
// it comes back, so whoever writes to the store can take knowledge away but
// forge none. It is safe for concurrent use and returns when ctx ends.
// [Folder] is one; revocation/rediscache is one for fleets.
type Store interface {
	// Load returns the value under a key, ErrNotStored when there is none.
	Load(ctx context.Context, key string) ([]byte, error)
	// Save offers a record. See [Record.Supersedes]; that it does not is no error.
	Save(ctx context.Context, r Record) error
	// Watch calls revoked with the key of each record that any instance saves
	// with Revoked, once or more, until it fails or ctx ends. Called again, it
	// goes on where it was.
	Watch(ctx context.Context, revoked func(key string)) error
}

// Record is what a Store keeps. Only Value comes back, and only Value is ever
// believed, once verified.
type Record struct {
	// Key is 64 lower-case hexadecimal digits.
	Key   string
	Value []byte
	// ThisUpdate is that of the answer in Value.
	ThisUpdate time.Time
	// Revoked says that Value proves a revocation: all are to hear of it. Final
	// says that nothing can lift it.
	Revoked bool
	Final   bool
	// Expires is when Value is of no use any more.
	Expires time.Time
	// Overwrite says that what is stored did not verify.
	Overwrite bool
}

// Supersedes reports whether r may take the place of old: a revocation that
// nothing can lift of anything, a later answer of one that is not that.
func (r Record) Supersedes(old Record) bool {
	return r.Overwrite || r.Final || !old.Final && !r.ThisUpdate.Before(old.ThisUpdate)
}

// The kinds of values, their first byte.
const (
	storedOCSP   = 'o' // time of judgement, OCSP response
	storedCRLs   = 'c' // time of judgement, CRLs that prove a revocation
	storedOneCRL = 'l' // a CRL
	storedHeader = 1 + 8
)

// recalled is what came of looking into the store.
type recalled uint8

const (
	recalledFailed recalled = iota // out of reach
	recalledNone
	recalledTrue
	recalledFalse // something that does not verify
)

// storedForm is a proof with the time at which it was judged. The time need not
// be believed: to name one at which the proof holds is to prove that it did.
func storedForm(kind byte, at time.Time, parts ...[]byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte{kind}, uint64(at.Unix())) //nolint:gosec // read back as it was written
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// recall looks into the store for an answer and takes it in if it verifies.
func (c *Checker) recall(ctx context.Context, q question) recalled {
	value, err := c.load(ctx, q.key.String(), c.storeTimeout)
	switch {
	case errors.Is(err, ErrNotStored):
		return recalledNone
	case err != nil:
		return recalledFailed
	}
	ev, err := c.verifyStored(ctx, value, q)
	if err != nil {
		c.metrics.stored("load", "refused")
		c.log.WarnContext(ctx, "revocation: stored answer does not verify", "key", q.key.String(), "error", err)
		return recalledFalse
	}
	c.metrics.stored("load", "ok")
	e := newEntry(ev.Answer, q.Certificate, c.allowStale)
	e.usage = c.inUse.of(q)
	if c.cache.Set(q.key, e, now()) != e {
		c.metrics.conflicts.Inc()
	}
	return recalledTrue
}

// verifyStored verifies a value as of the time at which it was judged first, so
// that the answer holds for no longer than it did then. Whether it still holds
// is another question, asked where it is used.
func (c *Checker) verifyStored(ctx context.Context, value []byte, q question) (evidence, error) {
	if len(value) < storedHeader {
		return evidence{}, invalid(RuleP1, "stored value is too short")
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(value[1:storedHeader])), 0) //nolint:gosec // any time may be named
	if at.After(now().Add(c.ocsp.Skew)) {
		return evidence{}, invalid(RuleP8, "stored value is from the future")
	}
	switch body := value[storedHeader:]; value[0] {
	case storedOCSP:
		return c.judgeOCSP(ctx, body, c.ocsp, ocspCall{target: q.Target, at: at})
	case storedCRLs:
		return c.judgeStoredCRLs(body, q.Target, at)
	}
	return evidence{}, invalid(RuleP1, "stored value is of an unknown kind")
}

// judgeStoredCRLs judges by CRLs alone that prove a revocation.
func (c *Checker) judgeStoredCRLs(body cryptobyte.String, t Target, at time.Time) (evidence, error) {
	var set CRLSet
	for !body.Empty() {
		var der cryptobyte.String
		if len(set.CRLs) == maxStoredSet || !body.ReadASN1Element(&der, asn1.SEQUENCE) {
			return evidence{}, invalid(RuleC11, "stored CRLs are malformed")
		}
		crl, err := ParseCRL(der)
		if err != nil {
			return evidence{}, err
		}
		set.CRLs = append(set.CRLs, crl)
	}
	a, err := VerifyCRL(set, t, at, c.crl)
	if err == nil && a.Status != eidas.StatusRevoked {
		err = invalid(RuleC4, "stored CRLs prove no revocation")
	}
	return evidence{Answer: a}, err
}

// reconsider verifies what another instance has found, before an entry that it
// contradicts is used again. A store that is out of reach changes nothing, and
// is asked again.
func (c *Checker) reconsider(ctx context.Context, q question) (*entry, bool) {
	e := c.cache.Get(q.key)
	if e != nil && e.doubted.CompareAndSwap(true, false) && c.recall(ctx, q) == recalledFailed {
		e.doubted.Store(true)
	}
	return c.known(q)
}

// doubt marks what is known of a certificate that another instance has found
// revoked. Only the next question has what it takes to verify that.
func (c *Checker) doubt(key string) {
	var k cacheKey
	if n, err := hex.Decode(k[:], []byte(key)); err != nil || n != len(k) || len(key) != hex.EncodedLen(len(k)) {
		return
	}
	c.metrics.doubts.Inc()
	for {
		e := c.cache.Get(k)
		if e == nil || e.final() {
			return
		}
		e.doubted.Store(true)
		if c.cache.Get(k) == e {
			return
		}
	}
}

// recallCRL is recall for a CRL.
func (c *Checker) recallCRL(ctx context.Context, key crlKey, t Target) *storedCRL {
	value, err := c.load(ctx, hex.EncodeToString(key[:]), saveTimeout)
	if err != nil || len(value) == 0 {
		return nil
	}
	l := &storedCRL{raw: value[1:]}
	err = error(invalid(RuleC11, "stored value is of an unknown kind"))
	if value[0] == storedOneCRL {
		l.crl, err = c.parseCRL(l.raw, t)
	}
	if err != nil {
		c.metrics.stored("load", "refused")
		c.log.WarnContext(ctx, "revocation: stored CRL does not verify", "error", err)
		return nil
	}
	c.metrics.stored("load", "ok")
	l.size = l.crl.memory()
	return c.crls.put(key, l, now())
}

// load reads a value. Any error but ErrNotStored says that the store is out of
// reach.
func (c *Checker) load(ctx context.Context, key string, timeout time.Duration) ([]byte, error) {
	if c.store == nil {
		return nil, ErrNotStored
	}
	if !c.breaker.allow(storeHost, now()) {
		return nil, errResting
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	value, err := c.store.Load(ctx, key)
	if errors.Is(err, ErrNotStored) {
		c.metrics.stored("load", "none")
		c.storeAnswered(ctx, "load", nil)
		return nil, ErrNotStored
	}
	c.storeAnswered(ctx, "load", err)
	return value, err
}

// storeAnswered notes how a call of the store ended. That it fails is no reason
// to refuse anybody.
func (c *Checker) storeAnswered(ctx context.Context, op string, err error) {
	switch {
	case errors.Is(err, context.Canceled): // the caller left
		err = &fetch.Error{Kind: fetch.KindCanceled, Err: err}
	case err != nil:
		c.metrics.stored(op, "failed")
		c.log.WarnContext(ctx, "revocation: store failed", "op", op, "error", err)
		err = &fetch.Error{Kind: fetch.KindNetwork, Err: err}
	}
	c.breaker.report(storeHost, err, now())
}

// save offers an answer to the store.
func (c *Checker) save(ctx context.Context, q question, e *entry, value []byte) {
	if value == nil || c.store == nil {
		return
	}
	c.offer(ctx, Record{
		Key: q.key.String(), Value: value, ThisUpdate: e.answer.ThisUpdate,
		Revoked: e.answer.Status == eidas.StatusRevoked, Final: e.final(),
		Expires: e.keepUntil, Overwrite: q.overwrite,
	})
}

// saveCRL offers a CRL to the store, for as long as it can be of use.
func (c *Checker) saveCRL(ctx context.Context, key crlKey, l *storedCRL) {
	if c.store == nil {
		return
	}
	end := l.crl.nextUpdate
	if aged := l.crl.thisUpdate.Add(max(c.crl.MaxAge, c.allowStale)); end.Before(aged) {
		end = aged
	}
	c.offer(ctx, Record{
		Key: hex.EncodeToString(key[:]), Value: append([]byte{storedOneCRL}, l.raw...),
		ThisUpdate: l.crl.thisUpdate, Expires: end,
	})
}

// offer saves a record in the background. When there are too many, it drops
// what can be had again.
func (c *Checker) offer(ctx context.Context, r Record) {
	select {
	case c.saves <- struct{}{}:
		go c.saveNow(context.WithoutCancel(ctx), r)
		return
	default:
	}
	if !r.Revoked {
		c.metrics.stored("save", "dropped")
		return
	}
	go func() { // as many as questions at the most, each of which has just ended
		c.saves <- struct{}{}
		c.saveNow(context.WithoutCancel(ctx), r)
	}()
}

// saveNow saves a record and gives the place back. A revocation that cannot be
// saved is kept for Run.
func (c *Checker) saveNow(ctx context.Context, r Record) {
	defer func() { <-c.saves }()
	if !c.trySave(ctx, r) && r.Revoked {
		// Once more at once: a connection that lay idle may have been cut.
		if !c.trySave(ctx, r) {
			c.unsaved.add(r)
		}
	}
}

// trySave saves a record.
func (c *Checker) trySave(ctx context.Context, r Record) bool {
	if !c.breaker.allow(storeHost, now()) {
		c.metrics.stored("save", "dropped")
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	err := c.store.Save(ctx, r)
	if err == nil {
		c.metrics.stored("save", "ok")
	}
	c.storeAnswered(ctx, "save", err)
	return err == nil
}

// unsaved are revocations that the store has not taken yet. It is safe for
// concurrent use; the zero value is ready.
type unsaved struct {
	mu   sync.Mutex
	list []Record
}

// add remembers a record, if there is room.
func (u *unsaved) add(r Record) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.list) < maxUnsaved {
		u.list = append(u.list, r)
	}
}

// take returns what is remembered, and forgets it.
func (u *unsaved) take() []Record {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := u.list
	u.list = nil
	return list
}

// saveAgain offers the revocations that the store has not taken.
func (c *Checker) saveAgain(ctx context.Context) {
	for _, r := range c.unsaved.take() {
		if ctx.Err() != nil || !c.trySave(ctx, r) {
			c.unsaved.add(r)
		}
	}
}
