package qseal_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// issued is a certificate with an issuer of these attributes.
func issued(serial int64, attributes ...pkix.AttributeTypeAndValue) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(serial), Issuer: pkix.Name{Names: attributes}}
}

func attribute(value string, oid ...int) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier(oid), Value: value}
}

// Libraries write one name in many ways; another name is none of them.
func TestKeyIDNamesOneCertificate(t *testing.T) {
	c := issued(0x3f0a,
		attribute("LT", 2, 5, 4, 6), attribute("Trust, Inc. + Sons", 2, 5, 4, 10), attribute("Unit", 2, 5, 4, 11),
		attribute("Other", 2, 5, 4, 11), attribute("VATLT-1", 2, 5, 4, 97), attribute("ca@trust.example", 1, 2, 840, 113549, 1, 9, 1),
	)
	const issuer = `C=LT,O=Trust\, Inc. \+ Sons,OU=Unit,OU=Other,organizationIdentifier=VATLT-1,E=ca@trust.example`
	for name, row := range map[string]struct {
		keyID   string
		allowed qseal.Quirk
		used    qseal.Quirk
		want    qseal.Reason
	}{
		"as it is":                   {keyID: "SN=3f0a,CA=" + issuer},
		"upper case, leading zero":   {keyID: "SN=003F0A,CA=" + issuer},
		"from the other end":         {keyID: `SN=3f0a,CA=EMAILADDRESS=ca@trust.example,2.5.4.97=VATLT-1,OU=Other,OU=Unit,O=Trust\, Inc. \+ Sons,C=LT`},
		"blanks and case":            {keyID: `SN=3f0a, CA=c=lt, o=trust\, inc. \+ sons, ou=unit, ou=other, oid.2.5.4.97=vatlt-1, email=CA@TRUST.EXAMPLE`},
		"hexadecimal pairs":          {keyID: strings.Replace("SN=3f0a,CA="+issuer, `\,`, `\2c`, 1)},
		"OID and DER":                {keyID: strings.Replace("SN=3f0a,CA="+issuer, "E=ca@trust.example", "1.2.840.113549.1.9.1=#16106361407472757374"+"2e6578616d706c65", 1)},
		"escaped twice":              {keyID: strings.ReplaceAll("SN=3f0a,CA="+issuer, `\`, `\\`)},
		"multi-valued":               {keyID: strings.Replace("SN=3f0a,CA="+issuer, ",OU=Other", "+OU=Other", 1)},
		"another serial":             {keyID: "SN=3f0b,CA=" + issuer, want: qseal.ReasonCertificateMismatch},
		"serial with colons":         {keyID: "SN=3f:0a,CA=" + issuer, want: qseal.ReasonCertificateMismatch},
		"serial cut":                 {keyID: "SN=3f0,CA=" + issuer, want: qseal.ReasonCertificateMismatch},
		"serial too long":            {keyID: "SN=" + strings.Repeat("0", 65) + ",CA=" + issuer, want: qseal.ReasonFormat},
		"attribute missing":          {keyID: `SN=3f0a,CA=C=LT`, want: qseal.ReasonCertificateMismatch},
		"attribute too many":         {keyID: "SN=3f0a,CA=" + issuer + ",L=Vilnius", want: qseal.ReasonCertificateMismatch},
		"one twice for two":          {keyID: strings.Replace("SN=3f0a,CA="+issuer, "OU=Other", "OU=Unit", 1), want: qseal.ReasonCertificateMismatch},
		"value under another type":   {keyID: strings.Replace("SN=3f0a,CA="+issuer, "OU=Unit", "CN=Unit", 1), want: qseal.ReasonCertificateMismatch},
		"unknown type":               {keyID: strings.Replace("SN=3f0a,CA="+issuer, "OU=Unit", "X=Unit", 1), want: qseal.ReasonCertificateMismatch},
		"no equals sign":             {keyID: "SN=3f0a,CA=" + issuer + ",x", want: qseal.ReasonCertificateMismatch},
		"comma not escaped":          {keyID: strings.ReplaceAll("SN=3f0a,CA="+issuer, `\,`, `,`), want: qseal.ReasonCertificateMismatch},
		"decimal":                    {keyID: "SN=16138,CA=" + issuer, want: qseal.ReasonCertificateMismatch},
		"decimal, allowed":           {keyID: "SN=16138,CA=" + issuer, allowed: qseal.QuirkSerialDecimal, used: qseal.QuirkSerialDecimal},
		"hexadecimal, quirk allowed": {keyID: "SN=3f0a,CA=" + issuer, allowed: qseal.QuirkSerialDecimal},
		"no issuer":                  {keyID: "SN=3f0a", want: qseal.ReasonFormat},
		"no issuer, allowed":         {keyID: "SN=3f0a", allowed: qseal.QuirkNoIssuer, used: qseal.QuirkNoIssuer},
		"wrong issuer, none allowed": {keyID: "SN=3f0a,CA=C=LT", allowed: qseal.QuirkNoIssuer, want: qseal.ReasonCertificateMismatch},
		"percent":                    {keyID: "SN=3f0a,CA=" + url.PathEscape(issuer), want: qseal.ReasonCertificateMismatch},
		"percent, allowed":           {keyID: "SN=3f0a,CA=" + url.PathEscape(issuer), allowed: qseal.QuirkPercentKeyID, used: qseal.QuirkPercentKeyID},
		"bad percent, allowed":       {keyID: "SN=3f0a,CA=%zz" + issuer, allowed: qseal.QuirkPercentKeyID, want: qseal.ReasonFormat},
		"other words":                {keyID: "client-id", want: qseal.ReasonFormat},
		"other label for CA":         {keyID: "SN=3f0a,DN=" + issuer, want: qseal.ReasonFormat},
	} {
		t.Run(name, func(t *testing.T) {
			used, refusal := qseal.MatchKeyID(row.keyID, c, row.allowed)
			if row.want != 0 {
				require.NotNil(t, refusal)
				assert.Equal(t, row.want.String(), refusal.Reason.String(), "%v", refusal)
				return
			}
			require.Nil(t, refusal, "%v", refusal)
			assert.Equal(t, row.used, used)
		})
	}
	_, refusal := qseal.MatchKeyID("SN=0,CA=", issued(0), 0)
	require.NotNil(t, refusal, "an issuer without attributes has no name")
}

func TestKeysOfStrangers(t *testing.T) {
	modulus := func(bits uint) *big.Int { return new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1) }
	for name, row := range map[string]struct {
		key any
		ok  bool
	}{
		"RSA-2048":            {&rsa.PublicKey{N: modulus(2048), E: 65537}, true},
		"RSA-8192":            {&rsa.PublicKey{N: modulus(8192), E: 3}, true},
		"RSA-2047":            {&rsa.PublicKey{N: modulus(2047), E: 65537}, false},
		"RSA-8193":            {&rsa.PublicKey{N: modulus(8193), E: 65537}, false},
		"RSA, e is 1":         {&rsa.PublicKey{N: modulus(2048), E: 1}, false},
		"RSA, e is even":      {&rsa.PublicKey{N: modulus(2048), E: 65536}, false},
		"RSA, e is negative":  {&rsa.PublicKey{N: modulus(2048), E: -3}, false},
		"P-256":               {&ecdsa.PublicKey{Curve: elliptic.P256()}, true},
		"P-521":               {&ecdsa.PublicKey{Curve: elliptic.P521()}, true},
		"P-224":               {&ecdsa.PublicKey{Curve: elliptic.P224()}, false},
		"no curve":            {&ecdsa.PublicKey{}, false},
		"Ed25519":             {ed25519.PublicKey(make([]byte, 32)), true},
		"Ed25519 of 31 bytes": {ed25519.PublicKey(make([]byte, 31)), false},
		"octets":              {[]byte("secret"), false},
		"nothing":             {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := qseal.CheckKey(row.key)
			if row.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, qseal.ReasonKey)
		})
	}
}
