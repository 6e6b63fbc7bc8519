package sealtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
)

var (
	errNoAnswer = errors.New("sealtest: no answer")
	errNoHTTP2  = errors.New("sealtest: the server does not speak HTTP/2")
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// send sends a message over a connection of its own and returns the answer. A
// status without an error is one; an error with status zero is a connection that
// ended without an answer, or that of the context when its time was over.
func (k *Kit) send(ctx context.Context, address string, m *Message) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, k.o.Timeout)
	defer cancel()
	status, body, err := k.exchange(ctx, address, m)
	if ctx.Err() != nil {
		// A handler that waits for the end of the connection may answer into it.
		return 0, nil, ctx.Err()
	}
	return status, body, err
}

func (k *Kit) exchange(ctx context.Context, address string, m *Message) (int, []byte, error) {
	config := k.world.ClientConfig(m.Peer)
	config.NextProtos = []string{"http/1.1"}
	if m.HTTP2 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		_ = conn.Close()
	}()
	if !m.HTTP2 {
		return exchange1(conn, m)
	}
	if c, ok := conn.(*tls.Conn); !ok || c.ConnectionState().NegotiatedProtocol != "h2" {
		return 0, nil, errNoHTTP2
	}
	return exchange2(conn, m)
}

// exchange1 writes the bytes as they are. A server may answer before it has read
// them all, so that they are written beside the reading.
func exchange1(conn net.Conn, m *Message) (int, []byte, error) {
	goOn := make(chan struct{})
	go func() {
		_, err := conn.Write(m.head())
		if m.Waits {
			<-goOn
		}
		if err == nil {
			_, _ = conn.Write(m.Body)
		}
	}()
	from := bufio.NewReader(io.LimitReader(conn, maxAnswer))
	for asked := false; ; {
		r, err := http.ReadResponse(from, nil)
		if (err != nil || r.StatusCode >= http.StatusOK) && !asked {
			asked = true
			close(goOn)
		}
		if err != nil {
			return 0, nil, err
		}
		if r.StatusCode < http.StatusOK {
			if !asked {
				asked = true
				close(goOn)
			}
			continue
		}
		body, _ := io.ReadAll(r.Body) //nolint:forbidigo // bounded by the reader above
		_ = r.Body.Close()
		return r.StatusCode, body, nil
	}
}
