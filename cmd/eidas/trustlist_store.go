package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"

	"github.com/seed-b953571c/eidas/trustlist"
)

const healthJSON = `
With --json, one object:
  ready, degraded, snapshot      ready: there are services to decide by
  lotl{territory,url,sequence,version,accepted,stale,final,reason,error,issued,
       next_update,signer,services,kept,checked,age_seconds}
                                 kept: the last good copy, for what came later was
                                 refused for reason; checked: when the copy was
                                 last had from its source, age_seconds the time since
  lists[…]                       the same of each national list
  services, alarms[{kind,url}]
  error, disk_error              why there is no snapshot, or the folder not whole`

// storeFlags say where a store lives and where trust in its lists starts.
type storeFlags struct {
	dir         string
	anchors     anchorFlags
	territories listFlag
}

func (f *storeFlags) define(fs *flag.FlagSet) {
	fs.StringVar(&f.dir, "dir", "", "folder `DIR` of the store")
	f.anchors.define(fs, "oj-2026")
	fs.Var(&f.territories, "territories", "scheme territories `CC,…` of the lists that are wanted, EL is Greece (default all)")
}

// open returns a store over the folder; without a source it is offline.
func (f *storeFlags) open(c trustlist.StoreConfig) (*trustlist.Store, error) {
	if f.dir == "" {
		return nil, usagef("--dir is missing")
	}
	anchors, err := f.anchors.own()
	if err != nil {
		return nil, err
	}
	c.Anchors, c.Fallback, c.Dir, c.Territories = anchors, f.anchors.fallback(anchors), f.dir, f.territories
	return trustlist.NewStore(c)
}

func trustlistStatusCommand() *command {
	return &command{
		name:    "trustlist status",
		usage:   "--dir DIR [flags]",
		summary: "say what a store on disk holds, and how old it is",
		about: `
Reads the folder of a store without the network, verifies every list in it again,
and says which are in use, how old they are and what an operator should look at.
It changes nothing in the folder.
` + healthJSON,
		exits: `  0  ready: the LOTL is authentic and there are services to decide by
  1  not ready
  2  usage or input error`,
		examples: []string{
			"eidas trustlist status --dir /var/lib/eidas",
			"eidas trustlist status --dir /var/lib/eidas --json | jq '.lists[] | select(.stale or .kept) | .territory'",
		},
		define: func(fs *flag.FlagSet) action {
			var f storeFlags
			f.define(fs)
			return func(ctx context.Context, e *env, operands []string) (int, error) {
				if len(operands) > 0 {
					return 0, usagef("unexpected argument %q", operands[0])
				}
				return e.trustlistStatus(ctx, &f)
			}
		},
	}
}

func (e *env) trustlistStatus(ctx context.Context, f *storeFlags) (int, error) {
	if f.dir != "" {
		if _, err := os.Stat(f.dir); err != nil {
			return 0, err // a store would create it
		}
	}
	store, err := f.open(trustlist.StoreConfig{})
	if err != nil {
		return 0, err
	}
	defer func() { _ = store.Close() }()
	if err := store.Load(ctx); err != nil && refusedLOTL(err) == nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	h := store.Health()
	return e.showHealth(&h, f.advice(&h))
}

// advice says what may be done about a store that is not ready.
func (f *storeFlags) advice(h *trustlist.Health) string {
	if h.Ready {
		return ""
	}
	if errors.Is(h.Err, fs.ErrNotExist) {
		return noLists
	}
	// Its lists may be those of other anchors, which a store does not know of.
	if _, err := trustlist.LoadWorld(f.dir); err == nil {
		return "this folder is a world: use 'eidas trustlist load --world DIR'"
	}
	return ""
}

// fetchFlags say how lists are fetched.
type fetchFlags struct {
	storeFlags
	from    string
	proxy   string
	roots   string
	timeout durationFlag
	private listFlag
	anyPort bool
}

func (f *fetchFlags) define(fs *flag.FlagSet) {
	f.storeFlags.define(fs)
	fs.StringVar(&f.from, "from", "", "folder `DIR` of lists to take them from instead of their hosts, where there is no network")
	fs.StringVar(&f.proxy, "proxy", "", "`URL` of a proxy for every request (default none)")
	fs.StringVar(&f.roots, "tls-roots", "", "PEM `FILE` of the roots for https, those of the proxy too (default the system's)")
	fs.Var(&f.timeout, "timeout", "`DURATION` of one request with its body (default 60s)")
	fs.Var(&f.private, "allow-private", "address ranges `CIDR,…` that are not public, for a mirror inside")
	fs.BoolVar(&f.anyPort, "allow-any-port", false, "allow other ports than 80 and 443, for a mirror inside")
}

// fetchSource returns where lists are fetched from, and what to do with it after use.
func (e *env) fetchSource(f *fetchFlags) (trustlist.Source, func() error, error) {
	if f.from == "" {
		source, err := e.network(f)
		return source, func() error { return nil }, err
	}
	if f.proxy != "" || f.roots != "" || f.timeout.Duration != 0 || len(f.private) > 0 || f.anyPort {
		return nil, nil, usagef("--from excludes the flags of the network")
	}
	folder, err := openLists(f.from)
	if err != nil {
		return nil, nil, fmt.Errorf("--from: %w", err)
	}
	return folder, folder.Close, nil
}

func (e *env) network(f *fetchFlags) (*trustlist.HTTP, error) {
	c := trustlist.HTTPConfig{Timeout: f.timeout.Duration, AllowAnyPort: f.anyPort}
	if f.proxy != "" {
		u, err := url.Parse(f.proxy)
		if err != nil || u.Host == "" {
			return nil, usagef("--proxy: %q is not an absolute URL", f.proxy)
		}
		c.Proxy = u
	}
	if f.roots != "" {
		doc, err := e.readInput(f.roots, maxInputSize)
		if err != nil {
			return nil, fmt.Errorf("--tls-roots: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(doc) {
			return nil, usagef("--tls-roots: no certificate in %q", f.roots)
		}
	}
	for _, s := range f.private {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, usagef("--allow-private: %q is not an address range such as 10.0.0.0/8", s)
		}
		c.AllowPrivate = append(c.AllowPrivate, prefix)
	}
	return trustlist.NewHTTP(c)
}

func trustlistFetchCommand() *command {
	return &command{
		name:    "trustlist fetch",
		usage:   "--dir DIR [flags]",
		summary: "fetch and verify all trusted lists into a store on disk",
		about: `
Fetches the list of trusted lists (LOTL), its pivots and the national lists, as a
server does that keeps them alive: what has not changed is not had again, what is
refused leaves the last good copy, and a list older than one seen before is no
list. The folder serves 'trustlist status', '--world' of the other commands, and
a server's first start without a network.
` + healthJSON,
		exits: `  0  the LOTL was had, even if some national list is missing or refused
  1  it was not, or the folder is not whole; what was there is still there
  2  usage or input error`,
		examples: []string{
			"eidas trustlist fetch --dir lists",
			"eidas trustlist fetch --dir lists --territories DE,FR,LT --proxy http://proxy.internal:3128",
			"eidas trustlist fetch --dir lists --from /media/lists",
			"eidas trustlist fetch --dir lists --add-notice https://eur-lex.europa.eu/eli/C/2029/1/oj=SHA256,SHA256",
		},
		define: func(fs *flag.FlagSet) action {
			var f fetchFlags
			f.define(fs)
			return func(ctx context.Context, e *env, operands []string) (int, error) {
				if len(operands) > 0 {
					return 0, usagef("unexpected argument %q", operands[0])
				}
				return e.trustlistFetch(ctx, &f)
			}
		},
	}
}

func (e *env) trustlistFetch(ctx context.Context, f *fetchFlags) (int, error) {
	source, done, err := e.fetchSource(f)
	if err != nil {
		return 0, err
	}
	defer func() { _ = done() }()
	p := newProgress(e.stderr)
	store, err := f.open(trustlist.StoreConfig{Config: trustlist.Config{
		Source: source,
		Progress: func(ev trustlist.Event) {
			p.show(fmt.Sprintf("Fetching trusted lists … %d of %d (%s)", ev.Done, ev.Total, clean(ev.Report.Territory)))
		},
	}})
	if err != nil {
		return 0, err
	}
	defer func() { _ = store.Close() }()
	p.show("Fetching the list of trusted lists …")
	// What is on disk and not authentic any more is no reason not to fetch; what
	// it says about the age of lists counts all the same.
	_ = store.Load(ctx)
	err = store.Refresh(ctx)
	p.clear()
	if err != nil && refusedLOTL(err) == nil {
		return 0, err
	}
	h := store.Health()
	code, err := e.showHealth(&h, fetchAdvice(h.Err, "--allow-any-port", "--allow-private"))
	if h.Err != nil || h.LOTL.Kept || h.Disk != nil {
		code = exitRefused
	}
	return code, err
}
