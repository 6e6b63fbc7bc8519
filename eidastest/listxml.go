package eidastest

import (
	"crypto/x509"
	"strconv"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
)

// The URIs of TS 119 612 that the kit writes.
const (
	uriTrustedList = "http://uri.etsi.org/TrstSvc/TrustedList/"
	typeLOTL       = uriTrustedList + "TSLType/EUlistofthelists"
	typeNational   = uriTrustedList + "TSLType/EUgeneric"

	// ServiceCAQC is the type of a CA that issues qualified certificates.
	ServiceCAQC = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC"
	// StatusGranted and StatusWithdrawn are service statuses since eIDAS.
	StatusGranted   = uriTrustedList + "Svcstatus/granted"
	StatusWithdrawn = uriTrustedList + "Svcstatus/withdrawn"
	// ForSignatures, ForSeals and ForWeb are AdditionalServiceInformation.
	ForSignatures = uriTrustedList + "SvcInfoExt/ForeSignatures"
	ForSeals      = uriTrustedList + "SvcInfoExt/ForeSeals"
	ForWeb        = uriTrustedList + "SvcInfoExt/ForWebSiteAuthentication"

	mimeXML = "application/vnd.etsi.tsl+xml"
	// historyDays is what every list of the EU says.
	historyDays = "65535"
)

// pointer is one OtherTSLPointer (TS 119 612, 5.3.13).
type pointer struct {
	url, territory, tslType, operator string
	signers                           []*x509.Certificate
}

// document is what a trusted list says; marshal writes it.
type document struct {
	id         string
	version    int
	sequence   int
	tslType    string
	territory  string
	operator   string
	uris       []string // SchemeInformationURI
	pointers   []pointer
	issued     time.Time
	nextUpdate time.Time // zero: none, the list is final
	url        string
	providers  []*QTSP
}

// marshal writes the list without a signature. With local it is in the form of
// exclusive c14n from the first octet to the last.
func (d *document) marshal(local bool) []byte {
	w := &xmlWriter{local: local}
	attrs := []string{"xmlns", nsTSL}
	if !local {
		attrs = append(attrs, "xmlns:ns2", nsDS, "xmlns:ns3", nsExtra, "xmlns:ns4", nsXAdES,
			"xmlns:ns5", nsSie, "xmlns:ns6", nsXAdES4, "xmlns:ns7", nsMRA)
	}
	attrs = append(attrs, "Id", d.id, "TSLTag", "http://uri.etsi.org/19612/TSLTag")
	w.in("TrustServiceStatusList", func() {
		w.in("SchemeInformation", func() { d.scheme(w) })
		if len(d.providers) > 0 {
			w.in("TrustServiceProviderList", func() {
				for _, q := range d.providers {
					q.marshal(w)
				}
			})
		}
	}, attrs...)
	if local {
		return []byte(w.b.String())
	}
	return []byte(`<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n" + w.b.String() + "\n")
}

// scheme writes the scheme information in the order of TS 119 612, 5.3.
func (d *document) scheme(w *xmlWriter) {
	w.text("TSLVersionIdentifier", strconv.Itoa(d.version))
	w.text("TSLSequenceNumber", strconv.Itoa(d.sequence))
	w.text("TSLType", d.tslType)
	names(w, "SchemeOperatorName", english(d.operator))
	w.in("SchemeOperatorAddress", func() { address(w, d.territory, d.url) })
	names(w, "SchemeName", english(d.territory+":Trusted list of a test world"))
	uris(w, "SchemeInformationURI", d.uris)
	rules := []string{uriTrustedList + "schemerules/EUcommon", uriTrustedList + "schemerules/" + d.territory}
	approach := "StatusDetn/EUappropriate"
	if d.tslType == typeLOTL {
		rules, approach = []string{uriTrustedList + "schemerules/EUlistofthelists"}, "StatusDetn/EUlistofthelists"
	}
	w.text("StatusDeterminationApproach", uriTrustedList+approach)
	uris(w, "SchemeTypeCommunityRules", rules)
	w.text("SchemeTerritory", d.territory)
	w.in("PolicyOrLegalNotice", func() {
		w.text("TSLLegalNotice", "This list is made by a test and has no legal effect.", "xml:lang", "en")
	})
	w.text("HistoricalInformationPeriod", historyDays)
	w.in("PointersToOtherTSL", func() {
		for _, p := range d.pointers {
			w.in("OtherTSLPointer", func() { p.marshal(w) })
		}
	})
	w.text("ListIssueDateTime", timestamp(d.issued))
	w.in("NextUpdate", func() {
		if !d.nextUpdate.IsZero() {
			w.text("dateTime", timestamp(d.nextUpdate))
		}
	})
	w.in("DistributionPoints", func() { w.text("URI", d.url) })
}

func (p *pointer) marshal(w *xmlWriter) {
	w.in("ServiceDigitalIdentities", func() {
		for _, c := range p.signers {
			w.in("ServiceDigitalIdentity", func() {
				w.in("DigitalId", func() { w.base64("X509Certificate", c.Raw) })
			})
		}
	})
	w.text("TSLLocation", p.url)
	// Real lists spread these fields over several OtherInformation elements.
	other := func(body func()) { w.in("OtherInformation", body) }
	w.in("AdditionalInformation", func() {
		other(func() { w.text("TSLType", p.tslType) })
		other(func() { w.text("SchemeTerritory", p.territory) })
		other(func() { w.text("ns3:MimeType", mimeXML, w.ns("ns3", nsExtra)...) })
		other(func() { names(w, "SchemeOperatorName", english(p.operator)) })
	})
}

// marshal writes a provider with its services (TS 119 612, 5.4 and 5.5).
func (q *QTSP) marshal(w *xmlWriter) {
	w.in("TrustServiceProvider", func() {
		w.in("TSPInformation", func() {
			names(w, "TSPName", q.Provider.Names)
			if len(q.Provider.TradeNames) > 0 {
				names(w, "TSPTradeName", q.Provider.TradeNames)
			}
			site := "https://" + q.slug + ".example/"
			w.in("TSPAddress", func() { address(w, q.Territory, site) })
			uris(w, "TSPInformationURI", []string{site})
		})
		w.in("TSPServices", func() {
			for _, s := range q.Services {
				w.in("TSPService", func() { s.marshal(w) })
			}
		})
	})
}

func (s *Service) marshal(w *xmlWriter) {
	w.in("ServiceInformation", func() {
		s.period(w, &s.Periods[0], func() {
			for _, c := range s.Certificates {
				w.in("DigitalId", func() { w.base64("X509Certificate", c.Raw) })
			}
		})
	})
	if len(s.Periods) == 1 {
		return
	}
	w.in("ServiceHistory", func() {
		for i := range s.Periods[1:] {
			w.in("ServiceHistoryInstance", func() { s.period(w, &s.Periods[i+1], func() {}) })
		}
	})
}

// period writes a service information or a history instance. As in real lists,
// a history instance names the key but holds no certificate (TS 119 612, 5.6.3).
func (s *Service) period(w *xmlWriter, p *eidas.Period, certificates func()) {
	w.text("ServiceTypeIdentifier", p.Type)
	names(w, "ServiceName", p.Names)
	w.in("ServiceDigitalIdentity", func() {
		certificates()
		for _, subject := range s.Subjects {
			w.in("DigitalId", func() { w.text("X509SubjectName", subject) })
		}
		for _, id := range s.KeyIDs {
			w.in("DigitalId", func() { w.base64("X509SKI", id) })
		}
	})
	w.text("ServiceStatus", p.Status)
	w.text("StatusStartingTime", timestamp(p.Start))
	extensions(w, p)
}

// names writes a list of texts in languages.
func names(w *xmlWriter, element string, list []eidas.Name) {
	w.in(element, func() {
		for _, n := range list {
			w.text("Name", n.Value, "xml:lang", n.Lang)
		}
	})
}

func uris(w *xmlWriter, element string, list []string) {
	w.in(element, func() {
		for _, u := range list {
			w.text("URI", u, "xml:lang", "en")
		}
	})
}

func address(w *xmlWriter, country, site string) {
	w.in("PostalAddresses", func() {
		w.in("PostalAddress", func() {
			w.text("StreetAddress", "Test Street 1")
			w.text("Locality", "Testville")
			w.text("PostalCode", "00000")
			w.text("CountryName", country)
		}, "xml:lang", "en")
	})
	w.in("ElectronicAddress", func() { w.text("URI", site, "xml:lang", "en") })
}

func english(s string) []eidas.Name { return []eidas.Name{{Lang: "en", Value: s}} }

// timestamp writes the only form of time that lists use: UTC, whole seconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// slugOf makes a host name label of a name.
func slugOf(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
}
