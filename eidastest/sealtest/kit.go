package sealtest

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// Options say what New prepares. The zero value is right for a bank that grants
// account information on any path.
type Options struct {
	// Target is the path of the lawful order, without escapes and query. Empty:
	// /v1/payments. The bank must answer POST of it, from Host bank.example and
	// with the content {"requestHeader":{"requestId":"…"},"amount":"10.00"} of type
	// application/json, with 200 to 299 or a redirection; ING has a query behind it.
	//
	// Attacks and their twins stray from the order: to the paths Target/other and
	// Target/a%2Fb, to Target with two slashes in front, to the queries ?account=2,
	// ?a=1;b=2 and ?a=%zz, to the absolute form https://bank.example/…, to the
	// methods GET and PUT, to no content, and to content coded by gzip. The bank need
	// not have routes for these: Run says what then counts. On the order's own
	// path they have other header fields (Accept, Authorization, PSU-ID, …), chunks,
	// another amount, and white space behind the JSON up to MaxBody, and must be
	// answered as the order is.
	Target string
	// MaxBody is the cap of the bank on a body, in bytes, 2 KiB at least. Zero: 1
	// MiB, which is that of package qseal.
	MaxBody int64
	// Roles of the TPPs. Zero: account information and payment initiation.
	Roles eidas.Roles
	// Timeout is how long a message may wait for its answer. Zero: 3 seconds.
	Timeout time.Duration
}

// defaultTimeout is long for a server in the same process.
const defaultTimeout = 3 * time.Second

// Kit is the cast of the attacks in a world: an honest TPP, another one, and all
// those whose certificates are not what they should be. It changes the world when
// it is made: there is one more QTSP, whose service is withdrawn. It is not safe
// for concurrent use.
type Kit struct {
	world *eidastest.World
	o     Options

	honest, other *eidastest.Leaf // QWACs: who is on the connection
	cast          map[part]*eidastest.Leaf
	sites         map[part]*eidastest.Leaf // 2-QWACs: they sign bindings
	second        crypto.Signer            // of all that is not the honest TPP's first key

	trap    net.Listener
	dialled atomic.Int64
}

// The TPPs of the kit. Their identities differ in one digit.
const (
	honestID = "PSDLT-BL-LB000468"
	otherID  = "PSDLT-BL-LB000469"
)

// minBody is what a bank must accept for the largest of the lawful bodies, that of
// item 51.
const minBody = tailSize

// New issues the certificates of the attacks. Close the kit after use. Tests
// rather call Start.
func New(w *eidastest.World, o Options) (*Kit, error) {
	if w == nil {
		return nil, errors.New("sealtest: no world")
	}
	if o.Target == "" {
		o.Target = "/v1/payments"
	}
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	if o.Roles == 0 {
		o.Roles = eidas.RoleAI | eidas.RolePI
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Target[0] != '/' || strings.ContainsAny(o.Target, "?#% ") {
		return nil, fmt.Errorf("sealtest: Options.Target %q is no plain path", o.Target)
	}
	if o.MaxBody < minBody {
		return nil, fmt.Errorf("sealtest: Options.MaxBody is %d, the attacks need %d", o.MaxBody, minBody)
	}
	k := &Kit{world: w, o: o}
	if err := k.engage(); err != nil {
		return nil, fmt.Errorf("sealtest: %w", err)
	}
	var err error
	if k.trap, err = new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("sealtest: %w", err)
	}
	go k.count()
	return k, nil
}

// Start makes a kit that lives as long as a test.
func Start(tb eidastest.TB, w *eidastest.World, o Options) *Kit {
	tb.Helper()
	k, err := New(w, o)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(k.Close)
	return k
}

// Close ends what listens for verifiers that follow a URL in a message.
func (k *Kit) Close() { _ = k.trap.Close() }

// Dialled is how often somebody followed a URL in a message: a stranger's, so
// that it must be zero.
func (k *Kit) Dialled() int { return int(k.dialled.Load()) }

func (k *Kit) count() {
	for {
		conn, err := k.trap.Accept()
		if err != nil {
			return
		}
		k.dialled.Add(1)
		_ = conn.Close()
	}
}

// leaf is the certificate of a part in the seals of a profile.
func (k *Kit) leaf(p *profile, of part) *eidastest.Leaf {
	if p.set == binding {
		return k.sites[of]
	}
	return k.cast[of]
}

// trapURL is the URL of a certificate file on the loopback interface.
func (k *Kit) trapURL(l *eidastest.Leaf) string {
	return "https://" + k.trap.Addr().String() + "/seal_" + fingerprint(l)
}

// Files are the certificates that a bank knows beforehand, by the names that
// messages call them, for qseal.NewDirectory. Those that must be refused are
// among them: to be known is not to be trusted.
func (k *Kit) Files() map[string][]byte {
	files := map[string][]byte{}
	for _, l := range k.cast {
		files[certificateURL(l)], files[kidOf(l)] = l.Certificate.Raw, l.Certificate.Raw
	}
	// Berlin Group has the certificate sent along, whoever knows it.
	files[berlinName(k.cast[partHonest])] = k.cast[partHonest].Certificate.Raw
	// Another file than the one that its URL has the digest of.
	files[wrongFileURL] = k.cast[partHonest].Certificate.Raw
	return files
}

// wrongFileURL names a file by the digest of no file.
const wrongFileURL = "https://tpp.example/seal_" + "00000000000000000000000000000000" + "00000000000000000000000000000000"

func fingerprint(l *eidastest.Leaf) string {
	sum := sha256.Sum256(l.Certificate.Raw)
	return hex.EncodeToString(sum[:])
}

func certificateURL(l *eidastest.Leaf) string { return "https://tpp.example/seal_" + fingerprint(l) }

func kidOf(l *eidastest.Leaf) string { return "kid-" + fingerprint(l)[:16] }
