package main

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/bits"
	"strings"

	"github.com/seed-b953571c/eidas"
)

// evidenceText is the value of a fact for people.
func (r *explainReport) evidenceText(f eidas.Fact) string {
	switch {
	case f.Name == "at_issuance" && r.Qualify != nil:
		return r.Qualify.AtIssuance.conclusionText()
	case f.Name == "at_time" && r.Qualify != nil:
		return r.Qualify.AtTime.conclusionText()
	case f.Name == "key" && r.leaf != nil:
		return keyText(r.leaf)
	case f.Name == "key_usage" && r.leaf != nil:
		return keyUsageText(r.leaf.KeyUsage)
	case f.Name == "extended_key_usage" && r.leaf != nil:
		return extKeyUsageText(r.leaf, f.Value)
	case f.Value == "":
		return "none"
	}
	return clean(readable(f.Value))
}

// keyText is the algorithm of a public key with its size or curve.
func keyText(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA, " + k.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}

// keyUsageText names the bits of a key usage (RFC 5280, 4.2.1.3).
func keyUsageText(usage x509.KeyUsage) string {
	if usage == 0 {
		return "none"
	}
	var names []string
	for rest := uint(usage); rest != 0; rest &= rest - 1 {
		names = append(names, x509.KeyUsage(1<<bits.TrailingZeros(rest)).String())
	}
	return strings.Join(names, ", ")
}

// extKeyUsageText puts its name to an OID that has one (RFC 5280, 4.2.1.12).
func extKeyUsageText(c *x509.Certificate, oid string) string {
	for _, u := range c.ExtKeyUsage {
		if u.OID().String() == oid {
			return u.String() + " (" + clean(oid) + ")"
		}
	}
	return clean(oid)
}

// skippedText says which check a check that was skipped would have needed.
func (r *explainReport) skippedText(name eidas.CheckName) string {
	failed := func(wanted ...eidas.CheckName) string {
		for _, w := range wanted {
			for i := range r.Checks {
				if r.Checks[i].Name == w && r.Checks[i].Outcome == eidas.OutcomeFail {
					return "not made, because " + string(w) + " failed"
				}
			}
		}
		return ""
	}
	switch name { //nolint:exhaustive // the others need the certificate alone
	case eidas.CheckPSD2, eidas.CheckIdentity:
		return failed(eidas.CheckSize, eidas.CheckStatements)
	case eidas.CheckRegistration:
		return failed(eidas.CheckSize, eidas.CheckStatements, eidas.CheckIdentity)
	case eidas.CheckProfile, eidas.CheckRevocation:
		return failed(eidas.CheckSize, eidas.CheckPath)
	case eidas.CheckQualified:
		return failed(eidas.CheckSize, eidas.CheckStatements, eidas.CheckPath)
	case eidas.CheckListDates:
		return failed(eidas.CheckSize, eidas.CheckStatements, eidas.CheckPath, eidas.CheckQualified)
	case eidas.CheckAuthorisation:
		return failed(eidas.CheckSize, eidas.CheckStatements, eidas.CheckIdentity, eidas.CheckPath, eidas.CheckQualified)
	}
	return failed(eidas.CheckSize)
}
