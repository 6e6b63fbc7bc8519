package qwac

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-b953571c/eidas"
)

// RotationStore keeps small records for the instances of a fleet. A
// [MemoryStore] serves one instance.
type RotationStore interface {
	// Update gives f the record under each key, nil where there is none, and
	// stores what f returns in the same order, nil for a record that stays as it
	// is. All of it is one step: if somebody else changed one of the records
	// meanwhile, nothing is stored and f is called again with what is there now.
	// So of two instances that see the same thing one is first, and the other one
	// sees that. f changes neither keys nor records. A record may be forgotten
	// RotationRetention after its last change. Update honours ctx and is safe for
	// concurrent use. After an error it is not known whether anything was stored:
	// an event may then never be told, and none is told twice.
	Update(ctx context.Context, keys []string, f func(records [][]byte) [][]byte) error
}

// RotationRetention is for how long a store should keep a record that does not
// change. A certificate in use changes its record every day; this is for TPPs
// that come once a year.
const RotationRetention = 400 * 24 * time.Hour

// Rotation says what a Verifier remembers of the certificates of a TPP, and what
// comes of it. The zero value remembers nothing.
//
// Nothing here is needed to let a TPP in with a new certificate, and a TPP may
// use as many as it likes at once. A stranger leaves no trace: a certificate is
// noted at a request that was let in, after the handshake has proved the key.
type Rotation struct {
	// Store keeps what is remembered. Nil is off. Whoever can write to it can
	// make events appear or not, and confirm what is held; it lets nobody in whom
	// the Validator refuses. When it fails, TPPs are let in without it, unless
	// HoldNewIssuer.
	Store RotationStore
	// OnEvent is called with each event, after it was stored and before the
	// request goes on. It must not block, and is safe for concurrent use. Nil is
	// off; events are logged and counted anyway.
	OnEvent func(context.Context, Event)
	// HoldNewIssuer refuses a certificate of a QTSP that is new to its TPP
	// (issuer_changed) until Verifier.Confirm. It protects against a QTSP that
	// errs, and brings back the waiting that this library is to end. A TPP that is
	// new, or whose record was forgotten, has no QTSP yet and is not held.
	HoldNewIssuer bool
	// AllowSharedKeys lets a certificate in whose key was used by another TPP
	// before. Without it such a certificate is held: one key with two names is
	// the mark of a mistake, or of a TPP that was renamed (see eidas.Alias).
	AllowSharedKeys bool
	// AllowTokensFor is how old an access token may be that SameTPP lets pass
	// with another certificate of the TPP than it is bound to. 0 is off.
	AllowTokensFor time.Duration
}

func (r *Rotation) check() error {
	switch {
	case r.AllowTokensFor < 0:
		return errors.New("qwac: Config.Rotation.AllowTokensFor is negative")
	case r.Store == nil && (r.OnEvent != nil || r.HoldNewIssuer || r.AllowSharedKeys || r.AllowTokensFor != 0):
		return errors.New("qwac: Config.Rotation needs a Store")
	}
	return nil
}

const (
	// storeTimeout bounds what a request waits for the store.
	storeTimeout = time.Second
	// storePause is for how long a store that failed is left alone, so that an
	// outage costs one request in a while and not each.
	storePause = 5 * time.Second
	// maxRecent bounds the certificates of which this process knows that there
	// is nothing to tell; some 150 bytes each.
	maxRecent = 16 << 10
	// recentFor is after how long the store is asked again about a certificate
	// in use: what time brings about, and other instances, is noticed then.
	recentFor = time.Hour
)

// rotation is the observer of a Verifier.
type rotation struct {
	Rotation
	v     *Verifier
	pause atomic.Int64 // until when the store is left alone, in Unix nanoseconds

	mu     sync.Mutex
	recent map[recentKey]recentState
}

type recentKey struct {
	certificate Fingerprint
	identity    eidas.Identity // an alias may begin or end
}

type recentState struct {
	ended EventKind // "": let in
	until time.Time
}

func newRotation(v *Verifier, config Rotation) *rotation {
	return &rotation{Rotation: config, v: v, recent: make(map[recentKey]recentState)}
}

// observe notes a peer that proved its key and was let in.
func (r *rotation) observe(ctx context.Context, result *eidas.Result) *eidas.Error {
	e := &result.Evidence
	if e.Leaf == nil || e.Identity.IsZero() {
		return nil // a Validator of somebody else's
	}
	key := recentKey{sha256.Sum256(e.Leaf.Raw), e.Identity}
	if r.isRecent(key, "", e.At) {
		return nil
	}
	s := &sighting{
		identity: e.Identity, ref: refOf(e), at: e.At, issuer: string(e.Leaf.RawIssuer),
		holdNewIssuer: r.HoldNewIssuer, allowSharedKey: r.AllowSharedKeys,
	}
	var got seen
	keys := s.keys()
	if r.AllowTokensFor > 0 {
		keys = append(keys, chainRecordKey(s.ref.SHA256))
	}
	err := r.update(ctx, keys, func(records [][]byte) (next [][]byte) {
		next, got = s.see(records[:recordCount])
		if len(records) > recordCount {
			next = append(next, chainRecord(records[recordCount], result))
		}
		return next
	})
	if err != nil {
		if r.HoldNewIssuer {
			return &eidas.Error{Reason: eidas.ReasonInternal, Err: fmt.Errorf("rotation store: %w", err), Partial: e}
		}
		return nil
	}
	r.tell(ctx, got.events)
	if got.held != "" {
		return &eidas.Error{Reason: eidas.ReasonHeld, Err: errors.New(string(got.held)), Partial: e}
	}
	r.note(key, recentState{"", e.At.Add(recentFor)})
	return nil
}

// refused notes a peer that proved its key and was refused. That its
// certificate is revoked, or its QTSP withdrawn, is news about the TPP if it was
// let in before.
func (r *rotation) refused(ctx context.Context, refusal *eidas.Error) {
	e := refusal.Partial
	if e == nil || e.Leaf == nil || e.Identity.IsZero() {
		return
	}
	var kind EventKind
	switch refusal.Reason { //nolint:exhaustive // the others say nothing new about the TPP
	case eidas.ReasonRevoked:
		kind = EventRevoked
	case eidas.ReasonServiceNotGranted:
		kind = EventAnchorWithdrawn
	default:
		return
	}
	key := recentKey{sha256.Sum256(e.Leaf.Raw), e.Identity}
	if r.isRecent(key, kind, e.At) {
		return
	}
	s := &sighting{identity: e.Identity, ref: refOf(e), at: e.At}
	var events []Event
	err := r.update(ctx, s.keys()[:1], func(records [][]byte) [][]byte {
		var next []byte
		next, events = s.end(kind, records[0])
		return [][]byte{next}
	})
	if err != nil {
		return
	}
	r.tell(ctx, events)
	r.note(key, recentState{kind, e.At.Add(recentFor)})
}

// update asks the store. Its errors are the operator's: a client that hangs up
// causes none.
func (r *rotation) update(ctx context.Context, keys []string, f func([][]byte) [][]byte) (err error) {
	if now().UnixNano() < r.pause.Load() {
		return errors.New("store failed a moment ago")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = r.v.panicked(ctx, p)
		}
		if err != nil {
			r.pause.Store(now().Add(storePause).UnixNano())
			r.v.metrics.rotationFailed()
			r.v.logger.LogAttrs(ctx, slog.LevelWarn, "rotation store failed",
				slog.String("event", "rotation_store"), slog.String("error", printable(err.Error())))
		}
	}()
	return r.Store.Update(ctx, keys, func(records [][]byte) [][]byte {
		if len(records) != len(keys) {
			return make([][]byte, len(keys))
		}
		return f(records)
	})
}

// tell gives events out. They are stored as told, so a panic in OnEvent must not
// keep the others from being told.
func (r *rotation) tell(ctx context.Context, events []Event) {
	for i := range events {
		e := &events[i]
		r.v.metrics.rotated(e.Kind)
		r.v.logger.LogAttrs(ctx, e.level(), "certificate "+string(e.Kind),
			slog.String("event", "rotation"), slog.Any("rotation", e))
		if r.OnEvent != nil {
			r.call(ctx, e)
		}
	}
}

func (r *rotation) call(ctx context.Context, e *Event) {
	defer func() {
		if p := recover(); p != nil {
			_ = r.v.panicked(ctx, p) // which logs it
		}
	}()
	r.OnEvent(ctx, *e)
}

func (r *rotation) isRecent(key recentKey, ended EventKind, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.recent[key] // what is not there has been over for ages
	return s.ended == ended && at.Before(s.until)
}

// note remembers that there is nothing to tell. All is forgotten when there is
// too much of it: the store knows.
func (r *rotation) note(key recentKey, s recentState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.recent) >= maxRecent {
		clear(r.recent)
	}
	r.recent[key] = s
}

// keys of the records of a sighting.
func (s *sighting) keys() []string {
	serial := sha256.Sum256([]byte(s.issuer + "\x00" + s.ref.Serial))
	return []string{
		recordTPP:    tppRecordKey(s.identity),
		recordKey:    "key/" + s.ref.KeySHA256.String(),
		recordSerial: "serial/" + Fingerprint(serial).String(),
	}
}

func tppRecordKey(id eidas.Identity) string { return "tpp/" + id.String() }

func chainRecordKey(certificate Fingerprint) string { return "chain/" + certificate.String() }

// Certificates returns what is remembered of the certificates of a TPP, in the
// order of first sight: the latest 32 in use. Without a Rotation.Store it is
// always empty.
func (v *Verifier) Certificates(ctx context.Context, id eidas.Identity) ([]CertificateRef, error) {
	if v.rotated == nil {
		return nil, nil
	}
	var k known
	err := v.rotated.update(ctx, []string{tppRecordKey(id)}, func(records [][]byte) [][]byte {
		k = decodeKnown(records[0])
		return [][]byte{nil}
	})
	if err != nil {
		return nil, fmt.Errorf("qwac: rotation store: %w", err)
	}
	refs := make([]CertificateRef, len(k.Certificates))
	for i := range k.Certificates {
		refs[i] = k.Certificates[i].CertificateRef
	}
	return refs, nil
}

// Confirm lets in a certificate that is held (see Event.Held), and with it its
// QTSP for this TPP. It counts for the whole fleet, from the next request on.
func (v *Verifier) Confirm(ctx context.Context, id eidas.Identity, certificate Fingerprint) error {
	if v.rotated == nil {
		return errors.New("qwac: Config.Rotation has no Store")
	}
	found := false
	err := v.rotated.update(ctx, []string{tppRecordKey(id)}, func(records [][]byte) [][]byte {
		var next []byte
		next, found = confirm(records[0], certificate)
		return [][]byte{next}
	})
	if err != nil {
		return fmt.Errorf("qwac: rotation store: %w", err)
	}
	if !found {
		return fmt.Errorf("qwac: certificate %s of %q is not known", certificate, id.String())
	}
	return nil
}
