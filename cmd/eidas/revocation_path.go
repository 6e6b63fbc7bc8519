package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

// maxPathCertificates bounds what a path is searched in.
const maxPathCertificates = 64

var errTooManyCertificates = fmt.Errorf("more than %d certificates", maxPathCertificates)

// pathSet is the certificate in question and those around it.
type pathSet struct {
	target  *x509.Certificate
	anchors []*x509.Certificate
	all     []*x509.Certificate // all but the target, those of --issuer first

	// Set by find.
	issuer *x509.Certificate
	chain  []*x509.Certificate // above the issuer, up to an anchor
}

// readPathSet reads the certificates of the flags. Hints are further ones that
// may be a part of a path.
func (e *env) readPathSet(f *statusFlags, hints []*x509.Certificate) (*pathSet, error) {
	given, err := e.readCertificates(f.certificate)
	if err != nil {
		return nil, err
	}
	issuers, err := e.readCertificates(f.issuers)
	if err != nil {
		return nil, err
	}
	anchors, err := e.readCertificates(f.anchors)
	if err != nil {
		return nil, err
	}
	s := &pathSet{target: given[0], anchors: anchors, all: slices.Concat(issuers, given[1:], anchors, hints)}
	if len(anchors) == 0 {
		s.anchors = issuers[:1]
	}
	if len(s.all) > maxPathCertificates {
		return nil, errTooManyCertificates
	}
	return s, nil
}

// readCertificates reads the certificates of files; no file is none.
func (e *env) readCertificates(files []string) ([]*x509.Certificate, error) {
	if len(files) == 0 {
		return nil, nil
	}
	return e.readChain(files)
}

// find finds the issuer and its path to an anchor. What the pure core takes as
// proved is proved here (rule Q3).
func (s *pathSet) find(at time.Time) error {
	named := false
	for _, ca := range s.all {
		if !bytes.Equal(ca.RawSubject, s.target.RawIssuer) {
			continue
		}
		named = true
		// Not CheckSignatureFrom: what may be signed with SHA-1 is for policy to
		// say, and policy is about the answer here.
		if ca.CheckSignature(s.target.SignatureAlgorithm, s.target.RawTBSCertificate, s.target.Signature) != nil {
			continue
		}
		chain, ok := s.path(ca, at)
		if ok {
			s.issuer, s.chain = ca, chain
			return nil
		}
		s.issuer = ca
	}
	switch {
	case s.issuer != nil:
		return unproved(eidas.ReasonIssuerUnknown, "the issuer does not lead to the anchor")
	case named:
		return unproved(eidas.ReasonSignatureInvalid, "the certificate is not signed with the key of the issuer")
	}
	return unproved(eidas.ReasonIssuerUnknown, "the certificate names another issuer than the one given")
}

func unproved(reason eidas.Reason, text string) error {
	return &eidas.Error{Reason: reason, Err: &revocation.RuleError{Rule: revocation.RuleQ3, Err: errors.New(text)}}
}

// path finds the certificates above ca up to an anchor, breadth first: each
// certificate is looked at once. An anchor is trusted as it is; of the others
// each must be a CA, valid, and issued by the next.
func (s *pathSet) path(ca *x509.Certificate, at time.Time) ([]*x509.Certificate, bool) {
	paths := [][]*x509.Certificate{{ca}}
	var seen []*x509.Certificate
	for len(paths) > 0 {
		p := paths[0]
		paths = paths[1:]
		last := p[len(p)-1]
		if slices.ContainsFunc(s.anchors, last.Equal) {
			return p[1:], true
		}
		if !isIssuer(last, at) {
			continue
		}
		for _, up := range s.all {
			if !slices.ContainsFunc(seen, up.Equal) && issuedBy(last, up) {
				seen = append(seen, up)
				paths = append(paths, append(slices.Clone(p), up))
			}
		}
	}
	return nil, false
}

// isIssuer reports whether c may issue certificates (RFC 5280, 6.1.4 (k), (n))
// and is valid.
func isIssuer(c *x509.Certificate, at time.Time) bool {
	return c.BasicConstraintsValid && c.IsCA && (c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageCertSign != 0) &&
		len(c.UnhandledCriticalExtensions) == 0 && !at.Before(c.NotBefore) && !at.After(c.NotAfter)
}

func issuedBy(c, ca *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, ca.RawSubject) &&
		ca.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
