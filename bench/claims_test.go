package bench_test

import (
	"bytes"
	"crypto/x509"
	"encoding/csv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3/lint"
	_ "github.com/zmap/zlint/v3/lints/etsi"
	"github.com/zmap/zlint/v3/util"
	"golang.org/x/text/unicode/norm"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/realdata"
)

// certificate is one row of certs/manifest.csv.
type certificate struct {
	name       string
	der        []byte
	psd2, real bool
}

func certificates(tb testing.TB) []certificate {
	tb.Helper()
	records, err := csv.NewReader(bytes.NewReader(realdata.Read(tb, "certs", "manifest.csv"))).ReadAll()
	require.NoError(tb, err)
	column := map[string]int{}
	for i, name := range records[0] {
		column[name] = i
	}
	var out []certificate
	for _, r := range records[1:] {
		out = append(out, certificate{
			name: r[column["file"]], der: realdata.Read(tb, "certs", r[column["file"]]),
			psd2: r[column["has_psd2"]] == "True", real: strings.HasPrefix(r[column["provenance"]], "real:"),
		})
	}
	require.NotEmpty(tb, out)
	return out
}

// BenchmarkClaims alternates, in short rounds of one run over the real PSD2
// certificates, reading all claims here (statements, findings, identity), the
// one call for the PSD2 statement of zlint, and crypto/x509. It reports the
// quickest round of each for one certificate and their ratios, so that other
// work on the machine does not decide them. One operation is a round of each.
func BenchmarkClaims(b *testing.B) {
	var certs []*x509.Certificate
	var peers [][]byte
	for _, c := range certificates(b) {
		if !c.psd2 || !c.real {
			continue
		}
		cert, err := x509.ParseCertificate(c.der)
		require.NoError(b, err)
		if claims, err := eidas.ParseClaims(cert); err != nil || has(claims, eidas.FindingNCAIDDiffers) {
			continue
		}
		peer, err := zx509.ParseCertificate(c.der)
		require.NoError(b, err)
		value := util.GetExtFromCert(peer, util.QcStateOid).Value
		require.Empty(b, util.ParseQcStatem(value, util.IdEtsiPsd2Statem).GetErrorInfo())
		certs, peers = append(certs, cert), append(peers, value)
	}
	require.NotEmpty(b, certs)
	contestants := []func(i int){
		func(i int) {
			claims, err := eidas.ParseClaims(certs[i])
			if err != nil {
				b.Fatal(err)
			}
			if _, err := claims.Identity(eidas.ProfileEU); err != nil {
				b.Fatal(err)
			}
		},
		func(i int) {
			if !util.ParseQcStatem(peers[i], util.IdEtsiPsd2Statem).IsPresent() {
				b.Fatal("no PSD2 statement")
			}
		},
		func(i int) {
			if _, err := x509.ParseCertificate(certs[i].Raw); err != nil {
				b.Fatal(err)
			}
		},
	}
	best := make([]time.Duration, len(contestants))
	for b.Loop() {
		for k, f := range contestants {
			if took := round(len(certs), f); best[k] == 0 || took < best[k] {
				best[k] = took
			}
		}
	}
	b.ReportMetric(float64(best[0]), "claims-ns")
	b.ReportMetric(float64(best[1]), "zlint-psd2-ns")
	b.ReportMetric(float64(best[2]), "x509-ns")
	b.ReportMetric(float64(best[1])/float64(best[0]), "zlint/claims")
	b.ReportMetric(float64(best[0])/float64(best[2]), "claims/x509")
}

func round(n int, f func(i int)) time.Duration {
	const times = 20
	start := time.Now()
	for range times {
		for i := range n {
			f(i)
		}
	}
	return time.Since(start) / time.Duration(times*n)
}

// structural are the findings that zlint's reader of the PSD2 statement reports
// as one, under each of its lints.
var structural = []eidas.FindingCode{
	eidas.FindingPSD2Syntax, eidas.FindingWrongCount, eidas.FindingRolesType, eidas.FindingRoleNotSeq,
	eidas.FindingFlatRoles, eidas.FindingRoleOIDType, eidas.FindingRoleNameType, eidas.FindingRoleNameSize,
	eidas.FindingNCANameType, eidas.FindingNCANameSize, eidas.FindingNCAIDType, eidas.FindingNCAIDSize,
}

// lints maps zlint's rules to the findings that mean the same.
var lints = map[string][]eidas.FindingCode{
	"e_duplicate_etsi_qcstatement":         {eidas.FindingDuplicateStatement},
	"e_qcstatem_etsi_present_qcs_critical": {eidas.FindingStatementsCritical},
	"e_qcstatem_etsi_type_as_statem":       {eidas.FindingTypeAsStatement},
	"e_qcstatem_mandatory_etsi_statems":    {eidas.FindingNoCompliance},
	"e_qcstatem_qccompliance_valid":        {eidas.FindingComplianceInfo},
	"e_qcstatem_qcsscd_valid":              {eidas.FindingSSCDInfo},
	"e_qcstatem_qclimitvalue_valid":        {eidas.FindingLimitSyntax, eidas.FindingLimitRange},
	"e_qcstatem_qcretentionperiod_valid":   {eidas.FindingRetentionSyntax, eidas.FindingRetentionRange},
	"e_qcstatem_qcpds_valid":               {eidas.FindingPDSSyntax, eidas.FindingPDSLanguage, eidas.FindingPDSLanguageTwice, eidas.FindingPDSNoEnglish},
	"e_qcstatem_pds_must_have_https_only":  {eidas.FindingPDSSyntax, eidas.FindingPDSNotHTTPS},
	"w_qcstatem_qcpds_lang_case":           {eidas.FindingPDSSyntax, eidas.FindingPDSLanguageCase},
	"e_qcstatem_qctype_oneonly":            {eidas.FindingTypeSyntax, eidas.FindingSeveralTypes, eidas.FindingUnknownType},
	"e_qcstatem_qctype_valid":              {eidas.FindingTypeSyntax, eidas.FindingUnknownType},
	"e_qcstatem_qctype_web":                {eidas.FindingTypeSyntax, eidas.FindingSealWithServer, eidas.FindingSignWithServer},
	"e_qcstatem_psd2_valid":                structural,
	"e_qcstatem_psd2_roles_present":        append([]eidas.FindingCode{eidas.FindingNoRoles}, structural...),
	"e_qcstatem_psd2_roles_valid":          append([]eidas.FindingCode{eidas.FindingRoleNameMismatch}, structural...),
	"e_qcstatem_psd2_ncaid_format":         append([]eidas.FindingCode{eidas.FindingNCAIDSyntax, eidas.FindingNCAIDCountry, eidas.FindingNCAIDNA}, structural...),
	"e_qcstatem_psd2_ncaname_valid":        append([]eidas.FindingCode{eidas.FindingNCANameNA}, structural...),
	"w_qcstatem_psd2_ncaid_eulist":         append([]eidas.FindingCode{eidas.FindingNCAIDNotListed}, structural...),
	"e_qcstatem_psd2_orgid_format":         {eidas.FindingOrgIDPSDSyntax},
	"w_qcstatem_psd2_orgid_format":         {eidas.FindingOrgIDPSDSyntax},
}

// difference explains why the two may differ on a certificate, "" if nothing
// does. Each is a rule, none a name of a certificate.
func difference(name string, c *eidas.Claims) string {
	st := &c.Statements
	base := false // a statement of EN 319 412-5 that zlint looks for
	for _, oid := range []string{"1", "2", "3", "4", "5", "6"} {
		base = base || st.Has("0.4.0.1862.1."+oid)
	}
	switch {
	case has(c, eidas.FindingStatementNotSeq, eidas.FindingStatementIDType, eidas.FindingStatementCount):
		return "zlint takes a malformed neighbour for the absence of every statement"
	case strings.Contains(name, "critical") && !base, strings.Contains(name, "mandatory") && !base:
		return "zlint looks only where a statement of EN 319 412-5 is present"
	case strings.Contains(name, "psd2_ncaid_eulist") && has(c, eidas.FindingNCAIDSyntax):
		return "zlint consults the list for an NCAId that is malformed"
	case strings.Contains(name, "psd2") && has(c, eidas.FindingNCAIDElsewhere) && strings.HasPrefix(c.PSD2.NCAId, "EU-"):
		return "zlint does not know the country codes of transnational bodies"
	case name == "e_qcstatem_psd2_ncaname_valid" && c.PSD2 != nil && c.PSD2.NCAName == "NA":
		return "zlint does not ask for PSP_CB or PSP_PA where NCAName is NA"
	case name == "w_qcstatem_qcpds_lang_case" && has(c, eidas.FindingPDSLanguage):
		return "zlint takes a digit for a letter in upper case"
	case name == "e_qcstatem_qcpds_valid" && has(c, eidas.FindingPDSLanguageTwice) && has(c, eidas.FindingPDSLanguageCase):
		return "zlint misses a language that is repeated in upper case"
	}
	return ""
}

func has(c *eidas.Claims, codes ...eidas.FindingCode) bool {
	for _, f := range c.Findings {
		for _, code := range codes {
			if f.Code == code {
				return true
			}
		}
	}
	return false
}

// TestAgreesWithZlint: on every certificate that zlint can load, each of its
// lints of this field speaks, whatever the date, exactly where our findings do.
func TestAgreesWithZlint(t *testing.T) {
	registry := lint.GlobalRegistry().CertificateLints()
	compared, agreed, loaded, explained := 0, 0, 0, map[string]int{}
	spoke := map[string]int{}
	for _, cert := range certificates(t) {
		peer, err := zx509.ParseCertificate(cert.der)
		if err != nil {
			continue
		}
		loaded++
		claims, _ := eidas.ParseClaimsDER(cert.der)
		require.NotNil(t, claims)
		for name, codes := range lints {
			rule := registry.ByName(name)
			require.NotNil(t, rule, name)
			ours, theirs := has(claims, codes...), false
			if l := rule.Lint(); l.CheckApplies(peer) {
				status := l.Execute(peer).Status
				theirs = status == lint.Warn || status == lint.Error || status == lint.Fatal
			}
			if theirs {
				spoke[name]++
			}
			compared++
			if ours == theirs {
				agreed++
				continue
			}
			if reason := difference(name, claims); reason != "" {
				explained[reason]++
				continue
			}
			assert.Equal(t, theirs, ours, "%s on %s: %v", name, cert.name, claims.Findings)
		}
	}
	require.NotZero(t, compared)
	t.Logf("%d certificates loaded by zlint, %d answers compared, %d agree, explained differences: %v", loaded, compared, agreed, explained)
	t.Logf("spoke: %v", spoke)
	assert.GreaterOrEqual(t, float64(agreed)/float64(compared), 0.99)
}

// TestAcceptedIdentifiersAreInNFC: no character that an identifier may hold
// changes under Unicode normalisation form C, alone or after a letter.
func TestAcceptedIdentifiersAreInNFC(t *testing.T) {
	accepted := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		for _, value := range []string{"PSDLT-BL-" + string(r), "PSDLT-BL-A" + string(r) + "1", "PSDLT-BL-" + string(r) + string(r)} {
			id, err := eidas.ParseIdentity(value)
			if err != nil {
				continue
			}
			accepted++
			require.True(t, norm.NFC.IsNormalString(id.String()), "%U", r)
		}
	}
	assert.Greater(t, accepted, 1000)
}
