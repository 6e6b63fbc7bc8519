// Package revocation tells whether a certificate is revoked, from OCSP
// responses (RFC 6960, RFC 9919) and CRLs (RFC 5280) that it verifies itself.
//
// [VerifyOCSP] and [VerifyCRL] are the pure core: bytes, certificates, a time
// and a policy in, a status or a typed refusal out. [Checker] is the adapter
// around them: it fetches within one deadline, keeps verified answers and
// implements eidas.StatusChecker. Every check carries the number of its [Rule], and every
// refusal names the rule that failed.
//
// golang.org/x/crypto/ocsp parses responses but leaves the authorisation of
// the signer, the certificate identifier, extensions and all times to its
// caller; here it serves only as the second opinion of the tests.
package revocation
