package eidastest

import (
	"net/http"
	"sync"
)

// Fault makes a server of revocation information misbehave: a [Responder] or a
// [DistributionPoint]. The zero value is a good server. What a CRL has no such
// thing for, as it says, leaves a CRL as it is.
type Fault uint8

// The faults.
const (
	FaultNone    Fault = iota
	FaultDown          // the connection is closed without an answer
	FaultSlow          // the answer is held back until Release
	FaultGarbage       // an HTML page with status 200
	FaultLater         // the OCSP status tryLater, which is not signed; HTTP status 503 for a CRL
	FaultStale         // the answer's nextUpdate has passed
	FaultUnknown       // the status unknown, signed; no such thing in a CRL
	FaultForged        // the status good, with a signature that does not verify
	// FaultSibling is the status good, signed by a certificate of the same CA
	// that is not a responder: what a revoked TPP would do for itself.
	FaultSibling
	// FaultOther is the status good of another certificate of the same CA, or the
	// CRL of another CA.
	FaultOther
	FaultBlackHole // the request is taken in and never answered
	FaultEndless   // status 200 and a body without an end
	FaultMalformed // an octet too many after the answer
	// FaultLying is an answer as it should be that calls everything good: the
	// provider itself does not tell the truth, or somebody plays back an old one.
	FaultLying
	FaultFuture   // an answer of an hour from now
	FaultUndated  // an answer without nextUpdate that is too old for that
	FaultCritical // a critical extension that nobody knows
	FaultWeak     // a signature with SHA-1
	// FaultResponderID names somebody who did not sign; no such thing in a CRL.
	FaultResponderID
	// FaultCertHash is the hash of another certificate (Common PKI, part 4, 3.1.2);
	// no such thing in a CRL.
	FaultCertHash
	FaultTrickle // the answer as it should be, one octet a second (see Trickle)
)

// String returns the name of the constant.
func (f Fault) String() string {
	return nameOf(int(f), "Fault", []string{
		"FaultNone", "FaultDown", "FaultSlow", "FaultGarbage", "FaultLater",
		"FaultStale", "FaultUnknown", "FaultForged", "FaultSibling", "FaultOther",
		"FaultBlackHole", "FaultEndless", "FaultMalformed", "FaultLying", "FaultFuture",
		"FaultUndated", "FaultCritical", "FaultWeak", "FaultResponderID", "FaultCertHash",
		"FaultTrickle",
	})
}

// isGood reports whether the fault calls good what may be revoked.
func (f Fault) isGood() bool { return f == FaultForged || f == FaultSibling || f == FaultLying }

// endlessChunk is what FaultEndless writes at a time.
const endlessChunk = 32 << 10

// faulty is a server that can be made to misbehave.
type faulty struct {
	faultMu  sync.Mutex
	fault    Fault
	requests int
	release  chan struct{}
}

// SetFault makes the server misbehave until the next call. Requests that
// FaultSlow holds back stay so until Release.
func (s *faulty) SetFault(f Fault) {
	s.faultMu.Lock()
	defer s.faultMu.Unlock()
	if f == FaultSlow && s.release == nil {
		s.release = make(chan struct{})
	}
	s.fault = f
}

// Release lets the requests go on that FaultSlow holds back, and ends that fault.
func (s *faulty) Release() {
	s.faultMu.Lock()
	defer s.faultMu.Unlock()
	if s.release != nil {
		close(s.release)
		s.release = nil
	}
	if s.fault == FaultSlow {
		s.fault = FaultNone
	}
}

// Requests returns how many requests have come in.
func (s *faulty) Requests() int {
	s.faultMu.Lock()
	defer s.faultMu.Unlock()
	return s.requests
}

// enter counts a request, whose body has been read, and plays the faults of
// which no answer comes. It returns the fault that the answer is to show, and
// whether there is to be one.
func (s *faulty) enter(w http.ResponseWriter, req *http.Request) (Fault, bool) {
	s.faultMu.Lock()
	s.requests++
	fault, release := s.fault, s.release
	s.faultMu.Unlock()
	if fault == FaultSlow {
		select {
		case <-release:
			return FaultNone, true
		case <-req.Context().Done():
			return fault, false
		}
	}
	play := map[Fault]http.HandlerFunc{
		FaultDown: hangUp, FaultBlackHole: blackHole, FaultGarbage: garbage, FaultEndless: endless,
	}[fault]
	if play == nil {
		return fault, true
	}
	play(w, req)
	return fault, false
}

// slowed is w at the speed of the fault.
func (f Fault) slowed(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
	if f == FaultTrickle {
		return trickling{w, req.Context().Done()}
	}
	return w
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable) // HTTP/2 has no such thing
		return
	}
	_ = conn.Close()
}

func blackHole(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }

func garbage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte("<html><body>Service unavailable</body></html>"))
}

// endless writes until the client has had enough.
func endless(w http.ResponseWriter, _ *http.Request) {
	chunk := make([]byte, endlessChunk)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}
