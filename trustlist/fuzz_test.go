package trustlist_test

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/trustlist"
)

// FuzzParseList reads arbitrary octets as if they had been signed.
//
// Oracle: what is accepted agrees with a second reading by encoding/xml, which
// shares no code: the same sequence number, the same number of services (those
// skipped included), and for each service that is kept the same current status.
// Every service kept has type, status and starting time in every period, and
// reading the same octets again gives the same answer.
func FuzzParseList(f *testing.F) {
	// The smallest DER that passes for a certificate; seeds must not change from
	// one process to the next.
	o := &operator{der: []byte("\x30\x0f\x30\x0d\x02\x01\x01\x30\x00\x30\x00\x30\x00\x30\x00\x30\x00")}
	history := "<ServiceHistory><ServiceHistoryInstance>" + body(nil, "granted", "2019-01-01T00:00:00Z", "") + "</ServiceHistoryInstance></ServiceHistory>"
	criteria := `<s:CriteriaList assert="all"><s:KeyUsage><s:KeyUsageBit name="nonRepudiation">true</s:KeyUsageBit></s:KeyUsage>` +
		`<s:PolicySet>` + oid("s:PolicyIdentifier", "urn:oid:1.2.3") + `</s:PolicySet><s:CriteriaList assert="none"/><s:otherCriteriaList>` +
		`<x:ExtendedKeyUsage>` + oid("x:KeyPurposeId", "1.3.6.1.5.5.7.3.1") + `</x:ExtendedKeyUsage></s:otherCriteriaList></s:CriteriaList>`
	extensions := extension("true", `<s:Qualifications><s:QualificationElement><s:Qualifiers><s:Qualifier uri="q"/></s:Qualifiers>`+criteria+
		`</s:QualificationElement></s:Qualifications>`) + extension("false", "<x:TakenOverBy><x:URI>u</x:URI></x:TakenOverBy>")
	for _, s := range []spec{
		{territory: "UT"},
		{territory: "EU", typ: typeListOfLists, uris: []string{urlNotice}, links: []link{self(o)}},
		{territory: "UT", version: 6, providers: provider(service(o.der, "granted", extensions), service(nil, "withdrawn", ""))},
		{territory: "UT", next: " ", providers: provider(strings.Replace(service(o.der, "granted", ""), "</TSPService>", history+"</TSPService>", 1)) + provider()},
	} {
		f.Add([]byte(s.xml()))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := trustlist.ParseOctets(doc)
		if err != nil {
			require.NotZero(t, trustlist.ReasonOf(err))
			require.NotEqual(t, trustlist.ReasonInternal, trustlist.ReasonOf(err))
			return
		}
		again, err := trustlist.ParseOctets(doc)
		require.NoError(t, err)
		require.Equal(t, p, again)
		for _, s := range p.Services {
			require.NotNil(t, s.Provider)
			for _, d := range s.Periods {
				require.NotEmpty(t, d.Type)
				require.NotEmpty(t, d.Status)
				require.False(t, d.Start.IsZero())
			}
		}
		sequence, statuses, ok := secondReading(doc)
		if !ok {
			return // encoding/xml is stricter about something
		}
		require.Equal(t, sequence, strconv.Itoa(p.Sequence))
		require.Len(t, statuses, len(p.Services)+p.Skipped)
		if p.Skipped == 0 {
			for i, s := range p.Services {
				require.Equal(t, statuses[i], s.Current().Status)
			}
		}
	})
}

// secondReading reads sequence number and current statuses by their paths.
func secondReading(doc []byte) (sequence string, statuses []string, ok bool) {
	const service = "TrustServiceStatusList/TrustServiceProviderList/TrustServiceProvider/TSPServices/TSPService"
	var path []string
	text := ""
	decoder := xml.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := decoder.Token()
		if err != nil {
			return sequence, statuses, err.Error() == "EOF"
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			if token.Name.Space != "http://uri.etsi.org/02231/v2#" {
				name = "*"
			}
			path = append(path, name)
			text = ""
			if strings.Join(path, "/") == service {
				statuses = append(statuses, "")
			}
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			switch strings.Join(path, "/") {
			case "TrustServiceStatusList/SchemeInformation/TSLSequenceNumber":
				// Leading zeros are the same number.
				sequence = strings.TrimLeft(strings.Trim(text, " \t\r\n"), "0")
			case service + "/ServiceInformation/ServiceStatus":
				statuses[len(statuses)-1] = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
					return strings.ContainsRune(" \t\r\n", r)
				}), " ")
			}
			path = path[:len(path)-1]
			text = ""
		}
	}
}
