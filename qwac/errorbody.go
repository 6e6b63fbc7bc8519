package qwac

import (
	"encoding/json"
	"net/http"

	"github.com/seed-b953571c/eidas"
)

// ErrorFormat is the format of the bodies of refused requests.
type ErrorFormat uint8

// The formats.
const (
	// FormatProblem is a problem document (RFC 9457) with the members reason and cause.
	FormatProblem ErrorFormat = iota
	// FormatBerlinGroup is tppMessages of the NextGenPSD2 framework. Its codes
	// know no other status than 401 for a certificate, a missing role included.
	// What it has no code for (421, 425, 503) stays a problem document.
	FormatBerlinGroup
)

// refusalBody is the answer to a refused request.
type refusalBody struct {
	status      int
	contentType string
	document    any
}

// bodyOf says the reason of a refusal, not the detail: that may speak of our
// network.
func (f ErrorFormat) bodyOf(reason eidas.Reason) refusalBody {
	status := statusOf(reason)
	if f == FormatBerlinGroup && status != http.StatusServiceUnavailable {
		message := tppMessage{Category: "ERROR", Code: berlinGroupCode(reason), Text: reason.Error()}
		return refusalBody{http.StatusUnauthorized, "application/json", tppMessages{[]tppMessage{message}}}
	}
	return problem{Status: status, Detail: reason.Error(), Reason: reason.String(), Cause: reason.Cause().String()}.body()
}

func (b refusalBody) write(w http.ResponseWriter) {
	body, _ := json.Marshal(b.document) // of strings and a number: it does not fail
	w.Header().Set("Content-Type", b.contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(b.status)
	_, _ = w.Write(body) // the client may be gone
}

// problem is a problem document (RFC 9457). Its type is about:blank, so its
// title is the status phrase (4.2.1).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Reason string `json:"reason,omitempty"`
	Cause  string `json:"cause,omitempty"`
}

func (p problem) body() refusalBody {
	p.Title = http.StatusText(p.Status)
	return refusalBody{p.Status, "application/problem+json", p}
}

// tppMessages is the error body of NextGenPSD2, "Error Information".
type tppMessages struct {
	Messages []tppMessage `json:"tppMessages"`
}

type tppMessage struct {
	Category string `json:"category"`
	Code     string `json:"code"`
	Text     string `json:"text"`
}

// berlinGroupCode maps the reasons that the TPP is told. The framework's
// CERTIFICATE_BLOCKED is for what the bank or an authority has blocked.
func berlinGroupCode(reason eidas.Reason) string {
	switch reason { //nolint:exhaustive // the others say that the certificate is no good
	case eidas.ReasonCertificateMissing:
		return "CERTIFICATE_MISSING"
	case eidas.ReasonExpired:
		return "CERTIFICATE_EXPIRED"
	case eidas.ReasonRevoked:
		return "CERTIFICATE_REVOKED"
	case eidas.ReasonRoleMissing:
		return "ROLE_INVALID"
	case eidas.ReasonIdentityDenied, eidas.ReasonCountryDenied, eidas.ReasonAuthorityDenied, eidas.ReasonNotAuthorized, eidas.ReasonHeld:
		return "CERTIFICATE_BLOCKED"
	}
	return "CERTIFICATE_INVALID"
}
