package eidas

import (
	"bytes"
	"crypto/x509"
	"sync"
	"time"
)

// ServiceSet is an immutable snapshot of the services of authenticated trusted
// lists, indexed for path building. It is safe for concurrent use.
type ServiceSet struct {
	id        string
	asOf      time.Time
	services  []*Service
	bySubject map[string][]*listedCA
	byEntity  map[entityKey]*listedCA
	// responders are the OCSP responders of a provider (RFC 6960, 4.2.2.2, first case).
	responders map[*Provider][]*Anchor
}

// listedCA is one CA, a name with a key, and every service it identifies.
type listedCA struct {
	anchor   *Anchor // the first certificate seen of this CA
	services []*Service

	once   sync.Once
	issuer *listedCA // the listed CA that issued anchor, nil when there is none
}

// Service type URIs (ETSI TS 119 612 v2.4.1, 5.5.1).
const (
	serviceTypePrefix = "http://uri.etsi.org/TrstSvc/Svctype/"
	typeCAQC          = serviceTypePrefix + "CA/QC"
	typeOCSP          = serviceTypePrefix + "Certstatus/OCSP"
	typeOCSPQC        = serviceTypePrefix + "Certstatus/OCSP/QC"
)

// NewServiceSet indexes services under an identifier of the snapshot they came
// from. It keeps the slice and what it points to; the caller must not change
// them afterwards.
func NewServiceSet(id string, services []*Service) *ServiceSet {
	s := &ServiceSet{
		id:         id,
		services:   services,
		bySubject:  make(map[string][]*listedCA),
		byEntity:   make(map[entityKey]*listedCA),
		responders: make(map[*Provider][]*Anchor),
	}
	for _, svc := range services {
		if t := svc.Current().Type; t == typeOCSP || t == typeOCSPQC {
			if grantedStatus(svc.Current()) {
				s.responders[svc.Provider] = append(s.responders[svc.Provider], svc.Anchors...)
			}
			continue // a responder issues nothing
		}
		for _, a := range svc.Anchors {
			s.add(a, svc)
		}
	}
	return s
}

func (s *ServiceSet) add(a *Anchor, svc *Service) {
	key := newEntityKey(a.RawSPKI, a.RawSubject)
	ca := s.byEntity[key]
	if ca == nil {
		ca = &listedCA{anchor: a}
		s.byEntity[key] = ca
		s.bySubject[string(a.RawSubject)] = append(s.bySubject[string(a.RawSubject)], ca)
	}
	for _, have := range ca.services {
		if have == svc {
			return
		}
	}
	ca.services = append(ca.services, svc)
}

// AsOf returns the same set whose lists are judged for freshness at the given
// time instead of the time of each judgement: for a stored snapshot used to
// judge the past.
func (s *ServiceSet) AsOf(t time.Time) *ServiceSet {
	dated := *s
	dated.asOf = t
	return &dated
}

// ID identifies the snapshot.
func (s *ServiceSet) ID() string { return s.id }

// Services returns all services in order. The caller must not change them.
func (s *ServiceSet) Services() []*Service { return s.services }

// listTime is when the freshness of lists is judged.
func (s *ServiceSet) listTime(at time.Time) time.Time {
	if s.asOf.IsZero() {
		return at
	}
	return s.asOf
}

// issuersOf returns the listed CAs that carry the issuer name of c and whose
// key identifier does not contradict it. A key identifier is a hint against
// needless work; only the signature decides.
func (s *ServiceSet) issuersOf(c *x509.Certificate) []*listedCA {
	named := s.bySubject[string(c.RawIssuer)]
	for i, ca := range named {
		if !keyIDsAgree(c.AuthorityKeyId, ca.anchor.KeyID) {
			return filterKeyIDs(named, i, c.AuthorityKeyId)
		}
	}
	return named
}

// filterKeyIDs copies named without the CAs whose key identifier contradicts aki;
// those before first are known to agree.
func filterKeyIDs(named []*listedCA, first int, aki []byte) []*listedCA {
	kept := append([]*listedCA(nil), named[:first]...)
	for _, ca := range named[first:] {
		if keyIDsAgree(aki, ca.anchor.KeyID) {
			kept = append(kept, ca)
		}
	}
	return kept
}

func keyIDsAgree(authority, subject []byte) bool {
	return len(authority) == 0 || len(subject) == 0 || bytes.Equal(authority, subject)
}

// respondersOf returns the readable responder certificates of the providers of
// services.
func (s *ServiceSet) respondersOf(services []*Service) []*x509.Certificate {
	var out []*x509.Certificate
	seen := make(map[*Provider]bool)
	for _, svc := range services {
		if seen[svc.Provider] {
			continue
		}
		seen[svc.Provider] = true
		for _, a := range s.responders[svc.Provider] {
			if c, err := a.Certificate(); err == nil {
				out = append(out, c)
			}
		}
	}
	return out
}

// maxListedDepth bounds how many listed CAs above a CA are looked at.
const maxListedDepth = 4

// servicesAbove returns the services of ca and of the listed CAs above it
// (ETSI TS 119 615 v1.2.1, 4.3: every service that matches a certificate of
// the path takes part).
func (s *ServiceSet) servicesAbove(ca *listedCA) []*Service {
	var out []*Service
	for range maxListedDepth {
		if ca == nil {
			break
		}
		out = append(out, ca.services...)
		ca = s.issuerOf(ca)
	}
	return out
}

// issuerOf finds the listed issuer of a listed CA, once for each snapshot.
func (s *ServiceSet) issuerOf(ca *listedCA) *listedCA {
	ca.once.Do(func() {
		cert, err := ca.anchor.Certificate()
		if err != nil || bytes.Equal(cert.RawSubject, cert.RawIssuer) {
			return
		}
		for _, up := range s.issuersOf(cert) {
			if parent, err := up.anchor.Certificate(); err == nil && checkSignature(cert, parent) == nil {
				ca.issuer = up
				return
			}
		}
	})
	return ca.issuer
}
