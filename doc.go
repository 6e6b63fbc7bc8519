// Package eidas decides who is behind a certificate and whether it may enter.
//
// A bank's server meets third parties (TPPs) that show a qualified website
// authentication certificate (QWAC) on mutual TLS and seal messages with a
// qualified seal certificate (QSealC). This package says, from first
// principles, whether such a certificate is qualified under Regulation (EU)
// 910/2014 (eIDAS) now, who its holder is, which PSD2 roles it has, and whether
// it has been revoked. The answer names an [Identity], not a certificate: when
// the same TPP turns up tomorrow with a renewed key, another CA or another
// country of issue, it is the same [Identity], and nothing has to be configured.
//
//	source, err := trustlist.NewStore(trustlist.StoreConfig{...}) // authentic EU lists
//	status, err := revocation.New(revocation.DefaultConfig())      // OCSP, CRLs
//	validator, err := eidas.NewValidator(eidas.Config{
//		Services: source,
//		Status:   status,
//		Policy:   eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)),
//	})
//	guard, err := qwac.New(qwac.Config{Validator: validator})     // TLS hooks
//	err = guard.ConfigureServer(server)                           // an *http.Server
//
// [Validator.Validate] is the one place to read: seven numbered steps, none of
// which an option can skip. A refusal is an [*Error] with one [Reason] of a
// closed set, which is at once an error for errors.Is, a JSON code and a metric
// label, and which says whose fault it is.
//
// # Promises
//
// This package does no I/O, reads no clock and starts no goroutine; it imports
// the standard library and golang.org/x/crypto/cryptobyte only. Time is a
// parameter. Types are immutable once made and safe for concurrent use. Zero
// values are refused or safe. No input makes it panic.
//
// # Packages
//
// Package trustlist turns network bytes into authentic services, revocation
// asks responders, qwac guards TLS and net/http, qseal says who sealed an HTTP
// message, eidastest mints a whole little EU for your tests.
package eidas
