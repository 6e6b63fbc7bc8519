package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Kind says why a request failed. The set is closed: it may be a metric label.
// The zero Kind is never returned.
type Kind uint8

// The kinds. KindRequest to KindRedirect mean that the request was not made or
// not followed.
const (
	KindRequest  Kind = iota + 1 // the URL or request is malformed
	KindScheme                   // the scheme is not allowed
	KindPort                     // the port is not allowed
	KindAddress                  // the host is not at an allowed address
	KindRedirect                 // too many redirects, or one that may not be followed
	KindStatus                   // a status other than 200
	KindEncoding                 // the body is compressed
	KindTooLarge                 // the body exceeds the limit
	KindTimeout                  // no complete answer in time
	KindCanceled                 // the caller gave up
	KindNetwork                  // name resolution, connection, TLS or protocol
)

// String returns the stable code, such as "too_large".
func (k Kind) String() string {
	switch k {
	case KindRequest:
		return "request"
	case KindScheme:
		return "scheme"
	case KindPort:
		return "port"
	case KindAddress:
		return "address"
	case KindRedirect:
		return "redirect"
	case KindStatus:
		return "status"
	case KindEncoding:
		return "encoding"
	case KindTooLarge:
		return "too_large"
	case KindTimeout:
		return "timeout"
	case KindCanceled:
		return "canceled"
	case KindNetwork:
		return "network"
	}
	return "unknown"
}

// Error is a failed request. It is immutable.
type Error struct {
	Kind   Kind
	URL    string // what was asked for, without credentials; may be empty
	Status int    // the HTTP status of KindStatus, else zero
	Err    error  // the detail, never nil
}

// Error gives kind, URL and detail.
func (e *Error) Error() string {
	return fmt.Sprintf("fetch: %s: url %q: %v", e.Kind, e.URL, e.Err)
}

// Unwrap returns the detail.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the Kind of an error of this package, else 0.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

func refuse(k Kind, url, format string, args ...any) *Error {
	return &Error{Kind: k, URL: url, Err: fmt.Errorf(format, args...)}
}

// wrap gives an error of net/http its kind. An *Error of the guard inside it
// comes out as it is.
func wrap(ctx context.Context, url string, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	kind := KindNetwork
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled):
		kind = KindCanceled
	case errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil,
		errors.As(err, &timeout) && timeout.Timeout():
		kind = KindTimeout
	}
	return &Error{Kind: kind, URL: url, Err: err}
}
