package qwac

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"

	"github.com/seed-b953571c/eidas"
)

// Handler judges the client certificate of every request and passes on those
// it lets in, with the [eidas.Result] in their context (see [FromContext]). A
// certificate revoked or a QTSP withdrawn while a connection is open is thus
// refused at its next request.
//
// A refusal is a problem document (RFC 9457) with the members reason and cause:
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
// to judge.
func (v *Verifier) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var peer []*x509.Certificate
		if r.TLS != nil {
			if !r.TLS.HandshakeComplete {
				v.metrics.request(outcomeEarly)
				problem{Status: http.StatusTooEarly}.write(w)
				return
			}
			if !v.allowHostMismatch && r.TLS.ServerName != "" && !sameHost(r.TLS.ServerName, r.Host) {
				v.metrics.request(outcomeMisdirected)
				problem{Status: http.StatusMisdirectedRequest}.write(w)
				return
			}
			peer = r.TLS.PeerCertificates
		}
		result, refusal := v.identify(r.Context(), peer)
		if refusal != nil {
			v.metrics.request(outcomeRefused)
			refuse(w, refusal.Reason)
			return
		}
		v.metrics.request(outcomeAccepted)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), resultKey{}, result)))
	})
}

// refuse answers a refusal. It says the reason, not the detail: that may speak
// of our network.
func refuse(w http.ResponseWriter, reason eidas.Reason) {
	status := statusOf(reason)
	if status != http.StatusServiceUnavailable {
		// Not at 503: dialling again would not help, and cost a handshake.
		w.Header().Set("Connection", "close")
	}
	// A 401 should name a challenge (RFC 9110, 11.6.1), but no registered
	// scheme stands for a client certificate.
	problem{Status: status, Detail: reason.Error(), Reason: reason.String(), Cause: reason.Cause().String()}.write(w)
}

// statusOf maps a reason to a status code.
func statusOf(reason eidas.Reason) int {
	switch reason { //nolint:exhaustive // the others go by their cause
	case eidas.ReasonRoleMissing, eidas.ReasonIdentityDenied, eidas.ReasonCountryDenied,
		eidas.ReasonAuthorityDenied, eidas.ReasonNotAuthorized:
		return http.StatusForbidden
	}
	if reason.Cause() == eidas.CauseTPP {
		return http.StatusUnauthorized
	}
	return http.StatusServiceUnavailable
}

// problem is a problem document (RFC 9457). Its type is about:blank, so its
// title is the status phrase (4.2.1).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Reason string `json:"reason,omitempty"`
	Cause  string `json:"cause,omitempty"`
}

func (p problem) write(w http.ResponseWriter) {
	p.Title = http.StatusText(p.Status)
	body, err := json.Marshal(p)
	if err != nil {
		body = nil // strings and a number always marshal; the status says enough
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the peer may have gone; nobody is left to tell
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
