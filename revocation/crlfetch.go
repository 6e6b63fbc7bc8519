package revocation

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
)

const (
	// DefaultCRLTimeout is the time of one download. A question waits for it
	// only within its own budget; the download goes on and serves the next.
	DefaultCRLTimeout = 30 * time.Second
	// maxCRLRedirects is as much as content networks need.
	maxCRLRedirects = 2
	// maxCRLDownloads bounds the CRLs in flight, each of which may take up to
	// MaxCRLSize of memory.
	maxCRLDownloads = 4
)

// hasCRL reports whether the certificate names a CRL that can be fetched.
func hasCRL(points []distributionPoint) bool {
	for _, p := range points {
		if len(p.addresses()) > 0 {
			return true
		}
	}
	return false
}

// addresses are the http and https URLs of a point, which are alternatives.
// LDAP is not spoken.
func (p distributionPoint) addresses() []string {
	var list []string
	for _, raw := range p.urls() {
		if u, err := url.Parse(raw); err == nil && (u.Scheme == "http" || u.Scheme == "https") && len(list) < maxResponders {
			list = append(list, raw)
		}
	}
	return list
}

// askCRLs judges by the CRLs that the certificate names: one of every
// distribution point, as each may be a partition.
func (c *Checker) askCRLs(ctx context.Context, t Target, at time.Time) (evidence, error) {
	points, err := pointsOf(t.Certificate)
	if err != nil {
		return evidence{}, err
	}
	var set CRLSet
	var raw [][]byte
	var failed error
	for _, p := range points {
		l, err := c.loadPoint(ctx, p, t, at)
		if err != nil {
			failed = worse(failed, err)
			continue
		}
		if l != nil {
			set.CRLs, raw = append(set.CRLs, l.crl), append(raw, l.raw)
		}
	}
	a, err := VerifyCRL(set, t, at, c.crl)
	if err != nil && failed != nil {
		return evidence{}, failed // what is missing could have told
	}
	if err != nil || a.Status != eidas.StatusRevoked {
		return evidence{Answer: a}, err // the CRLs themselves are stored
	}
	return evidence{a, storedForm(storedCRLs, at, raw...)}, nil
}

// loadPoint gets the CRL of a point from the first of its addresses that has
// one; nil when it has no address.
func (c *Checker) loadPoint(ctx context.Context, p distributionPoint, t Target, at time.Time) (*storedCRL, error) {
	var failed error
	for _, address := range p.addresses() {
		crl, err := c.loadCRL(ctx, address, t, at)
		if err == nil {
			return crl, nil
		}
		failed = worse(failed, err)
	}
	return nil, failed
}

// loadCRL returns the CRL at an address: the one that is kept, if it is not due
// for renewal, else a new one; when that cannot be had, the one that is kept,
// whose times VerifyCRL judges.
func (c *Checker) loadCRL(ctx context.Context, address string, t Target, at time.Time) (*storedCRL, error) {
	key := newCRLKey(t, address)
	kept := c.crls.get(key)
	if kept != nil && c.isCurrent(kept, at) {
		return kept, nil
	}
	done := c.downloads.DoChan(string(key[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.crlTimeout)
		defer cancel()
		if kept == nil {
			if l := c.recallCRL(ctx, key, t); l != nil && c.isCurrent(l, at) {
				return l, nil
			}
		}
		return c.download(ctx, address, t)
	})
	var err error
	select {
	case r := <-done:
		if l, ok := r.Val.(*storedCRL); ok && r.Err == nil {
			return l, nil
		}
		err = r.Err
	case <-ctx.Done():
		err = refuse(eidas.ReasonRevocationUnavailable, RuleQ2, ctx.Err())
	}
	// Not kept: the download may still be looking at that.
	if l := c.crls.get(key); l != nil {
		return l, nil
	}
	return nil, err
}

// isCurrent reports whether a kept CRL need not be fetched again: it still
// holds, and is younger than its greatest age or was fetched within that.
func (c *Checker) isCurrent(l *storedCRL, at time.Time) bool {
	if next := l.crl.nextUpdate; !next.IsZero() && at.After(next) {
		return false
	}
	return !at.After(l.crl.thisUpdate.Add(c.crl.MaxAge)) || !at.After(l.fetched.Add(c.crl.MaxAge))
}

// download fetches a CRL, verifies that the issuer signed it and keeps it. Only
// a CRL of the certificate's own issuer can be verified here; VerifyCRL knows
// others too, but nobody hands their certificates to a Checker.
func (c *Checker) download(ctx context.Context, address string, t Target) (*storedCRL, error) {
	select {
	case c.crlSlots <- struct{}{}:
		defer func() { <-c.crlSlots }()
	case <-ctx.Done():
		return nil, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, ctx.Err())
	}
	q := fetch.Request{URL: address, Accept: "application/pkix-crl", Limit: c.crlLimit, Header: http.Header{}}
	key := newCRLKey(t, address)
	kept := c.crls.get(key)
	if kept != nil {
		setIf(q.Header, "If-None-Match", kept.etag)
		setIf(q.Header, "If-Modified-Since", kept.modified)
	}
	resp, end, err := c.fetch(ctx, c.crlFetcher, q)
	if err != nil {
		return nil, transportError(err)
	}
	l := &storedCRL{etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified"), fetched: end}
	if resp.Status == http.StatusNotModified && kept != nil {
		l.crl, l.raw = kept.crl, kept.raw
	} else if l.crl, err = c.parseCRL(resp.Body, t); err != nil {
		return nil, err
	} else {
		l.raw = resp.Body
	}
	l.size = l.crl.memory()
	counts := c.crls.put(key, l, end)
	if counts != l {
		c.conflict(ctx, "CRL is older than the one that is kept, or of another scope", address)
	} else if kept == nil || kept.crl != l.crl {
		c.saveCRL(ctx, key, l)
	}
	return counts, nil
}

// parseCRL takes only CRLs that may be kept: signed by the issuer.
func (c *Checker) parseCRL(body []byte, t Target) (*CRL, error) {
	crl, err := ParseCRL(body)
	if err != nil {
		return nil, err
	}
	if !sameName(crl.issuer, t.Issuer.RawSubject) {
		return nil, refuse(eidas.ReasonRevocationInvalid, RuleC2, errOtherCRL)
	}
	return crl, crl.verify(t.Issuer, c.crl.AllowSHA1)
}

func setIf(h http.Header, name, value string) {
	if value != "" && !strings.ContainsAny(value, "\r\n") {
		h.Set(name, value)
	}
}

// transportError gives a failed request its reason.
func transportError(err error) error {
	if e, ok := errors.AsType[*eidas.Error](err); ok {
		return e
	}
	reason := eidas.ReasonRevocationUnavailable
	if fetch.KindOf(err) == fetch.KindTooLarge {
		reason = eidas.ReasonRevocationInvalid
	}
	return refuse(reason, RuleQ2, err)
}
