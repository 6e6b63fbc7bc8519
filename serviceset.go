package eidas

import (
	"bytes"
	"crypto/x509"
	"slices"
	"sync"
	"time"
)

// ServiceSet is an immutable snapshot of the services of authenticated trusted
// lists, indexed for path building. It is safe for concurrent use.
type ServiceSet struct {
	id        string
	mark      *mark
	asOf      time.Time
	lotl      *List // the list of trusted lists; nil: the lists stand alone
	services  []*Service
	bySubject map[string][]*listedCA
	byEntity  map[entityKey]*listedCA
	// responders are the OCSP responders of a provider (RFC 6960, 4.2.2.2, first case).
	responders map[*Provider][]*Anchor
}

// mark tells a ServiceSet from all others, as its pointer would, and may be
// kept without keeping the set.
type mark struct{ _ byte }

// listedCA is one CA, a name with a key, and every service it identifies. Lists
// of several states may show it with different certificates; none of them may
// stand in the way of another.
type listedCA struct {
	anchors  []*Anchor
	services []*Service

	once   sync.Once
	issuer *listedCA // the listed CA that issued it, nil when there is none
}

// certificate returns the first certificate of the CA that crypto/x509 reads;
// they differ in nothing that a path asks of an anchor.
func (ca *listedCA) certificate() (*x509.Certificate, error) {
	var first error
	for _, a := range ca.anchors {
		c, err := a.Certificate()
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// anchor returns what signatures of the CA are verified with: certificate, or
// the bare name and key where crypto/x509 reads none.
func (ca *listedCA) anchor() (*x509.Certificate, error) {
	c, err := ca.certificate()
	for i := 0; err != nil && i < len(ca.anchors); i++ {
		if bare, keyErr := ca.anchors[i].bare(); keyErr == nil {
			return bare, nil
		}
	}
	return c, err
}

// agrees reports whether some certificate of the CA does not contradict the
// authority key identifier.
func (ca *listedCA) agrees(authority []byte) bool {
	for _, a := range ca.anchors {
		if keyIDsAgree(authority, a.KeyID) {
			return true
		}
	}
	return false
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
		mark:       new(mark),
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
		ca = &listedCA{}
		s.byEntity[key] = ca
		s.bySubject[string(a.RawSubject)] = append(s.bySubject[string(a.RawSubject)], ca)
	}
	if !slices.ContainsFunc(ca.anchors, func(have *Anchor) bool { return bytes.Equal(have.Raw, a.Raw) }) {
		ca.anchors = append(ca.anchors, a)
	}
	if !slices.Contains(ca.services, svc) {
		ca.services = append(ca.services, svc)
	}
}

// AsOf returns the same set whose lists are judged for freshness at the given
// time instead of the time of each judgement: for a stored snapshot used to
// judge the past.
func (s *ServiceSet) AsOf(t time.Time) *ServiceSet {
	dated := *s
	dated.asOf, dated.mark = t, new(mark)
	return &dated
}

// Announced returns the same set with the list of trusted lists that names the
// signers of the lists of its profile. Those lists are then no fresher than it:
// who holds it back hides that a signer was dropped.
func (s *ServiceSet) Announced(lotl *List) *ServiceSet {
	announced := *s
	announced.lotl, announced.mark = lotl, new(mark)
	return &announced
}

// datesOf returns the lists whose freshness a service of list depends on.
func (s *ServiceSet) datesOf(list *List) []*List {
	if s.lotl == nil || s.lotl.Profile != list.Profile {
		return []*List{list}
	}
	return []*List{list, s.lotl}
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
		if !ca.agrees(c.AuthorityKeyId) {
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
		if ca.agrees(aki) {
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

// servicesOn returns the services of every listed CA on a verified chain that
// ends in ca, and of the listed CAs above it (ETSI TS 119 615 v1.2.1, 4.3: every
// service that matches a certificate of the path takes part). An intermediate
// that the peer sent may be a listed CA too: a withdrawn one must not come back
// under a cross certificate.
func (s *ServiceSet) servicesOn(chain []*x509.Certificate, ca *listedCA) []*Service {
	var out []*Service
	add := func(services []*Service) {
		for _, svc := range services {
			if !slices.Contains(out, svc) {
				out = append(out, svc)
			}
		}
	}
	for _, c := range chain[1 : len(chain)-1] {
		if listed := s.byEntity[newEntityKey(c.RawSubjectPublicKeyInfo, c.RawSubject)]; listed != nil {
			add(listed.services)
		}
	}
	for range maxListedDepth {
		if ca == nil {
			break
		}
		add(ca.services)
		ca = s.issuerOf(ca)
	}
	return out
}

// issuerOf finds the listed issuer of a listed CA, once for each snapshot.
func (s *ServiceSet) issuerOf(ca *listedCA) *listedCA {
	ca.once.Do(func() {
		cert, err := ca.certificate()
		if err != nil || bytes.Equal(cert.RawSubject, cert.RawIssuer) {
			return
		}
		for _, up := range s.issuersOf(cert) {
			if parent, err := up.anchor(); err == nil && checkSignature(cert, parent) == nil {
				ca.issuer = up
				return
			}
		}
	})
	return ca.issuer
}
