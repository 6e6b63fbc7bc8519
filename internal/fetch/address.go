package fetch

import "net/netip"

// globalUnicast is the only part of IPv6 that is assigned for the public
// internet (IANA IPv6 address space registry). Outside it lie loopback,
// unspecified, ULA, link-local, site-local, multicast, IPv4-mapped,
// IPv4-compatible, NAT64 (64:ff9b::/96, 64:ff9b:1::/48) and discard.
func globalUnicast() netip.Prefix { return netip.MustParsePrefix("2000::/3") }

// special4 are the IPv4 blocks that do not lead to a public host, or lead to
// one inside the operator's cloud (IANA special-purpose address registry, RFC 6890).
var special4 = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network
	netip.MustParsePrefix("10.0.0.0/8"),       // private
	netip.MustParsePrefix("100.64.0.0/10"),    // shared by carriers (CGNAT)
	netip.MustParsePrefix("127.0.0.0/8"),      // loopback
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's host agent: routable, but inside
	netip.MustParsePrefix("169.254.0.0/16"),   // link-local, cloud metadata
	netip.MustParsePrefix("172.16.0.0/12"),    // private
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments, Oracle's metadata
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relay
	netip.MustParsePrefix("192.168.0.0/16"),   // private
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarking
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("224.0.0.0/4"),      // multicast
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, broadcast
}

// special6 are the blocks inside 2000::/3 that do not lead to a public host,
// or carry an IPv4 address that would have to be judged by itself.
var special6 = [...]netip.Prefix{
	netip.MustParsePrefix("2001::/23"),     // protocol assignments: Teredo, ORCHID, benchmarking
	netip.MustParsePrefix("2001:db8::/32"), // documentation
	netip.MustParsePrefix("2002::/16"),     // 6to4
	netip.MustParsePrefix("3fff::/20"),     // documentation
}

// isPublic reports whether addr, unmapped, is a public unicast address. An
// address with a zone is in no prefix.
func isPublic(addr netip.Addr) bool {
	if addr.Is4() {
		return !contains(special4[:], addr)
	}
	return globalUnicast().Contains(addr) && !contains(special6[:], addr)
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
