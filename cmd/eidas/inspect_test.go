package main_test

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	main "github.com/seed-b953571c/eidas/cmd/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/internal/realdata"
)

// inspected is the JSON of one certificate.
type inspected struct {
	File       string                         `json:"file"`
	Index      int                            `json:"index"`
	Identity   string                         `json:"identity"`
	Scheme     string                         `json:"scheme"`
	Country    string                         `json:"country"`
	Authority  string                         `json:"authority"`
	Number     string                         `json:"number"`
	Roles      []struct{ OID, Name string }   `json:"roles"`
	KnownRoles []string                       `json:"known_roles"`
	NCAName    string                         `json:"nca_name"`
	NCAId      string                         `json:"nca_id"`
	Compliance string                         `json:"qc_compliance"`
	Types      []string                       `json:"qc_types"`
	Findings   []finding                      `json:"findings"`
	Error      string                         `json:"error"`
	Reason     string                         `json:"reason"`
	OrgIDs     []struct{ Value, ASN1 string } `json:"organization_identifiers"`
	Policies   []string                       `json:"policies"`
	Statements []string                       `json:"statements"`
	PDS        []struct{ URL string }         `json:"pds"`
	Semantics  []string                       `json:"semantics"`
	NotBefore  time.Time                      `json:"not_before"`
	NotAfter   time.Time                      `json:"not_after"`
	SHA256     string                         `json:"sha256"`
	X509Error  string                         `json:"x509_error"`
	Malformed  string                         `json:"statements_error"`
	Lenient    bool                           `json:"lenient"`
}

type finding struct{ Code, Severity string }

// manifest reads a CSV file of the data as rows by column name.
func manifest(t *testing.T, parts ...string) []map[string]string {
	t.Helper()
	f, err := os.Open(realdata.Path(t, parts...))
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	all, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.Greater(t, len(all), 1, "the manifest has no case")
	var rows []map[string]string
	for _, record := range all[1:] {
		row := map[string]string{}
		for i, column := range all[0] {
			row[column] = record[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestInspectAgreesWithTheManifest(t *testing.T) {
	rows := manifest(t, "certs", "manifest.csv")
	args := []string{"inspect", "--json"}
	for _, row := range rows {
		args = append(args, realdata.Path(t, "certs", row["file"]))
	}
	o := eidasCmd(t, args...)
	assert.Empty(t, o.stderr)
	all := documents[inspected](t, o)
	require.Len(t, all, len(rows))
	identities := 0
	for i, row := range rows {
		t.Run(row["file"], func(t *testing.T) { compareRow(t, row, &all[i]) })
		if all[i].Error == "" {
			identities++
		}
	}
	assert.Positive(t, identities, "some certificate has an identity")
	assert.Equal(t, map[bool]int{true: 0, false: 1}[identities == len(rows)], o.code)
	t.Logf("%d certificates, %d with an identity", len(rows), identities)
}

// compareRow holds one certificate to what the manifest says.
func compareRow(t *testing.T, row map[string]string, got *inspected) {
	t.Helper()
	assert.Equal(t, row["file"], filepath.Base(got.File))
	assert.Equal(t, row["sha256"], got.SHA256)
	assert.Equal(t, row["go_parse"] == "ok", got.X509Error == "")

	var values, tags, roles, urls []string
	for _, id := range got.OrgIDs {
		values, tags = append(values, id.Value), append(tags, id.ASN1)
	}
	for _, r := range got.Roles {
		roles = append(roles, r.OID+"="+r.Name)
	}
	for _, p := range got.PDS {
		urls = append(urls, p.URL)
	}
	assert.Equal(t, row["orgid"], strings.Join(values, "|"))
	assert.Equal(t, row["orgid_asn1"], strings.Join(tags, "|"))
	assert.Equal(t, row["nca_name"], got.NCAName)
	assert.Equal(t, row["nca_id"], got.NCAId)
	assert.Equal(t, row["qccompliance"], got.Compliance)
	assert.Equal(t, row["qctypes"], strings.Join(got.Types, "|"))
	assert.Equal(t, row["policies"], strings.Join(got.Policies, "|"))
	assert.Equal(t, row["statements"], strings.Join(got.Statements, "|"))
	assert.Equal(t, row["pds"], strings.Join(urls, "|"))
	semantics := strings.FieldsFunc(row["semantics"], func(r rune) bool { return r == ',' || r == '|' })
	assert.ElementsMatch(t, slices.DeleteFunc(semantics, func(s string) bool { return strings.HasPrefix(s, "nameRegAuth:") }), got.Semantics)
	if got.X509Error == "" { // the dates are those of crypto/x509
		assert.Equal(t, asn1Time(t, row["not_before"]), got.NotBefore)
		assert.Equal(t, asn1Time(t, row["not_after"]), got.NotAfter)
	}

	if row["annexA_violations"] == "" {
		assert.Equal(t, row["roles"], strings.Join(roles, "|"))
	} else {
		assert.True(t, got.Error != "" || len(got.Findings) > 0, "a violation must not pass in silence")
		if !onlyStringTypes(row["annexA_violations"]) {
			assert.NotEmpty(t, got.Malformed)
			assert.Empty(t, got.KnownRoles, "no role of a malformed statement counts")
		}
	}
	if got.Error == "" {
		assert.Equal(t, row["orgid"], got.Identity)
		assert.Equal(t, got.Identity, got.Scheme+got.Country+got.middle()+got.Number)
	} else {
		assert.Empty(t, got.Identity+got.Scheme+got.Country+got.Authority+got.Number)
		assert.NotEmpty(t, got.Reason)
	}
	if row["orgid"] == "" || strings.Contains(row["oddities"], "several-orgids") {
		assert.NotEmpty(t, got.Error)
	}
	if strings.HasPrefix(row["provenance"], "real") && row["has_psd2"] == "True" {
		assert.Empty(t, got.Error, "a real PSD2 certificate has an identity")
	}
	if got.Error != "" && row["orgid"] != "" {
		assert.True(t, slices.ContainsFunc(got.Findings, func(f finding) bool { return f.Severity == "error" }),
			"what keeps the identity away is among the findings")
	}
}

// asn1Time reads a time as the manifest has it: UTCTime or GeneralizedTime.
func asn1Time(t *testing.T, value string) time.Time {
	t.Helper()
	layout := "060102150405Z"
	if len(value) > len(layout) {
		layout = "20060102150405Z"
	}
	at, err := time.Parse(layout, value)
	require.NoError(t, err)
	return at
}

// middle is what stands between country and number, or "" when the identity has
// no such simple form.
func (i *inspected) middle() string {
	if i.Authority != "" {
		return "-" + i.Authority + "-"
	}
	if rest, ok := strings.CutPrefix(i.Identity, i.Scheme+i.Country); ok {
		return strings.TrimSuffix(rest, i.Number)
	}
	return "-"
}

// onlyStringTypes reports violations that leave every value readable: text in
// another string type than UTF8String.
func onlyStringTypes(violations string) bool {
	for v := range strings.SplitSeq(violations, "|") {
		if !strings.HasSuffix(v, "-type:printable") && !strings.HasSuffix(v, "-type:ia5") {
			return false
		}
	}
	return true
}

func TestInspectReadsEveryForm(t *testing.T) {
	leaf := mint(t).leaf
	der := leaf.Certificate.Raw
	text := pemOfCertificates(leaf.Certificate)
	b64 := base64.StdEncoding.EncodeToString(der)
	for name, content := range map[string]string{
		"PEM":                      text,
		"PEM with text around":     "subject: somebody\n" + text + "and so on\n",
		"PEM with CRLF":            strings.ReplaceAll(text, "\n", "\r\n"),
		"PEM with byte order mark": "\ufeff" + text,
		"PEM after a key":          "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + text,
		"DER":                      string(der),
		"base64":                   b64,
		"base64 in lines":          b64[:64] + "\n" + b64[64:] + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := document[inspected](t, eidasCmd(t, "inspect", "--json", tempFile(t, content)))
			assert.Equal(t, tppID, got.Identity)
			assert.Equal(t, []string{"PSP_PI", "PSP_AI"}, got.KnownRoles)
			onStdin := document[inspected](t, eidasOn(t, content, "inspect", "-", "--json"))
			assert.Equal(t, "-", onStdin.File)
			assert.Equal(t, got.SHA256, onStdin.SHA256)
		})
	}
}

func TestInspectShowsEachCertificateOfAFile(t *testing.T) {
	file := tempFile(t, pemOf(mint(t).leaf)) // the leaf and its issuer
	o := eidasCmd(t, "inspect", "--json", file)
	all := documents[inspected](t, o)
	require.Len(t, all, 2)
	assert.Equal(t, []int{0, 1}, []int{all[0].Index, all[1].Index})
	assert.Equal(t, tppID, all[0].Identity)
	assert.Equal(t, "VATLT-12345678", all[1].Identity)
	assert.Equal(t, 0, o.code)
}

func TestInspectRefusesWhatIsNoCertificate(t *testing.T) {
	leaf := mint(t).leaf
	text := pemOfCertificates(leaf.Certificate)
	for name, tc := range map[string]struct {
		content string
		reason  string
		shown   int // certificates that are shown all the same
	}{
		"nothing":            {"", "input", 0},
		"prose":              {"this is no certificate\n", "input", 0},
		"another PEM":        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "input", 0},
		"broken second PEM":  {text + strings.Replace(text, "MII", "M*I", 1), "input", 1},
		"too large":          {strings.Repeat("-", 1<<20+1), "input", 0},
		"binary":             {"\x30\x82\x01\x00\xff\xff", "certificate_malformed", 0},
		"DER with more":      {string(leaf.Certificate.Raw) + "\x00", "certificate_malformed", 0},
		"base64 of nonsense": {"AAAA", "certificate_malformed", 0},
	} {
		t.Run(name, func(t *testing.T) {
			file := tempFile(t, tc.content)
			o := eidasCmd(t, "inspect", "--json", file)
			assert.Equal(t, 2, o.code)
			all := documents[inspected](t, o)
			require.Len(t, all, tc.shown+1)
			last := all[tc.shown]
			assert.Equal(t, tc.reason, last.Reason)
			assert.NotEmpty(t, last.Error)
			assert.Empty(t, last.Identity)
			assert.Equal(t, file, last.File)
			assert.Equal(t, 2, eidasCmd(t, "inspect", file).code)
		})
	}
}

func TestInspectGoesOnAfterABadFile(t *testing.T) {
	good := tempFile(t, pemOfCertificates(mint(t).leaf.Certificate))
	o := eidasCmd(t, "inspect", "--json", "no-such-file.pem", good)
	assert.Equal(t, 2, o.code)
	all := documents[inspected](t, o)
	require.Len(t, all, 2)
	assert.Equal(t, "input", all[0].Reason)
	assert.Equal(t, tppID, all[1].Identity)
	assert.Contains(t, o.stderr, "no-such-file.pem: no such file or directory")
}

func TestInspectListsAreNeverNull(t *testing.T) {
	for _, file := range []string{"no-such-file.pem", tempFile(t, "AAAA"), tempFile(t, pemOfCertificates(mint(t).leaf.Certificate))} {
		o := eidasCmd(t, "inspect", "--json", file)
		fields := document[map[string]json.RawMessage](t, o)
		for _, name := range []string{
			"roles", "known_roles", "qc_types", "findings", "organization_identifiers", "policies", "statements", "semantics", "pds",
		} {
			assert.Regexp(t, `^\[`, string(fields[name]), name)
		}
		for _, name := range []string{"file", "identity", "scheme", "country", "authority", "number", "nca_name", "nca_id", "qc_compliance"} {
			assert.Regexp(t, `^"`, string(fields[name]), name)
		}
		assert.NotContains(t, o.stdout, "null")
	}
}

func TestInspectLenientReadsUnwrappedStatements(t *testing.T) {
	m := mint(t)
	r := eidastest.QWAC(tppID, eidas.RoleAI)
	r.Statements = eidastest.Statements{PSD2: r.Statements.PSD2, Unwrapped: true}
	file := tempFile(t, pemOfCertificates(m.Issue("LT", r).Certificate))

	strict := document[inspected](t, eidasCmd(t, "inspect", "--json", file))
	assert.NotEmpty(t, strict.Malformed)
	assert.Empty(t, strict.KnownRoles)
	assert.Equal(t, tppID, strict.Identity)

	lenient := document[inspected](t, eidasCmd(t, "inspect", "--json", "--lenient", file))
	assert.Empty(t, lenient.Malformed)
	assert.Equal(t, []string{"PSP_AI"}, lenient.KnownRoles)
	assert.True(t, lenient.Lenient)
}

func TestInspectTextForPeople(t *testing.T) {
	m := mint(t)
	file := tempFile(t, pemOfCertificates(m.leaf.Certificate))
	o := eidasCmd(t, "inspect", "--brief", file)
	assert.Equal(t, 0, o.code)
	_, block, found := strings.Cut(o.stdout, "\n\n")
	require.True(t, found)
	sum := document[inspected](t, eidasCmd(t, "inspect", "--json", file)).SHA256
	block = strings.ReplaceAll(block, sum, "SUM")
	assert.Equal(t, `What the certificate says of itself (nothing of it is proved here)
  Identity    PSDLT-BL-EX000042
              scheme PSD, country LT, authority BL, number EX000042
  Roles       PSP_PI  0.4.0.19495.1.2  payment initiation
              PSP_AI  0.4.0.19495.1.3  account information
  Authority   LT-BL  Competent Authority LT-BL
  Qualified   claimed: QcCompliance
  Type        0.4.0.1862.1.6.3  website authentication (QWAC)
  Device      no QSCD claimed
  Semantics   0.4.0.194121.1.2  legal person
  Disclosure  https://qtsp.example/pds_en.pdf (en)
  Policies    0.4.0.194112.1.4  QEVCP-w: qualified, web site, extended validation
              0.4.0.19495.3.1   QCP-w-psd2: qualified, web site, PSD2
  Valid       2026-11-22 to 2027-11-22
  Subject     C=LT, O=Example TPP, organizationIdentifier=PSDLT-BL-EX000042, CN=Example TPP
  Issuer      C=LT, O=QTSP LT 1, organizationIdentifier=VATLT-12345678, CN=QTSP LT 1 Issuing CA
  SHA-256     SUM
  no deviation from the standards found

`, block)

	full := eidasCmd(t, "inspect", file).stdout
	head, rest, found := strings.Cut(full, "The certificate in full\n")
	require.True(t, found)
	assert.Equal(t, o.stdout, head, "the summary comes first")
	assert.True(t, strings.HasPrefix(rest, "    Certificate:\n        Data:\n"), "certinfo's text, indented")
	for line := range strings.Lines(rest) {
		assert.Regexp(t, `^(    |$)`, strings.TrimSuffix(line, "\n"))
	}
}

func TestInspectKeepsHostileTextOffTheTerminal(t *testing.T) {
	m := mint(t)
	r := eidastest.QWAC(tppID, eidas.RoleAI)
	forged := "\x1b[2J\nWhat the certificate says of itself\n  Identity  PSDDE-BAFIN-1\u202e\u009b"
	r.SetAttribute(eidastest.Attribute{OID: eidastest.OIDOrganization, Value: forged})
	r.Statements.PSD2.NCAName = forged
	file := tempFile(t, pemOfCertificates(m.Issue("LT", r).Certificate))
	for _, args := range [][]string{{"inspect", file}, {"inspect", "--brief", file}, {"inspect", "--json", file}} {
		o := eidasCmd(t, args...)
		for _, bad := range []string{"\x1b", "\u202e", "\u009b", "\nWhat the certificate says of itself\n", "\n  Identity  PSDDE"} {
			assert.NotContains(t, o.stdout, bad, args)
		}
	}
	got := document[inspected](t, eidasCmd(t, "inspect", "--json", file))
	assert.Equal(t, forged, got.NCAName, "JSON escapes, it does not change")
}

func TestEveryFindingHasASentence(t *testing.T) {
	seen := map[string]eidas.FindingCode{}
	for _, code := range eidas.FindingCodes() {
		text := main.FindingText(code)
		assert.NotEmpty(t, text, code)
		assert.Empty(t, seen[text], "%s has the sentence of another", code)
		seen[text] = code
	}
	assert.Empty(t, main.FindingText("no such code"))
}
