package xmldsig_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/realdata"
	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// signingTime is inside the validity of every certificate of this file.
var signingTime = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// realList is a list of the shared data.
type realList struct {
	name string
	doc  []byte
}

// realLists returns every list that a manifest of the shared data names.
func realLists(tb testing.TB) []realList {
	tb.Helper()
	dir := realdata.Path(tb)
	manifests, err := filepath.Glob(filepath.Join(dir, "worlds", "*", "manifest.json"))
	require.NoError(tb, err)
	if m := filepath.Join(dir, "efda", "lists", "manifest.json"); exists(m) {
		manifests = append(manifests, m)
	}
	var lists []realList
	for _, manifest := range manifests {
		raw, err := os.ReadFile(manifest)
		require.NoError(tb, err)
		var entries map[string]struct{ File string }
		require.NoError(tb, json.Unmarshal(raw, &entries), manifest)
		require.NotEmpty(tb, entries, manifest)
		for _, entry := range entries {
			path := filepath.Join(filepath.Dir(manifest), entry.File)
			doc, err := os.ReadFile(path)
			require.NoError(tb, err)
			name, err := filepath.Rel(dir, path)
			require.NoError(tb, err)
			lists = append(lists, realList{name, doc})
		}
	}
	require.NotEmpty(tb, lists, "no manifest met")
	return lists
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// keyInfoCertificate returns the certificate of a list's KeyInfo, found without
// the package under test.
func keyInfoCertificate(tb testing.TB, doc []byte) []byte {
	tb.Helper()
	root, err := refParse(doc)
	require.NoError(tb, err)
	signatures := root.find("http://www.w3.org/2000/09/xmldsig#", "Signature")
	require.Len(tb, signatures, 1)
	certificates := signatures[0].find("http://www.w3.org/2000/09/xmldsig#", "X509Certificate")
	require.NotEmpty(tb, certificates)
	text := ""
	for _, c := range certificates[0].children {
		text += c.(string)
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	require.NoError(tb, err)
	return der
}

func fingerprintOf(der []byte) []xmldsig.Fingerprint {
	return []xmldsig.Fingerprint{xmldsig.FingerprintOf(der)}
}

// identity is a key with a certificate.
type identity struct {
	key crypto.Signer
	der []byte
}

func (id identity) pinned() []xmldsig.Fingerprint { return fingerprintOf(id.der) }

// mint returns an identity whose certificate is valid in 2026.
func mint(tb testing.TB, key crypto.Signer, name string) identity {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7),
		Subject:      pkix.Name{CommonName: name, Country: []string{"ZZ"}},
		NotBefore:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(tb, err)
	return identity{key, der}
}

func mintECDSA(tb testing.TB, curve elliptic.Curve, name string) identity {
	tb.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(tb, err)
	return mint(tb, key, name)
}

// rsaKey returns a key of 2048 bits, made once because that is slow.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func mintRSA(tb testing.TB) identity {
	tb.Helper()
	key, err := rsaKey()
	require.NoError(tb, err)
	return mint(tb, key, "RSA operator")
}

// smallList is an unsigned list with a little of everything the reader knows.
const smallList = "\xEF\xBB\xBF" + `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!-- a comment before the root -->
<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#" xmlns:ns2="http://www.w3.org/2000/09/xmldsig#" ` +
	`xmlns:unused="urn:example:unused" Id="list-1" TSLTag="http://uri.etsi.org/19612/TSLTag">` + "\r\n" +
	`<SchemeInformation><TSLVersionIdentifier>6</TSLVersionIdentifier><TSLSequenceNumber>12</TSLSequenceNumber>` +
	`<SchemeOperatorName><Name xml:lang="en">Tom &amp; J&#xFC;rgen &gt; all</Name><Name  xml:lang = 'bg' >Оператор</Name>` +
	`</SchemeOperatorName><!-- a comment inside --><empty/><ns2:X509SKI>AAEC</ns2:X509SKI></SchemeInformation>` +
	"\n</TrustServiceStatusList>\n"

// sign signs a document and fails the test when that fails.
func sign(tb testing.TB, doc string, by identity, o xmldsig.SignOptions) []byte {
	tb.Helper()
	if o.At.IsZero() {
		o.At = signingTime
	}
	signed, err := xmldsig.Sign([]byte(doc), by.key, by.der, o)
	require.NoError(tb, err)
	return signed
}

// refOctets returns the octets a list's signature must cover, by the reference.
func refOctets(tb testing.TB, doc []byte) string {
	tb.Helper()
	root, err := refParse(doc)
	require.NoError(tb, err)
	return refCanonical(root, false, func(n *refNode) bool {
		return n.local == "Signature" && n.space() == "http://www.w3.org/2000/09/xmldsig#"
	})
}

// replaceOnce replaces old, which must occur, by new.
func replaceOnce(tb testing.TB, doc []byte, old, replacement string) []byte {
	tb.Helper()
	require.Contains(tb, string(doc), old)
	return bytes.Replace(doc, []byte(old), []byte(replacement), 1)
}
