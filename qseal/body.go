package qseal

import (
	"bytes"
	"hash"
	"io"
	"net/http"
)

// body reads a message's content once, bounded, and lets it be read again.
type body struct {
	from     io.ReadCloser
	declared int64 // Content-Length, negative when unknown
	limit    int64
	content  []byte
}

// mayHaveBody reports whether a message may have content: net/http knows where
// it cannot.
func mayHaveBody(from io.ReadCloser, declared int64) bool {
	return from != nil && from != http.NoBody && declared != 0
}

func newBody(from io.ReadCloser, declared, limit int64) *body {
	if from == nil {
		from, declared = http.NoBody, 0
	}
	return &body{from: from, declared: declared, limit: limit}
}

// read takes in the whole content, of which it looks at no more than one byte
// beyond the limit, and at none where the sender announces more.
func (b *body) read() ([]byte, *Error) {
	if b.from == http.NoBody {
		return nil, nil
	}
	if b.declared > b.limit {
		return nil, reject(ReasonTooLarge, "%d bytes announced, at most %d", b.declared, b.limit)
	}
	buffer := make([]byte, 0, min(b.room(0), firstRead))
	for empty := 0; ; {
		if len(buffer) == cap(buffer) {
			buffer = append(make([]byte, 0, b.room(len(buffer))), buffer...)
		}
		n, err := b.from.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		switch {
		case int64(len(buffer)) > b.limit:
			return nil, reject(ReasonTooLarge, "more than %d bytes", b.limit)
		case err == io.EOF:
			b.content = buffer
			return buffer, nil
		case err != nil:
			return nil, reject(ReasonBody, "%w", err)
		case n > 0:
			empty = 0
		case empty == maxEmptyReads:
			return nil, reject(ReasonBody, "%w", io.ErrNoProgress)
		default:
			empty++
		}
	}
}

const (
	// firstRead is what a body gets before more than that has come. With it a
	// buffered body takes at most its cap and 64 KiB, at any time.
	firstRead = 64 << 10
	// maxEmptyReads is how often a reader may return nothing, as in package bufio.
	maxEmptyReads = 100
)

// room is what the content may need when some of it has been read, with one byte
// to find its end in: what was announced, or the cap where nothing was or more
// has come.
func (b *body) room(have int) int64 {
	if b.declared < int64(have) {
		return b.limit + 1
	}
	return b.declared + 1
}

// again returns the content as a new body. The one that was read is at its end,
// and whoever made it closes it.
func (b *body) again() io.ReadCloser {
	if b.from == http.NoBody {
		return http.NoBody
	}
	return &replayed{Reader: bytes.NewReader(b.content), from: b.from}
}

// replayed is a body that has been read before.
type replayed struct {
	*bytes.Reader
	from io.Closer
}

func (r *replayed) Close() error { return r.from.Close() }

// hashed is a body whose digests are computed while a handler reads it. It ends
// with an error instead of io.EOF when they are wrong. A handler that stops
// before the end does not learn that: PendingSeal.Commit tells.
type hashed struct {
	from   io.ReadCloser
	p      *Profile
	s      *sealed
	hashes []hash.Hash
	left   int64 // bytes that may still come
	empty  bool  // there was none
	end    error // why there is no more, io.EOF when all is well
}

func newHashed(from io.ReadCloser, p *Profile, s *sealed, limit int64) *hashed {
	h := &hashed{from: from, p: p, s: s, left: limit, empty: true, hashes: make([]hash.Hash, len(s.digests))}
	for i, d := range s.digests {
		h.hashes[i] = d.hash.New()
	}
	return h
}

// Read implements io.Reader.
func (h *hashed) Read(p []byte) (int, error) {
	if h.end != nil {
		return 0, h.end
	}
	if int64(len(p)) > h.left+1 {
		p = p[:h.left+1]
	}
	n, err := h.from.Read(p)
	if int64(n) > h.left {
		h.end = reject(ReasonTooLarge, "more than the cap")
		return 0, h.end
	}
	h.left -= int64(n)
	h.empty = h.empty && n == 0
	for _, sum := range h.hashes {
		sum.Write(p[:n])
	}
	switch {
	case err == io.EOF:
		h.end = h.verdict()
		return n, h.end
	case err != nil:
		h.end = reject(ReasonBody, "%w", err)
		return n, h.end
	}
	return n, nil
}

// drain reads what is left, in pieces that weigh nothing beside the handler's own
// reading. nil: all of it is as sealed.
func (h *hashed) drain() error {
	const piece = 512
	var rest []byte
	for empty := 0; h.end == nil; empty++ {
		if rest == nil {
			rest = make([]byte, piece)
		}
		if n, _ := h.Read(rest); n > 0 {
			empty = 0
		}
		if empty == maxEmptyReads && h.end == nil {
			h.end = reject(ReasonBody, "%w", io.ErrNoProgress)
		}
	}
	if h.end == io.EOF { //nolint:errorlint // our own
		return nil
	}
	return h.end
}

// verdict compares the digests at the end of the body.
func (h *hashed) verdict() error {
	if len(h.s.digests) == 0 && !h.empty {
		return &Error{Reason: ReasonDigestMissing}
	}
	for i, d := range h.s.digests {
		if refusal := h.s.compare(h.p, d, h.hashes[i].Sum(nil), h.empty); refusal != nil {
			return refusal
		}
	}
	return io.EOF
}

// Close does nothing: Commit reads on, and whoever made the body closes it.
func (h *hashed) Close() error { return nil }
