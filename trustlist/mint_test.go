package trustlist_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/xmldsig"
	"github.com/seed-b953571c/eidas/trustlist"
)

const (
	typeGeneric     = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUgeneric"
	typeListOfLists = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUlistofthelists"
	mimeXML         = "application/vnd.etsi.tsl+xml"

	urlLOTL   = "https://lotl.example/lotl.xml"
	urlNotice = "https://eur-lex.europa.eu/notice/1"
	urlUT     = "https://ut.example/tl.xml"
	urlVT     = "https://vt.example/tl.xml"
)

// now is the time that minted lists are judged at.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// operator signs lists.
type operator struct {
	key *ecdsa.PrivateKey
	der []byte
}

func newOperator(tb testing.TB, name string) *operator {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(tb, err)
	return &operator{key, der}
}

func (o *operator) fingerprint() [32]byte { return sha256.Sum256(o.der) }

func (o *operator) sign(tb testing.TB, doc string) []byte {
	tb.Helper()
	signed, err := xmldsig.Sign([]byte(doc), o.key, o.der, xmldsig.SignOptions{At: now.AddDate(0, -1, 0)})
	require.NoError(tb, err)
	return signed
}

// link is a pointer to another list. Raw replaces the AdditionalInformation.
type link struct {
	url, territory, typ, mime string
	signers                   []*operator
	raw                       string
}

func (l link) xml() string {
	var b strings.Builder
	b.WriteString("<OtherTSLPointer><ServiceDigitalIdentities>")
	for _, s := range l.signers {
		fmt.Fprintf(&b, "<ServiceDigitalIdentity><DigitalId><X509Certificate>\n%s\n</X509Certificate></DigitalId></ServiceDigitalIdentity>",
			base64.StdEncoding.EncodeToString(s.der))
	}
	fmt.Fprintf(&b, "</ServiceDigitalIdentities><TSLLocation>%s</TSLLocation><AdditionalInformation>", l.url)
	if l.raw != "" {
		b.WriteString(l.raw)
	} else {
		b.WriteString(other("<TSLType>"+l.typ+"</TSLType>") + other("<SchemeTerritory>"+l.territory+"</SchemeTerritory>") +
			other("<x:MimeType>"+l.mime+"</x:MimeType>"))
	}
	b.WriteString("</AdditionalInformation></OtherTSLPointer>")
	return b.String()
}

func other(xml string) string { return "<OtherInformation>" + xml + "</OtherInformation>" }

// spec is a list to mint. Empty fields get the usual value.
type spec struct {
	territory, typ    string
	version, sequence int
	issued            time.Time
	next              string // xml of NextUpdate's content; "-" for no element
	uris              []string
	links             []link
	scheme            string // more children of SchemeInformation
	providers         string // content of TrustServiceProviderList; "" for no element
}

func (s spec) xml() string {
	def := func(v *int, usual int) {
		if *v == 0 {
			*v = usual
		}
	}
	def(&s.version, 5)
	def(&s.sequence, 1)
	if s.typ == "" {
		s.typ = typeGeneric
	}
	if s.issued.IsZero() {
		s.issued = now.AddDate(0, -1, 0)
	}
	if s.next == "" {
		s.next = "<dateTime>" + now.AddDate(0, 5, 0).Format(time.RFC3339) + "</dateTime>"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#" xmlns:x="http://uri.etsi.org/02231/v2/additionaltypes#"`+
		` xmlns:s="http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#" xmlns:a="http://uri.etsi.org/01903/v1.3.2#"`+
		` xmlns:m="http://ec.europa.eu/tools/lotl/mra/schema/v2#">`+"\n"+
		"<SchemeInformation><TSLVersionIdentifier> %d </TSLVersionIdentifier><TSLSequenceNumber>%d</TSLSequenceNumber>"+
		"<TSLType>\n%s </TSLType><SchemeInformationURI>", s.version, s.sequence, s.typ)
	for _, u := range s.uris {
		fmt.Fprintf(&b, `<URI xml:lang="en">%s</URI>`, u)
	}
	fmt.Fprintf(&b, "</SchemeInformationURI><SchemeTerritory>%s</SchemeTerritory><PointersToOtherTSL>", s.territory)
	for _, l := range s.links {
		b.WriteString(l.xml())
	}
	fmt.Fprintf(&b, "</PointersToOtherTSL><ListIssueDateTime>%s</ListIssueDateTime>", s.issued.Format(time.RFC3339))
	if s.next != "-" {
		b.WriteString("<NextUpdate>" + s.next + "</NextUpdate>")
	}
	b.WriteString(s.scheme + "</SchemeInformation>")
	if s.providers != "" {
		b.WriteString("<TrustServiceProviderList>" + s.providers + "</TrustServiceProviderList>")
	}
	b.WriteString("</TrustServiceStatusList>\n")
	return b.String()
}

// provider returns a TrustServiceProvider with these TSPServices.
func provider(services ...string) string {
	return `<TrustServiceProvider><TSPInformation><TSPName><Name xml:lang="en">Test  Trust
 GmbH</Name><Name xml:lang="de">Prüf &amp; Vertrau</Name></TSPName><TSPTradeName><Name xml:lang="en">VATUT-123</Name></TSPTradeName>` +
		`</TSPInformation><TSPServices>` + strings.Join(services, "") + `</TSPServices></TrustServiceProvider>`
}

// service returns a TSPService whose current information has these extensions.
func service(der []byte, status, extensions string) string {
	return "<TSPService>" + information(der, status, extensions) + "</TSPService>"
}

func information(der []byte, status, extensions string) string {
	return "<ServiceInformation>" + body(der, status, "2020-01-01T00:00:00Z", extensions) + "</ServiceInformation>"
}

func body(der []byte, status, start, extensions string) string {
	if extensions != "" {
		extensions = "<ServiceInformationExtensions>" + extensions + "</ServiceInformationExtensions>"
	}
	return `<ServiceTypeIdentifier>http://uri.etsi.org/TrstSvc/Svctype/CA/QC</ServiceTypeIdentifier>` +
		`<ServiceName><Name xml:lang="en">CA</Name></ServiceName><ServiceDigitalIdentity><DigitalId><X509Certificate>` +
		base64.StdEncoding.EncodeToString(der) + `</X509Certificate></DigitalId></ServiceDigitalIdentity>` +
		`<ServiceStatus>http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/` + status + `</ServiceStatus>` +
		`<StatusStartingTime>` + start + `</StatusStartingTime>` + extensions
}

// memory is a Source. Fetches of the URLs in fail give that error.
type memory struct {
	mu    sync.Mutex
	files map[string][]byte
	fail  map[string]error
	asked []string
}

func (m *memory) Fetch(_ context.Context, url string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, url)
	if err := m.fail[url]; err != nil {
		return nil, err
	}
	doc, ok := m.files[url]
	if !ok {
		return nil, trustlist.ReasonNotFound
	}
	return doc, nil
}

// union is a minted world: a LOTL in the hands of eu, and lists of two states.
type union struct {
	tb                   testing.TB
	eu, ut, vt           *operator
	lotl, utList, vtList spec
	source               *memory
}

func newUnion(tb testing.TB) *union {
	tb.Helper()
	u := &union{tb: tb, eu: newOperator(tb, "EU"), ut: newOperator(tb, "UT"), vt: newOperator(tb, "VT")}
	u.source = &memory{files: map[string][]byte{}, fail: map[string]error{}}
	u.lotl = spec{
		territory: "EU", typ: typeListOfLists, sequence: 100, uris: []string{urlNotice, "https://lotl.example/legal.html"},
		links: []link{
			self(u.eu),
			{url: "https://ut.example/tl.pdf", territory: "UT", typ: typeGeneric, mime: "application/pdf", signers: []*operator{u.ut}},
			{url: urlUT, territory: "UT", typ: typeGeneric, mime: mimeXML, signers: []*operator{u.ut}},
			{url: urlVT, territory: "VT", typ: typeGeneric, mime: "Application/VND.etsi.tsl+XML", signers: []*operator{u.vt}},
		},
	}
	u.utList = spec{territory: "UT", sequence: 7, providers: provider(service(u.ut.der, "granted", ""), service(u.eu.der, "withdrawn", ""))}
	u.vtList = spec{territory: "VT", sequence: 8, providers: provider(service(u.vt.der, "granted", ""))}
	return u
}

// self is the LOTL's pointer to itself.
func self(signers ...*operator) link {
	return link{url: urlLOTL, territory: "EU", typ: typeListOfLists, mime: mimeXML, signers: signers}
}

// publish signs and serves the three lists.
func (u *union) publish() {
	u.source.files[urlLOTL] = u.eu.sign(u.tb, u.lotl.xml())
	u.source.files[urlUT] = u.ut.sign(u.tb, u.utList.xml())
	u.source.files[urlVT] = u.vt.sign(u.tb, u.vtList.xml())
}

func (u *union) anchors() trustlist.Anchors {
	return trustlist.Anchors{
		Profile: eidas.ProfileTest, LOTL: urlLOTL, OfficialJournal: urlNotice, Signers: [][32]byte{u.eu.fingerprint()},
	}
}

func (u *union) load() (*trustlist.Snapshot, error) {
	u.tb.Helper()
	return trustlist.Load(u.tb.Context(), trustlist.Config{Anchors: u.anchors(), Source: u.source}, now)
}

func (u *union) mustLoad() *trustlist.Snapshot {
	u.tb.Helper()
	s, err := u.load()
	require.NoError(u.tb, err)
	return s
}

// report returns the report of the list at url.
func report(tb testing.TB, s *trustlist.Snapshot, url string) trustlist.ListReport {
	tb.Helper()
	for _, r := range s.Lists {
		if r.URL == url {
			return r
		}
	}
	require.Fail(tb, "no report", "url %q", url)
	return trustlist.ListReport{}
}
