package fetch

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// maxURL bounds a URL; the longest in the lists and certificates at hand is
// below 300 bytes.
const maxURL = 2048

// guard decides what may be reached.
type guard struct {
	schemes []string
	ports   []uint16 // nil: any
	private []netip.Prefix
}

func newGuard(cfg Config) (*guard, error) {
	g := &guard{schemes: []string{"http", "https"}, ports: []uint16{80, 443}}
	if cfg.Schemes != nil {
		g.schemes = slices.Clone(cfg.Schemes)
	}
	for _, s := range g.schemes {
		if s != "http" && s != "https" {
			return nil, fmt.Errorf("fetch: scheme %q is neither http nor https", s)
		}
	}
	if cfg.Ports != nil {
		g.ports = slices.Clone(cfg.Ports)
	}
	if cfg.AllowAnyPort {
		if cfg.Ports != nil {
			return nil, fmt.Errorf("fetch: Ports and AllowAnyPort exclude each other")
		}
		g.ports = nil
	}
	for _, p := range cfg.AllowPrivate {
		if !p.IsValid() || p.Addr().Is4In6() {
			return nil, fmt.Errorf("fetch: AllowPrivate prefix %q is not valid", p)
		}
		g.private = append(g.private, p.Masked())
	}
	return g, nil
}

// checkURL refuses a URL that may not be asked for, without resolving it.
func (g *guard) checkURL(raw string) error {
	if len(raw) > maxURL {
		return refuse(KindRequest, "", "url of %d bytes exceeds the limit of %d", len(raw), maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return refuse(KindRequest, "", "url %q is malformed", raw)
	}
	return g.check(u)
}

func (g *guard) check(u *url.URL) error {
	raw := u.Redacted()
	if !slices.Contains(g.schemes, u.Scheme) {
		return refuse(KindScheme, raw, "scheme %q is not allowed", u.Scheme)
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return refuse(KindRequest, raw, "url names no host")
	}
	if u.User != nil {
		// Credentials would be sent to a stranger.
		return refuse(KindRequest, raw, "url holds credentials")
	}
	port, err := portOf(u)
	if err != nil {
		return refuse(KindPort, raw, "port %q is malformed", u.Port())
	}
	if !g.portAllowed(port) {
		return refuse(KindPort, raw, "port %d is not allowed", port)
	}
	// A name is checked when it is resolved, by control.
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return g.checkAddr(raw, addr)
	}
	return nil
}

func portOf(u *url.URL) (uint16, error) {
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		return uint16(n), err
	}
	if u.Scheme == "https" {
		return 443, nil
	}
	return 80, nil
}

func (g *guard) portAllowed(port uint16) bool {
	return g.ports == nil || slices.Contains(g.ports, port)
}

func (g *guard) checkAddr(where string, addr netip.Addr) error {
	addr = addr.Unmap()
	if isPublic(addr) {
		return nil
	}
	for _, p := range g.private {
		if p.Contains(addr.WithZone("")) {
			return nil
		}
	}
	return refuse(KindAddress, where, "address %q is not public", addr)
}

// control is a net.Dialer.Control: it sees each address that a name resolved
// to, right before the connection is made.
func (g *guard) control(network, address string, _ syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return refuse(KindAddress, address, "network %q is not tcp", network)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse(KindAddress, address, "address is malformed")
	}
	if !g.portAllowed(ap.Port()) {
		return refuse(KindPort, address, "port %d is not allowed", ap.Port())
	}
	return g.checkAddr(address, ap.Addr())
}

// redirects is an http.Client.CheckRedirect.
func (g *guard) redirects(limit int) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		target := req.URL.Redacted()
		if len(via) > limit {
			return refuse(KindRedirect, target, "more than %d redirects", limit)
		}
		if via[0].Method != http.MethodGet {
			return refuse(KindRedirect, target, "redirect of a %s request", via[0].Method)
		}
		if req.URL.Scheme == "http" && via[len(via)-1].URL.Scheme == "https" {
			return refuse(KindRedirect, target, "redirect from https to http")
		}
		if len(target) > maxURL {
			return refuse(KindRedirect, "", "target of %d bytes exceeds the limit of %d", len(target), maxURL)
		}
		req.Header.Del("Referer")
		return g.check(req.URL)
	}
}
