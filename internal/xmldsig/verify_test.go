package xmldsig_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// wanted returns the code with which a real list must be refused, 0 when it must
// verify: historical lists with RSA-1024 signers or XPath transforms exist.
func wanted(der, doc []byte) xmldsig.Code {
	if c, err := x509.ParseCertificate(der); err == nil {
		if pub, ok := c.PublicKey.(*rsa.PublicKey); ok && pub.N.BitLen() < 1900 {
			return xmldsig.CodeSignerKey
		}
	}
	if bytes.Contains(doc, []byte(`Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"`)) {
		return xmldsig.CodeTransform
	}
	return 0
}

func TestVerifyRealLists(t *testing.T) {
	verified := 0
	for _, list := range realLists(t) {
		t.Run(list.name, func(t *testing.T) {
			der := keyInfoCertificate(t, list.doc)
			v, err := xmldsig.Verify(list.doc, fingerprintOf(der))
			if code := wanted(der, list.doc); code != 0 {
				require.ErrorIs(t, err, code)
				return
			}
			require.NoError(t, err)
			verified++
			assert.Equal(t, der, v.Signer)
			assert.Equal(t, "TrustServiceStatusList", v.Root.Local)
			assert.Equal(t, refOctets(t, list.doc), string(v.Octets), "octets differ from the reference")
			again, err := xmldsig.Canonical(v.Octets, false)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(again, v.Octets), "canonical form is not a fixpoint")

			_, err = xmldsig.Verify(list.doc, fingerprintOf([]byte("another certificate")))
			require.ErrorIs(t, err, xmldsig.CodeSignerUnknown)
			changedSequence(t, list, der)
			changedBytes(t, list, der, v.Octets)
		})
	}
	require.Positive(t, verified, "no list verified")
}

// changedSequence changes the sequence number of a list.
func changedSequence(t *testing.T, list realList, der []byte) {
	t.Helper()
	changed := bytes.Clone(list.doc)
	at := bytes.Index(changed, []byte("TSLSequenceNumber>")) + len("TSLSequenceNumber>")
	changed[at] ^= 1
	_, err := xmldsig.Verify(changed, fingerprintOf(der))
	assert.ErrorIs(t, err, xmldsig.CodeDigest)
}

// changedBytes changes bytes all over a list. What is accepted must still give
// the octets that were signed.
func changedBytes(t *testing.T, list realList, der, octets []byte) {
	t.Helper()
	refused := 0
	for i := range 8 {
		changed := bytes.Clone(list.doc)
		changed[(2*i+1)*len(changed)/16] ^= 1
		v, err := xmldsig.Verify(changed, fingerprintOf(der))
		if err == nil {
			assert.True(t, bytes.Equal(octets, v.Octets))
			continue
		}
		refused++
		assert.NotZero(t, xmldsig.CodeOf(err))
	}
	assert.Positive(t, refused)
}

func TestVerifyAcceptsEveryAlgorithmOfTheProfile(t *testing.T) {
	const ecdsa, rsa = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-", "http://www.w3.org/2001/04/xmldsig-more#rsa-"
	rows := []struct {
		name string
		by   identity
		o    xmldsig.SignOptions
		want string
	}{
		{"RSA SHA-256", mintRSA(t), xmldsig.SignOptions{}, rsa + "sha256"},
		{"RSA SHA-384", mintRSA(t), xmldsig.SignOptions{Hash: crypto.SHA384}, rsa + "sha384"},
		{"RSA SHA-512", mintRSA(t), xmldsig.SignOptions{Hash: crypto.SHA512}, rsa + "sha512"},
		{"PSS SHA-256", mintRSA(t), xmldsig.SignOptions{PSS: true}, "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"},
		{"PSS SHA-512", mintRSA(t), xmldsig.SignOptions{PSS: true, Hash: crypto.SHA512}, "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1"},
		{"P-256", mintECDSA(t, elliptic.P256(), "a"), xmldsig.SignOptions{}, ecdsa + "sha256"},
		{"P-384", mintECDSA(t, elliptic.P384(), "a"), xmldsig.SignOptions{Hash: crypto.SHA384}, ecdsa + "sha384"},
		{"P-521", mintECDSA(t, elliptic.P521(), "a"), xmldsig.SignOptions{Hash: crypto.SHA512}, ecdsa + "sha512"},
		{"reference by the root's Id", mintRSA(t), xmldsig.SignOptions{RootID: "list-1"}, rsa + "sha256"},
		{"SigningCertificate V1", mintRSA(t), xmldsig.SignOptions{V1: true}, rsa + "sha256"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			doc := sign(t, smallList, row.by, row.o)
			v, err := xmldsig.Verify(doc, row.by.pinned())
			require.NoError(t, err)
			assert.Equal(t, row.want, v.SignatureAlgorithm)
			assert.Equal(t, signingTime, v.SigningTime)
			assert.Equal(t, row.by.der, v.Signer)
			assert.Equal(t, refOctets(t, []byte(smallList)), string(v.Octets))
			assert.Equal(t, xmldsig.Name{Space: "http://uri.etsi.org/02231/v2#", Local: "TrustServiceStatusList"}, v.Root)

			changed := replaceOnce(t, doc, "<TSLSequenceNumber>12<", "<TSLSequenceNumber>13<")
			_, err = xmldsig.Verify(changed, row.by.pinned())
			assert.ErrorIs(t, err, xmldsig.CodeDigest)
		})
	}
}

func TestVerifyPinsTheSigner(t *testing.T) {
	by, other := mintRSA(t), mintECDSA(t, elliptic.P256(), "other")
	doc := sign(t, smallList, by, xmldsig.SignOptions{})
	both := append(other.pinned(), by.pinned()...)
	_, err := xmldsig.Verify(doc, both)
	require.NoError(t, err)
	for name, signers := range map[string][]xmldsig.Fingerprint{"none": nil, "other": other.pinned(), "zero": {{}}} {
		_, err = xmldsig.Verify(doc, signers)
		require.ErrorIs(t, err, xmldsig.CodeSignerUnknown, name)
	}
	// The same key in another certificate is another signer.
	twin := mint(t, by.key, "RSA operator, renewed")
	_, err = xmldsig.Verify(doc, twin.pinned())
	assert.ErrorIs(t, err, xmldsig.CodeSignerUnknown)
}

// Bits that base64 leaves unused must be zero, so that a value has one spelling.
func TestVerifyRefusesLooseBase64(t *testing.T) {
	by := mintRSA(t)
	doc := sign(t, smallList, by, xmldsig.SignOptions{})
	at := bytes.Index(doc, []byte("==</ds:SignatureValue>"))
	require.Positive(t, at)
	doc[at-1]++ // A, Q, g or w to the letter after it: an unused bit
	_, err := xmldsig.Verify(doc, by.pinned())
	require.ErrorIs(t, err, xmldsig.CodeSignatureMalformed)
}

func TestVerifyHoldsSigningTimeToTheCertificate(t *testing.T) {
	by := mintECDSA(t, elliptic.P256(), "a")
	rows := map[string]struct {
		at   time.Time
		want xmldsig.Code
	}{
		"at notBefore":         {time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 0},
		"a second before":      {time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC), xmldsig.CodeSigningTime},
		"at notAfter":          {time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), 0},
		"a second after":       {time.Date(2026, 12, 31, 0, 0, 1, 0, time.UTC), xmldsig.CodeSigningTime},
		"far in the past year": {time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), xmldsig.CodeSigningTime},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			_, err := xmldsig.Verify(sign(t, smallList, by, xmldsig.SignOptions{At: row.at}), by.pinned())
			assertCode(t, row.want, err)
		})
	}
}

// assertCode asserts that err has a code, or is nil for the zero code.
func assertCode(t *testing.T, want xmldsig.Code, err error) {
	t.Helper()
	if want == 0 {
		assert.NoError(t, err)
		return
	}
	assert.Equal(t, want.String(), xmldsig.CodeOf(err).String(), "%v", err)
	assert.ErrorIs(t, err, want)
}

func TestParseDateTime(t *testing.T) {
	for text, want := range map[string]string{
		"2023-10-19T12:00:00Z":            "2023-10-19T12:00:00Z",
		" 2023-10-19T12:00:00.095+02:00 ": "2023-10-19T10:00:00.095Z",
		"2023-10-19T12:00:00":             "2023-10-19T12:00:00Z",
		"2023-10-19T25:00:00Z":            "",
		"2023-10-19":                      "",
		"":                                "",
	} {
		got, err := xmldsig.ParseDateTime(text)
		if want == "" {
			require.ErrorIs(t, err, xmldsig.CodeProperties, text)
			continue
		}
		require.NoError(t, err, text)
		assert.Equal(t, want, got.Format(time.RFC3339Nano), text)
	}
}

func TestCodesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range xmldsig.Codes() {
		assert.NotContains(t, c.String(), "code(", "code %d has no name", uint8(c))
		assert.NotEqual(t, c.String(), c.Error(), "code %s has no text", c)
		assert.False(t, seen[c.String()], "code %s is used twice", c)
		seen[c.String()] = true
		text, err := c.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, c.String(), string(text))
		e := &xmldsig.Error{Code: c}
		require.ErrorIs(t, e, c)
		assert.Contains(t, e.Error(), c.Error())
	}
	assert.Len(t, seen, 20)
	assert.Equal(t, "code(0)", xmldsig.Code(0).String())
	assert.Zero(t, xmldsig.CodeOf(assert.AnError))
}
