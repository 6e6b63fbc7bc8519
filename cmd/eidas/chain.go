package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b953571c/eidas"
)

// readChain reads the certificates of files, the leaf first. An *eidas.Error
// says that something is there which passes for no certificate; any other error
// is one of input.
func (e *env) readChain(files []string) ([]*x509.Certificate, error) {
	if len(files) == 0 {
		return nil, usagef("no CHAIN given")
	}
	var chain []*x509.Certificate
	for _, name := range files {
		data, err := e.readInput(name, maxInputSize)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		ders, err := splitCertificates(data)
		switch {
		case errors.Is(err, errBadPEM):
			return nil, &eidas.Error{Reason: eidas.ReasonCertificateMalformed, Err: fmt.Errorf("%s: %w", name, err)}
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, der := range ders {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, &eidas.Error{Reason: eidas.ReasonCertificateMalformed, Err: fmt.Errorf("%s: %w", name, err)}
			}
			chain = append(chain, c)
		}
	}
	return chain, nil
}

// refusalOf parts a refusal of a certificate from errors of usage and input.
func refusalOf(err error) (*eidas.Error, error) {
	if refusal, ok := errors.AsType[*eidas.Error](err); ok {
		return refusal, nil
	}
	return nil, err
}

// serviceReport is the JSON of the service that decided, with its trusted list.
type serviceReport struct {
	eidas.RecordService
	StatusURI string `json:"status_uri"`
}

// newServiceReport describes a service in the period that decided, nil for none.
func newServiceReport(s *eidas.Service, p *eidas.Period) *serviceReport {
	if s == nil {
		return nil
	}
	if p == nil {
		p = s.Current()
	}
	return &serviceReport{eidas.RecordService{
		Territory: s.List.Territory, Provider: eidas.English(s.Provider.Names), Name: eidas.English(p.Names),
		Status: lastSegment(p.Status), Since: p.Start.UTC().Format(time.RFC3339),
		List: s.List.URL, Sequence: s.List.Sequence,
	}, p.Status}
}

// lastSegment returns what follows the last slash of a URI.
func lastSegment(uri string) string {
	for i := len(uri) - 1; i >= 0; i-- {
		if uri[i] == '/' {
			return uri[i+1:]
		}
	}
	return uri
}

// certReport is the JSON of a certificate of the path.
type certReport struct {
	Subject  string    `json:"subject"`
	SHA256   string    `json:"sha256"`
	NotAfter time.Time `json:"not_after"`
}

func chainReport(chain []*x509.Certificate) []certReport {
	out := make([]certReport, 0, len(chain))
	for _, c := range chain {
		sum := sha256.Sum256(c.Raw)
		out = append(out, certReport{nameText(&c.Subject), hex.EncodeToString(sum[:]), c.NotAfter.UTC()})
	}
	return out
}

// qualificationReport is the JSON of ETSI TS 119 615, 4.4.
type qualificationReport struct {
	Conclusion    string                `json:"conclusion"`
	Qualified     bool                  `json:"qualified"`
	Type          eidas.CertificateType `json:"type"`
	QSCD          bool                  `json:"qscd"`
	Indeterminate bool                  `json:"indeterminate"`
	AtIssuance    sideReport            `json:"at_issuance"`
	AtTime        sideReport            `json:"at_time"`
	Warnings      []eidas.Warning       `json:"warnings"`
}

// sideReport is the qualification at one of the two times.
type sideReport struct {
	At            time.Time             `json:"at"`
	Conclusion    string                `json:"conclusion"`
	Qualified     bool                  `json:"qualified"`
	Type          eidas.CertificateType `json:"type"`
	QSCD          bool                  `json:"qscd"`
	Indeterminate bool                  `json:"indeterminate"`
	Reason        string                `json:"reason"` // "" when qualified
	Service       *serviceReport        `json:"service"`
	Qualifiers    []string              `json:"qualifiers"`
	Warnings      []eidas.Warning       `json:"warnings"`
}

func newQualificationReport(q *eidas.Qualified) *qualificationReport {
	r := &qualificationReport{
		Conclusion: q.Conclusion(), Qualified: q.Qualified, Type: q.Type, QSCD: q.QSCD, Indeterminate: q.Indeterminate,
		AtIssuance: newSideReport(&q.AtIssuance), AtTime: newSideReport(&q.AtTime), Warnings: []eidas.Warning{},
	}
	seen := make(map[eidas.Warning]bool)
	for _, side := range [][]eidas.Warning{q.AtIssuance.Warnings, q.AtTime.Warnings} {
		for _, w := range side {
			if !seen[w] {
				seen[w] = true
				r.Warnings = append(r.Warnings, w)
			}
		}
	}
	return r
}

func newSideReport(q *eidas.QualifiedAt) sideReport {
	r := sideReport{
		At: q.At.UTC(), Conclusion: q.Conclusion(), Qualified: q.Qualified, Type: q.Type, QSCD: q.QSCD,
		Indeterminate: q.Indeterminate, Service: newServiceReport(q.Service, q.Period),
		Qualifiers: append([]string{}, q.Qualifiers...), Warnings: append([]eidas.Warning{}, q.Warnings...),
	}
	if q.Reason != 0 {
		r.Reason = q.Reason.String()
	}
	return r
}
