package trustlist_test

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/trustlist"
)

// parse reads the services of a list with these providers.
func parse(tb testing.TB, providers string) trustlist.Parsed {
	tb.Helper()
	p, err := trustlist.ParseOctets([]byte(spec{territory: "UT", providers: providers}.xml()))
	require.NoError(tb, err)
	return p
}

// one reads the current information of a service with these extensions.
func one(tb testing.TB, extensions string) *eidas.Period {
	tb.Helper()
	p := parse(tb, provider(service(nil, "granted", extensions)))
	require.Len(tb, p.Services, 1)
	return p.Services[0].Current()
}

const root = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/"

func extension(critical, xml string) string {
	return `<Extension Critical="` + critical + `">` + xml + `</Extension>`
}

func TestServiceWithHistory(t *testing.T) {
	o := newOperator(t, "CA")
	history := func(status, start string) string {
		return "<ServiceHistoryInstance>" + body(o.der, status, start, "") + "</ServiceHistoryInstance>"
	}
	p := parse(t, provider("<TSPService>"+information(o.der, "withdrawn", "")+"<ServiceHistory>"+
		history("granted", "2017-07-01T00:00:00Z")+history("undersupervision", "2015-01-01T01:00:00+01:00")+
		"</ServiceHistory></TSPService>"))
	require.Len(t, p.Services, 1)
	s := p.Services[0]
	require.Len(t, s.Periods, 3)
	assert.Equal(t, "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn", s.Current().Status)
	assert.Equal(t, "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted", s.Periods[1].Status)
	assert.Equal(t, time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC), s.Periods[2].Start)
	assert.Equal(t, "http://uri.etsi.org/TrstSvc/Svctype/CA/QC", s.Periods[2].Type)
	require.Len(t, s.Anchors, 1, "the identity is the current one")
	assert.Equal(t, o.der, s.Anchors[0].Raw)
	assert.Equal(t, []eidas.Name{{Lang: "en", Value: "Test Trust GmbH"}, {Lang: "de", Value: "Prüf & Vertrau"}}, s.Provider.Names)
	assert.Equal(t, []eidas.Name{{Lang: "en", Value: "VATUT-123"}}, s.Provider.TradeNames)
	assert.Equal(t, []eidas.Name{{Lang: "en", Value: "CA"}}, s.Current().Names)
	assert.Equal(t, "UT", s.List.Territory)
}

func TestDigitalIdentity(t *testing.T) {
	o := newOperator(t, "CA")
	cert := base64.StdEncoding.EncodeToString(o.der)
	var folded strings.Builder
	for i := 0; i < len(cert); i += 64 {
		folded.WriteString("\r\n\t  " + cert[i:min(i+64, len(cert))])
	}
	id := func(xml string) string { return "<DigitalId>" + xml + "</DigitalId>" }
	x := func(text string) string { return id("<X509Certificate>" + text + "</X509Certificate>") }
	rows := []struct {
		name                  string
		xml                   string
		certs, keys, subjects int
		unreadable            int
	}{
		{"nothing", "", 0, 0, 0, 0},
		{"certificate", x(cert), 1, 0, 0, 0},
		{"certificate in folded base64", x(folded.String()), 1, 0, 0, 0},
		{"three certificates", x(cert) + x(cert) + x(cert), 3, 0, 0, 0},
		{"two in one DigitalId", id("<X509Certificate>" + cert + "</X509Certificate><X509Certificate>" + cert + "</X509Certificate>"), 2, 0, 0, 0},
		{"key identifier and subject", id("<X509SKI>AQID</X509SKI>") + id("<X509SubjectName>CN=CA, C=UT</X509SubjectName>"), 0, 1, 1, 0},
		{"something else", id("<Other><x:Foo/></Other>") + x(cert), 1, 0, 0, 0},
		{"bad base64 beside a good one", x("*"+cert) + x(cert), 1, 0, 0, 1},
		{"no certificate beside a good one", x("AQID") + x(cert), 1, 0, 0, 1},
		{"empty certificate", x(""), 0, 0, 0, 1},
		{"certificate cut short", x(cert[:200]), 0, 0, 0, 1},
		{"empty key identifier", id("<X509SKI/>"), 0, 0, 0, 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			whole := service(nil, "granted", "")
			empty := x("")
			require.Contains(t, whole, empty)
			p := parse(t, provider(strings.Replace(whole, empty, row.xml, 1)))
			require.Len(t, p.Services, 1, "an odd identity takes no service")
			s := p.Services[0]
			assert.Len(t, s.Anchors, row.certs)
			assert.Len(t, s.KeyIDs, row.keys)
			assert.Len(t, s.Subjects, row.subjects)
			assert.Equal(t, row.unreadable, p.Unreadable)
		})
	}
}

// A service whose status cannot be told is left out, alone.
func TestServiceSkipped(t *testing.T) {
	whole := service(nil, "granted", "")
	cut := func(from, to string) string {
		i, j := strings.Index(whole, from), strings.Index(whole, to)
		return whole[:i] + whole[j+len(to):]
	}
	twice := func(from, to string) string {
		i, j := strings.Index(whole, from), strings.Index(whole, to)+len(to)
		return whole[:j] + whole[i:j] + whole[j:]
	}
	history := "<ServiceHistory><ServiceHistoryInstance>" + body(nil, "granted", "2019-01-01T00:00:00Z", "") + "</ServiceHistoryInstance></ServiceHistory>"
	rows := []struct{ name, xml string }{
		{"empty", "<TSPService/>"},
		{"no status", cut("<ServiceStatus>", "</ServiceStatus>")},
		{"two statuses", twice("<ServiceStatus>", "</ServiceStatus>")},
		{"no type", cut("<ServiceTypeIdentifier>", "</ServiceTypeIdentifier>")},
		{"two types", twice("<ServiceTypeIdentifier>", "</ServiceTypeIdentifier>")},
		{"no starting time", cut("<StatusStartingTime>", "</StatusStartingTime>")},
		{"two starting times", twice("<StatusStartingTime>", "</StatusStartingTime>")},
		{"starting time without zone", strings.Replace(whole, "00:00:00Z", "00:00:00", 1)},
		{"two informations", strings.Replace(whole, "</TSPService>", information(nil, "withdrawn", "")+"</TSPService>", 1)},
		{"history first", strings.Replace(whole, "<TSPService>", "<TSPService>"+history, 1)},
		{"two histories", strings.Replace(whole, "</TSPService>", history+history+"</TSPService>", 1)},
		{"history without status", strings.Replace(whole, "</TSPService>",
			"<ServiceHistory><ServiceHistoryInstance/></ServiceHistory></TSPService>", 1)},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := parse(t, provider(row.xml, whole))
			assert.Len(t, p.Services, 1)
			assert.Equal(t, 1, p.Skipped)
		})
	}
	p := parse(t, provider(strings.Replace(whole, "</TSPService>", history+"</TSPService>", 1), whole))
	assert.Len(t, p.Services, 2, "twin")
	assert.Zero(t, p.Skipped)
}

func TestExtensions(t *testing.T) {
	const asi = "<AdditionalServiceInformation><URI xml:lang=\"en\">" + root + "ForeSeals\n</URI><InformationValue>x</InformationValue></AdditionalServiceInformation>"
	const taken = "<x:TakenOverBy><x:URI xml:lang=\"en\">https://new.example</x:URI><x:TSPName/></x:TakenOverBy>"
	const foreign = `<f:Foo xmlns:f="http://foreign.example/"><URI>x</URI></f:Foo>`
	rows := []struct {
		name, xml string
		want      func(*eidas.Period)
	}{
		{"additional information", extension("true", asi), func(d *eidas.Period) { d.AdditionalInfo = []string{root + "ForeSeals"} }},
		{"two of them", extension("true", asi) + extension("false", asi), func(d *eidas.Period) {
			d.AdditionalInfo = []string{root + "ForeSeals", root + "ForeSeals"}
		}},
		{"additional information without URI", extension("true", "<AdditionalServiceInformation/>"), func(d *eidas.Period) {
			d.UnknownCritical = []string{"{http://uri.etsi.org/02231/v2#}AdditionalServiceInformation"}
		}},
		{"taken over, critical as in Italy", extension("true", taken), func(d *eidas.Period) { d.TakenOverBy = "https://new.example" }},
		{"expired certificates", extension("false", "<ExpiredCertsRevocationInfo> 2016-06-30T21:00:39Z </ExpiredCertsRevocationInfo>"), func(d *eidas.Period) {
			d.ExpiredCerts = time.Date(2016, 6, 30, 21, 0, 39, 0, time.UTC)
		}},
		{"foreign, not critical as in Slovakia", extension("false", foreign), func(*eidas.Period) {}},
		{"foreign, not critical, 0", extension("0", foreign), func(*eidas.Period) {}},
		{"foreign, critical", extension("true", foreign), func(d *eidas.Period) { d.UnknownCritical = []string{"{http://foreign.example/}Foo"} }},
		{"foreign, critical, 1", extension("1", foreign), func(d *eidas.Period) { d.UnknownCritical = []string{"{http://foreign.example/}Foo"} }},
		{"foreign, Critical not stated", "<Extension>" + foreign + "</Extension>", func(d *eidas.Period) {
			d.UnknownCritical = []string{"{http://foreign.example/}Foo"}
		}},
		{"known name in a foreign namespace", extension("true", `<f:TakenOverBy xmlns:f="http://foreign.example/"/>`), func(d *eidas.Period) {
			d.UnknownCritical = []string{"{http://foreign.example/}TakenOverBy"}
		}},
		{"empty, critical", extension("true", ""), func(d *eidas.Period) { d.UnknownCritical = []string{""} }},
		{"known and foreign in one, critical", extension("true", asi+foreign), func(d *eidas.Period) {
			d.AdditionalInfo = []string{root + "ForeSeals"}
			d.UnknownCritical = []string{"{http://foreign.example/}Foo"}
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			want := *one(t, "")
			row.want(&want)
			assert.Equal(t, want, *one(t, row.xml))
		})
	}
}

// qualification reads one QualificationElement.
func qualification(tb testing.TB, element string) eidas.Qualification {
	tb.Helper()
	d := one(tb, extension("true", "<s:Qualifications><s:QualificationElement>"+element+"</s:QualificationElement></s:Qualifications>"))
	require.Len(tb, d.Qualifications, 1)
	require.Empty(tb, d.UnknownCritical)
	return d.Qualifications[0]
}

func oid(element, text string) string {
	return "<" + element + "><a:Identifier>" + text + "</a:Identifier></" + element + ">"
}

func TestQualifiers(t *testing.T) {
	q := qualification(t, `<s:Qualifiers><s:Qualifier uri="`+root+`QCWithQSCD"/><s:Qualifier uri=" `+root+`QCForESeal "/></s:Qualifiers><s:CriteriaList assert="all"/>`)
	assert.Equal(t, []string{root + "QCWithQSCD", root + "QCForESeal"}, q.Qualifiers)
	assert.Equal(t, eidas.Criteria{Assert: eidas.AssertAll}, q.Criteria)

	assert.Equal(t, []string{"CriteriaList"}, qualification(t, "").Criteria.Unknown, "no criteria: undecidable")
	assert.NotEmpty(t, qualification(t, `<s:CriteriaList assert="all"/><s:CriteriaList assert="none"/>`).Criteria.Unknown, "two criteria lists: undecidable")
	assert.NotEmpty(t, qualification(t, `<s:CriteriaList assert="all"/><s:Foo/>`).Criteria.Unknown)
	assert.Zero(t, qualification(t, `<s:CriteriaList/>`).Criteria.Assert, "no assert: undecidable")
	assert.Zero(t, qualification(t, `<s:CriteriaList assert="some"/>`).Criteria.Assert)

	d := one(t, extension("true", "<s:Qualifications><s:Foo/></s:Qualifications>"))
	assert.NotEmpty(t, d.UnknownCritical)
}

func TestCriteria(t *testing.T) {
	const sie = "{http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#}"
	policies := func(texts ...string) string {
		s := ""
		for _, x := range texts {
			s += oid("s:PolicyIdentifier", x)
		}
		return "<s:PolicySet>" + s + "</s:PolicySet>"
	}
	bits := func(pairs ...string) string {
		s := ""
		for i := 0; i < len(pairs); i += 2 {
			s += `<s:KeyUsageBit name="` + pairs[i] + `">` + pairs[i+1] + `</s:KeyUsageBit>`
		}
		return "<s:KeyUsage>" + s + "</s:KeyUsage>"
	}
	bit := func(b x509.KeyUsage, v bool) eidas.KeyUsageBit { return eidas.KeyUsageBit{Bit: b, Value: v} }
	others := func(xml string) string { return "<s:otherCriteriaList>" + xml + "</s:otherCriteriaList>" }
	unknown := func(names ...string) eidas.Criteria { return eidas.Criteria{Unknown: names} }
	rows := []struct {
		name, xml string
		want      eidas.Criteria
	}{
		{"description only", "<s:Description>x</s:Description>", eidas.Criteria{}},
		{"key usage", bits("nonRepudiation", "true", "digitalSignature", "0"), eidas.Criteria{KeyUsages: []eidas.KeyUsageCriterion{
			{{Bit: x509.KeyUsageContentCommitment, Value: true}, {Bit: x509.KeyUsageDigitalSignature}},
		}}},
		{"every bit of key usage", bits("keyEncipherment", "1", "dataEncipherment", "1", "keyAgreement", "1", "keyCertSign", "1",
			"crlSign", "1", "encipherOnly", "1", "decipherOnly", "false"), eidas.Criteria{KeyUsages: []eidas.KeyUsageCriterion{{
			bit(x509.KeyUsageKeyEncipherment, true), bit(x509.KeyUsageDataEncipherment, true), bit(x509.KeyUsageKeyAgreement, true),
			bit(x509.KeyUsageCertSign, true), bit(x509.KeyUsageCRLSign, true), bit(x509.KeyUsageEncipherOnly, true), bit(x509.KeyUsageDecipherOnly, false),
		}}}},
		{"key usage with a bit nobody knows", bits("nonRepudiation", "true", "foo", "true"), unknown(sie + "KeyUsage")},
		{"key usage with no boolean", bits("nonRepudiation", "yes"), unknown(sie + "KeyUsage")},
		{"key usage without bits", bits(), unknown(sie + "KeyUsage")},
		{"two policy sets", policies("1.2.3", "1.2.4") + policies("2.5.29"), eidas.Criteria{PolicySets: [][]string{{"1.2.3", "1.2.4"}, {"2.5.29"}}}},
		{"policy set that is empty", policies(), unknown(sie + "PolicySet")},
		{"policy that is no OID", policies("1.2.3", "http://policy.example"), unknown(sie + "PolicySet")},
		{"policy without identifier", "<s:PolicySet><s:PolicyIdentifier/></s:PolicySet>", unknown(sie + "PolicySet")},
		{"nested", `<s:CriteriaList assert="none">` + policies("1.2.3") + `<s:CriteriaList assert="atLeastOne"/></s:CriteriaList>`, eidas.Criteria{
			Nested: []eidas.Criteria{{Assert: eidas.AssertNone, PolicySets: [][]string{{"1.2.3"}}, Nested: []eidas.Criteria{{Assert: eidas.AssertAtLeastOne}}}},
		}},
		{
			"subject attributes", others("<x:CertSubjectDNAttribute>" + oid("x:AttributeOID", "2.5.4.42") + oid("x:AttributeOID", "2.5.4.4") + "</x:CertSubjectDNAttribute>"),
			eidas.Criteria{SubjectDN: [][]string{{"2.5.4.42", "2.5.4.4"}}},
		},
		{
			"extended key usage", others("<x:ExtendedKeyUsage>" + oid("x:KeyPurposeId", "1.3.6.1.5.5.7.3.1") + "</x:ExtendedKeyUsage>"),
			eidas.Criteria{ExtendedKey: [][]string{{"1.3.6.1.5.5.7.3.1"}}},
		},
		{
			"statements", others("<m:QcStatementSet><m:QcStatement>" + oid("m:QcStatementId", "urn:oid:0.4.0.1862.1.6") + "<m:QcStatementInfo>" +
				oid("m:QcType", "0.4.0.1862.1.6.1") + "</m:QcStatementInfo></m:QcStatement><m:QcStatement>" + oid("m:QcStatementId", "0.4.0.1862.1.7") +
				"<m:QcStatementInfo><m:QcCClegislation>CH</m:QcCClegislation></m:QcStatementInfo></m:QcStatement></m:QcStatementSet>"),
			eidas.Criteria{Statements: [][]eidas.StatementCriterion{{
				{ID: "0.4.0.1862.1.6", Type: "0.4.0.1862.1.6.1"}, {ID: "0.4.0.1862.1.7", Legislation: []string{"CH"}},
			}}},
		},
		{
			"statement that asks for nothing", others("<m:QcStatementSet><m:QcStatement/></m:QcStatementSet>"),
			unknown("{http://ec.europa.eu/tools/lotl/mra/schema/v2#}QcStatementSet"),
		},
		{
			"statement with something nobody knows", others("<m:QcStatementSet><m:QcStatement>" + oid("m:QcStatementId", "1.2.3") + "<m:Foo/></m:QcStatement></m:QcStatementSet>"),
			unknown("{http://ec.europa.eu/tools/lotl/mra/schema/v2#}QcStatementSet"),
		},
		{"other criterion nobody knows", others(`<f:Foo xmlns:f="http://foreign.example/"/>`), unknown("{http://foreign.example/}Foo")},
		{"criterion nobody knows beside one", "<s:Foo/>" + policies("1.2.3"), eidas.Criteria{PolicySets: [][]string{{"1.2.3"}}, Unknown: []string{sie + "Foo"}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			q := qualification(t, `<s:CriteriaList assert="atLeastOne">`+row.xml+`</s:CriteriaList>`)
			row.want.Assert = eidas.AssertAtLeastOne
			assert.Equal(t, row.want, q.Criteria)
		})
	}
}

func TestCriteriaNestedTooDeepAreUnknown(t *testing.T) {
	nest := func(depth int) eidas.Criteria {
		return qualification(t, strings.Repeat(`<s:CriteriaList assert="all">`, depth)+strings.Repeat(`</s:CriteriaList>`, depth)).Criteria
	}
	innermost := func(c eidas.Criteria) eidas.Criteria {
		for len(c.Nested) == 1 {
			c = c.Nested[0]
		}
		return c
	}
	assert.Empty(t, innermost(nest(9)).Unknown)
	assert.NotEmpty(t, innermost(nest(10)).Unknown)
}

func TestOIDSpellings(t *testing.T) {
	rows := []struct{ text, want string }{
		{"1.3.6.1.4.1.1", "1.3.6.1.4.1.1"},
		{" \n1.3.6.1.4.1.1\t ", "1.3.6.1.4.1.1"},
		{"urn:oid:1.3.6", "1.3.6"},
		{"URN:OID:1.3.6  ", "1.3.6"},
		{"urn:oid: 1.3.6", "1.3.6"},
		{"oid:1.3.6", "1.3.6"},
		{"OID:1.3.6", "1.3.6"},
		{"1.3.6.", "1.3.6"},
		{"2.999.0", "2.999.0"},
		{"", ""},
		{"1", ""},
		{"3.1", ""},
		{"1..2", ""},
		{"1.2.x", ""},
		{"1.02", ""},
		{".1.2", ""},
		{"1.2 .3", ""},
		{"urn:oid:oid:1.2", ""},
	}
	for _, row := range rows {
		t.Run(fmt.Sprintf("%q", row.text), func(t *testing.T) {
			q := qualification(t, `<s:CriteriaList assert="all"><s:PolicySet>`+oid("s:PolicyIdentifier", row.text)+`</s:PolicySet></s:CriteriaList>`)
			if row.want == "" {
				assert.NotEmpty(t, q.Criteria.Unknown)
				return
			}
			assert.Equal(t, [][]string{{row.want}}, q.Criteria.PolicySets)
		})
	}
}

func TestParserRefuses(t *testing.T) {
	whole := spec{territory: "UT", providers: provider(service(nil, "granted", ""))}.xml()
	change := func(old, new string) string {
		require.Contains(t, whole, old)
		return strings.Replace(whole, old, new, 1)
	}
	many := func(n int, xml string) string { return strings.Repeat(xml, n) }
	rows := []struct {
		name, doc string
		want      trustlist.Reason
	}{
		{"nothing", "", trustlist.ReasonXMLMalformed},
		{"cut off", whole[:len(whole)/2], trustlist.ReasonXMLMalformed},
		{"root in another namespace", change(`xmlns="http://uri.etsi.org/02231/v2#"`, `xmlns="http://uri.etsi.org/02231/v3#"`), trustlist.ReasonNotList},
		{"no scheme information", `<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#"/>`, trustlist.ReasonMalformed},
		{"providers before the scheme information", `<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#"><TrustServiceProviderList/></TrustServiceStatusList>`, trustlist.ReasonMalformed},
		{"second scheme information", change("<TrustServiceProviderList>", whole[strings.Index(whole, "<SchemeInformation>"):strings.Index(whole, "<TrustServiceProviderList>")]+"<TrustServiceProviderList>"), trustlist.ReasonMalformed},
		{"stranger below the root", change("<TrustServiceProviderList>", "<Foo/><TrustServiceProviderList>"), trustlist.ReasonMalformed},
		{"no version", change("<TSLVersionIdentifier> 5 </TSLVersionIdentifier>", ""), trustlist.ReasonMalformed},
		{"version zero", change("> 5 <", ">0<"), trustlist.ReasonMalformed},
		{"no sequence", change("<TSLSequenceNumber>1</TSLSequenceNumber>", ""), trustlist.ReasonMalformed},
		{"two sequences", change("<TSLSequenceNumber>1</TSLSequenceNumber>", many(2, "<TSLSequenceNumber>1</TSLSequenceNumber>")), trustlist.ReasonMalformed},
		{"zero before the sequence", change("<TSLSequenceNumber>1<", "<TSLSequenceNumber>0</TSLSequenceNumber><TSLSequenceNumber>1<"), trustlist.ReasonMalformed},
		{"two issue times", change("<ListIssueDateTime>", "<ListIssueDateTime>2020-01-01T00:00:00Z</ListIssueDateTime><ListIssueDateTime>"), trustlist.ReasonMalformed},
		{"negative sequence", change("<TSLSequenceNumber>1<", "<TSLSequenceNumber>-1<"), trustlist.ReasonMalformed},
		{"sequence of ten digits", change("<TSLSequenceNumber>1<", "<TSLSequenceNumber>1000000000<"), trustlist.ReasonMalformed},
		{"two NextUpdate", change("<NextUpdate>", "<NextUpdate/><NextUpdate>"), trustlist.ReasonMalformed},
		{"element in a text", change("<TSLSequenceNumber>1<", "<TSLSequenceNumber>1<b/><"), trustlist.ReasonMalformed},
		{"long text", change(">CA<", ">"+many(128<<10+1, "x")+"<"), trustlist.ReasonLimit},
		{"many names", change(`<Name xml:lang="en">CA</Name>`, many(257, `<Name>CA</Name>`)), trustlist.ReasonLimit},
		{"many identifiers", change("<DigitalId><X509Certificate></X509Certificate></DigitalId>", many(129, "<DigitalId><X509Certificate/></DigitalId>")), trustlist.ReasonLimit},
		{"many extensions", change("</StatusStartingTime>", "</StatusStartingTime><ServiceInformationExtensions>"+many(8193, "<Extension/>")+"</ServiceInformationExtensions>"), trustlist.ReasonLimit},
		{"long history", change("</TSPService>", "<ServiceHistory>"+many(512, "<ServiceHistoryInstance/>")+"</ServiceHistory></TSPService>"), trustlist.ReasonLimit},
		{"many URIs", change("<SchemeInformationURI>", "<SchemeInformationURI>"+many(1025, "<URI/>")), trustlist.ReasonLimit},
		{"many URIs over two elements", change("<SchemeInformationURI>", many(2, "<SchemeInformationURI>"+many(1000, "<URI/>")+"</SchemeInformationURI>")+"<SchemeInformationURI>"), trustlist.ReasonLimit},
		{"many pointers", change("<PointersToOtherTSL>", "<PointersToOtherTSL>"+many(513, "<OtherTSLPointer/>")), trustlist.ReasonLimit},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := trustlist.ParseOctets([]byte(row.doc))
			require.ErrorIs(t, err, row.want)
			assert.Equal(t, row.want, trustlist.ReasonOf(err), "%v", err)
		})
	}
	_, err := trustlist.ParseOctets([]byte(whole))
	require.NoError(t, err, "twin")
	_, err = trustlist.ParseOctets([]byte(change("<SchemeInformationURI>", many(2, "<SchemeInformationURI>"+many(512, "<URI/>")+"</SchemeInformationURI>")+"<SchemeInformationURI>")))
	require.NoError(t, err, "twin: as many URIs as may be, over two elements")
}

func TestPointerWithTooManySigners(t *testing.T) {
	u := newUnion(t)
	l := u.lotl.links[2]
	l.signers = nil
	for i := range 65 {
		l.signers = append(l.signers, &operator{der: []byte{byte(i)}})
	}
	_, err := trustlist.ParseOctets([]byte(spec{territory: "EU", links: []link{l}}.xml()))
	require.ErrorIs(t, err, trustlist.ReasonLimit)
	l.signers = l.signers[1:]
	_, err = trustlist.ParseOctets([]byte(spec{territory: "EU", links: []link{l}}.xml()))
	require.NoError(t, err)
}
