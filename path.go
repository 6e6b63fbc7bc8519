package eidas

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"time"
)

// Work limits of path building. They bound what a peer without any key can
// make this process compute: 100 same-named P-521 intermediates cost the
// standard library 380 ms.
const (
	// maxPeerCertificates: real chains have 1 to 4 certificates.
	maxPeerCertificates = 8
	// maxPeerBytes: a real chain is below 8 KiB.
	maxPeerBytes = 32 << 10
	// maxPathDepth counts certificates between leaf and anchor, both included.
	maxPathDepth = 5
	// maxPaths bounds how many name chains to a listed CA are looked at.
	maxPaths = 8
	// maxSignatureChecks bounds public key operations of one search.
	maxSignatureChecks = 12
	// maxWasted bounds the checks that fail, in units of signatureCost, some
	// 75 µs: a stranger may name a listed CA as the issuer of every certificate
	// that it sends, and some have keys that are 38 times as dear as others. It
	// allows one failure under P-521, five under P-384 and as many as there can
	// be under P-256 and RSA up to 4096 bits. An honest chain with key
	// identifiers has none.
	maxWasted = 38
)

// path is a verified chain: the leaf first, the listed CA last.
type path struct {
	chain    []*x509.Certificate
	services []*Service // of every listed CA on the path and above it
}

// pathFinder looks for a path from the leaf to a listed CA through the
// certificates that the peer sent. It looks for names first and only checks
// signatures of chains that end in a listed CA, from that end: so a stranger
// cannot buy more than one failing check per chain.
type pathFinder struct {
	set    *ServiceSet
	peer   []*x509.Certificate // what the peer sent besides the leaf
	at     time.Time
	paths  int
	checks int
	wasted int
	known  map[edge]*Error
	last   *Error // why the latest chain that ends in a listed CA failed
}

type edge struct{ child, parent *x509.Certificate }

var errNotListed = errors.New("issuer is not listed")

// FindServices returns the services of set that match a verified path from
// peer[0] to a listed CA, through the other certificates of peer. It judges
// nothing else: qualification, revocation and policy are steps of their own.
// The error is an *Error with one of the path reasons.
func FindServices(set *ServiceSet, peer []*x509.Certificate, at time.Time) ([]*Service, error) {
	p, err := findAnyPath(set, peer, at)
	if err != nil {
		return nil, err
	}
	return p.services, nil
}

// StatusQueries returns the questions about revocation that a certificate raises
// for a use: of peer[0] and of every CA on a verified path from it to a listed CA,
// the leaf first. They are for what no Validator judges, such as the certificate
// of a TLS binding; a Validator asks its own. Since the path is proved, a checker
// may call what the certificates name. The error is that of FindServices.
func StatusQueries(set *ServiceSet, peer []*x509.Certificate, use Use, at time.Time) ([]StatusQuery, error) {
	p, err := findAnyPath(set, peer, at)
	if err != nil {
		return nil, err
	}
	responders := set.respondersOf(p.services)
	queries := make([]StatusQuery, 0, len(p.chain)-1)
	for i := range len(p.chain) - 1 {
		queries = append(queries, StatusQuery{
			Certificate: p.chain[i], Issuer: p.chain[i+1], Responders: responders, At: at, Use: use,
		})
	}
	return queries, nil
}

// findAnyPath is findPath for what a caller gives.
func findAnyPath(set *ServiceSet, peer []*x509.Certificate, at time.Time) (*path, *Error) {
	if err := checkSize(peer); err != nil {
		return nil, err
	}
	if set == nil || len(set.services) == 0 {
		return nil, &Error{Reason: ReasonTrustUnavailable}
	}
	return findPath(set, peer, at)
}

// findPath returns the first verified path from leaf to a listed CA.
func findPath(set *ServiceSet, peer []*x509.Certificate, at time.Time) (*path, *Error) {
	f := &pathFinder{set: set, peer: peer[1:], at: at}
	chain, ca, err := f.search(peer[:1:1])
	if err != nil {
		return nil, err
	}
	if ca == nil {
		return nil, f.refusal(peer[0])
	}
	return &path{chain: chain, services: set.servicesOn(chain, ca)}, nil
}

func (f *pathFinder) refusal(leaf *x509.Certificate) *Error {
	if f.last != nil {
		return f.last
	}
	return refuse(ReasonIssuerUnknown, "issuer %q: %w", leaf.Issuer.String(), errNotListed)
}

// search extends partial, whose last certificate still lacks an issuer. A nil
// listedCA without an error means that no path was found.
func (f *pathFinder) search(partial []*x509.Certificate) ([]*x509.Certificate, *listedCA, *Error) {
	last := partial[len(partial)-1]
	for _, ca := range f.set.issuersOf(last) {
		if f.paths++; f.paths > maxPaths {
			return nil, nil, refuse(ReasonPathTooComplex, "more than %d chains", maxPaths)
		}
		chain, err := f.verify(partial, ca)
		if err != nil {
			return nil, nil, err
		}
		if chain != nil {
			return chain, ca, nil
		}
	}
	if len(partial)+1 >= maxPathDepth {
		return nil, nil, nil
	}
	for _, c := range f.peer {
		if !f.mayIssue(c, partial) {
			continue
		}
		chain, ca, err := f.search(append(partial[:len(partial):len(partial)], c))
		if err != nil || chain != nil {
			return chain, ca, err
		}
	}
	return nil, nil, nil
}

// mayIssue reports whether c could have issued the last certificate of partial,
// by name, key identifier and the constraints of RFC 5280, 6.1.4; nothing here
// costs a public key operation.
func (f *pathFinder) mayIssue(c *x509.Certificate, partial []*x509.Certificate) bool {
	last := partial[len(partial)-1]
	if !bytes.Equal(c.RawSubject, last.RawIssuer) || !keyIDsAgree(last.AuthorityKeyId, c.SubjectKeyId) {
		return false
	}
	for _, p := range partial {
		if p == c || bytes.Equal(p.Raw, c.Raw) {
			return false
		}
	}
	return isUsableCA(c, len(partial)-1, f.at)
}

// isUsableCA checks an intermediate with below CA certificates between it and
// the leaf (RFC 5280, 6.1.4 (k) to (o)). Its key must be as strong as a leaf's,
// and its extended key usages, if any, must not be those of another service.
func isUsableCA(c *x509.Certificate, below int, at time.Time) bool {
	if !c.BasicConstraintsValid || !c.IsCA || !strongKey(c.PublicKey) || onlyServicePurposes(c) {
		return false
	}
	if c.MaxPathLen >= 0 && (c.MaxPathLen > 0 || c.MaxPathLenZero) && below > c.MaxPathLen {
		return false
	}
	if c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
		return false
	}
	if len(c.UnhandledCriticalExtensions) > 0 {
		return false
	}
	return !at.Before(c.NotBefore) && !at.After(c.NotAfter)
}

// verify checks the signatures of partial below ca, from ca down. A nil chain
// without an error means that a signature did not verify.
func (f *pathFinder) verify(partial []*x509.Certificate, ca *listedCA) ([]*x509.Certificate, *Error) {
	anchor, err := ca.anchor()
	if err != nil {
		f.last = refuse(ReasonIssuerUnknown, "listed issuer %q cannot be used: %w", partial[len(partial)-1].Issuer.String(), err)
		return nil, nil
	}
	// Validity, basic constraints and key usage of the anchor are not asked:
	// a trust anchor is a name and a key (RFC 5280, 6.1.1 (d)), its standing is
	// the list's business, and real lists hold anchors without CA:TRUE.
	parent := anchor
	for i := len(partial) - 1; i >= 0; i-- {
		if err := f.check(partial[i], parent); err != nil {
			if err.Reason == ReasonPathTooComplex {
				return nil, err
			}
			f.last = err
			return nil, nil
		}
		parent = partial[i]
	}
	if err := checkNameConstraints(partial, f.at); err != nil {
		f.last = err
		return nil, nil //nolint:nilerr // another chain may do; f.last keeps the reason
	}
	return append(partial[:len(partial):len(partial)], anchor), nil
}

// check verifies one signature, once, within the budget.
func (f *pathFinder) check(child, parent *x509.Certificate) *Error {
	e := edge{child, parent}
	if err, done := f.known[e]; done {
		return err
	}
	if f.checks++; f.checks > maxSignatureChecks {
		return refuse(ReasonPathTooComplex, "more than %d signatures", maxSignatureChecks)
	}
	if f.wasted >= maxWasted {
		return refuse(ReasonPathTooComplex, "too many signatures that do not verify")
	}
	err := checkSignature(child, parent)
	if err != nil {
		f.wasted += signatureCost(parent.PublicKey)
	}
	if f.known == nil {
		f.known = make(map[edge]*Error)
	}
	f.known[e] = err
	return err
}

// signatureCost is what a check with a key takes, as a multiple of one with
// P-256 (crypto/ecdsa and crypto/rsa of Go 1.26 on amd64).
func signatureCost(key any) int {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return 1
		case elliptic.P384():
			return 8
		}
		return 38
	case *rsa.PublicKey:
		size := k.N.BitLen() / minRSABits
		return 1 + 3*size*size/4
	}
	return 1
}

func checkSignature(child, parent *x509.Certificate) *Error {
	if !strongSignature(child.SignatureAlgorithm) {
		return refuse(ReasonAlgorithmWeak, "signature algorithm %s of %q", child.SignatureAlgorithm, child.Subject.String())
	}
	// Not CheckSignatureFrom: it demands CA:TRUE, which real anchors lack.
	if err := parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature); err != nil {
		return refuse(ReasonSignatureInvalid, "%q by %q: %w", child.Subject.String(), parent.Subject.String(), err)
	}
	return nil
}

// checkNameConstraints holds a chain to the name constraints of its
// intermediates (RFC 5280, 4.2.1.10) with the standard library, which knows
// them; most chains have none. partial is the leaf and its intermediates.
func checkNameConstraints(partial []*x509.Certificate, at time.Time) *Error {
	constrained := false
	for _, c := range partial[1:] {
		constrained = constrained || hasNameConstraints(c)
	}
	if !constrained {
		return nil
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(partial[len(partial)-1])
	for _, c := range partial[1 : len(partial)-1] {
		between.AddCert(c)
	}
	leaf := *partial[0] // a copy: its critical extensions are judged in steps 1 and 2
	leaf.UnhandledCriticalExtensions = nil
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return refuse(ReasonIssuerUnknown, "name constraints: %w", err)
	}
	return nil
}

func hasNameConstraints(c *x509.Certificate) bool {
	return len(c.PermittedDNSDomains) > 0 || len(c.ExcludedDNSDomains) > 0 ||
		len(c.PermittedIPRanges) > 0 || len(c.ExcludedIPRanges) > 0 ||
		len(c.PermittedEmailAddresses) > 0 || len(c.ExcludedEmailAddresses) > 0 ||
		len(c.PermittedURIDomains) > 0 || len(c.ExcludedURIDomains) > 0
}
