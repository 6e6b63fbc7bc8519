package main

import (
	"errors"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
)

// addIntermediate is the advice about an issuer that no list names. The lists
// may name a CA above it, which takes the certificates in between to be seen.
const addIntermediate = "if a CA above it is listed, add the intermediate certificate to the chain"

// giveIntermediate is the same where a message brings the chain along.
const giveIntermediate = "if a CA above it is listed, an intermediate certificate may be missing: --intermediate FILE"

// adviceOnSealer says what may be done about the refusal of a certificate that
// came in a message, with so many intermediates added to it.
func adviceOnSealer(err error, intermediates int) string {
	refusal, ok := errors.AsType[*eidas.Error](err)
	switch {
	case !ok:
		return ""
	case refusal.Reason == eidas.ReasonIssuerUnknown && intermediates == 0:
		return giveIntermediate
	}
	return adviceOn(refusal, 1+intermediates)
}

// adviceOn says what the user of a command may do about a refusal of a chain of
// so many certificates, "" when nothing is known to help.
func adviceOn(refusal *eidas.Error, certificates int) string {
	switch {
	case refusal == nil:
		return ""
	case refusal.Reason == eidas.ReasonIssuerUnknown && certificates == 1:
		return addIntermediate
	case refusal.Reason != eidas.ReasonRevocationUnknown && refusal.Reason != eidas.ReasonRevocationUnavailable:
		return ""
	}
	return fetchAdvice(refusal, "--revocation-allow-any-port", "--revocation-allow-private")
}

// fetchAdvice names the flag that lets a request be made which was not.
func fetchAdvice(err error, anyPort, private string) string {
	switch fetch.KindOf(err) { //nolint:exhaustive // the others have no flag
	case fetch.KindPort:
		return anyPort + " lets other ports than 80 and 443 be used"
	case fetch.KindAddress:
		return private + " CIDR lets addresses be used that are not public"
	}
	return ""
}
