package eidastest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"sync"
	"time"
)

// PointOptions say what AddPoint makes. The zero value is a partition: a CRL
// that lists what was issued with this point in Request.Points, and says so in a
// critical issuing distribution point (RFC 5280, 5.2.5).
type PointOptions struct {
	OnlyUsers bool // onlyContainsUserCerts
	OnlyCAs   bool // onlyContainsCACerts
	// Reasons are the bits of ReasonFlags (RFC 5280, 4.2.1.13) that the CRL is
	// about, such as 1 for keyCompromise; nil: all.
	Reasons []int
	// Signer signs the CRL in its own name, which makes it an indirect one; nil:
	// the issuing CA. See CRLIssuer.
	Signer *Leaf
	// DeltaOf makes a delta CRL (RFC 5280, 5.2.4) to another point, whose own CRL
	// from now on stays as it is. Such a point has no other options.
	DeltaOf *DistributionPoint
}

// DistributionPoint is where a QTSP publishes a CRL, made anew for each request
// from what its responder knows too. It is an http.Handler and safe for
// concurrent use.
type DistributionPoint struct {
	URL string

	faulty
	options PointOptions
	qtsp    *QTSP
	slug    string
	full    bool // no issuing distribution point: lists everything

	mu       sync.Mutex
	members  map[string]bool
	base     int // for the base of a delta CRL: how much of the log it lists, else -1
	lifetime time.Duration
}

// newPoint makes a point and gives it its URL.
func (q *QTSP) newPoint(o PointOptions, full bool) *DistributionPoint {
	d := &DistributionPoint{
		options: o, qtsp: q, full: full, members: map[string]bool{}, base: -1, lifetime: crlLifetime,
		slug: fmt.Sprintf("%s-%d.crl", q.slug, q.points),
	}
	q.points++
	d.URL = q.world.loopback.register(crlPath+d.slug, d)
	return d
}

// AddPoint makes a further distribution point beside QTSP.CRL.
func (q *QTSP) AddPoint(o PointOptions) (*DistributionPoint, error) {
	base := o.DeltaOf
	if base == nil {
		return q.newPoint(o, false), nil
	}
	if o.OnlyUsers || o.OnlyCAs || o.Reasons != nil || o.Signer != nil || base.options.DeltaOf != nil || base.qtsp != q {
		return nil, errors.New("eidastest: a delta CRL has the options of its base, which is a complete CRL of the same QTSP")
	}
	base.mu.Lock()
	defer base.mu.Unlock()
	if base.base < 0 {
		base.base = len(q.Responder.changes())
	}
	return q.newPoint(o, false), nil
}

// complete is the point whose scope d has: of a delta CRL its base.
func (d *DistributionPoint) complete() *DistributionPoint {
	if d.options.DeltaOf != nil {
		return d.options.DeltaOf
	}
	return d
}

// SetLifetime makes the CRLs hold for t from now on; with zero they have no
// nextUpdate. At first it is a day.
func (d *DistributionPoint) SetLifetime(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lifetime = t
}

// ServeHTTP serves the CRL.
func (d *DistributionPoint) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	fault, answer := d.enter(w, req)
	if !answer {
		return
	}
	if fault == FaultLater {
		http.Error(w, "try later", http.StatusServiceUnavailable)
		return
	}
	der, err := d.crl(fault)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/pkix-crl")
	w = fault.slowed(w, req)
	_, _ = w.Write(der) //nolint:gosec // DER, with its media type
}

// CRL returns the CRL as it is now, without any fault.
func (d *DistributionPoint) CRL() ([]byte, error) { return d.crl(FaultNone) }

// add notes that a certificate was issued with this point.
func (d *DistributionPoint) add(serial *big.Int) {
	d = d.complete()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.members[serialOf(serial)] = true
}

// change is one entry of what a responder was told, in order.
type change struct {
	serial *big.Int
	revoked
	lifted bool
}

// read takes in what the CRL lists: the last word about each certificate.
func (c *crlContent) read() {
	d, scope := c.point, c.point.complete()
	scope.mu.Lock()
	defer scope.mu.Unlock()
	log := d.qtsp.Responder.changes()
	c.number = len(log) + 1
	switch {
	case d != scope:
		log, c.number, c.base = log[scope.base:], c.number+1, scope.base+1
	case d.base >= 0:
		log, c.number = log[:d.base], d.base+1
	}
	for i, e := range log {
		later := slices.ContainsFunc(log[i+1:], func(l change) bool { return l.serial.Cmp(e.serial) == 0 })
		if !later && scope.lists(&e) && (d != scope || !e.lifted) {
			c.entries = append(c.entries, e)
		}
	}
}

// lists reports whether an entry is within the scope of a complete CRL.
func (d *DistributionPoint) lists(c *change) bool {
	if !d.full && !d.members[serialOf(c.serial)] {
		return false
	}
	bit := reasonBit(c.reason)
	return d.options.Reasons == nil || bit == 0 || slices.Contains(d.options.Reasons, bit)
}

// reasonBit is the bit of ReasonFlags for a CRLReason; 0, which is unused, for
// one that has none (RFC 5280, 4.2.1.13 and 5.3.1).
func reasonBit(reason int) int {
	switch {
	case reason >= 1 && reason <= 6:
		return reason
	case reason == 9 || reason == 10: // privilegeWithdrawn, aACompromise
		return reason - 2
	}
	return 0
}

// signer is the certificate and key that sign the CRL.
func (d *DistributionPoint) signer() *Authority {
	if s := d.complete().options.Signer; s != nil {
		return &Authority{Certificate: s.Certificate, Key: s.Key}
	}
	return d.qtsp.Issuing
}

// addPoints adds the extensions by which a certificate names its points: delta
// CRLs have one of their own (RFC 5280, 4.2.1.13 and 4.2.1.15).
func (r *Request) addPoints(tmpl *x509.Certificate) error {
	var points, freshest []*DistributionPoint
	for _, d := range r.Points {
		if d.options.DeltaOf != nil {
			freshest = append(freshest, d)
		} else {
			points = append(points, d)
		}
	}
	if len(points) > 0 && len(r.CRL) > 0 {
		return errors.New("eidastest: a request has either CRL or Points")
	}
	for oid, list := range map[string][]*DistributionPoint{oidCRLPoints: points, oidFreshestCRL: freshest} {
		if len(list) == 0 {
			continue
		}
		value, err := marshalPoints(list)
		if err != nil {
			return err
		}
		ext, err := extension(oid, false, value)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(r.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(ext.Id) }) {
			tmpl.ExtraExtensions = append(tmpl.ExtraExtensions, ext)
		}
	}
	return nil
}
