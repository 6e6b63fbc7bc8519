// Package qseal tells which third party stands behind a qualified certificate
// for electronic seals (QSealC), with the same [eidas.Validator] that judges
// its TLS client certificate. A TPP whose QWAC and QSealC have both been
// replaced, by another QTSP of another country, is still the same
// [eidas.Identity].
//
// This package judges certificates. Whether a message is sealed with the key of
// a certificate is for its caller to verify, first: the certificate is public,
// and anybody can send it along.
package qseal
