package qwac

import (
	"errors"
	"strings"

	"github.com/seed-b953571c/eidas"
)

// noCertificate is the text of crypto/tls for a client without a certificate,
// which it refuses itself, before any hook, with an untyped error. A test holds
// it to the standard library.
const noCertificate = "tls: client didn't provide a certificate"

// notParsed begins the text of crypto/tls for a client whose certificate
// crypto/x509 does not read, such as one with a brainpool key. It too comes
// before any hook, and a test holds it to the standard library.
const notParsed = "tls: failed to parse client certificate"

// notProved begins the text of crypto/tls for a client that does not hold the
// key of its certificate. A test holds it to the standard library.
const notProved = "tls: invalid signature by the client certificate"

func isUnproved(err error) bool { return strings.Contains(err.Error(), notProved) }

// Refusal returns the refusal in an error of a TLS handshake, such as
// (*tls.Conn).HandshakeContext returns again in http.Server.ConnState. It is
// false for what is no verdict about a certificate: a port scan, a client that
// hangs up, a peer that did not prove its key. Do not give such errors to
// [eidas.ReasonOf], which must take what it does not know for a fault of ours.
func Refusal(err error) (*eidas.Error, bool) {
	if e, ok := errors.AsType[*eidas.Error](err); ok {
		return e, e != nil
	}
	switch {
	case err == nil:
		return nil, false
	case strings.Contains(err.Error(), noCertificate):
		return &eidas.Error{Reason: eidas.ReasonCertificateMissing}, true
	case strings.Contains(err.Error(), notParsed):
		return &eidas.Error{Reason: eidas.ReasonCertificateMalformed, Err: err}, true
	}
	return nil, false
}
