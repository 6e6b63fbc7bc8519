package fetch_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b953571c/eidas/internal/fetch"
)

func TestIsPublic(t *testing.T) {
	for _, tt := range []struct {
		addr string
		want bool
	}{
		{"8.8.8.8", true},
		{"1.1.1.1", true},
		{"99.255.255.255", true},
		{"100.128.0.0", true},
		{"172.15.255.255", true},
		{"172.32.0.0", true},
		{"198.17.255.255", true},
		{"223.255.255.255", true},
		{"2001:4860:4860::8888", true},
		{"2a00:1450::1", true},
		{"0.0.0.0", false},
		{"0.1.2.3", false},
		{"10.255.255.255", false},
		{"100.64.0.1", false},
		{"100.100.100.200", false},
		{"127.0.0.1", false},
		{"168.63.129.16", false},
		{"169.254.169.254", false},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"192.0.0.192", false},
		{"192.0.2.1", false},
		{"192.88.99.1", false},
		{"192.168.1.1", false},
		{"198.18.0.1", false},
		{"198.51.100.1", false},
		{"203.0.113.1", false},
		{"224.0.0.1", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"::", false},
		{"::1", false},
		{"::7f00:1", false},          // IPv4-compatible
		{"::ffff:0:7f00:1", false},   // IPv4-translated
		{"64:ff9b::a00:1", false},    // NAT64 of 10.0.0.1
		{"64:ff9b::808:808", false},  // NAT64 of a public address
		{"64:ff9b:1::a00:1", false},  // local NAT64
		{"100::1", false},            // discard
		{"2001::1", false},           // Teredo
		{"2001:2::1", false},         // benchmarking
		{"2001:20::1", false},        // ORCHIDv2
		{"2001:db8::1", false},       // documentation
		{"2002:a00:1::1", false},     // 6to4 of 10.0.0.1
		{"3fff::1", false},           // documentation
		{"5f00::1", false},           // segment routing
		{"fc00::1", false},           // ULA
		{"fd00:ec2::254", false},     // ULA, cloud metadata
		{"fe80::1", false},           // link-local
		{"fec0::1", false},           // site-local
		{"ff02::1", false},           // multicast
		{"2a00:1450::1%eth0", false}, // zone
	} {
		assert.Equal(t, tt.want, fetch.IsPublic(netip.MustParseAddr(tt.addr)), tt.addr)
	}
	assert.False(t, fetch.IsPublic(netip.Addr{}))
}

// FuzzIsPublic: the verdict of net/netip is the oracle in one direction:
// nothing that the standard library calls special is public.
func FuzzIsPublic(f *testing.F) {
	f.Add([]byte{10, 0, 0, 1})
	f.Add(netip.MustParseAddr("2001:db8::1").AsSlice())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok || !fetch.IsPublic(a.Unmap()) {
			return
		}
		a = a.Unmap()
		if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
			t.Errorf("%s is public", a)
		}
	})
}
