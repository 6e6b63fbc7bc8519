// Package fetch makes every outbound HTTP request of this library. The URLs
// come from certificates and lists, so from strangers; a Client limits schemes,
// ports, addresses, redirects, sizes and times, and fails instead of giving a
// part of an answer.
package fetch

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// maxHeaderBytes bounds the header of an answer; real ones are below 2 KiB.
	maxHeaderBytes = 32 << 10
	// maxPrealloc bounds the memory taken on the word of a Content-Length alone:
	// the rest is taken, at once, when so much has come.
	maxPrealloc = 64 << 10
)

// Request is one request. URL and Limit are required.
type Request struct {
	Method      string // empty: GET
	URL         string
	Body        []byte
	ContentType string      // of Body
	Accept      string      // empty: */*
	Header      http.Header // further headers, such as If-None-Match; not changed
	// Limit is the largest body in bytes; a larger one is an error, never cut.
	Limit int64
}

// conditional reports whether 304 is an answer to the request.
func (q Request) conditional() bool {
	return q.Header.Get("If-None-Match") != "" || q.Header.Get("If-Modified-Since") != ""
}

// Response is a complete answer: status 200, or 304 to a conditional request.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	URL    string // where it came from, after redirects
}

// Client makes requests. It is safe for concurrent use.
type Client struct {
	http      *http.Client
	guard     *guard
	timeout   time.Duration
	userAgent string
}

// Get fetches url with at most limit bytes of body. Errors are *Error.
func (c *Client) Get(ctx context.Context, url string, limit int64) (*Response, error) {
	return c.Do(ctx, Request{URL: url, Limit: limit})
}

// Do makes one request and reads the whole answer. It ends when ctx ends or
// after Config.Timeout, whichever is first. Errors are *Error.
func (c *Client) Do(ctx context.Context, q Request) (*Response, error) {
	if q.Limit <= 0 {
		return nil, refuse(KindRequest, q.URL, "limit %d is not positive", q.Limit)
	}
	if err := c.guard.checkURL(q.URL); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(ctx, q)
	if err != nil {
		return nil, &Error{Kind: KindRequest, URL: q.URL, Err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, wrap(ctx, q.URL, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := checkAnswer(q, resp); err != nil {
		return nil, err
	}
	body, err := readBody(resp, q.Limit)
	if err != nil {
		return nil, wrap(ctx, q.URL, err)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body, URL: resp.Request.URL.String()}, nil
}

// CloseIdle closes the connections that nobody uses. The Client stays usable.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

func (c *Client) request(ctx context.Context, q Request) (*http.Request, error) {
	var body io.Reader
	if q.Body != nil {
		body = bytes.NewReader(q.Body)
	}
	req, err := http.NewRequestWithContext(ctx, q.Method, q.URL, body)
	if err != nil {
		return nil, err
	}
	for name, values := range q.Header {
		req.Header[name] = append([]string(nil), values...)
	}
	// Identity only: a compressed body would have to be unpacked, and a small
	// body can unpack to any size.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", c.userAgent)
	if q.Accept != "" {
		req.Header.Set("Accept", q.Accept)
	}
	if q.ContentType != "" {
		req.Header.Set("Content-Type", q.ContentType)
	}
	return req, nil
}

// checkAnswer refuses an answer by its header alone.
func checkAnswer(q Request, resp *http.Response) error {
	ok := resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNotModified && q.conditional()
	if !ok {
		e := refuse(KindStatus, q.URL, "status %d", resp.StatusCode)
		e.Status = resp.StatusCode
		return e
	}
	switch enc := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); enc {
	case "gzip", "x-gzip", "compress", "x-compress", "deflate", "br", "zstd":
		return refuse(KindEncoding, q.URL, "content encoding %q was not asked for", enc)
	}
	if resp.ContentLength > q.Limit {
		return refuse(KindTooLarge, q.URL, "body of %d bytes exceeds the limit of %d", resp.ContentLength, q.Limit)
	}
	return nil
}

// readBody reads to the end, and one byte past the limit at most.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	body := io.LimitReader(resp.Body, limit+1)
	if n := resp.ContentLength; n > 0 {
		buf.Grow(int(min(n, maxPrealloc)) + bytes.MinRead)
		if n > maxPrealloc {
			if _, err := io.CopyN(&buf, body, maxPrealloc); err != nil {
				return nil, err
			}
			buf.Grow(int(n) - maxPrealloc + bytes.MinRead)
		}
	}
	if _, err := buf.ReadFrom(body); err != nil {
		return nil, err
	}
	if int64(buf.Len()) > limit {
		return nil, refuse(KindTooLarge, resp.Request.URL.String(), "body exceeds the limit of %d bytes", limit)
	}
	return buf.Bytes(), nil
}
