package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// The defaults of Config.
const (
	DefaultTimeout       = 10 * time.Second
	DefaultDialTimeout   = 3 * time.Second
	DefaultHeaderTimeout = 5 * time.Second
	DefaultUserAgent     = "eidas"

	// maxRedirects is the most that Config.MaxRedirects may ask for.
	maxRedirects = 10
	// maxConnsPerHost keeps one slow host from holding many sockets; more
	// requests wait for their turn within their own deadline.
	maxConnsPerHost = 16
	maxIdlePerHost  = 2
	maxIdle         = 64
	idleTimeout     = 30 * time.Second
)

// Config limits what a Client may reach. The zero value is the safe default:
// public addresses, http and https on ports 80 and 443, no redirect, no proxy.
type Config struct {
	Schemes []string // nil: http and https, which are the only ones there can be
	Ports   []uint16 // nil: 80 and 443
	// AllowAnyPort lifts the port limit.
	AllowAnyPort bool
	// AllowPrivate are prefixes that may be reached though they are not public:
	// internal responders. IPv4 prefixes are written as IPv4.
	AllowPrivate []netip.Prefix
	// MaxRedirects is how many redirects are followed, 10 at most; zero is
	// none. Each target is checked like the first URL, and none may lead from
	// https to http.
	MaxRedirects int

	RootCAs *x509.CertPool // for https; nil: those of the system
	// Proxy takes every request; nil is none, and the environment is not
	// looked at. Names are then resolved by the proxy, so it is the proxy that
	// must keep them from internal addresses; address literals are still
	// checked here.
	Proxy    *url.URL
	Resolver *net.Resolver // nil: net.DefaultResolver

	Timeout       time.Duration // of one request with its body; zero: DefaultTimeout
	DialTimeout   time.Duration // of one connection; zero: DefaultDialTimeout
	HeaderTimeout time.Duration // from the request to the answer's header; zero: DefaultHeaderTimeout
	UserAgent     string        // empty: DefaultUserAgent
}

// New returns a Client, or an error that names the field which is no use. It
// starts no goroutine.
func New(cfg Config) (*Client, error) {
	g, err := newGuard(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.MaxRedirects < 0 || cfg.MaxRedirects > maxRedirects {
		return nil, fmt.Errorf("fetch: MaxRedirects %d is not in 0..%d", cfg.MaxRedirects, maxRedirects)
	}
	for name, d := range map[string]*time.Duration{
		"Timeout": &cfg.Timeout, "DialTimeout": &cfg.DialTimeout, "HeaderTimeout": &cfg.HeaderTimeout,
	} {
		if *d < 0 {
			return nil, fmt.Errorf("fetch: %s %s is negative", name, *d)
		}
	}
	if strings.ContainsAny(cfg.UserAgent, "\r\n") {
		return nil, fmt.Errorf("fetch: UserAgent %q has a line break", cfg.UserAgent)
	}
	if p := cfg.Proxy; p != nil && (p.Scheme != "http" && p.Scheme != "https" || p.Hostname() == "") {
		return nil, fmt.Errorf("fetch: Proxy is not an http or https URL")
	}
	return &Client{
		http: &http.Client{
			Transport:     newTransport(cfg, g),
			CheckRedirect: g.redirects(cfg.MaxRedirects),
		},
		guard:     g,
		timeout:   orDefault(cfg.Timeout, DefaultTimeout),
		userAgent: orDefault(cfg.UserAgent, DefaultUserAgent),
	}, nil
}

func newTransport(cfg Config, g *guard) *http.Transport {
	dialer := &net.Dialer{
		Timeout:  orDefault(cfg.DialTimeout, DefaultDialTimeout),
		Resolver: cfg.Resolver,
	}
	t := &http.Transport{
		DialContext: dialer.DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			RootCAs:    cfg.RootCAs,
		},
		TLSHandshakeTimeout:    dialer.Timeout,
		ResponseHeaderTimeout:  orDefault(cfg.HeaderTimeout, DefaultHeaderTimeout),
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxConnsPerHost:        maxConnsPerHost,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxIdleConns:           maxIdle,
		IdleConnTimeout:        idleTimeout,
	}
	if cfg.Proxy != nil {
		// Only the proxy is ever dialled, and it is the operator's choice.
		t.Proxy = http.ProxyURL(cfg.Proxy)
		return t
	}
	// After name resolution and before connect, for every address tried: a
	// name that resolves to something else the second time gains nothing.
	dialer.Control = g.control
	return t
}

// orDefault returns def for the zero value.
func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
