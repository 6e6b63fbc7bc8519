package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

// stage is the world of the demo with the bank's server in it.
type stage struct {
	world   *eidastest.World
	qtspA   *eidastest.QTSP
	qtspB   *eidastest.QTSP
	witness *witness
	server  *eidastest.Server

	leafA, leafB *eidastest.Leaf
	visitorA     *visitor // presents leafA, a connection for each request
	openA        *visitor // presents leafA on a connection that stays open
}

// newStage makes a small EU with two QTSPs in two countries, and the server.
func newStage() (*stage, error) {
	world, err := eidastest.NewWorld(eidastest.Options{Territories: []string{}})
	if err != nil {
		return nil, err
	}
	st := &stage{world: world}
	if err := st.build(); err != nil {
		st.close()
		return nil, err
	}
	return st, nil
}

func (st *stage) build() (err error) {
	if st.qtspA, err = st.world.AddQTSP(eidastest.QTSPOptions{Name: demoQTSPA, Territory: demoCountryA}); err != nil {
		return err
	}
	if st.qtspB, err = st.world.AddQTSP(eidastest.QTSPOptions{Name: demoQTSPB, Territory: demoCountryB}); err != nil {
		return err
	}
	if st.leafA, err = st.qtspA.Issue(demoRequest()); err != nil {
		return err
	}
	if st.leafB, err = st.qtspB.Issue(demoRequest()); err != nil {
		return err
	}
	if err := st.serve(); err != nil {
		return err
	}
	st.visitorA, st.openA = st.newVisitor(st.leafA, false), st.newVisitor(st.leafA, true)
	return nil
}

func (st *stage) close() {
	if st.server != nil {
		st.server.Close()
	}
	st.world.Close()
}

// demoRequest asks for the TPP's certificate. Every issuer is asked for the
// same names; keys, serial numbers and issuers differ.
func demoRequest() eidastest.Request {
	r := eidastest.QWAC(demoIdentity, eidas.RolePI|eidas.RoleAI)
	r.SetAttribute(eidastest.Attribute{OID: eidastest.OIDOrganization, Value: demoTPP})
	return r
}

// serve runs the bank's server. This is all that a bank configures.
func (st *stage) serve() error {
	tpp, err := eidas.ParseIdentity(demoIdentity)
	if err != nil {
		return err
	}
	validator, err := st.world.Validator(eidas.DefaultPolicy(eidas.All(
		eidas.RequireRoles(eidas.RoleAI),
		eidas.AllowIdentities(tpp),
	)))
	if err != nil {
		return err
	}
	st.witness = &witness{validator: validator}
	verifier, err := qwac.New(qwac.Config{Validator: st.witness, Timeout: demoTimeout})
	if err != nil {
		return err
	}
	cert, err := st.world.ServerCertificate()
	if err != nil {
		return err
	}
	config, err := verifier.ServerConfig(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}})
	if err != nil {
		return err
	}
	accounts := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := qwac.FromContext(r.Context())
		if !ok {
			http.Error(w, "nobody", http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, "accounts for "+who.Identity.String())
	})
	st.server, err = st.world.Serve(&http.Server{
		Handler: verifier.Handler(accounts), TLSConfig: config, ReadHeaderTimeout: demoTimeout,
	})
	return err
}

// demoTimeout is far beyond what anything here needs, so that a busy machine
// does not change what is decided.
const demoTimeout = 10 * time.Second

// witness notes what the validator decided last.
type witness struct {
	validator *eidas.Validator

	mu      sync.Mutex
	result  *eidas.Result
	refusal *eidas.Error
}

// Validate implements qwac.Validator.
func (w *witness) Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error) {
	result, err := w.validator.Validate(ctx, peer, use, at)
	refusal, _ := errors.AsType[*eidas.Error](err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.result, w.refusal = result, refusal
	return result, err
}

// forget makes last return nothing until the next decision.
func (w *witness) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.result, w.refusal = nil, nil
}

// last returns the last decision.
func (w *witness) last() (*eidas.Result, *eidas.Error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.result, w.refusal
}

// visitor is a client of the bank.
type visitor struct {
	stage  *stage
	leaf   *eidastest.Leaf
	client *http.Client
	cache  *ticketCounter
}

// newVisitor makes a client that presents a leaf. Unless it keeps its
// connection open it makes one for each request and offers to resume its session.
func (st *stage) newVisitor(l *eidastest.Leaf, keepOpen bool) *visitor {
	config := st.world.ClientConfig(l)
	cache := &ticketCounter{ClientSessionCache: config.ClientSessionCache}
	config.ClientSessionCache = cache
	client := &http.Client{
		Timeout:   demoTimeout,
		Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: !keepOpen},
	}
	return &visitor{stage: st, leaf: l, client: client, cache: cache}
}

// ticketCounter counts the sessions that a client offered to resume.
type ticketCounter struct {
	tls.ClientSessionCache
	offered atomic.Int64
}

// Get implements tls.ClientSessionCache.
func (c *ticketCounter) Get(key string) (*tls.ClientSessionState, bool) {
	s, ok := c.ClientSessionCache.Get(key)
	if ok && s != nil {
		c.offered.Add(1)
	}
	return s, ok
}

// visit makes one request and reports what both sides saw.
func (v *visitor) visit(ctx context.Context) (*outcome, error) {
	offered, reused := v.cache.offered.Load(), false
	v.stage.witness.forget()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
	})
	o := &outcome{certificate: describeLeaf(v.leaf), over: overFull}
	resumed, err := v.send(ctx, o)
	if err != nil {
		return nil, err
	}
	switch {
	case reused:
		o.over = overOpen
	case resumed:
		o.over = overResumed
	case v.cache.offered.Load() > offered:
		o.over = overDeclined
	}
	if o.result, o.refusal = v.stage.witness.last(); o.result == nil && o.refusal == nil {
		return nil, fmt.Errorf("the bank was not asked: client saw %s", o.client)
	}
	return o, nil
}

// maxAnswer bounds what is read of the bank's answer.
const maxAnswer = 4 << 10

// send makes the request, notes what the client saw and reports whether its
// session was a resumed one.
func (v *visitor) send(ctx context.Context, o *outcome) (resumed bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.stage.server.URL+"/accounts", http.NoBody)
	if err != nil {
		return false, err
	}
	res, err := v.client.Do(req)
	if err != nil {
		// The handshake failed, as it has to for some. Whether it was to fail is
		// judged by what the bank decided.
		o.client = "no connection: " + innermost(err).Error()
		return false, nil
	}
	defer func() { _ = res.Body.Close() }()
	var body bytes.Buffer
	if _, err := body.ReadFrom(io.LimitReader(res.Body, maxAnswer)); err != nil {
		return false, err
	}
	o.client = "HTTP " + res.Status
	if res.StatusCode == http.StatusOK {
		o.client += ": " + body.String()
	}
	return res.TLS != nil && res.TLS.DidResume, nil
}

// innermost drops the URL that net/http puts around an error.
func innermost(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// describeLeaf says what differs from certificate to certificate.
func describeLeaf(l *eidastest.Leaf) string {
	key := sha256.Sum256(l.Certificate.RawSubjectPublicKeyInfo)
	return fmt.Sprintf("key %s…, issued by %s", hex.EncodeToString(key[:4]), l.Certificate.Issuer.CommonName)
}

// prologue shows what trust rests on and what the bank has configured.
func (st *stage) prologue(ctx context.Context, s style) (string, error) {
	snapshot, err := st.world.Load(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(s.bold("A bank, a TPP and an impostor") + "\n")
	b.WriteString("Offline, in this process, over real TLS on the loopback interface.\n\n")
	b.WriteString(s.bold("0  What trust rests on") + "\n")
	b.WriteString("   Signed lists, verified from the signers that this world's Official Journal names.\n")
	rows := [][]string{{"list of trusted lists", fmt.Sprintf("sequence %d, through %s", snapshot.LOTL.Sequence, count(len(snapshot.Pivots), "pivot"))}}
	for i := range snapshot.Lists {
		l := &snapshot.Lists[i]
		rows = append(rows, []string{"list of " + l.Territory, fmt.Sprintf("sequence %d, %s", l.Sequence, count(l.Services, "service"))})
	}
	b.WriteString(columns("   ", rows))
	b.WriteString("   The bank has configured one line: " + s.cyan(demoIdentity) + " may come in, with role " + s.cyan("PSP_AI") + ".\n")
	return b.String(), nil
}
