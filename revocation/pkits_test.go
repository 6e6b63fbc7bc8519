package revocation_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

// pkitsTime lies in the validity of the suite's certificates and CRLs, 2010 to 2030.
var pkitsTime = time.Date(2026, 11, 22, 5, 15, 37, 0, time.UTC)

// pkitsSections are those about revocation: basic certificate revocation,
// distribution points, delta CRLs.
var pkitsSections = []string{"4.4.", "4.14.", "4.15."}

// runPKITS judges the revocation sections of NIST PKITS. A case is the path
// from its first certificate, the anchor, to its last, with further
// certificates of CRL issuers; it is valid if the path holds and no certificate
// of it is revoked. crypto/x509 cannot read some of the certificates; such a
// case counts as refused.
func runPKITS(t *testing.T, dir string) int {
	t.Helper()
	var cases []pkitsCase
	require.NoError(t, json.Unmarshal(read(t, dir, "cases.json"), &cases))
	n, outOfReach := 0, 0
	for _, c := range cases {
		if !c.about(pkitsSections) {
			continue
		}
		n++
		t.Run(c.Num+" "+c.Title, func(t *testing.T) {
			valid, err := c.judge(t, dir)
			t.Log(err)
			if c.Valid && c.unreadable != nil {
				outOfReach++
				t.Logf("out of reach of crypto/x509: %v", c.unreadable)
				assert.False(t, valid)
				return
			}
			assert.Equal(t, c.Valid, valid)
		})
	}
	t.Logf("%d cases, %d of them refused because crypto/x509 cannot read a certificate", n, outOfReach)
	assert.LessOrEqual(t, outOfReach*22, n, "at least 63 of 66 must be right")
	return n
}

type pkitsCase struct {
	Num, Title  string
	Certs, CRLs []string
	Valid       bool
	unreadable  error
}

func (c *pkitsCase) about(sections []string) bool {
	for _, s := range sections {
		if strings.HasPrefix(c.Num, s) {
			return true
		}
	}
	return false
}

func (c *pkitsCase) judge(t *testing.T, dir string) (bool, error) {
	t.Helper()
	var set revocation.CRLSet
	for _, name := range c.CRLs {
		crl, err := revocation.ParseCRL(read(t, dir, "crls", name+".crl"))
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		set.CRLs = append(set.CRLs, crl)
	}
	for _, name := range c.Certs {
		cert, err := x509.ParseCertificate(read(t, dir, "certs", name+".crt"))
		if err != nil {
			c.unreadable = err
			return false, err
		}
		set.Certificates = append(set.Certificates, cert)
	}
	path := pkitsPath(set.Certificates)
	if path == nil {
		return false, assert.AnError
	}
	for i := range len(path) - 1 {
		set.Chain = path[i+2:]
		target := revocation.Target{Certificate: path[i], Issuer: path[i+1]}
		a, err := revocation.VerifyCRL(set, target, pkitsTime, revocation.CRLPolicy{})
		if err != nil || a.Status != eidas.StatusGood {
			return false, err
		}
	}
	return true, nil
}

// pkitsPath builds the path from the last certificate up to the first.
func pkitsPath(certs []*x509.Certificate) []*x509.Certificate {
	path := []*x509.Certificate{certs[len(certs)-1]}
	for len(path) <= len(certs) {
		last := path[len(path)-1]
		if last == certs[0] {
			return path
		}
		for _, ca := range certs {
			if ca.IsCA && bytes.Equal(ca.RawSubject, last.RawIssuer) && last.CheckSignatureFrom(ca) == nil &&
				!pkitsTime.Before(last.NotBefore) && !pkitsTime.After(last.NotAfter) {
				path = append(path, ca)
				break
			}
		}
		if path[len(path)-1] == last {
			return nil
		}
	}
	return nil
}
