// Package qsealfetch finds the certificates of STET seals at the URLs that name
// them, so that a TPP which rotates its seal is let in without anybody's doing.
//
// The URL is a stranger's choice, and it is read before the seal can be verified.
// So nothing is dialled but hosts of a list, over https, at public addresses,
// without redirects; a file is small, and has the SHA-256 that its URL ends in.
// What is found is a candidate like any other: the Validator decides about it.
package qsealfetch

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/qseal"
)

// Bounds of a Resolver.
const (
	// DefaultTimeout is what a request of a TPP waits for its own certificate.
	DefaultTimeout = 2 * time.Second
	// maxFile is what a chain may have, with room for the text around it: a chain
	// is refused by [qseal.ParseChain] beyond 48 KiB.
	maxFile = 48 << 10
	// maxConcurrent bounds the files that are fetched at once: a TPP whose host is
	// slow can hold up others who rotate just then, and nobody else.
	maxConcurrent = 16
	// maxKept bounds the certificates that are kept: about as many as there are
	// TPPs in Europe, twice.
	maxKept = 1024
)

// Config says which files may be fetched.
type Config struct {
	// Hosts are those that files may be at, such as "certs.tpp.example", without
	// port. Required: a stranger chooses the URL.
	Hosts []string
	// Known is asked first, about every hint. nil: nobody is known.
	Known qseal.Resolver
	// Timeout is for one file; zero: DefaultTimeout.
	Timeout time.Duration
	// RootCAs are those of the hosts; nil: those of the system.
	RootCAs *x509.CertPool
	// Proxy takes every request; nil: none, and the environment is not looked at.
	// It must then keep names from resolving to internal addresses.
	Proxy *url.URL
	// AllowPrivate are address ranges that may be reached though they are not public.
	AllowPrivate []netip.Prefix
	// AllowAnyPort lets a URL name another port than 443.
	AllowAnyPort bool
}

// Resolver is a [qseal.Resolver] that fetches. It is safe for concurrent use and
// starts no goroutine.
type Resolver struct {
	hosts  map[string]bool
	known  qseal.Resolver
	client *fetch.Client
	slots  chan struct{}

	mu          sync.Mutex
	latest, old map[[32]byte]*qseal.Resolved
}

// New checks the configuration.
func New(c Config) (*Resolver, error) {
	if len(c.Hosts) == 0 {
		return nil, errors.New("qsealfetch: Config.Hosts is required")
	}
	r := &Resolver{hosts: make(map[string]bool, len(c.Hosts)), known: c.Known, slots: make(chan struct{}, maxConcurrent)}
	for _, host := range c.Hosts {
		u, err := url.Parse("https://" + host)
		if err != nil || host == "" || u.Host != host || u.Port() != "" || strings.ContainsAny(host, "*/:@") && !strings.HasPrefix(host, "[") {
			return nil, fmt.Errorf("qsealfetch: Config.Hosts: %q is not the name of a host", host)
		}
		r.hosts[strings.ToLower(u.Hostname())] = true
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	var err error
	r.client, err = fetch.New(fetch.Config{
		Schemes: []string{"https"}, Timeout: c.Timeout, RootCAs: c.RootCAs, Proxy: c.Proxy,
		AllowPrivate: c.AllowPrivate, AllowAnyPort: c.AllowAnyPort,
	})
	if err != nil {
		return nil, fmt.Errorf("qsealfetch: %w", err)
	}
	return r, nil
}

// Resolve implements [qseal.Resolver]. nil without an error means that nobody may
// be asked: the hint has no URL of an https host on the list that ends in a
// SHA-256, and Known knows nobody. A file of another hash is returned with its
// own, which the profile refuses.
func (r *Resolver) Resolve(ctx context.Context, h qseal.Hint) (*qseal.Resolved, error) {
	if r.known != nil {
		if found, err := r.known.Resolve(ctx, h); found != nil || err != nil {
			return found, err
		}
	}
	sum, ok := r.allowed(h.URL)
	if !ok {
		return nil, nil //nolint:nilnil // the contract of qseal.Resolver: nobody
	}
	if found := r.kept(sum); found != nil {
		return found, nil
	}
	file, err := r.get(ctx, h.URL)
	if err != nil {
		return nil, err
	}
	chain, err := qseal.ParseChain(file)
	if err != nil {
		return nil, fmt.Errorf("qsealfetch: file at %.200q: %w", h.URL, err)
	}
	found := &qseal.Resolved{Chain: chain, SHA256: sha256.Sum256(file)}
	if found.SHA256 == sum {
		r.keep(found)
	}
	return found, nil
}

// allowed reports whether a URL may be fetched, and the hash that it ends in.
func (r *Resolver) allowed(text string) (sum [32]byte, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		!r.hosts[strings.ToLower(u.Hostname())] {
		return sum, false
	}
	i := strings.LastIndexByte(u.Path, '_')
	if i < 0 || len(u.Path)-i-1 != hex.EncodedLen(len(sum)) {
		return sum, false
	}
	_, err = hex.Decode(sum[:], []byte(u.Path[i+1:]))
	return sum, err == nil
}

func (r *Resolver) get(ctx context.Context, text string) ([]byte, error) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return nil, fmt.Errorf("qsealfetch: %d files are being fetched", maxConcurrent)
	}
	answer, err := r.client.Get(ctx, text, maxFile)
	if err != nil {
		return nil, fmt.Errorf("qsealfetch: %w", err)
	}
	return answer.Body, nil
}

// kept returns a file that was fetched before, nil when it is not there. It is
// right for ever: its hash says what is in it.
func (r *Resolver) kept(sum [32]byte) *qseal.Resolved {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := r.latest[sum]; found != nil {
		return found
	}
	return r.old[sum]
}

func (r *Resolver) keep(found *qseal.Resolved) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.latest == nil || len(r.latest) >= maxKept {
		r.latest, r.old = map[[32]byte]*qseal.Resolved{}, r.latest
	}
	r.latest[found.SHA256] = found
}
