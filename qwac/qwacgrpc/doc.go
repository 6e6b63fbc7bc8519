// Package qwacgrpc guards a grpc.Server with a [qwac.Verifier], in one call:
//
//	options, err := qwacgrpc.ServerOptions(qwacgrpc.Config{Verifier: verifier, TLS: base})
//	server := grpc.NewServer(options...)
//
// Every handshake is judged, full and resumed; every call, by an interceptor that
// comes before all others; and every message of a stream, either way, so that a
// revocation or a withdrawal ends what is open. A handler learns who is calling
// from [qwac.FromContext]. A verdict about a peer that is known costs some 2 µs
// and asks nobody.
//
// # Refusals
//
// A refused call ends with a status that carries an ErrorInfo (google.rpc) with
// the reason. Its code is
//
//   - Unauthenticated where the certificate is at fault, PermissionDenied where it
//     is good and the TPP lacks a role or is not on a list;
//   - Unavailable where it is our fault or a third party's;
//   - FailedPrecondition where :authority is not the server name of the handshake,
//     unless qwac.Config.AllowHostMismatch.
//
// Where the TPP is at fault the server also sends GOAWAY, so that its client
// dials again, with its new certificate if it has one, and other calls under way
// are not cut. grpc lets no server do that for one connection, so the credentials
// put the frame between two of grpc's own.
//
// A refused handshake tells the client nothing but bad_certificate, which gRPC
// clients report as Unavailable. With qwac.Config.Deferred it completes, and the
// calls are refused with their reason.
//
// # What it leaves to the server
//
// A call is judged when its first message is there, and a stream at each message,
// not in between: see [ServerOptions] for the bounds on what waits until then. So
// a handler that waits in RecvMsg alone for a client that is silent ends with the
// connection, though all that it sends meanwhile is refused; and one that acts
// while neither side sends must ask qwac.Verifier.Peer before it does.
//
// It does not bound the age of a connection: keepalive.ServerParameters does, whose
// MaxConnectionAge also makes clients dial that were never refused: until then,
// and until qwac.Config.MaxSessionAge where they resume a session, those with a
// new certificate are still seen with their old one. A client that ignores
// GOAWAY keeps its connection until MaxConnectionAgeGrace, and is refused at each
// call.
package qwacgrpc
