package main_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// Over real HTTP: which source is asked, and what it says.
func TestVerifyRevocationSources(t *testing.T) {
	m := mint(t)
	q := m.QTSP("LT")
	issue := func(ocsp, crl bool) *eidastest.Leaf {
		r := eidastest.QWAC(tppID, eidas.RoleAI)
		if !ocsp {
			r.OCSP = []string{}
		}
		if crl {
			r.Points = []*eidastest.DistributionPoint{q.CRL}
		}
		return m.Issue("LT", r)
	}
	both, ocspOnly, crlOnly, none := issue(true, true), issue(true, false), issue(false, true), issue(false, false)
	dir := m.folder(t)
	verify := func(t *testing.T, l *eidastest.Leaf, mode string) (verified, int) {
		t.Helper()
		args := overLoopback("verify", "--json", "--world", dir, "--at", noon, tempFile(t, pemOf(l)))
		if mode != "" {
			args = append(args, "--revocation", mode)
		}
		o := eidasCmd(t, args...)
		return document[verified](t, o), o.code
	}
	type row struct {
		leaf           *eidastest.Leaf
		mode           string
		source, reason string
	}
	rows := map[string]row{
		"by default, OCSP first":    {both, "", "ocsp", ""},
		"auto, OCSP first":          {both, "auto", "ocsp", ""},
		"auto, CRL alone":           {crlOnly, "auto", "crl", ""},
		"ocsp":                      {both, "ocsp", "ocsp", ""},
		"crl":                       {both, "crl", "crl", ""},
		"ocsp, but CRL alone":       {crlOnly, "ocsp", "", "revocation_unknown"},
		"crl, but a responder only": {ocspOnly, "crl", "", "revocation_unknown"},
		"auto, nobody to ask":       {none, "auto", "", "revocation_unknown"},
	}
	for name, tc := range rows {
		t.Run("good: "+name, func(t *testing.T) {
			got, code := verify(t, tc.leaf, tc.mode)
			assert.Equal(t, tc.reason, got.Reason, got.Detail)
			if tc.reason != "" {
				assert.Equal(t, 1, code)
				return
			}
			assert.Equal(t, 0, code)
			require.NotEmpty(t, got.Status)
			assert.Equal(t, "good", got.Status[0].Status)
			assert.Equal(t, tc.source, got.Status[0].Source)
		})
	}

	q.Responder.SetFault(eidastest.FaultDown)
	t.Run("auto, responder down", func(t *testing.T) {
		got, code := verify(t, both, "auto")
		assert.Equal(t, 0, code, got.Detail)
		assert.Equal(t, "crl", got.Status[0].Source)
	})
	t.Run("ocsp, responder down", func(t *testing.T) {
		got, code := verify(t, both, "ocsp")
		assert.Equal(t, 1, code)
		assert.Equal(t, "revocation_unavailable", got.Reason)
	})
	q.Responder.SetFault(eidastest.FaultNone)

	for _, l := range []*eidastest.Leaf{both, ocspOnly, crlOnly} {
		q.Revoke(l, 1)
	}
	for name, tc := range rows {
		if tc.reason != "" {
			continue
		}
		t.Run("revoked: "+name, func(t *testing.T) {
			got, code := verify(t, tc.leaf, tc.mode)
			assert.Equal(t, 1, code)
			assert.Equal(t, "revoked", got.Reason)
			require.NotEmpty(t, got.Status)
			assert.Equal(t, "revoked", got.Status[0].Status)
			assert.Equal(t, tc.source, got.Status[0].Source)
		})
	}
}

func TestVerifyNamesTheFlagThatWouldHelp(t *testing.T) {
	m := mint(t)
	leaf := tempFile(t, pemOf(m.leaf))
	for name, row := range map[string]struct {
		args []string
		says string
	}{
		"port":               {[]string{leaf}, "\n  Hint: --revocation-allow-any-port "},
		"address":            {[]string{leaf, "--revocation-allow-any-port"}, "\n  Hint: --revocation-allow-private CIDR "},
		"none when accepted": {[]string{leaf, "--revocation", "off"}, ""},
	} {
		for _, explain := range []string{"--explain=false", "--explain"} {
			t.Run(name+" "+explain, func(t *testing.T) {
				o := eidasCmd(t, append([]string{"verify", explain, "--world", m.folder(t), "--at", noon}, row.args...)...)
				if row.says == "" {
					assert.NotContains(t, o.stdout, "Hint")
					return
				}
				assert.Equal(t, 1, o.code)
				assert.Contains(t, o.stdout, row.says)
			})
		}
	}
}

func TestVerifyAsksForTheIntermediate(t *testing.T) {
	m := mint(t)
	m.Check(m.List("LT").Tamper())
	leaf, certificates := tempFile(t, pemOfCertificates(m.leaf.Certificate)), tempFile(t, pemOf(m.leaf))
	const hint = "Hint: if a CA above it is listed, add the intermediate certificate to the chain\n"
	for _, args := range [][]string{{"verify", "--revocation", "off"}, {"verify", "--explain", "--revocation", "off"}, {"qualify"}} {
		args = append(args, "--world", m.folder(t), "--at", noon)
		o := eidasCmd(t, append(args, leaf)...)
		assert.Contains(t, o.stdout, hint, args)
		assert.Contains(t, o.stdout, "organizationIdentifier=VATLT-", args)
		assert.NotContains(t, eidasCmd(t, append(args, certificates)...).stdout, "Hint", "it is there: %q", args)
	}
}

// A certificate that is judged for the wrong use is refused with the right one.
func TestVerifyNamesTheOtherUse(t *testing.T) {
	m := mint(t)
	dual := eidastest.QSealC(tppID, eidas.RoleAI)
	dual.KeyUsage |= x509.KeyUsageDigitalSignature
	wall := eidastest.QSealC(tppID, eidas.RoleAI)
	wall.KeyUsage = x509.KeyUsageContentCommitment
	bare := eidastest.QWAC(tppID, eidas.RoleAI)
	bare.KeyUsage = x509.KeyUsageKeyEncipherment
	for name, row := range map[string]struct {
		request eidastest.Request
		use     string
		says    string
	}{
		"seal by its type":            {dual, "tls", "Hint: it is a certificate for seals: --use seal\n"},
		"seal by its key usage":       {wall, "tls", "Hint: it is a certificate for seals: --use seal\n"},
		"QWAC by its type":            {eidastest.QWAC(tppID, eidas.RoleAI), "seal", "Hint: it is a certificate for TLS: --use tls\n"},
		"QWAC with another key usage": {bare, "tls", ""},
		"QWAC for what it is":         {eidastest.QWAC(tppID, eidas.RoleAI), "tls", ""},
		"seal for what it is":         {dual, "seal", ""},
	} {
		leaf := tempFile(t, pemOf(m.Issue("LT", row.request)))
		for _, explain := range []string{"--explain=false", "--explain"} {
			t.Run(name+" "+explain, func(t *testing.T) {
				o := eidasCmd(t, "verify", explain, "--use", row.use, "--world", m.folder(t), "--at", noon, "--revocation", "off", leaf)
				if row.says == "" {
					assert.NotContains(t, o.stdout, "Hint")
					return
				}
				assert.Equal(t, 1, o.code, o.stdout)
				assert.Contains(t, o.stdout, row.says)
			})
		}
	}
}

// Where nobody can be reached, the choice that skips the check is named as such. The
// twin, an answer that is there and says nothing, has no such hint.
func TestVerifyWithoutNetwork(t *testing.T) {
	m := mint(t)
	leaf := tempFile(t, pemOf(m.leaf))
	q := m.QTSP("LT")
	allow := []string{"verify", "--world", m.folder(t), "--at", noon, "--revocation-allow-any-port", "--revocation-allow-private", "127.0.0.0/8,::1/128"}
	for fault, says := range map[eidastest.Fault]bool{eidastest.FaultDown: true, eidastest.FaultGarbage: false, eidastest.FaultUnknown: false} {
		q.Responder.SetFault(fault)
		o := eidasCmd(t, append(allow, "--revocation", "ocsp", leaf)...)
		assert.Equal(t, 1, o.code, o.stdout)
		assert.Equal(t, says, strings.Contains(o.stdout, "--revocation off skips the check"), o.stdout)
	}
}

func TestVerifyTellsOfAnInputErrorInJSON(t *testing.T) {
	m := mint(t)
	o := eidasCmd(t, "verify", "--json", "--world", m.folder(t), "--at", noon, tempFile(t, "no certificate"))
	assert.Equal(t, 2, o.code)
	got := document[struct{ Error, Reason, Decision string }](t, o)
	assert.Equal(t, "input", got.Reason)
	assert.Contains(t, got.Error, "no certificate in it")
	assert.Empty(t, got.Decision)
	o = eidasCmd(t, "verify", "--json", tempFile(t, "no certificate"))
	assert.Empty(t, o.stdout)
	assert.Contains(t, o.stderr, "--help")
}
