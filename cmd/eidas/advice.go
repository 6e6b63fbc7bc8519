package main

import (
	"bytes"
	"errors"
	"slices"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/qseal"
)

// The types of a qualified certificate (EN 319 412-5, 4.2.3).
const (
	oidQcTypeSeal = "0.4.0.1862.1.6.2"
	oidQcTypeWeb  = "0.4.0.1862.1.6.3"
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
	case isUse(refusal.Reason):
		return "" // there is one use
	}
	return adviceOn(refusal, 1+intermediates)
}

// adviceOnBody says how a body differs from the one that was sealed, where that
// is what editors and terminals do to line breaks. fits tells whether the seal is
// right with another body.
func adviceOnBody(err error, body []byte, fits func(body []byte) bool) string {
	refusal, ok := errors.AsType[*qseal.Error](err)
	// Where the body itself is sealed, and no digest of it, the signature is wrong.
	if !ok || refusal.Reason != qseal.ReasonDigest && refusal.Reason != qseal.ReasonSignatureInvalid {
		return ""
	}
	cut := func(b []byte) []byte { return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r")) }
	unix := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }
	dos := func(b []byte) []byte { return bytes.ReplaceAll(unix(b), []byte("\n"), []byte("\r\n")) }
	for _, change := range []struct {
		body []byte
		says string
	}{
		{cut(body), "without the line break at its end"},
		{unix(body), "with LF for CRLF"},
		{dos(body), "with CRLF for LF"},
		{cut(unix(body)), "with LF for CRLF, and without the line break at its end"},
		{cut(dos(body)), "with CRLF for LF, and without the line break at its end"},
	} {
		if !bytes.Equal(change.body, body) && fits(change.body) {
			return "the seal fits the body " + change.says + ": give the body byte for byte, or in a file of its own (--body)"
		}
	}
	return ""
}

// isUse reports whether a refusal may come of judging a certificate for a use that
// is not its own.
func isUse(r eidas.Reason) bool {
	return r == eidas.ReasonKeyUsage || r == eidas.ReasonExtendedKeyUsage || r == eidas.ReasonWrongType
}

// adviceOnUse names the use that a certificate is for, where it is refused as one
// for another, "" where that is not known. A QSealC has nonRepudiation alone, as a
// rule, and then the key usage refuses it before its type does.
func adviceOnUse(refusal *eidas.Error) string {
	if refusal.Partial == nil || refusal.Partial.Leaf == nil {
		return ""
	}
	seals, web := false, false
	if claims, err := eidas.ParseClaims(refusal.Partial.Leaf); err == nil {
		seals = slices.Contains(claims.Statements.Types, oidQcTypeSeal)
		web = slices.Contains(claims.Statements.Types, oidQcTypeWeb)
	}
	switch {
	case refusal.Partial.Use == eidas.UseTLS && seals && !web:
		return "it is a certificate for seals: --use seal"
	case refusal.Partial.Use == eidas.UseSeal && web && !seals:
		return "it is a certificate for TLS: --use tls"
	}
	return ""
}

// adviceOn says what the user of a command may do about a refusal of a chain of
// so many certificates, "" when nothing is known to help.
func adviceOn(refusal *eidas.Error, certificates int) string {
	switch {
	case refusal == nil:
		return ""
	case refusal.Reason == eidas.ReasonIssuerUnknown && certificates == 1:
		return addIntermediate
	case isUse(refusal.Reason):
		return adviceOnUse(refusal)
	case refusal.Reason != eidas.ReasonRevocationUnknown && refusal.Reason != eidas.ReasonRevocationUnavailable:
		return ""
	}
	if advice := fetchAdvice(refusal, "--revocation-allow-any-port", "--revocation-allow-private"); advice != "" {
		return advice
	}
	if kind := fetch.KindOf(refusal); kind == fetch.KindNetwork || kind == fetch.KindTimeout {
		return "where no responder can be reached, --revocation off skips the check: a revoked certificate then passes"
	}
	return ""
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
