// Package qwac guards a TLS server with an [eidas.Validator]: it lets in the
// third parties whose client certificate is a qualified website authentication
// certificate (QWAC) of a trusted list, by who they are and not by which
// certificate they hold today.
//
// Most servers need two calls: [Verifier.ServerConfig] for the listener and
// [Verifier.Handler] around the handler. The first judges every handshake, full
// and resumed; the second judges every request, so that a revocation or a
// withdrawal ends a connection that is already open, and tells the handler who
// is calling ([FromContext]).
//
// # What a hook may do
//
// Both hooks of crypto/tls run before the client has proved that it holds the
// key of its certificate. Certificates are public, so anybody reaches them with
// anybody's certificate. Therefore the hooks only read and compute: nothing
// they do may be taken for a sign of life of the TPP. The first place that
// knows who is calling is the handler.
//
// # What is remembered
//
// No decision is kept from one handshake or request to the next: the Validator
// is asked each time, and what may be kept (answers about revocation, trusted
// lists) is kept by those who know how long it is evidence. Within one
// handshake the two hooks share one decision, for at most 5 seconds.
//
// # Refusals
//
// A refused handshake fails with an *[eidas.Error], which the standard library
// hands out unchanged: in http.Server.ConnState, when the state is StateClosed,
// (*tls.Conn).HandshakeContext returns it again. The client sees the alert
// bad_certificate whatever the reason; crypto/tls can send no other. A client
// without any certificate is refused by crypto/tls itself, with an untyped error.
//
// Some certificates never reach a hook because crypto/tls refuses them first:
// keys on brainpool curves, RSA keys for PSS only, Ed448 keys, RSA keys above
// 8192 bits, negative serial numbers. One such intermediate is enough.
package qwac
