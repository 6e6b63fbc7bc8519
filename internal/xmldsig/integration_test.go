//go:build integration

package xmldsig_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// xmlsec verifies a file with xmlsec1. --insecure makes it take the key of
// KeyInfo's certificate, --id-attr tells it which Id the references may name.
func xmlsec(tb testing.TB, path string) (output []byte, ok bool) {
	tb.Helper()
	tool, err := exec.LookPath("xmlsec1")
	require.NoError(tb, err, "xmlsec1 must be installed")
	cmd := exec.Command(tool, "--verify", "--insecure", "--store-references", "--store-signatures", "--print-debug",
		"--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
		"--id-attr:Id", "http://uri.etsi.org/02231/v2#:TrustServiceStatusList", path)
	var out bytes.Buffer
	cmd.Stdout = &out
	err = cmd.Run()
	return out.Bytes(), err == nil && bytes.Contains(out.Bytes(), []byte("== Status: succeeded"))
}

// buffers returns what xmlsec1 digested or signed, in its order.
func buffers(output []byte, what string) []string {
	var all []string
	start, end := []byte("== "+what+" data - start buffer:\n"), []byte("\n== "+what+" data - end buffer")
	for {
		_, rest, found := bytes.Cut(output, start)
		if !found {
			return all
		}
		data, after, _ := bytes.Cut(rest, end)
		all = append(all, string(data))
		output = after
	}
}

// Verdict and every canonical octet agree with xmlsec1 on every real list: the
// list, the signed properties and SignedInfo.
func TestIntegrationXMLSec(t *testing.T) {
	for _, list := range realLists(t) {
		t.Run(list.name, func(t *testing.T) {
			der := keyInfoCertificate(t, list.doc)
			if wanted(der, list.doc) != 0 {
				return // xmlsec1 has no bound on keys and knows XPath
			}
			path := filepath.Join(t.TempDir(), "list.xml")
			require.NoError(t, os.WriteFile(path, list.doc, 0o600))
			output, ok := xmlsec(t, path)
			require.True(t, ok, "xmlsec1 refuses")
			v, err := xmldsig.Verify(list.doc, fingerprintOf(der))
			require.NoError(t, err)
			references, signed := buffers(output, "PreDigest"), buffers(output, "PreSigned")
			require.Len(t, references, 2)
			require.Len(t, signed, 1)
			if references[0][:20] != string(v.Octets[:20]) {
				references[0], references[1] = references[1], references[0]
			}
			assert.True(t, bytes.Equal([]byte(references[0]), v.Octets), "octets of the list differ")
			assertPart(t, list.doc, "SignedProperties", references[1])
			assertPart(t, list.doc, "SignedInfo", signed[0])

			changed := bytes.Clone(list.doc)
			changed[bytes.Index(changed, []byte("TSLSequenceNumber>"))+len("TSLSequenceNumber>")] ^= 1
			require.NoError(t, os.WriteFile(path, changed, 0o600))
			_, ok = xmlsec(t, path)
			assert.False(t, ok, "xmlsec1 accepts a changed list")
			_, err = xmldsig.Verify(changed, fingerprintOf(der))
			assert.ErrorIs(t, err, xmldsig.CodeDigest)
		})
	}
}

// assertPart asserts that one of the two canonical forms of an element is what
// xmlsec1 has.
func assertPart(t *testing.T, doc []byte, part, want string) {
	t.Helper()
	exclusive, err := xmldsig.CanonicalElement(doc, part, false)
	require.NoError(t, err)
	inclusive, err := xmldsig.CanonicalElement(doc, part, true)
	require.NoError(t, err)
	assert.True(t, string(exclusive) == want || string(inclusive) == want, "octets of %s differ", part)
}

// What Sign makes is accepted by xmlsec1, and refused once it is changed.
func TestIntegrationXMLSecAcceptsSigned(t *testing.T) {
	for name, o := range map[string]struct {
		by identity
		xmldsig.SignOptions
	}{
		"RSA":   {mintRSA(t), xmldsig.SignOptions{V1: true}},
		"P-256": {mintECDSA(t, elliptic.P256(), "a"), xmldsig.SignOptions{RootID: "list-1"}},
		"P-384": {mintECDSA(t, elliptic.P384(), "a"), xmldsig.SignOptions{Hash: crypto.SHA384}},
		"P-521": {mintECDSA(t, elliptic.P521(), "a"), xmldsig.SignOptions{Hash: crypto.SHA512}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "list.xml")
			doc := sign(t, smallList, o.by, o.SignOptions)
			require.NoError(t, os.WriteFile(path, doc, 0o600))
			_, ok := xmlsec(t, path)
			assert.True(t, ok)
			require.NoError(t, os.WriteFile(path, replaceOnce(t, doc, "Number>12<", "Number>13<"), 0o600))
			_, ok = xmlsec(t, path)
			assert.False(t, ok)
		})
	}
}

// xmllint --exc-c14n gives the same octets for the list without its signature.
// It keeps comments, so they are taken out first.
func TestIntegrationXMLLint(t *testing.T) {
	tool, err := exec.LookPath("xmllint")
	require.NoError(t, err, "xmllint must be installed")
	signature := regexp.MustCompile(`(?s)<(\w+:)?Signature[ >].*</(\w+:)?Signature>`)
	comment := regexp.MustCompile(`(?s)<!--.*?-->`)
	for _, list := range realLists(t) {
		t.Run(list.name, func(t *testing.T) {
			bare := comment.ReplaceAll(signature.ReplaceAll(list.doc, nil), nil)
			require.Less(t, len(bare), len(list.doc))
			for form, inclusive := range map[string]bool{"--exc-c14n": false, "--c14n": true} {
				cmd := exec.Command(tool, form, "--nonet", "-")
				cmd.Stdin = bytes.NewReader(bare)
				want, err := cmd.Output()
				require.NoError(t, err)
				got, err := xmldsig.Canonical(bare, inclusive)
				require.NoError(t, err)
				assert.True(t, bytes.Equal(bytes.TrimSuffix(want, []byte("\n")), got), "octets differ with %s", form)
			}
		})
	}
}
