package eidas_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
)

// who is an attempt to be somebody: a certificate, and the identity it must
// give or the reason for which it must give none.
type who struct {
	name   string
	der    []byte
	want   string // "" when refused
	reason eidas.Reason
}

func (w who) check(t *testing.T) {
	t.Helper()
	claims, err := parseBoth(t, w.der)
	id := eidas.Identity{}
	if err == nil {
		id, err = claims.Identity(eidas.ProfileEU)
	}
	assert.Equal(t, w.reason, eidas.ReasonOf(err), "%v", err)
	assert.Equal(t, w.want, id.String())
}

// of is a certificate with a subject and the lawful statements for authority.
func of(subject []byte, nca string) []byte {
	return certificate(subject, statements(others(), psd2(nca, piRole)), webExt)
}

func attributeOf(oid, value string) []byte { return rdn(attribute(oid, utf8String(value))) }

// plain is a PSD identifier's certificate; NCAId follows from the identifier.
func plain(value string) []byte {
	nca := "LT-BL"
	if len(value) > 6 && strings.HasPrefix(value, "PSD") {
		if parts := strings.SplitN(value[3:], "-", 3); len(parts) == 3 {
			nca = parts[0] + "-" + parts[1]
		}
	}
	return of(orgID(value), nca)
}

const (
	missing   = eidas.ReasonIdentityMissing
	ambiguous = eidas.ReasonIdentityAmbiguous
	malformed = eidas.ReasonIdentityMalformed
	conflict  = eidas.ReasonIdentityConflict
	broken    = eidas.ReasonStatementsMalformed
)

// TestImpersonation holds the case groups of the identity rule that concern
// parsing and comparison, each with what must be accepted beside it. The groups
// about paths, handshakes and rotation are tested where those are.
func TestImpersonation(t *testing.T) {
	victim, mallory := orgID(tppID), orgID("PSDLT-BL-EVIL")
	other := attributeOf("2.5.4.11", "unit")
	groups := map[string][]who{
		"03 identifier in the organizational unit": {
			{"in OU only", of(attributeOf("2.5.4.11", tppID), "LT-BL"), "", missing},
			{"OU beside the real one", of(append(attributeOf("2.5.4.11", "PSDLT-BL-OTHER"), victim...), "LT-BL"), tppID, 0},
		},
		"04 identifier in another place": {
			{"in the common name", of(attributeOf("2.5.4.3", tppID), "LT-BL"), "", missing},
			{"in the serial number", of(attributeOf("2.5.4.5", tppID), "LT-BL"), "", missing},
			{"in the alternative name", certificate(lithuania(), extension("2.5.29.17", sequence(tlv(cbasn1.Tag(2).ContextSpecific(), []byte(tppID)))), statements(others(), psd2("LT-BL", piRole))), "", missing},
			{"in NCAId", of(lithuania(), tppID), "", missing},
			{"in the CA/Browser Forum extension", certificate(lithuania(), cabfFor("BL-LB000458"), statements(others())), "", missing},
			{"in the subject", of(victim, "LT-BL"), tppID, 0},
		},
		"05 two identifiers": {
			{"victim first", of(append(victim[:len(victim):len(victim)], mallory...), "LT-BL"), "", ambiguous},
			{"victim last", of(append(mallory[:len(mallory):len(mallory)], victim...), "LT-BL"), "", ambiguous},
			{"in one RDN", of(rdn(attribute(orgIDAttribute, utf8String(tppID)), attribute(orgIDAttribute, utf8String("PSDLT-BL-EVIL"))), "LT-BL"), "", ambiguous},
			{"one malformed", of(append(orgID("x"), victim...), "LT-BL"), "", ambiguous},
			{"one", of(victim, "LT-BL"), tppID, 0},
		},
		"06 the same identifier twice": {
			{"in two RDNs", of(append(victim[:len(victim):len(victim)], victim...), "LT-BL"), "", ambiguous},
			{"as two string types", of(append(rdn(attribute(orgIDAttribute, printableString(tppID))), victim...), "LT-BL"), "", ambiguous},
			{"once", of(victim, "LT-BL"), tppID, 0},
		},
		"07 multi-valued RDN": {
			{"with the organization name", of(rdn(attribute("2.5.4.10", utf8String("Firm")), attribute(orgIDAttribute, utf8String(tppID))), "LT-BL"), tppID, 0},
			{"without an identifier", of(rdn(attribute("2.5.4.10", utf8String(tppID)), attribute("2.5.4.11", utf8String("unit"))), "LT-BL"), "", missing},
		},
		"08 letter case": {
			{"country", plain("PSDlt-BL-LB000458"), "", malformed},
			{"authority", plain("PSDLT-bl-LB000458"), "", malformed},
			{"scheme", plain("psdLT-BL-LB000458"), "", malformed},
			{"number is another identity", plain("PSDLT-BL-lb000458"), "PSDLT-BL-lb000458", 0},
			{"as issued", plain(tppID), tppID, 0},
		},
		"09 spaces and controls": {
			{"leading space", plain(" " + tppID), "", malformed},
			{"trailing space", plain(tppID + " "), "", malformed},
			{"two spaces", plain("PSDMT-MFSA-A  12345"), "", malformed},
			{"no-break space", plain("PSDMT-MFSA-A\u00a012345"), "", malformed},
			{"CR LF", plain(tppID + "\r\n"), "", malformed},
			{"NUL", plain(tppID + "\x00"), "", malformed},
			{"tab", plain("PSDMT-MFSA-A\t12345"), "", malformed},
			{"one inner space", plain("PSDMT-MFSA-A 12345"), "PSDMT-MFSA-A 12345", 0},
		},
		"10 look-alike characters": {
			{"zero width space in the number", plain("PSDLT-BL-LB\u200b000458"), "", malformed},
			{"bidi override", plain("PSDLT-BL-LB\u202e000458"), "", malformed},
			{"fullwidth number", plain("PSDLT-BL-\uff2c\uff22000458"), "", malformed},
			{"Cyrillic in the scheme", plain("РSDLT-BL-LB000458"), "", malformed},
			{"Cyrillic in the authority", plain("PSDLT-ВL-LB000458"), "", malformed},
			{"Cyrillic letter in a Latin number", plain("PSDLT-BL-LВ000458"), "", malformed},
			{"decomposed letter", plain("PSDSE-FINA-A\u030a1"), "", malformed},
			{"composed letter", plain("PSDSE-FINA-\u00c51"), "PSDSE-FINA-\u00c51", 0},
			{"Cyrillic number is another identity", plain("PSDBG-BNB-АВ"), "PSDBG-BNB-АВ", 0},
		},
		"11 string types": {
			{"UTF8String", of(victim, "LT-BL"), tppID, 0},
			{"PrintableString", of(rdn(attribute(orgIDAttribute, printableString(tppID))), "LT-BL"), tppID, 0},
			{"BMPString", of(rdn(attribute(orgIDAttribute, text(30, bmp(tppID)))), "LT-BL"), "", malformed},
			{"T61String", of(rdn(attribute(orgIDAttribute, text(cbasn1.T61String, tppID))), "LT-BL"), "", malformed},
			{"IA5String", of(rdn(attribute(orgIDAttribute, ia5String(tppID))), "LT-BL"), "", malformed},
			{"UTF8String that is not UTF-8", of(rdn(attribute(orgIDAttribute, utf8String(tppID+"\xff"))), "LT-BL"), "", malformed},
			{"no string", of(rdn(attribute(orgIDAttribute, integer(1))), "LT-BL"), "", malformed},
		},
		"12 hyphens": {
			{"in the number", plain("PSDFI-FINFSA-2858394-9"), "PSDFI-FINFSA-2858394-9", 0},
			{"left out is another identity", plain("PSDFI-FINFSA-28583949"), "PSDFI-FINFSA-28583949", 0},
			{"U+2010", plain("PSDFI-FINFSA-2858394\u20109"), "", malformed},
			{"U+2011", plain("PSDFI-FINFSA-2858394\u20119"), "", malformed},
			{"U+2212", plain("PSDFI-FINFSA\u22122858394-9"), "", malformed},
		},
		"13 before and after": {
			{"prefix", plain("X" + tppID), "", malformed},
			{"two lines", plain(tppID + "\n" + tppID), "", malformed},
			{"no number", plain("PSDLT-BL-"), "", malformed},
			{"no hyphen after the country", plain("PSDLTBL-1"), "", malformed},
			{"three-letter country", plain("PSDFIN-FINFSA-1"), "", malformed},
			{"longer number is another identity", plain(tppID + "0"), tppID + "0", 0},
		},
		"14 authority codes of two countries": {
			{"AT-FMA", plain("PSDAT-FMA-1"), "PSDAT-FMA-1", 0},
			{"LI-FMA", plain("PSDLI-FMA-1"), "PSDLI-FMA-1", 0},
			{"IE-CBI", plain("PSDIE-CBI-1"), "PSDIE-CBI-1", 0},
			{"IS-CBI", plain("PSDIS-CBI-1"), "PSDIS-CBI-1", 0},
			{"LV-BL", plain("PSDLV-BL-1"), "PSDLV-BL-1", 0},
			{"one country's identifier, the other's NCAId", of(orgID("PSDLI-FMA-1"), "AT-FMA"), "", conflict},
		},
		"15 statements that disagree": {
			{"NCAId of another country", of(victim, "LV-BL"), "", conflict},
			{"NCAId of another authority", of(victim, "LT-LB"), "", conflict},
			{"NCAId in another case", of(victim, "lt-bl"), "", conflict},
			{"NCAId with a tail", of(victim, "LT-BLX"), "", conflict},
			{"NCAId NA with a PSD identifier", certificate(victim, statements(others(), psd2("NA", role("0.4.0.19495.1.5", "PSP_CB")))), "", conflict},
			{"other extension disagrees", certificate(victim, cabfFor("BL-LB000459"), statements(others(), psd2("LT-BL", piRole))), "", conflict},
			{"all agree", certificate(victim, cabfFor("BL-LB000458"), statements(others(), psd2("LT-BL", piRole))), tppID, 0},
			{"no PSD2 statement", certificate(victim, statements(others())), tppID, 0},
		},
		"16 second statement or extension": {
			{"second PSD2 statement", certificate(victim, statements(others(), psd2("LT-BL", aiRole), psd2("LT-BL", piRole))), "", broken},
			{"the same PSD2 statement twice", certificate(victim, statements(others(), psd2("LT-BL", aiRole), psd2("LT-BL", aiRole))), "", broken},
			{"second extension", certificate(victim, statements(others(), psd2("LT-BL", aiRole)), statements(others(), psd2("LT-BL", piRole))), "", broken},
			{"one of each", certificate(victim, statements(others(), psd2("LT-BL", aiRole))), tppID, 0},
		},
		"17 malformed neighbour": {
			{"not a SEQUENCE before", certificate(victim, statements(integer(1), psd2("LT-BL", piRole))), "", broken},
			{"id not an OID before", certificate(victim, statements(sequence(integer(1)), psd2("LT-BL", piRole))), "", broken},
			{"QcType malformed before", certificate(victim, statements(statement("0.4.0.1862.1.6"), psd2("LT-BL", piRole))), "", broken},
			{"cut short after", certificate(victim, statements(psd2("LT-BL", piRole), []byte{0x30, 9})), "", broken},
			{"PDS malformed before decides nothing", certificate(victim, statements(pds(integer(1)), psd2("LT-BL", piRole))), tppID, 0},
			{"unknown before", certificate(victim, statements(statement("1.2.3", integer(1)), psd2("LT-BL", piRole))), tppID, 0},
		},
		"18 flattened roles": {
			{"four elements in a role", certificate(victim, statements(psd2("LT-BL", sequence(piRole[2:], aiRole[2:])))), "", broken},
			{"roles side by side", certificate(victim, statements(psd2("LT-BL", piRole, aiRole))), tppID, 0},
		},
		"29 identifier of another scheme": {
			{"VAT", of(orgID("VATLT-1"), "LT-BL"), "VATLT-1", 0},
			{"NTR", of(orgID("NTRLT-1"), "LT-BL"), "NTRLT-1", 0},
			{"LEI", of(orgID("LEIXG-254900ZNYA1FLUQ9U393"), "LT-BL"), "LEIXG-254900ZNYA1FLUQ9U393", 0},
			{"LEI of a country", of(orgID("LEILT-254900ZNYA1FLUQ9U393"), "LT-BL"), "", malformed},
			{"VAT with a malformed NCAId", of(orgID("VATLT-1"), "LTBL"), "", malformed},
		},
		"33 NCAId short": {
			{"empty", of(victim, ""), "", broken},
			{"one character", of(victim, "L"), "", conflict},
			{"two characters", of(victim, "LT"), "", conflict},
			{"country and hyphen", of(victim, "LT-"), "", conflict},
			{"whole", of(victim, "LT-BL"), tppID, 0},
		},
		"35 names that look like identifiers": {
			{"in O", of(append(attributeOf("2.5.4.10", tppID), other...), "LT-BL"), "", missing},
			{"in O beside another identifier", of(append(attributeOf("2.5.4.10", tppID), mallory...), "LT-BL"), "PSDLT-BL-EVIL", 0},
			{"DN syntax in O", of(append(attributeOf("2.5.4.10", "x, 2.5.4.97="+tppID+"/organizationIdentifier="+tppID), mallory...), "LT-BL"), "PSDLT-BL-EVIL", 0},
		},
	}
	for group, rows := range groups {
		t.Run(group, func(t *testing.T) {
			accepted, refused := 0, 0
			for _, row := range rows {
				t.Run(row.name, row.check)
				if row.reason == 0 {
					accepted++
				} else {
					refused++
				}
			}
			assert.NotZero(t, accepted, "a group needs a case that is accepted")
			assert.NotZero(t, refused, "a group needs a case that is refused")
		})
	}
}

func cabfFor(reference string) []byte {
	return extension(cabfOID, sequence(printableString("PSD"), printableString("LT"), utf8String(reference)))
}

func bmp(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte(0)
		b.WriteByte(c)
	}
	return b.String()
}

// TestRolesGrantNothingByHalf is case group 19: where OID and name disagree
// neither wins.
func TestRolesGrantNothingByHalf(t *testing.T) {
	for _, row := range []struct {
		rule   string
		role   []byte
		known  eidas.Roles
		refuse bool
	}{
		{"OID of PI named AI", role("0.4.0.19495.1.2", "PSP_AI"), 0, true},
		{"OID of AI named PI", role("0.4.0.19495.1.3", "PSP_PI"), 0, true},
		{"OID of PI with its long name", role("0.4.0.19495.1.2", "Payment Initiation"), 0, true},
		{"unknown OID named PI", role("0.4.0.19495.1.99", "PSP_PI"), 0, false},
		{"OID of PI named PI", role("0.4.0.19495.1.2", "PSP_PI"), eidas.RolePI, false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			claims, err := parseBoth(t, certificate(orgID(tppID), statements(others(), psd2("LT-BL", row.role))))
			assert.Equal(t, row.known, claims.PSD2.Known)
			assert.Equal(t, row.refuse, err != nil)
			assert.Len(t, claims.PSD2.Roles, 1, "the raw role is kept for display")
		})
	}
}

// TestTypesAreAllShown is the part of case group 20 that is parsing: no QcType
// hides another.
func TestTypesAreAllShown(t *testing.T) {
	claims, err := parseBoth(t, certificate(orgID(tppID), statements(compliance(), qcType(typeWeb, typeSeal, typeSign))))
	require.NoError(t, err)
	assert.Equal(t, []string{typeWeb, typeSeal, typeSign}, claims.Statements.Types)
	assert.NotEmpty(t, findingsByCode(claims)[eidas.FindingSeveralTypes])
}

// TestSameness is case groups 21, 22, 24, 25 and 27: the identifier under its
// profile is the identity, and nothing else is.
func TestSameness(t *testing.T) {
	identity := func(der []byte, p eidas.Profile) eidas.Identity {
		claims, err := parseBoth(t, der)
		require.NoError(t, err)
		id, err := claims.Identity(p)
		require.NoError(t, err)
		return id
	}
	named := func(o, id, nca string) []byte {
		return of(append(attributeOf("2.5.4.10", o), orgID(id)...), nca)
	}
	victim := identity(named("Firm UAB", tppID, "LT-BL"), eidas.ProfileEU)
	t.Run("21 same names, another identifier", func(t *testing.T) {
		assert.NotEqual(t, victim, identity(named("Firm UAB", "PSDLT-BL-EVIL", "LT-BL"), eidas.ProfileEU))
	})
	t.Run("22 renamed, same identifier", func(t *testing.T) {
		assert.Equal(t, victim, identity(named("Firm Renamed UAB", tppID, "LT-BL"), eidas.ProfileEU))
	})
	t.Run("24 successor in another country", func(t *testing.T) {
		assert.NotEqual(t, identity(named("Firm", "PSDGB-FCA-1", "GB-FCA"), eidas.ProfileEU), identity(named("Firm", "PSDLT-BL-1", "LT-BL"), eidas.ProfileEU))
	})
	t.Run("25 one organisation, two numbers", func(t *testing.T) {
		assert.NotEqual(t, identity(named("Firm", "PSDLT-BL-1", "LT-BL"), eidas.ProfileEU), identity(named("Firm", "PSDLT-BL-2", "LT-BL"), eidas.ProfileEU))
	})
	t.Run("27 real identifier from a sandbox", func(t *testing.T) {
		sandbox := identity(named("Firm UAB", tppID, "LT-BL"), eidas.ProfileTest)
		assert.NotEqual(t, victim, sandbox)
		assert.Equal(t, victim.OrganizationIdentifier(), sandbox.OrganizationIdentifier())
	})
}

// TestOpenBankingUK is case group 28: the directory's own numbers, with the
// supervisor as NCA, are identities of its profile only.
func TestOpenBankingUK(t *testing.T) {
	const value = "PSDGB-OB-Unknown0015800001HQQrZAAX"
	for _, row := range []struct {
		rule, value, nca string
		profile          eidas.Profile
		reason           eidas.Reason
	}{
		{"under its own profile", value, "GB-FCA", eidas.ProfileUKOB, 0},
		{"under the EU profile", value, "GB-FCA", eidas.ProfileEU, conflict},
		{"under the test profile", value, "GB-FCA", eidas.ProfileTest, conflict},
		{"another supervisor", value, "GB-PRA", eidas.ProfileUKOB, conflict},
		{"another directory", "PSDGB-TEST-123456", "GB-FCA", eidas.ProfileUKOB, conflict},
		{"another country", "PSDLT-OB-1", "GB-FCA", eidas.ProfileUKOB, conflict},
		{"a real EU identifier", tppID, "GB-FCA", eidas.ProfileUKOB, conflict},
		{"agreement under its own profile", "PSDGB-FCA-827001", "GB-FCA", eidas.ProfileUKOB, 0},
	} {
		t.Run(row.rule, func(t *testing.T) {
			claims, err := parseBoth(t, of(orgID(row.value), row.nca))
			require.NoError(t, err)
			id, err := claims.Identity(row.profile)
			assert.Equal(t, row.reason, eidas.ReasonOf(err))
			if row.reason == 0 {
				assert.Equal(t, "uk-ob/"+row.value, id.String())
			}
		})
	}
}

// TestHostileEncodings is case group 31.
func TestHostileEncodings(t *testing.T) {
	whole := func(value []byte) []byte { return certificate(orgID(tppID), extension(statementsOID, value)) }
	good := sequence(others(), psd2("LT-BL", piRole))
	deep := []byte{5, 0}
	for range 300 {
		deep = sequence(deep)
	}
	bomb := []byte{5, 0}
	for len(bomb) < 60<<10 {
		bomb = sequence(bomb)
	}
	for _, row := range []struct {
		rule   string
		value  []byte
		refuse bool
	}{
		{"in DER", good, false},
		{"trailing octets", append(bytes.Clone(good), 0), true},
		{"indefinite length", append(append([]byte{0x30, 0x80}, good[3:]...), 0, 0), true},
		{"length not minimal", append([]byte{0x30, 0x82, 0, good[2]}, good[3:]...), true},
		{"length of five octets", append([]byte{0x30, 0x85, 0, 0, 0, 0, good[2]}, good[3:]...), true},
		{"length beyond the end", append([]byte{0x30, 0x81, good[2] + 1}, good[3:]...), true},
		{"high tag number", sequence([]byte{0x3f, 0x81, 0x10, 0}), true},
		{"empty value", nil, true},
		{"one octet", []byte{0x30}, true},
		{"constructed string", sequence(psd2Of(sequence(piRole), tlv(0x2c, utf8String("Bank")), utf8String("LT-BL"))), true},
		{"one megabyte", filled(1 << 16)[:1<<16-1], true},
		{"ten thousand roles", sequence(psd2("LT-BL", bytes.Repeat(sequence(oidOf("1.2")), 10000))), true},
		{"deep nesting in an unknown statement stays raw", sequence(statement("1.2.3", deep)), false},
		{"deep nesting in PSD2", sequence(psd2Of(deep, utf8String("Bank"), utf8String("LT-BL"))), true},
		{"depth bomb", sequence(psd2Of(bomb)), true},
		{"empty extension", sequence(), false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			require.Equal(t, byte(0x81), good[1], "the rows above patch a length of this form")
			claims, err := eidas.ParseClaimsDER(whole(row.value))
			require.NotNil(t, claims)
			assert.Equal(t, row.refuse, err != nil, "%v", err)
			if err != nil && claims.PSD2 != nil {
				assert.Zero(t, claims.PSD2.Known)
			}
		})
	}
	t.Run("one megabyte of statements", func(t *testing.T) {
		claims, err := eidas.ParseClaimsDER(whole(sequence(bytes.Repeat(statement("1.2.3"), 1<<17))))
		assert.Nil(t, claims)
		require.ErrorIs(t, err, eidas.ReasonCertificateMalformed, "a certificate has a size limit of its own")
		cert := &x509.Certificate{
			RawSubject: sequence(orgID(tppID)),
			Extensions: []pkix.Extension{statementsExtension(sequence(bytes.Repeat(statement("1.2.3"), 1<<17)))},
		}
		claims, err = eidas.ParseClaims(cert)
		require.ErrorIs(t, err, eidas.ReasonStatementsMalformed)
		assert.True(t, claims.Statements.Present)
		assert.Empty(t, claims.Statements.List)
	})
}

// TestEveryTruncationAndBitFlip: no octet of the statements can be changed or
// cut so that reading panics, or that roles appear which the certificate with
// its octets as they are does not name.
func TestEveryTruncationAndBitFlip(t *testing.T) {
	good := sequence(others(), psd2("LT-BL", piRole))
	cert := func(value []byte) *x509.Certificate {
		return &x509.Certificate{RawSubject: sequence(orgID(tppID)), Extensions: []pkix.Extension{statementsExtension(value)}}
	}
	for i := range good {
		claims, err := eidas.ParseClaims(cert(good[:i]))
		require.Error(t, err, "cut at %d", i)
		require.NotNil(t, claims)
		for bit := range 8 {
			flipped := bytes.Clone(good)
			flipped[i] ^= 1 << bit
			claims, err := eidas.ParseClaims(cert(flipped))
			if err != nil || claims.PSD2 == nil {
				continue
			}
			require.Zero(t, claims.PSD2.Known&^eidas.RolePI, "octet %d bit %d gave %s", i, bit, claims.PSD2.Known)
		}
	}
}

// TestCriticalStatements is case group 32.
func TestCriticalStatements(t *testing.T) {
	good := sequence(others(), psd2("LT-BL", piRole))
	claims, err := parseBoth(t, certificate(orgID(tppID), criticalExtension(statementsOID, good)))
	require.NoError(t, err)
	assert.True(t, claims.Statements.Critical)
	assert.Equal(t, warning, findingsByCode(claims)[eidas.FindingStatementsCritical][0].Severity)
	assert.Equal(t, eidas.RolePI, claims.PSD2.Known)

	_, err = parseBoth(t, certificate(orgID(tppID), criticalExtension(statementsOID, []byte("garbled"))))
	require.ErrorIs(t, err, broken)
}

// TestLegislationIsShown is case group 34: a certificate that is qualified under
// another law says so in its claims; qualification decides.
func TestLegislationIsShown(t *testing.T) {
	claims, err := parseBoth(t, certificate(orgID(tppID), statements(with(legislation("CH")))))
	require.NoError(t, err)
	assert.Equal(t, []string{"CH"}, claims.Statements.Legislation)
	claims, err = parseBoth(t, certificate(orgID(tppID), statements(others())))
	require.NoError(t, err)
	assert.Nil(t, claims.Statements.Legislation)
}

// TestNotACertificate: what is not a certificate in DER gives no claims.
func TestNotACertificate(t *testing.T) {
	good := lawful()
	tbs := func(parts ...[]byte) []byte {
		return sequence(sequence(parts...), sequence(oidOf("1.2.3")), text(cbasn1.BIT_STRING, "\x00"))
	}
	name, empty := sequence(), sequence()
	v1 := [][]byte{integer(1), empty, name, empty, name, empty}
	exts := tlv(cbasn1.Tag(3).Constructed().ContextSpecific(), sequence(extension("1.2.3", nil)))
	for rule, row := range map[string]struct {
		der []byte
		ok  bool
	}{
		"lawful":                     {good, true},
		"empty":                      {nil, false},
		"trailing octet":             {append(bytes.Clone(good), 0), false},
		"cut short":                  {good[:len(good)-1], false},
		"text":                       {[]byte("-----BEGIN CERTIFICATE-----"), false},
		"beyond the size limit":      {certificate(nil, extension("1.2.3", make([]byte, 128<<10))), false},
		"version 1":                  {tbs(v1...), true},
		"version 1 with extensions":  {tbs(append(v1[:6:6], exts)...), false},
		"tail in tbsCertificate":     {tbs(append(v1[:6:6], integer(1))...), false},
		"subject missing":            {tbs(v1[:4]...), false},
		"tail after the extensions":  {tbs(append(append([][]byte{tlv(cbasn1.Tag(0).Constructed().ContextSpecific(), integer(2))}, v1...), tlv(cbasn1.Tag(3).Constructed().ContextSpecific(), sequence(extension("1.2.3", nil)), integer(1)))...), false},
		"version 3 with extensions":  {tbs(append(append([][]byte{tlv(cbasn1.Tag(0).Constructed().ContextSpecific(), integer(2))}, v1...), exts)...), true},
		"extension not a SEQUENCE":   {certificate(nil, integer(1)), false},
		"extension id not an OID":    {certificate(nil, sequence(integer(1), tlv(cbasn1.OCTET_STRING))), false},
		"extension with a tail":      {certificate(nil, sequence(oidOf("1.2.3"), tlv(cbasn1.OCTET_STRING), integer(1))), false},
		"critical neither 00 nor FF": {certificate(nil, sequence(oidOf("1.2.3"), []byte{1, 1, 1}, tlv(cbasn1.OCTET_STRING))), false},
	} {
		t.Run(rule, func(t *testing.T) {
			claims, err := eidas.ParseClaimsDER(row.der)
			if row.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, eidas.ReasonCertificateMalformed)
			assert.Nil(t, claims)
		})
	}
}

// TestClaimsDoNotChangeTheCertificate, nor do two readings share anything that
// either of them writes.
func TestClaimsDoNotChangeTheCertificate(t *testing.T) {
	der := lawful()
	before := bytes.Clone(der)
	done := make(chan *eidas.Claims)
	for range 4 {
		go func() {
			claims, _ := eidas.ParseClaimsDER(der)
			done <- claims
		}()
	}
	first := <-done
	for range 3 {
		select {
		case claims := <-done:
			assert.Equal(t, first, claims)
		case <-time.After(time.Minute):
			t.Fatal("no answer")
		}
	}
	assert.Equal(t, before, der)
}
