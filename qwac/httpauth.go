package qwac

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/seed-b953571c/eidas"
)

// Handler judges the client certificate of every request and passes on those
// it lets in, with the [eidas.Result] in their context (see [FromContext]). A
// certificate revoked or a QTSP withdrawn while a connection is open is thus
// refused at its next request.
//
// A refusal is a problem document (RFC 9457) with the members reason and cause,
// or as Config.ErrorFormat says:
//
//   - 401 where the certificate is at fault, 403 where it is good and the TPP
//     lacks a role or is not on a list. Both close the connection, in HTTP/2
//     with GOAWAY, so that the client dials again, with its new certificate if
//     it has one.
//   - 503 where it is our fault or a third party's.
//   - 421 where Host is not the server name of the handshake, unless
//     Config.AllowHostMismatch: another config may have judged the handshake.
//   - 425 before the end of the handshake (0-RTT of QUIC): the peer has not
//     proved its key, and the request may be a replay.
//
// It stands on its own: it lets in nobody whom the server's tls.Config forgot
// to judge. Where that asks for no certificate, everybody is refused for having
// none.
func (v *Verifier) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := v.Admit(r.Context(), r.TLS, r.Host)
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(ctx))
		case errors.Is(err, ErrEarly):
			problem{Status: http.StatusTooEarly, Detail: detailEarly}.body().write(w)
		case errors.Is(err, ErrMisdirected):
			problem{Status: http.StatusMisdirectedRequest, Detail: detailMisdirected}.body().write(w)
		default:
			v.refuseRequest(w, r, eidas.ReasonOf(err))
		}
	})
}

const (
	detailEarly       = "the handshake is not complete"
	detailMisdirected = "Host is not the server name of the TLS handshake"
)

// Require passes on the requests of those whom an authorizer lets in beyond the
// policy, by route: eidas.RequireRoles(eidas.RolePI) for payments, say. It stands
// inside Handler or ConfigureServer, and refuses what they have not let in. Its
// refusals are answered, logged and counted like theirs.
func (v *Verifier) Require(authorizer eidas.Authorizer, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tpp, _ := FromContext(r.Context())
		if err := v.Authorize(r.Context(), tpp, authorizer); err != nil {
			v.refuseRequest(w, r, eidas.ReasonOf(err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

const (
	// maxDrain and maxDrainTime bound what is read of a refused request's body.
	// A client sees the answer only when it has sent its request: closing before
	// would reset the connection under it. Payment files are a few MiB.
	maxDrain     = 16 << 20
	maxDrainTime = 5 * time.Second
)

// refuseRequest answers a refusal.
func (v *Verifier) refuseRequest(w http.ResponseWriter, r *http.Request, reason eidas.Reason) {
	body := v.errorFormat.bodyOf(reason)
	if body.status != http.StatusServiceUnavailable {
		// Not at 503: dialling again would not help, and cost a handshake.
		w.Header().Set("Connection", "close")
	}
	drain(w, r)
	// A 401 should name a challenge (RFC 9110, 11.6.1), but no registered
	// scheme stands for a client certificate.
	body.write(w)
}

// drain reads what the client still has to send, unless it waits for an answer
// first (RFC 9110, 10.1.1).
func drain(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.Header.Get("Expect") != "" {
		return
	}
	if err := http.NewResponseController(w).SetReadDeadline(now().Add(maxDrainTime)); err != nil {
		return // without a bound in time nothing is read
	}
	_, _ = io.CopyN(io.Discard, r.Body, maxDrain) // the answer is the same whatever comes of it
}

// statusOf maps a reason to a status code.
func statusOf(reason eidas.Reason) int {
	switch reason { //nolint:exhaustive // the others go by their cause
	case eidas.ReasonRoleMissing, eidas.ReasonIdentityDenied, eidas.ReasonCountryDenied,
		eidas.ReasonAuthorityDenied, eidas.ReasonNotAuthorized, eidas.ReasonHeld:
		return http.StatusForbidden
	}
	if reason.Cause() == eidas.CauseTPP {
		return http.StatusUnauthorized
	}
	return http.StatusServiceUnavailable
}

// sameHost compares the server name of a handshake with the Host of a request.
// Case and a final dot do not matter (RFC 6066, 3), nor does the port.
func sameHost(serverName, host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if n := len(host); n > 0 && host[n-1] == '.' {
		host = host[:n-1]
	}
	if len(host) != len(serverName) {
		return false
	}
	for i := range len(host) {
		if lower(host[i]) != lower(serverName[i]) {
			return false
		}
	}
	return true
}

// lower folds ASCII only. Unicode folding would find names equal that are not.
func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + ('a' - 'A')
	}
	return b
}
