package trustlist

import (
	"context"
	"errors"
	"net/http"

	"github.com/seed-b953571c/eidas/internal/fetch"
)

// HTTP is a Source over the network. It is safe for concurrent use.
type HTTP struct{ client *fetch.Client }

// NewHTTP returns a Source that fetches with client, which sets the limits of
// time, address and redirects.
func NewHTTP(client *fetch.Client) *HTTP { return &HTTP{client: client} }

// Fetch gets the document at url.
func (h *HTTP) Fetch(ctx context.Context, url string) ([]byte, error) {
	resp, err := h.client.Get(ctx, url, MaxListSize)
	if err != nil {
		return nil, fetchError(err, url)
	}
	return resp.Body, nil
}

// fetchError gives an error of internal/fetch its reason.
func fetchError(err error, url string) *Error {
	r := ReasonFetchFailed
	switch e := fetch.KindOf(err); {
	case e == fetch.KindTooLarge:
		r = ReasonTooLarge
	case e == fetch.KindStatus && isGone(err):
		r = ReasonNotFound
	}
	return &Error{Reason: r, URL: url, Err: err}
}

func isGone(err error) bool {
	status := statusOf(err)
	return status == http.StatusNotFound || status == http.StatusGone
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*fetch.Error](err); ok {
		return e.Status
	}
	return 0
}
