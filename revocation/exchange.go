package revocation

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
)

const (
	// maxGET is the longest URL with a request in it (RFC 9919, 6).
	maxGET = 255
	// hashMemory is how long the hash that a responder wants is remembered.
	hashMemory = 24 * time.Hour
	// maxHosts bounds that memory. The hosts are those of certificates under a
	// trust anchor: some hundreds.
	maxHosts = 1024

	requestType  = "application/ocsp-request"
	responseType = "application/ocsp-response"
)

// askResponder asks one responder, with the hash that it is known to want or
// with SHA-256 and then SHA-1 (rule Q1).
func (c *Checker) askResponder(ctx context.Context, responder *url.URL, t Target, at time.Time) (evidence, error) {
	var last error
	for _, h := range c.hashes.order(responder.Host, at) {
		a, err := c.askOnce(ctx, responder, ocspCall{target: t, at: at, hash: h})
		if err == nil {
			c.hashes.remember(responder.Host, h, at)
			return a, nil
		}
		if last == nil || eidas.ReasonOf(err) != eidas.ReasonRevocationUnavailable {
			last = err
		}
		if !otherHash(err) {
			break
		}
	}
	return evidence{}, last
}

// otherHash reports whether the responder may have failed to recognise the
// certificate by this hash.
func otherHash(err error) bool {
	if s, ok := errors.AsType[statusError](err); ok {
		return s == 1 || s == 6 // malformedRequest, unauthorized
	}
	return RuleOf(err) == RuleP3 || fetch.KindOf(err) == fetch.KindStatus
}

// ocspCall is one question in one encoding.
type ocspCall struct {
	target Target
	at     time.Time
	hash   crypto.Hash
}

// askOnce makes a request and verifies the response. When the response is not
// timely it asks once more past the caches on the way (RFC 9919, 7.2).
func (c *Checker) askOnce(ctx context.Context, responder *url.URL, q ocspCall) (evidence, error) {
	policy, err := c.policyFor(responder.Hostname())
	if err != nil {
		return evidence{}, &eidas.Error{Reason: eidas.ReasonInternal, Err: err}
	}
	req, err := newRequest(q.target, q.hash, policy.Nonce)
	if err != nil {
		return evidence{}, &eidas.Error{Reason: eidas.ReasonInternal, Err: err}
	}
	var ev evidence
	for _, header := range []http.Header{nil, {"Cache-Control": {"no-cache"}}} {
		var raw []byte
		if raw, err = c.exchange(ctx, responder, req, header); err != nil {
			return evidence{}, err
		}
		ev, err = c.judgeOCSP(ctx, raw, policy, q)
		if rule := RuleOf(err); rule != RuleP8 && rule != RuleP9 && rule != RuleP10 {
			break
		}
	}
	return ev, err
}

// policyFor is the policy for what a host says, with a nonce where one is
// required (rule Q4).
func (c *Checker) policyFor(host string) (OCSPPolicy, error) {
	p := c.ocsp
	if c.requireNonce == nil || !c.requireNonce(host) {
		return p, nil
	}
	p.Nonce, p.RequireNonce = make([]byte, minNonce), true
	_, err := rand.Read(p.Nonce)
	return p, err
}

// judgeOCSP verifies a response, whoever handed it over.
func (c *Checker) judgeOCSP(ctx context.Context, raw []byte, p OCSPPolicy, q ocspCall) (evidence, error) {
	a, err := VerifyOCSP(raw, q.target, q.at, p)
	if err == nil && a.DelegateUnchecked {
		err = c.settleDelegate(ctx, &a, q)
	}
	if err != nil {
		return evidence{}, err
	}
	return evidence{a, storedForm(storedOCSP, q.at, raw)}, nil
}

// settleDelegate looks up the status of a delegate that has no
// id-pkix-ocsp-nocheck in its CRLs, and never asks a responder about a
// responder (rule P7). A status that stays open is a matter of policy, so it is
// not worth the whole budget.
func (c *Checker) settleDelegate(ctx context.Context, a *Answer, q ocspCall) error {
	ctx, cancel := context.WithTimeout(ctx, c.hedge)
	defer cancel()
	d, err := c.askCRLs(ctx, Target{Certificate: a.Responder, Issuer: q.target.Issuer}, q.at)
	switch {
	case err == nil && d.Status == eidas.StatusRevoked:
		*a = Answer{}
		return invalid(RuleP7, "responder is revoked")
	case err == nil:
		a.DelegateUnchecked = false
		a.FreshUntil = earliest(a.FreshUntil, d.FreshUntil)
		a.RenewAfter = earliest(a.RenewAfter, a.FreshUntil)
	case c.rejectUnchecked:
		*a = Answer{}
		return invalid(RuleP7, "status of the responder is open: %w", err)
	}
	return nil
}

// exchange sends a request by GET if it is short enough, else by POST; a GET
// that the server fails to answer is repeated by POST (rule Q2).
func (c *Checker) exchange(ctx context.Context, responder *url.URL, req []byte, header http.Header) ([]byte, error) {
	q := fetch.Request{Accept: responseType, Header: header, Limit: c.ocspLimit}
	if u, ok := getURL(responder, req); ok {
		q.URL = u
		if body, err := c.roundTrip(ctx, q); !getFailed(err) {
			return body, err
		}
	}
	q.Method, q.URL, q.Body, q.ContentType = http.MethodPost, responder.String(), req, requestType
	return c.roundTrip(ctx, q)
}

// getFailed reports whether the server answered, but not with OCSP: it may not
// know GET. One that does not answer at all is not asked again.
func getFailed(err error) bool {
	k := fetch.KindOf(err)
	return k == fetch.KindStatus || k == fetch.KindRedirect || k == fetch.KindEncoding || errors.Is(err, errContentType)
}

var errContentType = errors.New("content type is not " + responseType)

// roundTrip returns the body of an OCSP response. How long it may be kept
// according to HTTP is of no interest (RFC 9919, 8.5).
func (c *Checker) roundTrip(ctx context.Context, q fetch.Request) ([]byte, error) {
	resp, _, err := c.fetch(ctx, c.fetcher, q)
	if err != nil {
		return nil, transportError(err)
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != responseType {
		return nil, refuse(eidas.ReasonRevocationInvalid, RuleQ2, fmt.Errorf("%w but %q", errContentType, resp.Header.Get("Content-Type")))
	}
	return resp.Body, nil
}

// getURL appends the request to the URL of the responder (RFC 6960, A.1),
// percent-encoded so that no server or proxy touches it. It reports whether
// the result may be used: it must be short, and there must be a path to append to.
func getURL(responder *url.URL, req []byte) (string, bool) {
	if responder.RawQuery != "" || responder.ForceQuery {
		return "", false
	}
	base := strings.TrimSuffix(responder.String(), "/")
	u := base + "/" + url.QueryEscape(base64.StdEncoding.EncodeToString(req))
	return u, len(u) <= maxGET
}

// hashMemo remembers which responders want SHA-1. It is safe for concurrent
// use; the zero value is ready.
type hashMemo struct {
	first bool // SHA-1 first everywhere

	mu    sync.Mutex
	until map[string]time.Time // by host: SHA-1 first
}

// order gives the hashes to try, the most promising first.
func (m *hashMemo) order(host string, now time.Time) [len(requestHashes)]crypto.Hash {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first || now.Before(m.until[host]) {
		return [...]crypto.Hash{crypto.SHA1, crypto.SHA256}
	}
	return requestHashes
}

// remember notes the hash that worked.
func (m *hashMemo) remember(host string, h crypto.Hash, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h != crypto.SHA1 {
		delete(m.until, host)
		return
	}
	if m.until == nil || len(m.until) >= maxHosts {
		m.until = make(map[string]time.Time) // forgetting costs one request each
	}
	if now.After(m.until[host]) {
		m.until[host] = now.Add(hashMemory)
	}
}
