package fetch_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// names are what a name server knows: names with a final dot, and addresses.
type names struct {
	mu sync.Mutex
	m  map[string][]string
}

func (n *names) set(name string, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.m[name] = addrs
}

func (n *names) get(name string) ([]string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addrs, ok := n.m[name]
	return addrs, ok
}

// resolver asks a name server of its own.
func resolver(t *testing.T, names *names) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = pc.Close(); wg.Wait() })
	wg.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(answer(buf[:n], names), from)
		}
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// answer replies to one A or AAAA question (RFC 1035, 4.1).
func answer(q []byte, names *names) []byte {
	end := 12
	var labels []string
	for q[end] != 0 {
		n := int(q[end])
		labels = append(labels, string(q[end+1:end+1+n]))
		end += n + 1
	}
	kind := binary.BigEndian.Uint16(q[end+1:])
	end += 5
	name := strings.Join(labels, ".") + "."
	out := append([]byte(nil), q[:end]...)
	binary.BigEndian.PutUint16(out[2:], 0x8180)
	clear(out[6:12])
	known, ok := names.get(name)
	if !ok {
		out[3] |= 3 // NXDOMAIN
		return out
	}
	for _, text := range known {
		a := netip.MustParseAddr(text)
		want := uint16(28)
		if a.Is4() {
			want = 1
		}
		if kind != want {
			continue
		}
		out[7]++
		out = append(out, 0xc0, 12)
		out = binary.BigEndian.AppendUint16(out, kind)
		out = append(out, 0, 1, 0, 0, 0, 0)
		out = binary.BigEndian.AppendUint16(out, uint16(len(a.AsSlice())))
		out = append(out, a.AsSlice()...)
	}
	return out
}
