package trustlist

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas/internal/fetch"
)

const (
	// DefaultTimeout bounds one request with its body. Lists have megabytes and
	// some hosts are slow; a load waits for all of them, but nobody waits for a
	// load.
	DefaultTimeout = 60 * time.Second
	// maxListRedirects is enough for hosts that move a list within their site.
	maxListRedirects = 3
	// maxSiblingSize bounds a ".sha2" file: 64 hexadecimal digits or 32 bytes.
	maxSiblingSize = 256
)

// HTTPConfig says how lists are fetched. The zero value is the safe default:
// public addresses, ports 80 and 443, the TLS roots of the system, no proxy. The
// TLS roots only keep others from looking on or blocking; what is fetched is
// believed for its signature.
type HTTPConfig struct {
	RootCAs *x509.CertPool // nil: those of the system
	// Proxy takes every request; nil is none, and the environment is not looked at.
	Proxy   *url.URL
	Timeout time.Duration // of one request with its body; zero: DefaultTimeout
	// AllowAnyPort and AllowPrivate open ports and addresses that are not public:
	// for mirrors inside and for tests.
	AllowAnyPort bool
	AllowPrivate []netip.Prefix
}

// HTTP is a Source over the network. It is safe for concurrent use.
type HTTP struct{ client *fetch.Client }

// NewHTTP returns a Source, or an error that names the field which is no use.
func NewHTTP(c HTTPConfig) (*HTTP, error) {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	client, err := fetch.New(fetch.Config{
		RootCAs: c.RootCAs, Proxy: c.Proxy, Timeout: c.Timeout, MaxRedirects: maxListRedirects,
		AllowAnyPort: c.AllowAnyPort, AllowPrivate: c.AllowPrivate,
	})
	if err != nil {
		return nil, err
	}
	return &HTTP{client: client}, nil
}

// Fetch gets the document at url.
func (h *HTTP) Fetch(ctx context.Context, url string) ([]byte, error) {
	got, err := h.revalidate(ctx, url, known{late: true})
	return got.doc, err
}

// CloseIdle closes the connections that nobody uses. The HTTP stays usable.
func (h *HTTP) CloseIdle() { h.client.CloseIdle() }

// revalidate gets the document at url unless the host says that it is the known
// one, by RFC 9110 or, if it offers no such means, by the ".sha2" file beside it
// (ETSI TS 119 612 v2.4.1, 6.1). Past NextUpdate there must be a newer list, and
// whoever says otherwise is not asked.
func (h *HTTP) revalidate(ctx context.Context, url string, k known) (fetched, error) {
	request := fetch.Request{URL: url, Limit: MaxListSize}
	switch {
	case k.late:
	case k.etag != "" || k.modified != "":
		request.Header = make(http.Header)
		if k.etag != "" {
			request.Header.Set("If-None-Match", k.etag)
		}
		if k.modified != "" {
			request.Header.Set("If-Modified-Since", k.modified)
		}
	case h.siblingSays(ctx, url, k.sha256):
		return fetched{unchanged: true}, nil
	}
	resp, err := h.client.Do(ctx, request)
	if err != nil {
		return fetched{}, fetchError(err, url)
	}
	if resp.Status == http.StatusNotModified {
		return fetched{unchanged: true, validators: k.validators}, nil
	}
	return fetched{doc: resp.Body, validators: validators{
		etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified"),
	}}, nil
}

// siblingSays reports whether the host offers the digest of the list and it is
// sum. Any failure means no: then the list itself is fetched.
func (h *HTTP) siblingSays(ctx context.Context, url string, sum [32]byte) bool {
	base, found := strings.CutSuffix(url, ".xml")
	if !found {
		if base, found = strings.CutSuffix(url, ".xtsl"); !found {
			return false
		}
	}
	resp, err := h.client.Get(ctx, base+".sha2", maxSiblingSize)
	if err != nil {
		return false
	}
	if bytes.Equal(resp.Body, sum[:]) {
		return true
	}
	// Some hosts put the name of the file behind the digits, as sha256sum does.
	digits, _, _ := strings.Cut(strings.TrimSpace(string(resp.Body)), " ")
	return strings.EqualFold(digits, hex.EncodeToString(sum[:]))
}

// fetchError gives an error of internal/fetch its reason.
func fetchError(err error, url string) *Error {
	r := ReasonFetchFailed
	var failed *fetch.Error
	if errors.As(err, &failed) {
		switch {
		case failed.Kind == fetch.KindTooLarge:
			r = ReasonTooLarge
		case failed.Status == http.StatusNotFound || failed.Status == http.StatusGone:
			r = ReasonNotFound
		}
	}
	return &Error{Reason: r, URL: url, Err: err}
}
