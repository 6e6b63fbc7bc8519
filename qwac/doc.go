// Package qwac guards a TLS server with an [eidas.Validator]: it lets in the
// third parties whose client certificate is a qualified website authentication
// certificate (QWAC) of a trusted list, by who they are and not by which
// certificate they hold today.
//
// A server under net/http needs one call, [Verifier.ConfigureServer]. It guards
// the listener ([Verifier.ServerConfig]: every handshake is judged, full and
// resumed) and the handler ([Verifier.Handler]: every request is judged, so that
// a revocation or a withdrawal ends a connection that is already open), and
// tells the handler who is calling ([FromContext]). An HTTP/3 server has the same
// call in the module qwachttp3. Other servers use ServerConfig, and
// [Verifier.Peer] when the handshake is complete.
//
// # What a hook may do
//
// Both hooks of crypto/tls run before the client has proved that it holds the
// key of its certificate. Certificates are public, so anybody reaches them with
// anybody's certificate. Therefore the hooks only read and compute: nothing
// they do may be taken for a sign of life of the TPP. The first place that
// knows who is calling is the handler, or Peer.
//
// # What is remembered
//
// The chains of peers that have proved their key and were let in, with the
// verdict. A verdict is not used as it is: its Validator is asked whether it
// still holds ([eidas.Validator.Recheck]), at every handshake and every request,
// which costs 2 µs. That looks at the time, the trust snapshot, the policy and
// the answers about revocation that are known by then, and asks the Authorizer.
// Refusals are not remembered. Nobody can put anything in without the key of a
// certificate that is let in, and one identity has a bounded share.
//
// Config.Rotation remembers more: which certificates a TPP has used, in a store
// that a fleet may share, and tells what is new about them, each once ([Event]).
// It is for those who watch; a TPP needs none of it to come in with another
// certificate. Nothing of it is written before the end of a handshake.
//
// # Refusals
//
// A refused handshake fails with an *[eidas.Error], which the standard library
// hands out unchanged: in http.Server.ConnState, when the state is StateClosed,
// (*tls.Conn).HandshakeContext returns it again. The client sees the alert
// bad_certificate whatever the reason; crypto/tls can send no other. A client
// without any certificate is refused by crypto/tls itself, with an untyped error.
// [Verifier.ConnState] counts them all by reason.
//
// With Config.Deferred the handshake of a refused peer completes, and its
// requests are answered with the reason. A completed handshake then says nothing
// about the peer; only FromContext and Peer do.
//
// Some certificates never reach a hook because crypto/tls refuses them first:
// keys on brainpool curves, RSA keys for PSS only, Ed448 keys, RSA keys above
// 8192 bits, negative serial numbers. One such intermediate is enough.
package qwac
