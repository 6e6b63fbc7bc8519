package eidas_test

import (
	"context"
	"crypto/x509"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/realdata"
	"github.com/seed-b953571c/eidas/trustlist"
)

// realQWACs returns the real PSD2 certificates whose listed issuer is in the
// data, with the identity that the manifest states.
func realQWACs(t *testing.T) map[*x509.Certificate]string {
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
	found := map[*x509.Certificate]string{}
	for _, row := range rows[1:] {
		file := row[column["file"]]
		id := strings.TrimSuffix(file, ".der")[:8]
		if _, err := os.Stat(filepath.Join(filepath.Dir(f.Name()), "issuers", "issuer-of-"+id+".der")); err != nil {
			continue
		}
		cert, err := x509.ParseCertificate(realdata.Read(t, "certs", file))
		require.NoError(t, err)
		found[cert] = row[column["orgid"]]
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

	for cert, identity := range realQWACs(t) {
		t.Run(identity, func(t *testing.T) {
			at := cert.NotBefore.Add(cert.NotAfter.Sub(cert.NotBefore) / 2)
			if at.After(world.At) {
				at = cert.NotBefore
			}
			judge := func(set *eidas.ServiceSet, c *x509.Certificate) (*eidas.Result, error) {
				p := eidas.DefaultPolicy(eidas.AllowAnyone())
				p.AllowNoRevocation = true
				v, err := eidas.NewValidator(eidas.Config{Services: trust{set}, Policy: p})
				require.NoError(t, err)
				return v.Validate(context.Background(), []*x509.Certificate{c}, eidas.UseTLS, at)
			}
			res, err := judge(set, cert)
			require.NoError(t, err)
			assert.Equal(t, identity, res.Identity.String())
			assert.NotZero(t, res.Roles)

			_, err = judge(reissued(set, res.Service, func(p *eidas.Period) { p.Status = statusBase + "withdrawn" }), cert)
			assert.Equal(t, eidas.ReasonServiceNotGranted, eidas.ReasonOf(err))
			_, err = judge(reissued(set, res.Service, func(p *eidas.Period) { p.AdditionalInfo = []string{infoBase + forSig} }), cert)
			assert.Equal(t, eidas.ReasonNotQualified, eidas.ReasonOf(err))

			// Every third bit; TestValidateEveryBitMatters takes them all.
			for bit := 0; bit < len(cert.Raw)*8; bit += 3 {
				der := append([]byte(nil), cert.Raw...)
				der[bit/8] ^= 1 << (bit % 8)
				if c, err := x509.ParseCertificate(der); err == nil {
					_, err = judge(set, c)
					require.Error(t, err, "bit %d", bit)
				}
			}
		})
	}
}
