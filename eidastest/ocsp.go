package eidastest

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
)

// maxOCSPRequest bounds a request; real ones are below 200 bytes.
const maxOCSPRequest = 16 << 10

// The times around the making of an answer.
const (
	ocspAge      = time.Minute
	ocspLifetime = 12 * time.Hour
	ocspTooOld   = 50 * time.Minute // certificates are issued an hour ago
)

// revoked is what is known of a revoked certificate.
type revoked struct {
	at     time.Time
	reason int
}

// Responder is an OCSP responder (RFC 6960) for the CAs of a QTSP. It answers
// with a delegated certificate, good for what was issued and unknown for the
// rest. It is an http.Handler for GET and POST, and safe for concurrent use.
type Responder struct {
	now func() time.Time
	faulty

	mu       sync.Mutex
	signers  []*ocspSigner
	issued   map[string]bool
	revoked  map[string]revoked
	log      []change // all that became of revoked
	direct   bool
	delegate *Leaf // nil: one of its own
	lifetime time.Duration
}

func newResponder(now func() time.Time) *Responder {
	return &Responder{
		now: now, issued: map[string]bool{}, revoked: map[string]revoked{}, lifetime: ocspLifetime,
	}
}

// add makes the responder answer for a CA.
func (r *Responder) add(ca *Authority) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signers = append(r.signers, &ocspSigner{ca: ca})
}

// Issued tells the responder of a certificate that Issue did not make.
func (r *Responder) Issued(c *x509.Certificate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.issued[serialOf(c.SerialNumber)] = true
}

// Revoke makes the responder answer revoked for a serial number, from now on.
// The reason is a CRLReason of RFC 5280, 5.3.1.
func (r *Responder) Revoke(serial *big.Int, reason int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := revoked{at: r.now(), reason: reason}
	r.revoked[serialOf(serial)] = now
	r.log = append(r.log, change{serial: serial, revoked: now})
}

// Unrevoke takes a revocation back, as after certificateHold.
func (r *Responder) Unrevoke(serial *big.Int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.revoked, serialOf(serial))
	r.log = append(r.log, change{serial: serial, revoked: revoked{at: r.now()}, lifted: true})
}

// changes are the revocations so far, in order.
func (r *Responder) changes() []change {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log[:len(r.log):len(r.log)]
}

// SetDirect makes the CA sign the answers itself, without a delegate.
func (r *Responder) SetDirect(direct bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.direct = direct
}

// SetLifetime makes the answers hold for d from now on. With zero they have no
// nextUpdate, like those of half of the real responders, and their thisUpdate is
// the time of the answer. At first it is twelve hours: a checker that keeps
// answers does not see a revocation before it asks again.
func (r *Responder) SetLifetime(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lifetime = d
}

// ServeHTTP answers a request of RFC 6960, appendix A.
func (r *Responder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	// First, as the server watches for the end of a connection only then.
	body, err := readOCSPRequest(req)
	fault, answer := r.enter(w, req)
	if !answer {
		return
	}
	if err != nil {
		http.Error(w, "malformed request", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/ocsp-response")
	w = fault.slowed(w, req)
	_, _ = w.Write(r.answer(body, fault)) //nolint:gosec // DER, with its media type
}

// readOCSPRequest takes the request from the body or from the end of the path.
func readOCSPRequest(req *http.Request) ([]byte, error) {
	if req.Method == http.MethodPost {
		return io.ReadAll(io.LimitReader(req.Body, maxOCSPRequest)) //nolint:forbidigo // bounded right here
	}
	// The path is taken apart before it is decoded: base64 has slashes of its own.
	path := req.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, ocspPath); ok {
		_, path, _ = strings.Cut(rest, "/")
	}
	text, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}

// answer writes a response. What cannot be answered gets an error status of
// RFC 6960, 4.2.1.
func (r *Responder) answer(body []byte, fault Fault) []byte {
	req, err := ocsp.ParseRequest(body)
	if err != nil {
		return ocsp.MalformedRequestErrorResponse
	}
	if fault == FaultLater {
		return ocsp.TryLaterErrorResponse
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	signer := r.signerFor(req)
	if signer == nil {
		return ocsp.UnauthorizedErrorResponse
	}
	by, err := signer.authority(r, fault)
	if err != nil {
		return ocsp.InternalErrorErrorResponse
	}
	a := r.single(req, fault)
	der, err := a.respond(by, fault)
	if err != nil {
		return ocsp.InternalErrorErrorResponse
	}
	return der
}

// signerFor finds the CA that the request means, by name and key.
func (r *Responder) signerFor(req *ocsp.Request) *ocspSigner {
	for _, s := range r.signers {
		name, key, err := s.hashes(req.HashAlgorithm)
		if err == nil && bytes.Equal(name, req.IssuerNameHash) && bytes.Equal(key, req.IssuerKeyHash) {
			return s
		}
	}
	return nil
}

// single decides what to say about the certificate of a request.
func (r *Responder) single(req *ocsp.Request, fault Fault) ocspSingle {
	now := r.now().UTC()
	a := ocspSingle{
		request: req, serial: req.SerialNumber, status: ocsp.Unknown, produced: now,
		this: now.Add(-ocspAge), next: now.Add(r.lifetime),
	}
	if r.lifetime == 0 {
		a.this, a.next = now, time.Time{}
	}
	if r.issued[serialOf(req.SerialNumber)] {
		a.status = ocsp.Good
	}
	if rev, ok := r.revoked[serialOf(req.SerialNumber)]; ok {
		a.status, a.revocation = ocsp.Revoked, rev
	}
	switch {
	case fault == FaultStale:
		// Long past for any clock skew, yet not before the certificate was issued.
		a.this, a.next = now.Add(-ocspTooOld), now.Add(-ocspTooOld/2)
		a.produced = a.this
	case fault == FaultUndated:
		a.this, a.next = now.Add(-ocspTooOld), time.Time{}
		a.produced = a.this
	case fault == FaultFuture:
		a.this, a.next = now.Add(time.Hour), now.Add(2*time.Hour)
	case fault == FaultUnknown:
		a.status = ocsp.Unknown
	case fault == FaultOther:
		a.status, a.serial = ocsp.Good, new(big.Int).Add(req.SerialNumber, big.NewInt(1))
	case fault.isGood():
		a.status = ocsp.Good
	}
	return a
}
