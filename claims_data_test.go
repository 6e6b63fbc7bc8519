package eidas_test

import (
	"bytes"
	"crypto/x509"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/realdata"
)

// manifestRow is one certificate of certs/manifest.csv: its fields were
// computed by parsers outside this project.
type manifestRow map[string]string

func manifest(tb testing.TB) []manifestRow {
	tb.Helper()
	records, err := csv.NewReader(bytes.NewReader(realdata.Read(tb, "certs", "manifest.csv"))).ReadAll()
	require.NoError(tb, err)
	require.NotEmpty(tb, records)
	var rows []manifestRow
	for _, record := range records[1:] {
		row := manifestRow{}
		for i, name := range records[0] {
			row[name] = record[i]
		}
		rows = append(rows, row)
	}
	require.NotEmpty(tb, rows, "the manifest has no case")
	return rows
}

// list splits a column that holds several values.
func (r manifestRow) list(column string) []string {
	if r[column] == "" {
		return nil
	}
	return strings.Split(r[column], "|")
}

func (r manifestRow) claims(tb testing.TB) (*eidas.Claims, error) {
	tb.Helper()
	return eidas.ParseClaimsDER(realdata.Read(tb, "certs", r["file"]))
}

// TestManifestFields compares every field of every certificate.
func TestManifestFields(t *testing.T) {
	rows := manifest(t)
	passed := 0
	for _, row := range rows {
		ok := t.Run(row["file"], func(t *testing.T) {
			der := realdata.Read(t, "certs", row["file"])
			claims, err := eidas.ParseClaimsDER(der)
			require.NotNil(t, claims, "%v", err)
			cert, certErr := x509.ParseCertificate(der)
			require.Equal(t, row["go_parse"] == "ok", certErr == nil, "crypto/x509: %v", certErr)
			if certErr == nil {
				again, errAgain := eidas.ParseClaims(cert)
				assert.Equal(t, claims, again, "from the certificate and from its DER")
				assert.Equal(t, err, errAgain)
			}
			for column, got := range manifestFields(claims) {
				assert.Equal(t, normalise(column, row[column]), got, column)
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("certs/manifest.csv: %d cases, %d passed, %d failed", len(rows), passed, len(rows)-passed)
}

var noName = regexp.MustCompile(`=None(\||$)`)

// normalise undoes the notation of the manifest's producer.
func normalise(column, value string) string {
	switch column {
	case "roles": // a name that is not there
		return noName.ReplaceAllString(value, "=$1")
	case "semantics":
		parts := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == '|' })
		slices.Sort(parts)
		return strings.Join(parts, ",")
	}
	return value
}

// manifestFields renders claims in the notation of the manifest.
func manifestFields(c *eidas.Claims) map[string]string {
	st := &c.Statements
	fields := map[string]string{
		"has_psd2": pythonBool(c.PSD2 != nil), "qctypes": strings.Join(st.Types, "|"),
		"policies": strings.Join(c.Policies, "|"), "qc_critical": "", "qccompliance": "",
		"roles": "", "nca_name": "", "nca_name_asn1": "", "nca_id": "", "nca_id_asn1": "", "cabf_orgid": "",
	}
	var ids, tags, statements, urls, roles []string
	for _, o := range c.OrganizationIdentifiers {
		ids, tags = append(ids, o.Value), append(tags, tagName(o.Tag))
	}
	for _, s := range st.List {
		statements = append(statements, s.OID)
	}
	for _, p := range st.PDS {
		urls = append(urls, p.URL)
	}
	fields["orgid"], fields["orgid_asn1"] = strings.Join(ids, "|"), strings.Join(tags, "|")
	fields["statements"], fields["pds"] = strings.Join(statements, "|"), strings.Join(urls, "|")
	semantics := slices.Clone(st.Semantics)
	if len(st.NameRegistrationAuthorities) > 0 {
		semantics = append(semantics, "nameRegAuth:"+hex.EncodeToString(bytes.Join(st.NameRegistrationAuthorities, nil)))
	}
	slices.Sort(semantics)
	fields["semantics"] = strings.Join(semantics, ",")
	if st.Present {
		fields["qc_critical"] = pythonBool(st.Critical)
		fields["qccompliance"] = map[eidas.Compliance]string{
			eidas.ComplianceMissing: "missing", eidas.CompliancePresent: "absent",
			eidas.ComplianceWithInfo: "info tag " + tagName(st.ComplianceTag) + " len " + complianceSize(st),
		}[st.Compliance]
	}
	if p := c.PSD2; p != nil {
		for _, r := range p.Roles {
			roles = append(roles, r.OID+"="+r.Name)
		}
		fields["roles"] = strings.Join(roles, "|")
		fields["nca_name"], fields["nca_name_asn1"] = p.NCAName, tagName(p.NCANameTag)
		fields["nca_id"], fields["nca_id_asn1"] = p.NCAId, tagName(p.NCAIdTag)
	}
	if o := c.CABF; o != nil {
		state := ""
		if o.State != "" {
			state = "[0]" + o.State + "|"
		}
		fields["cabf_orgid"] = o.Scheme + "|" + o.Country + "|" + state + o.Reference
	}
	return fields
}

func complianceSize(st *eidas.Statements) string {
	for _, s := range st.List {
		if s.OID == "0.4.0.1862.1.1" && len(s.Info) >= 2 {
			return fmt.Sprint(len(s.Info) - 2)
		}
	}
	return "?"
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func tagName(tag int) string {
	names := map[int]string{0: "", 5: "null", 6: "oid", 12: "utf8", 16: "seq", 19: "printable", 20: "t61", 22: "ia5", 30: "bmp"}
	if name, ok := names[tag]; ok {
		return name
	}
	return fmt.Sprintf("tag%d", tag)
}

// annexACodes are the codes that the manifest's column annexA_violations and
// the findings share.
var annexACodes = []eidas.FindingCode{
	eidas.FindingUnwrapped, eidas.FindingWrongCount, eidas.FindingRoleNotSeq, eidas.FindingFlatRoles,
	eidas.FindingRoleOIDType, eidas.FindingRoleNameType, eidas.FindingRoleNameSize,
	eidas.FindingNCANameType, eidas.FindingNCANameSize, eidas.FindingNCAIDType, eidas.FindingNCAIDSize,
}

// TestManifestAnnexA holds every violation of TS 119 495, Annex A to its finding
// and every such finding to a violation, and every violation that is not of a
// string type alone to a refusal that leaves no role behind.
func TestManifestAnnexA(t *testing.T) {
	met := 0
	for _, row := range manifest(t) {
		t.Run(row["file"], func(t *testing.T) {
			claims, err := row.claims(t)
			got := findingsByCode(claims)
			want := map[eidas.FindingCode]bool{}
			for _, v := range row.list("annexA_violations") {
				met++
				name, detail, _ := strings.Cut(v, ":")
				code := eidas.FindingCode(name)
				want[code] = true
				if !slices.Contains(annexACodes, code) {
					require.Error(t, err, "violation %s has no code of its own and must be an error", v)
					continue
				}
				if !assert.NotEmpty(t, got[code], "finding for %s", v) {
					continue
				}
				severity := eidas.SeverityError
				if stringTypeOnly(name, detail) {
					severity = eidas.SeverityWarning
				}
				assert.Equal(t, severity, got[code][0].Severity, v)
				if severity == eidas.SeverityError {
					require.ErrorIs(t, err, eidas.ReasonStatementsMalformed, v)
					assert.Zero(t, claims.PSD2.Known, "no role of a malformed statement")
				}
			}
			if row["has_psd2"] != "True" {
				return // the column is about PSD2 statements
			}
			for _, code := range annexACodes {
				assert.Equal(t, want[code], len(got[code]) > 0, "finding %s and column annexA_violations", code)
			}
		})
	}
	t.Logf("annexA_violations: %d met", met)
}

// stringTypeOnly says whether a violation is a string of another type whose
// value is the same: accepted with a finding.
func stringTypeOnly(code, detail string) bool {
	return strings.HasSuffix(code, "-type") && code != "role-oid-type" && (detail == "printable" || detail == "ia5")
}

func findingsByCode(c *eidas.Claims) map[eidas.FindingCode][]eidas.Finding {
	out := map[eidas.FindingCode][]eidas.Finding{}
	for _, f := range c.Findings {
		out[f.Code] = append(out[f.Code], f)
	}
	return out
}

// TestManifestLenient: lenient reading accepts the two shapes of the wild, with
// every role, and no other.
func TestManifestLenient(t *testing.T) {
	accepted := map[string]int{}
	for _, row := range manifest(t) {
		cert, err := x509.ParseCertificate(realdata.Read(t, "certs", row["file"]))
		if err != nil || row["annexA_violations"] == "" {
			continue
		}
		t.Run(row["file"], func(t *testing.T) {
			shape, lawful := "", true
			for _, v := range row.list("annexA_violations") {
				name, detail, _ := strings.Cut(v, ":")
				switch {
				case name == "unwrapped" || name == "flat-roles":
					shape = name
				case !stringTypeOnly(name, detail):
					lawful = false
				}
			}
			claims, err := eidas.ParseClaimsLenient(cert)
			if !lawful || row.neighbourFault() {
				require.ErrorIs(t, err, eidas.ReasonStatementsMalformed)
				assert.Zero(t, claims.PSD2.Known)
				return
			}
			require.NoError(t, err)
			accepted[shape]++
			assert.Equal(t, rolesThatAgree(row), claims.PSD2.Known)
			mismatch := strings.Contains(row["oddities"], "role-name-mismatch")
			assert.Equal(t, shape != "" || mismatch, claims.Lenient)
		})
	}
	t.Logf("accepted under leniency: %v", accepted)
}

// rolesThatAgree are the roles of a row whose OID and name agree.
func rolesThatAgree(row manifestRow) eidas.Roles {
	var out eidas.Roles
	for _, role := range row.list("roles") {
		oid, name, _ := strings.Cut(role, "=")
		if eidas.RoleByOID(oid) == eidas.RoleByName(name) {
			out |= eidas.RoleByOID(oid)
		}
	}
	return out
}

// neighbourFault says whether something else than the PSD2 statement's types and
// names makes the statements unusable.
func (r manifestRow) neighbourFault() bool {
	return faults.MatchString(r["oddities"])
}

var faults = regexp.MustCompile(`no-roles|QCStatement-is-not-SEQUENCE|statementId-not-OID|QcType-|dup-0\.4\.0\.(1862\.1\.[167]|19495\.2)(\||$)`)

// TestManifestStrict: strict reading accepts every PSD2 statement without a
// violation whose role names are right and whose neighbours can be read, with
// exactly its roles.
func TestManifestStrict(t *testing.T) {
	met := 0
	for _, row := range manifest(t) {
		if row["has_psd2"] != "True" || row["annexA_violations"] != "" ||
			strings.Contains(row["oddities"], "role-name-mismatch") || row.neighbourFault() {
			continue
		}
		met++
		claims, err := row.claims(t)
		if assert.NoError(t, err, row["file"]) {
			assert.Equal(t, rolesThatAgree(row), claims.PSD2.Known, row["file"])
			assert.False(t, claims.Lenient, row["file"])
		}
	}
	t.Logf("well-formed PSD2 statements: %d", met)
}

// oddity gives the finding that means the same as an entry of the manifest's
// column oddities, and whether that finding appears for nothing else.
type oddity struct {
	code  eidas.FindingCode
	exact bool
}

var oddityPatterns = []struct {
	pattern *regexp.Regexp
	oddity
}{
	{regexp.MustCompile(`^unwrapped-qcstatement$`), oddity{eidas.FindingUnwrapped, true}},
	{regexp.MustCompile(`^flattened-roles`), oddity{eidas.FindingFlatRoles, true}},
	{regexp.MustCompile(`^PSD2QcType-has-\d+-elements$`), oddity{eidas.FindingWrongCount, true}},
	{regexp.MustCompile(`^role-not-SEQUENCE$`), oddity{eidas.FindingRoleNotSeq, true}},
	{regexp.MustCompile(`^QCStatement-is-not-SEQUENCE`), oddity{eidas.FindingStatementNotSeq, true}},
	{regexp.MustCompile(`^statementId-not-OID`), oddity{eidas.FindingStatementIDType, true}},
	{regexp.MustCompile(`^QcType-(no-info|info-tag)`), oddity{eidas.FindingTypeSyntax, false}},
	{regexp.MustCompile(`^PdsLocation-not-SEQUENCE`), oddity{eidas.FindingPDSSyntax, false}},
	{regexp.MustCompile(`^dup-`), oddity{eidas.FindingDuplicateStatement, false}},
	{regexp.MustCompile(`^unknown-role-oid:[0-9.]+$`), oddity{eidas.FindingUnknownRole, true}},
	{regexp.MustCompile(`^unknown-role-oid:tag`), oddity{eidas.FindingRoleOIDType, true}},
	{regexp.MustCompile(`^ncaid-syntax:`), oddity{eidas.FindingNCAIDSyntax, true}},
	{regexp.MustCompile(`^role-name-mismatch:`), oddity{eidas.FindingRoleNameMismatch, true}},
}

// oddityCodes are the oddities whose name is the code.
var oddityCodes = map[eidas.FindingCode]bool{
	eidas.FindingStatementsCritical: true, eidas.FindingNoCompliance: true, eidas.FindingComplianceInfo: true,
	eidas.FindingNoType: true, eidas.FindingSeveralTypes: true, eidas.FindingTypeAsStatement: true,
	eidas.FindingSemanticsStatement: true, eidas.FindingDuplicateRole: true, eidas.FindingNoRoles: true,
	eidas.FindingNCANameNonASCII: true, eidas.FindingNCANameTrailing: true,
	eidas.FindingNCAIDNotListed: true, eidas.FindingNCAIDElsewhere: true, eidas.FindingNCAIDDiffers: true,
	eidas.FindingNoOrgID: true, eidas.FindingSeveralOrgIDs: true, eidas.FindingOrgIDPrintable: true,
	eidas.FindingOrgIDMultiValued: true, eidas.FindingOrgIDPSDSyntax: true, eidas.FindingOrgIDOtherScheme: true,
	eidas.FindingNumberLowerCase: true, eidas.FindingNumberHyphen: true, eidas.FindingNumberDot: true,
	eidas.FindingWebWithoutPolicy: true, eidas.FindingWebWithoutClient: true, eidas.FindingSealWithServer: true,
}

// oddityOf maps an entry of the column. The second result is false for what
// has no counterpart: "asn1:" repeats the column annexA_violations.
func oddityOf(entry string, c *eidas.Claims) (oddity, bool) {
	if entry == "ncaid-syntax:NA" && centralBankOrAuthority(c) {
		return oddity{}, false // GEN-5.2.3-5: "NA" is right for these roles
	}
	for _, p := range oddityPatterns {
		if p.pattern.MatchString(entry) {
			return p.oddity, true
		}
	}
	if oddityCodes[eidas.FindingCode(entry)] {
		return oddity{eidas.FindingCode(entry), true}, true
	}
	return oddity{}, false
}

func centralBankOrAuthority(c *eidas.Claims) bool {
	return c.PSD2 != nil && slices.ContainsFunc(c.PSD2.Roles, func(r eidas.Role) bool {
		return eidas.RoleByOID(r.OID).Intersects(eidas.RoleCB | eidas.RolePA)
	})
}

// TestManifestOddities holds the column oddities and the findings to each other
// in both directions.
func TestManifestOddities(t *testing.T) {
	met, unknown := 0, map[string]int{}
	for _, row := range manifest(t) {
		t.Run(row["file"], func(t *testing.T) {
			claims, _ := row.claims(t)
			got := findingsByCode(claims)
			want := map[eidas.FindingCode]bool{}
			for _, entry := range row.list("oddities") {
				o, ok := oddityOf(entry, claims)
				if !ok {
					unknown[strings.SplitN(entry, ":", 2)[0]]++
					continue
				}
				met++
				want[o.code] = true
				assert.NotEmpty(t, got[o.code], "finding for %s", entry)
			}
			exact := maps.Clone(oddityCodes)
			for _, p := range oddityPatterns {
				if p.exact {
					exact[p.code] = true
				}
			}
			for code := range exact {
				if len(got[code]) > 0 {
					assert.True(t, want[code], "finding %s is not in the manifest", code)
				}
			}
		})
	}
	t.Logf("oddities: %d met, without a counterpart here: %v", met, unknown)
	assert.NotZero(t, met)
}

// TestManifestIdentities: an organizationIdentifier that the manifest calls
// sound gives the identity of the same bytes, and no two merge.
func TestManifestIdentities(t *testing.T) {
	seen := map[eidas.Identity]string{}
	values := map[string]bool{}
	for _, row := range manifest(t) {
		claims, _ := row.claims(t)
		id, err := claims.Identity(eidas.ProfileEU)
		switch {
		case row["orgid"] == "":
			require.ErrorIs(t, err, eidas.ReasonIdentityMissing, row["file"])
			continue
		case len(row.list("orgid_asn1")) > 1:
			require.ErrorIs(t, err, eidas.ReasonIdentityAmbiguous, row["file"])
			continue
		case slices.Contains(row.list("oddities"), "orgid-psd-syntax"):
			require.ErrorIs(t, err, eidas.ReasonIdentityMalformed, row["file"])
			continue
		case slices.Contains(row.list("oddities"), "ncaid-differs-from-orgid"):
			require.ErrorIs(t, err, eidas.ReasonIdentityConflict, row["file"])
			continue
		}
		if err != nil {
			// Whatever else is refused has a finding that says so.
			assert.True(t, slices.ContainsFunc(claims.Findings, func(f eidas.Finding) bool {
				return f.Severity == eidas.SeverityError
			}), "%s: %v", row["file"], err)
			continue
		}
		assert.Equal(t, row["orgid"], id.String(), row["file"])
		seen[id] = row["orgid"]
		values[row["orgid"]] = true
		again, err := eidas.ParseIdentity(id.String())
		require.NoError(t, err)
		assert.Equal(t, id, again)
	}
	assert.Len(t, seen, len(values), "identities merged")
	t.Logf("%d distinct identities", len(seen))
}
