package eidas_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/realdata"
	"github.com/seed-b953571c/eidas/trustlist"
)

// real is a certificate of the field, with what the manifest states of it.
type real struct {
	*x509.Certificate
	identity string
	roles    eidas.Roles
	issuer   *eidas.Anchor
}

// realQWACs returns the real PSD2 QWACs whose listed issuer is in the data.
func realQWACs(t *testing.T) []real {
	t.Helper()
	f, err := os.Open(realdata.Path(t, "certs", "manifest.csv"))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var found []real
	for _, row := range rows[1:] {
		file := row[column["file"]]
		if row[column["has_psd2"]] != "True" || row[column["kind"]] != "QWAC" {
			continue
		}
		id := strings.TrimSuffix(file, ".der")[:8]
		issuer, err := os.ReadFile(filepath.Join(filepath.Dir(f.Name()), "issuers", "issuer-of-"+id+".der"))
		if err != nil {
			continue
		}
		anchor, err := eidas.ParseAnchor(issuer)
		require.NoError(t, err)
		cert, err := x509.ParseCertificate(realdata.Read(t, "certs", file))
		require.NoError(t, err)
		r := real{cert, row[column["orgid"]], 0, anchor}
		for role := range strings.SplitSeq(row[column["roles"]], "|") {
			_, name, _ := strings.Cut(role, "=")
			r.roles |= eidas.RoleByName(name)
		}
		require.NotZero(t, r.roles, file)
		found = append(found, r)
	}
	require.NotEmpty(t, found, "no case met")
	return found
}

// reissued returns the services with one of them changed.
func reissued(set *eidas.ServiceSet, target *eidas.Service, edit func(*eidas.Period)) *eidas.ServiceSet {
	services := append([]*eidas.Service(nil), set.Services()...)
	for i, s := range services {
		if s != target {
			continue
		}
		changed := *s
		changed.Periods = append([]eidas.Period(nil), s.Periods...)
		for p := range changed.Periods {
			edit(&changed.Periods[p])
		}
		services[i] = &changed
	}
	return eidas.NewServiceSet("changed", services)
}

// The main job on real input: real PSD2 certificates, from the leaf alone,
// against the real lists of October 2023, verified from the Official Journal
// down; and refused when a bit of them, or their service's status, changes.
func TestRealQWACsUnderRealLists(t *testing.T) {
	dir := realdata.Path(t, "worlds", "eu-2023")
	world, err := trustlist.LoadWorld(dir)
	require.NoError(t, err)
	source, err := trustlist.OpenFolder(dir)
	require.NoError(t, err)
	defer func() { _ = source.Close() }()
	snapshot, err := trustlist.Load(context.Background(), trustlist.Config{Anchors: world.Anchors, Source: source}, world.At)
	require.NoError(t, err)
	set := snapshot.Services().AsOf(world.At)

	policy := eidas.DefaultPolicy(eidas.AllowAnyone())
	policy.AllowNoRevocation = true
	judge := func(set *eidas.ServiceSet, c *x509.Certificate, at time.Time) (*eidas.Result, error) {
		v, err := eidas.NewValidator(eidas.Config{Services: trust{set}, Policy: policy})
		require.NoError(t, err)
		return v.Validate(context.Background(), []*x509.Certificate{c}, eidas.UseTLS, at)
	}
	cases := realQWACs(t)
	for _, c := range cases {
		t.Run(c.identity, func(t *testing.T) {
			at := c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 2)
			if at.After(world.At) {
				at = c.NotBefore
			}
			res, err := judge(set, c.Certificate, at)
			require.NoError(t, err)
			assert.Equal(t, c.identity, res.Identity.String())
			assert.Equal(t, c.roles, res.Roles)
			assert.True(t, slices.ContainsFunc(res.Service.Anchors, func(a *eidas.Anchor) bool {
				return bytes.Equal(a.RawSubject, c.issuer.RawSubject) && bytes.Equal(a.RawSPKI, c.issuer.RawSPKI)
			}), "the service of its issuer")

			for _, end := range []struct {
				last, over time.Time
				want       eidas.Reason
			}{
				{c.NotBefore, c.NotBefore.Add(-time.Second), eidas.ReasonNotYetValid},
				{c.NotAfter, c.NotAfter.Add(time.Second), eidas.ReasonExpired},
			} {
				_, err = judge(set, c.Certificate, end.last)
				require.NoError(t, err)
				_, err = judge(set, c.Certificate, end.over)
				require.ErrorIs(t, err, end.want)
			}

			_, err = judge(reissued(set, res.Service, func(p *eidas.Period) { p.Status = statusBase + "withdrawn" }), c.Certificate, at)
			require.ErrorIs(t, err, eidas.ReasonServiceNotGranted)
			_, err = judge(reissued(set, res.Service, func(p *eidas.Period) { p.AdditionalInfo = []string{infoBase + forSig} }), c.Certificate, at)
			require.ErrorIs(t, err, eidas.ReasonNotQualified)

			read := 0
			for bit := range len(c.Raw) * 8 {
				der := append([]byte(nil), c.Raw...)
				der[bit/8] ^= 1 << (bit % 8)
				changed, err := x509.ParseCertificate(der)
				if err != nil {
					continue // crypto/tls refuses it before any hook
				}
				read++
				_, err = judge(set, changed, at)
				require.Error(t, err, "bit %d", bit)
			}
			t.Logf("%d bits, of which %d left a certificate that crypto/x509 reads: none was let in", len(c.Raw)*8, read)
		})
	}
	t.Logf("%d real PSD2 QWACs", len(cases))
}
