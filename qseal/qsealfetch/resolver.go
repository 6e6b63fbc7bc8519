// Package qsealfetch finds the certificates of STET seals at the URLs that name
// them, so that a TPP which rotates its seal is let in without anybody's doing.
//
// The URL is a stranger's choice, and it is read before the seal can be verified.
// So nothing is dialled but hosts of a list, over https, at public addresses,
// without redirects; a file is small, and has the SHA-256 that its URL ends in.
// What is found is a candidate like any other: the Validator decides about it.
//
// Anybody may name a file at anybody's host. So each TPP ([qseal.Hint].Peer) has
// its own turns at a host: two files at once, and after four that were not there
// one a second. It can use up its own alone. Where nobody knows who is on the
// connection (qseal.Config.AllowAnyPeer, responses) all strangers are one TPP, and
// one of them can keep out the new seals of the others: give their certificates
// beforehand (Config.Known), or have Peer.
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
	// maxFile is what a chain may have: three certificates of 2 KiB in PEM, twice.
	maxFile = 16 << 10
	// maxKept bounds the files that are kept of a host, twice: it can push out its
	// own alone. A TPP has one or two seals, a provider who hosts for many dozens.
	maxKept = 64
)

// Config says which files may be fetched.
type Config struct {
	// Hosts are those that files may be at, such as "certs.tpp.example", without
	// port. Required: a stranger chooses the URL.
	Hosts []string
	// Known is asked first, about every hint. nil: nobody is known.
	Known qseal.Resolver
	// Timeout is for one request of a TPP, its wait for its turn included; zero:
	// DefaultTimeout.
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
	hosts   map[string]*host // complete from the start
	known   qseal.Resolver
	client  *fetch.Client
	timeout time.Duration
}

// host is what is known of the files at one host, and who asks for them.
type host struct {
	mu          sync.Mutex
	latest, old map[[32]byte]*qseal.Resolved
	callers     map[string]*caller // by Hint.Peer
}

// New checks the configuration.
func New(c Config) (*Resolver, error) {
	if len(c.Hosts) == 0 {
		return nil, errors.New("qsealfetch: Config.Hosts is required")
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	r := &Resolver{hosts: make(map[string]*host, len(c.Hosts)), known: c.Known, timeout: c.Timeout}
	for _, name := range c.Hosts {
		u, err := url.Parse("https://" + name)
		if err != nil || name == "" || u.Host != name || u.Port() != "" || strings.ContainsAny(name, "*/:@") && !strings.HasPrefix(name, "[") {
			return nil, fmt.Errorf("qsealfetch: Config.Hosts: %q is not the name of a host", name)
		}
		r.hosts[strings.ToLower(u.Hostname())] = &host{callers: map[string]*caller{}}
	}
	ports := []uint16{443}
	if c.AllowAnyPort {
		ports = nil
	}
	var err error
	r.client, err = fetch.New(fetch.Config{
		Schemes: []string{"https"}, Timeout: c.Timeout, RootCAs: c.RootCAs, Proxy: c.Proxy,
		AllowPrivate: c.AllowPrivate, AllowAnyPort: c.AllowAnyPort, Ports: ports,
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
	from, sum := r.allowed(h.URL)
	if from == nil {
		return nil, nil //nolint:nilnil // the contract of qseal.Resolver: nobody
	}
	if found := from.kept(sum); found != nil {
		return found, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	c, err := from.enter(h.Peer.String(), time.Now())
	if err != nil {
		return nil, fmt.Errorf("qsealfetch: file at %.200q: %w", h.URL, err)
	}
	defer from.leave(c)
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("qsealfetch: file at %.200q: %d others of the TPP are being fetched there: %w", h.URL, maxConcurrent, ctx.Err())
	}
	if found := from.kept(sum); found != nil { // whoever was before us has fetched it
		return found, nil
	}
	if !from.charge(c, time.Now()) {
		return nil, fmt.Errorf("qsealfetch: file at %.200q: %w", h.URL, errMissed)
	}
	found, err := r.get(ctx, h.URL)
	if err == nil && found.SHA256 == sum {
		from.keep(found, c)
	}
	return found, err
}

// allowed returns the host of a URL that may be fetched, nil for any other, and
// the hash that the URL ends in.
func (r *Resolver) allowed(text string) (from *host, sum [32]byte) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, sum
	}
	digits := u.Path[strings.LastIndexByte(u.Path, '_')+1:]
	if len(digits) != hex.EncodedLen(len(sum)) { // hex.Decode panics where they are more
		return nil, sum
	}
	if _, err = hex.Decode(sum[:], []byte(digits)); err != nil {
		return nil, sum
	}
	return r.hosts[strings.ToLower(u.Hostname())], sum
}

func (r *Resolver) get(ctx context.Context, text string) (*qseal.Resolved, error) {
	answer, err := r.client.Get(ctx, text, maxFile)
	if err != nil {
		return nil, fmt.Errorf("qsealfetch: %w", err)
	}
	chain, err := qseal.ParseChain(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("qsealfetch: file at %.200q: %w", text, err)
	}
	return &qseal.Resolved{Chain: chain, SHA256: sha256.Sum256(answer.Body)}, nil
}
