package qseal

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

type sealKey struct{}

// FromContext returns the Seal of the request that Handler passed on. False
// means that it was not sealed, which only Config.AllowUnsealed lets happen.
func FromContext(ctx context.Context) (*Seal, bool) {
	s, ok := ctx.Value(sealKey{}).(*Seal)
	return s, ok
}

// Handler passes on requests that are sealed by the TPP on their connection,
// with the [Seal] in their context (see [FromContext]) and a body that can be
// read. Others are answered in the words of the profile's standard: 401 or 400
// where the seal is at fault, 413 for a body beyond the cap, 503 where it is our
// fault or a third party's.
//
// It belongs outside of whatever changes a request (http.StripPrefix, a reverse
// proxy) and inside of what tells Config.Peer who is calling. It may wrap one
// route inside of an http.ServeMux, which redirects what it would change.
func (v *Verifier) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v.c.AllowUnsealed && !touches(&v.c.Profile, r) {
			next.ServeHTTP(w, r)
			return
		}
		// A copy: the request is its caller's, and gets another body.
		ctx := r.Context()
		sealedRequest := r.WithContext(ctx)
		s, err := v.VerifyRequest(ctx, sealedRequest, now())
		if err != nil {
			v.c.Profile.WriteRefusal(w, err)
			return
		}
		next.ServeHTTP(w, sealedRequest.WithContext(context.WithValue(ctx, sealKey{}, s)))
	})
}

// touches reports whether a message has any field of a seal of this profile: one
// that has lost some of them is not an unsealed one.
func touches(p *Profile, r *http.Request) bool {
	for _, name := range p.fields {
		if name != fieldRequestID && len(r.Header[name]) > 0 { // every request may have an id
			return true
		}
	}
	// ING's token request has its seal in a field that others need as well.
	return p.inAuthorization && slices.ContainsFunc(r.Header[fieldAuthorization], func(line string) bool {
		_, found := ingCredentials(line)
		return found
	})
}

// WriteRefusal answers a request whose seal is refused, in the words of the
// profile's standard. It tells the reason and not the detail, which may speak of
// our network. An err that is no *[Error] is an internal one.
func (p Profile) WriteRefusal(w http.ResponseWriter, err error) {
	refusal, _ := err.(*Error) //nolint:errorlint // only our own
	if refusal == nil {
		refusal = &Error{Reason: ReasonInternal}
	}
	status, code := refusal.BerlinGroup()
	var document any = tppMessages{[]tppMessage{{"ERROR", code, refusal.sentence()}}}
	if p.obie {
		status, code = refusal.OBIE()
		document = obieError{
			Code: strconv.Itoa(status) + " " + http.StatusText(status), Message: refusal.sentence(),
			Errors: []obieDetail{{code, refusal.sentence()}},
		}
	}
	body, _ := json.Marshal(document) // of strings: it does not fail
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// tppMessages is the error body of NextGenPSD2 1.3.8, "Error Information".
type tppMessages struct {
	Messages []tppMessage `json:"tppMessages"`
}

type tppMessage struct {
	Category string `json:"category"`
	Code     string `json:"code"`
	Text     string `json:"text"`
}

// obieError is OBErrorResponse1 of UK Open Banking.
type obieError struct {
	Code    string       `json:"Code"`
	Message string       `json:"Message"`
	Errors  []obieDetail `json:"Errors"`
}

type obieDetail struct {
	ErrorCode string `json:"ErrorCode"`
	Message   string `json:"Message"`
}
