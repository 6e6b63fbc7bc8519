// Package qseal tells which third party sealed an HTTP message with its qualified
// certificate for electronic seals (QSealC), and whether it is the one on the
// connection. The certificate is judged by the same [eidas.Validator] that judges
// TLS client certificates, so that a TPP whose QWAC and QSealC have both been
// replaced, by another QTSP of another country, is still the same
// [eidas.Identity].
//
// A [Profile] is one standard: [BerlinGroup13], [STET16], [INGCavage], [OBIE31],
// [PolishAPI21], [JAdESHTTP], [INGJAdES], [RFC9421]. It is a closed set of rules,
// and what real software does beyond them is a named [Quirk], off unless allowed
// and counted when used. [New] makes a [Verifier] of one profile, with
// [Verifier.Handler] for a server, and [NewSigner] is its other side.
//
// What a verdict about a request rests on, in this order:
//
//   - no field of the seal is one that a proxy would remove (hop-by-hop),
//   - each field is there once, can be read in one way only, and covers what the
//     standard demands,
//   - the certificate is the one that the seal names, its key is strong enough,
//     and the algorithm is one of the profile's for that key,
//   - the seal is neither old nor of the future, and its signature is right,
//   - the body, whole and as it arrived, has the digest in the seal,
//   - the Validator lets the certificate in, for seals, now,
//   - its owner is the TPP on the connection,
//   - and the seal has not been used before, which for Berlin Group is all that
//     binds it to one request.
//
// Nothing here opens a connection. A certificate that a seal only names comes
// from a [Resolver], such as a [Directory] of what is known beforehand.
package qseal
