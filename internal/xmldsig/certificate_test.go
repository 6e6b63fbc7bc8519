package xmldsig_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

func mintBits(tb testing.TB, bits int) identity {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(tb, err)
	return mint(tb, key, "operator")
}

func TestSignerKeys(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	rows := []struct {
		name string
		by   identity
		want xmldsig.Code
	}{
		{"RSA-2032, as Norway", mintBits(t, 2032), 0},
		{"RSA-1900", mintBits(t, 1900), 0},
		{"RSA-1899", mintBits(t, 1899), xmldsig.CodeSignerKey},
		{"RSA-1024", mintBits(t, 1024), xmldsig.CodeSignerKey},
		{"P-256", mintECDSA(t, elliptic.P256(), "a"), 0},
		{"P-224", mintECDSA(t, elliptic.P224(), "a"), xmldsig.CodeSignerKey},
		{"Ed25519", mint(t, edwards, "a"), xmldsig.CodeSignerKey},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, _, _, err := xmldsig.ParseSigner(row.by.der)
			assertCode(t, row.want, err)
			if _, ok := row.by.key.(ed25519.PrivateKey); !ok {
				_, err = xmldsig.Verify(sign(t, smallList, row.by, xmldsig.SignOptions{}), row.by.pinned())
				assertCode(t, row.want, err)
			}
		})
	}
}

// Certificates that crypto/x509 refuses, as real operators have them.
func TestSignerCertificatesThatX509Refuses(t *testing.T) {
	by := mintRSA(t)
	key := by.key.(*rsa.PrivateKey)
	// rsaEncryption with NULL parameters, and the same without them.
	with := []byte{0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	require.Contains(t, string(spki), string(with))
	rows := map[string]struct {
		der    []byte
		remark string
	}{
		"twin":                 {by.der, ""},
		"no NULL parameters":   {withSPKI(t, by.der, bytes.Replace(spki[4:], with, append([]byte{0x30, 0x0B}, with[2:13]...), 1)), "NULL"},
		"modulus without zero": {withSPKI(t, by.der, spkiRSA(key.N.Bytes(), []byte{1, 0, 1})), "modulus"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			_, err := x509.ParseCertificate(row.der)
			if row.remark != "" {
				require.ErrorContains(t, err, row.remark, "crypto/x509 has become lenient: the row tests nothing")
			}
			odd := identity{by.key, row.der}
			v, err := xmldsig.Verify(sign(t, smallList, odd, xmldsig.SignOptions{}), odd.pinned())
			require.NoError(t, err)
			assert.Equal(t, row.der, v.Signer)
		})
	}
}

// spkiRSA returns the content of a SubjectPublicKeyInfo of an RSA key with these
// octets for integers.
func spkiRSA(modulus, exponent []byte) []byte {
	public := tlv(0x30, append(tlv(0x02, modulus), tlv(0x02, exponent)...))
	algorithm := tlv(0x30, append(tlv(0x06, []byte{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01}), 0x05, 0x00))
	return append(algorithm, tlv(0x03, append([]byte{0}, public...))...)
}

func TestSignerRefusesOddRSAKeys(t *testing.T) {
	by := mintRSA(t)
	n := by.key.(*rsa.PrivateKey).N.Bytes()
	rows := []struct {
		name              string
		modulus, exponent []byte
		want              xmldsig.Code
	}{
		{"twin: exponent 65537", n, []byte{1, 0, 1}, 0},
		{"twin: exponent 3", n, []byte{3}, 0},
		{"twin: exponent of 31 bits", n, []byte{0x7F, 0xFF, 0xFF, 0xFF}, 0},
		{"exponent of 32 bits", n, []byte{0, 0xFF, 0xFF, 0xFF, 0xFF}, xmldsig.CodeSignerKey},
		{"exponent 1", n, []byte{1}, xmldsig.CodeSignerKey},
		{"exponent 0", n, []byte{0}, xmldsig.CodeSignerKey},
		{"even exponent", n, []byte{4}, xmldsig.CodeSignerKey},
		{"no exponent", n, nil, xmldsig.CodeSignerKey},
		{"no modulus", nil, []byte{3}, xmldsig.CodeSignerKey},
		{"twin: 16384 bits", bytes.Repeat([]byte{0xFF}, 2048), []byte{3}, 0},
		{"16392 bits", bytes.Repeat([]byte{0xFF}, 2049), []byte{3}, xmldsig.CodeSignerKey},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, _, _, err := xmldsig.ParseSigner(withSPKI(t, by.der, spkiRSA(row.modulus, row.exponent)))
			assertCode(t, row.want, err)
		})
	}
	// An even modulus has no inverse to compute with: refused, not a panic.
	even := bytes.Clone(n)
	even[len(even)-1] &^= 1
	odd := identity{by.key, withSPKI(t, by.der, spkiRSA(even, []byte{3}))}
	_, err := xmldsig.Verify(sign(t, smallList, odd, xmldsig.SignOptions{}), odd.pinned())
	require.ErrorIs(t, err, xmldsig.CodeSignatureInvalid)
}

func tlv(tag byte, content []byte) []byte {
	n := len(content)
	switch {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, content...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, content...)
	}
	return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, content...)
}

// withSPKI returns a certificate with the content of its SubjectPublicKeyInfo
// replaced. Its own signature breaks, which nobody verifies.
func withSPKI(t *testing.T, der, content []byte) []byte {
	t.Helper()
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	body := bytes.Replace(parsed.RawTBSCertificate[4:], parsed.RawSubjectPublicKeyInfo, tlv(0x30, content), 1)
	rest := der[4+len(parsed.RawTBSCertificate):]
	return tlv(0x30, append(tlv(0x30, body), rest...))
}

func TestSignerValidity(t *testing.T) {
	by := mintECDSA(t, elliptic.P256(), "a")
	// The two times of the certificate, as UTCTime.
	const from, to = "\x17\x0D260101000000Z", "\x17\x0D261231000000Z"
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return v
	}
	rows := []struct {
		name, from, to string
		want           [2]time.Time
		ok             bool
	}{
		{"UTCTime", from, to, [2]time.Time{at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z")}, true},
		{"two digits of 1950", "\x17\x0D500101000000Z", to, [2]time.Time{at("1950-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z")}, true},
		{"two digits of 2049", from, "\x17\x0D491231235959Z", [2]time.Time{at("2026-01-01T00:00:00Z"), at("2049-12-31T23:59:59Z")}, true},
		{"GeneralizedTime", from, "\x18\x0F20501231235959Z", [2]time.Time{at("2026-01-01T00:00:00Z"), at("2050-12-31T23:59:59Z")}, true},
		{"no such day", "\x17\x0D260231000000Z", to, [2]time.Time{}, false},
		{"no seconds", "\x17\x0B2601010000Z", to, [2]time.Time{}, false},
		{"another type", "\x0C\x0D260101000000Z", to, [2]time.Time{}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			parsed, err := x509.ParseCertificate(by.der)
			require.NoError(t, err)
			validity := tlv(0x30, []byte(from+to))
			require.Contains(t, string(parsed.RawTBSCertificate), string(validity))
			body := bytes.Replace(parsed.RawTBSCertificate[4:], validity, tlv(0x30, []byte(row.from+row.to)), 1)
			if parsed.RawTBSCertificate[1] != 0x82 {
				body = bytes.Replace(parsed.RawTBSCertificate[3:], validity, tlv(0x30, []byte(row.from+row.to)), 1)
			}
			der := tlv(0x30, tlv(0x30, body))
			_, notBefore, notAfter, err := xmldsig.ParseSigner(der)
			if !row.ok {
				assert.ErrorIs(t, err, xmldsig.CodeSignerKey)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, [2]time.Time{notBefore, notAfter})
		})
	}
}

func TestSignerCertificateCutShort(t *testing.T) {
	by := mintRSA(t)
	for i := range by.der {
		_, _, _, err := xmldsig.ParseSigner(by.der[:i])
		require.ErrorIs(t, err, xmldsig.CodeSignerKey, "%d octets", i)
	}
	_, _, _, err := xmldsig.ParseSigner(append(bytes.Clone(by.der), 0))
	require.ErrorIs(t, err, xmldsig.CodeSignerKey, "trailing octet")
}

// FuzzSigner holds the certificate reader to this oracle: it never panics, and
// where both it and crypto/x509 read a certificate they agree on key and validity.
func FuzzSigner(f *testing.F) {
	f.Add(mintRSA(f).der)
	f.Add(mintECDSA(f, elliptic.P384(), "a").der)
	f.Add(mintECDSA(f, elliptic.P521(), "a").der)
	f.Fuzz(func(t *testing.T, der []byte) {
		key, notBefore, notAfter, err := xmldsig.ParseSigner(der)
		parsed, other := x509.ParseCertificate(der)
		if err != nil || other != nil {
			return
		}
		switch k := key.(type) {
		case *rsa.PublicKey:
			require.True(t, k.Equal(parsed.PublicKey))
		case *ecdsa.PublicKey:
			require.True(t, k.Equal(parsed.PublicKey))
		default:
			t.Fatalf("key of type %T", key)
		}
		require.True(t, notBefore.Equal(parsed.NotBefore), "%v %v", notBefore, parsed.NotBefore)
		require.True(t, notAfter.Equal(parsed.NotAfter), "%v %v", notAfter, parsed.NotAfter)
	})
}
