package trustlist

import (
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// content is what an authentic list says.
type content struct {
	scheme   scheme
	services []*eidas.Service
	// skipped counts services that are left out because what their status
	// depends on is missing or stated twice; nothing can be granted by them.
	skipped int
	// unreadable counts certificates and key identifiers that are no such thing;
	// the services they belong to are kept.
	unreadable int
}

// parseList reads the octets that were signed. When the scheme information is
// complete, accept may refuse the list before any service is read; it also says
// which List the services are to name.
func parseList(octets []byte, in *interner, accept func(*scheme) (*eidas.List, *Error)) (*content, *Error) {
	p := &parser{r: xmldsig.NewReader(octets), in: in}
	if !p.root(tsl("TrustServiceStatusList")) {
		return nil, p.failure()
	}
	var list *eidas.List
	p.children(func(n xmldsig.Name) {
		switch {
		case n == tsl("SchemeInformation") && list == nil:
			p.schemeInformation(&p.out.scheme)
			if p.err != nil {
				return
			}
			l, err := accept(&p.out.scheme)
			if err != nil {
				p.err = err
				return
			}
			list = l
		case n == tsl("TrustServiceProviderList") && list != nil:
			p.providerList(list)
		default:
			// A second SchemeInformation, or one after the providers, would be
			// two statements about one list.
			p.malformed("unexpected element %q", n)
		}
	})
	if p.err == nil && list == nil {
		p.malformed("no SchemeInformation")
	}
	return &p.out, p.failure()
}

func (p *parser) providerList(l *eidas.List) {
	count := 0
	p.children(func(n xmldsig.Name) {
		if n == tsl("TrustServiceProvider") && p.take(count, maxProviders, "providers") {
			count++
			p.provider(l)
		}
	})
}

// provider reads a TrustServiceProvider (5.4).
func (p *parser) provider(l *eidas.List) {
	tsp := &eidas.Provider{}
	p.children(func(n xmldsig.Name) {
		switch n {
		case tsl("TSPInformation"):
			p.children(func(n xmldsig.Name) {
				switch n {
				case tsl("TSPName"): // 5.4.1
					p.names(&tsp.Names)
				case tsl("TSPTradeName"): // 5.4.2
					p.names(&tsp.TradeNames)
				}
			})
		case tsl("TSPServices"):
			p.children(func(n xmldsig.Name) {
				if n == tsl("TSPService") && p.take(len(p.out.services)+p.out.skipped, maxServices, "services") {
					p.service(l, tsp)
				}
			})
		}
	})
}

// service reads a TSPService (5.5): the current information, then the history,
// newest first (5.5.10). The order of the document is kept even where starting
// times are not in order: what is current must come from ServiceInformation.
func (p *parser) service(l *eidas.List, tsp *eidas.Provider) {
	s := &eidas.Service{List: l, Provider: tsp}
	p.defect, p.entries, p.identifiers = "", 0, 0
	p.children(func(n xmldsig.Name) {
		switch {
		case n == tsl("ServiceInformation") && len(s.Periods) == 0:
			s.Periods = append(s.Periods, p.period(s))
		case n == tsl("ServiceHistory") && len(s.Periods) == 1:
			p.children(func(n xmldsig.Name) {
				if n == tsl("ServiceHistoryInstance") && p.take(len(s.Periods), maxPeriods, "history instances of a service") {
					s.Periods = append(s.Periods, p.period(nil))
				}
			})
		default:
			p.flaw("unexpected element " + n.String())
		}
	})
	if len(s.Periods) == 0 {
		p.flaw("no ServiceInformation")
	}
	if p.defect != "" {
		p.out.skipped++
		return
	}
	p.out.services = append(p.out.services, s)
}

// period reads a ServiceInformation or a ServiceHistoryInstance. The digital
// identity goes to s; that of a history instance is not read, because the
// service is identified by its current one (TS 119 615 v1.2.1, 4.3) and most
// history instances have no certificate.
func (p *parser) period(s *eidas.Service) eidas.Period {
	var d eidas.Period
	p.children(func(n xmldsig.Name) {
		if n.Space != nsTSL {
			return
		}
		switch n.Local {
		case "ServiceTypeIdentifier": // 5.5.1
			p.onceFlaw(&d.Type, n.Local)
		case "ServiceName": // 5.5.2
			p.names(&d.Names)
		case "ServiceDigitalIdentity": // 5.5.3
			if s != nil {
				p.identity(s)
			}
		case "ServiceStatus": // 5.5.4
			p.onceFlaw(&d.Status, n.Local)
		case "StatusStartingTime": // 5.5.5
			t, ok := parseTime(p.text())
			if !ok || !d.Start.IsZero() {
				p.flaw(n.Local)
			}
			d.Start = t
		case "ServiceInformationExtensions": // 5.5.9
			p.children(func(n xmldsig.Name) {
				if n == tsl("Extension") && p.entry() {
					p.extension(&d)
				}
			})
		}
	})
	if d.Type == "" || d.Status == "" || d.Start.IsZero() {
		p.flaw("service information without type, status or starting time")
	}
	return d
}

// identity reads a ServiceDigitalIdentity (5.5.3).
func (p *parser) identity(s *eidas.Service) {
	p.children(func(n xmldsig.Name) {
		if n != tsl("DigitalId") {
			return
		}
		p.children(func(n xmldsig.Name) {
			if n.Space != nsTSL || !p.take(p.identifiers, maxIdentities, "identifiers of a service") {
				return
			}
			p.identifiers++
			switch n.Local {
			case "X509Certificate":
				p.certificate(s)
			case "X509SKI":
				id, err := p.binary()
				if err != nil || len(id) == 0 {
					p.out.unreadable++
					return
				}
				s.KeyIDs = append(s.KeyIDs, id)
			case "X509SubjectName":
				s.Subjects = append(s.Subjects, p.text())
			}
		})
	})
}

// certificate adds a certificate to the identity of s. One that cannot be read
// takes neither the service nor the list with it: real lists have such.
func (p *parser) certificate(s *eidas.Service) {
	der, err := p.binary()
	if err != nil {
		p.out.unreadable++
		return
	}
	a, err := eidas.ParseAnchor(der)
	if err != nil {
		p.out.unreadable++
		return
	}
	s.Anchors = append(s.Anchors, a)
}

// names reads the Name children of a MultiLangNormStringList.
func (p *parser) names(all *[]eidas.Name) {
	p.children(func(n xmldsig.Name) {
		if n == tsl("Name") && p.take(len(*all), maxNames, "names") {
			lang, _ := p.attr(nsXML, "lang")
			*all = append(*all, eidas.Name{Lang: lang, Value: p.text()})
		}
	})
}

// parseTime reads an xs:dateTime with a time zone. TS 119 612, 5.1.3 wants UTC
// and whole seconds; an offset or a fraction is unambiguous and is taken.
func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() {
		return time.Time{}, false
	}
	return t.UTC(), true
}
