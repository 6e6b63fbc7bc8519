package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// The headers between the proxy and the verifier. The proxy sets or removes each
// of them on every request, whatever the client sent.
const (
	headerCertificate = "X-Ssl-Client-Cert" // nginx: $ssl_client_escaped_cert
	headerSecret      = "X-Eidas-Secret"    //nolint:gosec // the name of a header, for what only the proxy knows

	headerID     = "X-Tpp-Id"    // percent-encoded
	headerRoles  = "X-Tpp-Roles" // such as "PSP_PI|PSP_AI"
	headerReason = "X-Eidas-Reason"
	headerStatus = "X-Eidas-Status" // what the client should get
)

// maxHeader bounds the certificate as it comes: real ones have below 4 KiB.
const maxHeader = 32 << 10

// What is refused before a certificate is looked at.
const (
	reasonProxy    = "proxy_unauthenticated"
	reasonConflict = "header_conflict"
)

// certificateHeaders are where proxies put certificates. Only the configured
// one may be there: a verifier that took whichever it finds would let in a
// client that sends another one, with a TPP's public certificate.
func certificateHeaders() []string {
	return []string{
		headerCertificate, "Client-Cert", "Client-Cert-Chain", "X-Client-Cert", "Ssl-Client-Cert", "X-Ssl-Cert", "X-Ssl-Client-Certificate",
		"X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info",
		"X-Amzn-Mtls-Clientcert", "X-Amzn-Mtls-Clientcert-Leaf", "X-Arr-Clientcert", "X-Client-Certificate",
	}
}

// sidecar answers the subrequests of nginx's auth_request.
type sidecar struct {
	verifier *qwac.Verifier
	secret   string // "": the listener itself admits the proxy alone (a Unix socket)
	others   map[string]bool
}

func newSidecar(v *qwac.Verifier, secret string) *sidecar {
	s := &sidecar{verifier: v, secret: secret, others: map[string]bool{}}
	for _, h := range certificateHeaders()[1:] {
		s.others[h] = true
	}
	return s
}

// ServeHTTP answers 200, 401 or 403 and nothing else: auth_request takes any
// other status for a failure of ours and gives the client a 500. The body of
// the answer is lost there, so everything is in headers.
func (s *sidecar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !s.fromProxy(r) {
		refuse(w, http.StatusForbidden, reasonProxy)
		return
	}
	value, ok := s.certificate(r.Header)
	if !ok {
		refuse(w, http.StatusForbidden, reasonConflict)
		return
	}
	peer, refusal := parse(value)
	if refusal != 0 {
		refuse(w, statusOf(refusal), refusal.String())
		return
	}
	// That the client holds the key is the proxy's word: it made the handshake.
	tpp, err := s.verifier.Peer(r.Context(), tls.ConnectionState{HandshakeComplete: true, PeerCertificates: peer})
	if err != nil {
		refuse(w, statusOf(eidas.ReasonOf(err)), eidas.ReasonOf(err).String())
		return
	}
	w.Header().Set(headerID, url.PathEscape(tpp.Identity.String()))
	w.Header().Set(headerRoles, tpp.Roles.String())
	w.WriteHeader(http.StatusOK)
}

// fromProxy compares in constant time, and hides the length of the secret too.
func (s *sidecar) fromProxy(r *http.Request) bool {
	if s.secret == "" {
		return true
	}
	got := r.Header.Values(headerSecret)
	if len(got) != 1 {
		return false
	}
	a, b := sha256.Sum256([]byte(got[0])), sha256.Sum256([]byte(s.secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// certificate returns the value of the one header, "" when there is none. It is
// false for a second one, under this name, under a name that differs from it in
// underscores, or under that of another proxy.
func (s *sidecar) certificate(h http.Header) (value string, ok bool) {
	for name, values := range h {
		plain := textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
		switch {
		case name == headerCertificate:
			if len(values) != 1 {
				return "", false
			}
			value = values[0]
		case plain == headerCertificate, s.others[plain]:
			return "", false
		}
	}
	return value, true
}

var errTrailing = errors.New("more than one certificate")

// parse reads one certificate in PEM, percent-encoded as nginx does it. It is
// PathUnescape: QueryUnescape would turn the + of base64 into a space.
func parse(value string) ([]*x509.Certificate, eidas.Reason) {
	if value == "" {
		return nil, eidas.ReasonCertificateMissing
	}
	if len(value) > maxHeader {
		return nil, eidas.ReasonChainTooLong
	}
	text, err := url.PathUnescape(value)
	if err != nil {
		return nil, eidas.ReasonCertificateMalformed
	}
	cert, err := parsePEM([]byte(text))
	if err != nil {
		return nil, eidas.ReasonCertificateMalformed
	}
	return []*x509.Certificate{cert}, 0
}

func parsePEM(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errTrailing
	}
	return x509.ParseCertificate(block.Bytes)
}

// statusOf is what the client should get.
func statusOf(reason eidas.Reason) int {
	switch reason { //nolint:exhaustive // the others go by their cause
	case eidas.ReasonRoleMissing, eidas.ReasonIdentityDenied, eidas.ReasonCountryDenied, eidas.ReasonAuthorityDenied, eidas.ReasonNotAuthorized, eidas.ReasonHeld:
		return http.StatusForbidden
	}
	if reason.Cause() == eidas.CauseTPP {
		return http.StatusUnauthorized
	}
	return http.StatusServiceUnavailable
}

func refuse(w http.ResponseWriter, status int, reason string) {
	w.Header().Set(headerReason, reason)
	w.Header().Set(headerStatus, http.StatusText(status))
	if status != http.StatusUnauthorized {
		status = http.StatusForbidden
	}
	w.WriteHeader(status)
}
