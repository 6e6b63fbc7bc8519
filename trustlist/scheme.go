package trustlist

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// scheme is the SchemeInformation of an authentic list (TS 119 612, 5.3).
type scheme struct {
	version, sequence int
	typ, territory    string
	issued            time.Time
	nextUpdate        time.Time // zero: final
	uris              []string  // SchemeInformationURI, in document order
	pointers          []pointer
}

// schemeInformation reads the children of SchemeInformation. The clauses are of
// TS 119 612 v2.4.1; elements that nothing here depends on are passed over.
func (p *parser) schemeInformation(s *scheme) {
	var update bool
	p.children(func(n xmldsig.Name) {
		if n.Space != nsTSL {
			return
		}
		switch n.Local {
		case "TSLVersionIdentifier": // 5.3.1
			p.number(&s.version, n.Local)
		case "TSLSequenceNumber": // 5.3.2
			p.number(&s.sequence, n.Local)
		case "TSLType": // 5.3.3
			p.once(&s.typ, n.Local)
		case "SchemeInformationURI": // 5.3.7
			p.uris(&s.uris)
		case "SchemeTerritory": // 5.3.10
			p.once(&s.territory, n.Local)
		case "PointersToOtherTSL": // 5.3.13
			p.pointers(&s.pointers)
		case "ListIssueDateTime": // 5.3.14
			p.instant(&s.issued, n.Local)
		case "NextUpdate": // 5.3.15: without dateTime the list is final
			if update {
				p.malformed("two NextUpdate")
			}
			update = true
			p.children(func(n xmldsig.Name) {
				if n == tsl("dateTime") {
					p.instant(&s.nextUpdate, n.Local)
				}
			})
		}
	})
	switch {
	case s.version == 0:
		p.malformed("no TSLVersionIdentifier")
	case s.sequence == 0:
		p.malformed("no TSLSequenceNumber")
	case s.issued.IsZero():
		p.malformed("no ListIssueDateTime")
	case !update:
		p.malformed("no NextUpdate")
	}
}

// uris reads the URI children of a MultiLangURIList. The limit is for all such
// elements of a list together: those of a LOTL are read before its signature.
func (p *parser) uris(all *[]string) {
	p.children(func(n xmldsig.Name) {
		if n == tsl("URI") && p.take(len(*all), maxSchemeURIs, "URIs") {
			*all = append(*all, p.text())
		}
	})
}

func (p *parser) pointers(all *[]pointer) {
	p.children(func(n xmldsig.Name) {
		if n == tsl("OtherTSLPointer") && p.take(len(*all), maxPointers, "pointers") {
			*all = append(*all, p.pointer())
		}
	})
}

func (p *parser) pointer() pointer {
	var t pointer
	p.children(func(n xmldsig.Name) {
		switch n {
		case tsl("ServiceDigitalIdentities"):
			p.children(func(n xmldsig.Name) {
				if n == tsl("ServiceDigitalIdentity") {
					p.pointerIdentity(&t)
				}
			})
		case tsl("TSLLocation"):
			t.set(&t.url, p.text())
		case tsl("AdditionalInformation"):
			p.children(func(n xmldsig.Name) {
				if n == tsl("OtherInformation") {
					p.otherInformation(&t)
				}
			})
		}
	})
	return t
}

// pointerIdentity adds the certificates of one digital identity to the signers.
// What is not base64 can be nobody's certificate and is passed over.
func (p *parser) pointerIdentity(t *pointer) {
	p.children(func(n xmldsig.Name) {
		if n != tsl("DigitalId") {
			return
		}
		p.children(func(n xmldsig.Name) {
			if n != tsl("X509Certificate") || !p.take(len(t.signers), maxPointerSigners, "signers of a pointer") {
				return
			}
			der, err := p.binary()
			if err != nil {
				return
			}
			if f := sha256.Sum256(der); !slices.Contains(t.signers, f) {
				t.signers = append(t.signers, f)
			}
		})
	})
}

func (p *parser) otherInformation(t *pointer) {
	p.children(func(n xmldsig.Name) {
		switch n {
		case tsl("TSLType"):
			t.set(&t.typ, p.text())
		case tsl("SchemeTerritory"):
			t.set(&t.territory, p.text())
		case tslx("MimeType"):
			t.set(&t.mime, p.text())
		}
	})
}
