package xmldsig_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	dsigURI  = "http://www.w3.org/2000/09/xmldsig#"
	xadesURI = "http://uri.etsi.org/01903/v1.3.2#"

	exclusive = `Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`
	inclusive = `Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"`
	enveloped = `Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"`
	digest256 = `<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>`
	rsa256    = `<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>`
)

// forgery is a signed list taken apart, so that a test can break one rule and
// still have right digests and a right signature value. It canonicalises with the
// reference of this test, not with the package. In the parts, @LIST@, @PROPS@,
// @VALUE@, @CERT@ and @CERTDIGEST@ stand for what is computed last, and
// @SIGNATURE@ for the whole signature.
type forgery struct {
	document   string
	attributes string // of ds:Signature
	method     string // CanonicalizationMethod
	algorithm  string // SignatureMethod
	listRef    string
	propsRef   string
	value      string
	keyInfo    string
	properties string // SignedProperties
	object     string // with @PROPERTIES@ in it
	hash       crypto.Hash
	infoWhole  bool // canonicalise SignedInfo inclusively
	propsWhole bool // canonicalise SignedProperties inclusively
	sign       func(key crypto.Signer, data []byte, h crypto.Hash) []byte
	covered    func(root *refNode) string // what the list's reference digests
}

func newForgery() *forgery {
	return &forgery{
		document:   strings.Replace(smallList, "\n</TrustServiceStatusList>", "\n@SIGNATURE@</TrustServiceStatusList>", 1),
		attributes: `Id="sig"`,
		method:     `<ds:CanonicalizationMethod ` + exclusive + `/>`,
		algorithm:  rsa256,
		listRef: `<ds:Reference Id="ref" URI=""><ds:Transforms><ds:Transform ` + enveloped + `/><ds:Transform ` + exclusive +
			`/></ds:Transforms>` + digest256 + `<ds:DigestValue>@LIST@</ds:DigestValue></ds:Reference>`,
		propsRef: `<ds:Reference Type="http://uri.etsi.org/01903#SignedProperties" URI="#props"><ds:Transforms>` +
			`<ds:Transform ` + exclusive + `/></ds:Transforms>` + digest256 + `<ds:DigestValue>@PROPS@</ds:DigestValue></ds:Reference>`,
		value:   `<ds:SignatureValue>@VALUE@</ds:SignatureValue>`,
		keyInfo: `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>@CERT@</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`,
		properties: `<xades:SignedProperties Id="props"><xades:SignedSignatureProperties>` +
			`<xades:SigningTime>2026-06-01T12:00:00Z</xades:SigningTime><xades:SigningCertificate><xades:Cert><xades:CertDigest>` +
			digest256 + `<ds:DigestValue>@CERTDIGEST@</ds:DigestValue></xades:CertDigest></xades:Cert></xades:SigningCertificate>` +
			`</xades:SignedSignatureProperties></xades:SignedProperties>`,
		object: `<ds:Object><xades:QualifyingProperties xmlns:xades="` + xadesURI + `" Target="#sig">@PROPERTIES@` +
			`</xades:QualifyingProperties></ds:Object>`,
		hash: crypto.SHA256,
		sign: signRaw,
	}
}

// swap replaces text, which must be there, in one of the parts.
func swap(part *string, old, replacement string) {
	if !strings.Contains(*part, old) {
		*part = "no " + old + " in " + *part // fails whatever the row expects
		return
	}
	*part = strings.Replace(*part, old, replacement, 1)
}

func (f *forgery) digest(data string) string {
	h := f.hash.New()
	h.Write([]byte(data))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// build makes the document, signed with the key of by, naming its certificate.
func (f *forgery) build(t *testing.T, by identity) []byte {
	t.Helper()
	fingerprint := f.digest(string(by.der))
	if strings.Contains(f.properties, "xmldsig#sha1") {
		sum := sha1.Sum(by.der)
		fingerprint = base64.StdEncoding.EncodeToString(sum[:])
	}
	signature := `<ds:Signature xmlns:ds="` + dsigURI + `" ` + f.attributes + `><ds:SignedInfo>` + f.method + f.algorithm +
		f.listRef + f.propsRef + `</ds:SignedInfo>` + f.value + f.keyInfo +
		strings.ReplaceAll(f.object, "@PROPERTIES@", f.properties) + `</ds:Signature>`
	doc := strings.NewReplacer("@CERT@", base64.StdEncoding.EncodeToString(by.der), "@CERTDIGEST@", fingerprint).
		Replace(strings.Replace(f.document, "@SIGNATURE@", signature, 1))
	root, err := refParse([]byte(doc))
	if err != nil {
		return []byte(doc) // not XML: nothing to compute
	}
	list := refCanonical(root, false, isSignature)
	if f.covered != nil {
		list = f.covered(root)
	}
	props := ""
	if found := root.find(xadesURI, "SignedProperties"); len(found) > 0 {
		props = refCanonical(found[0], f.propsWhole, nil)
	}
	doc = strings.NewReplacer("@LIST@", f.digest(list), "@PROPS@", f.digest(props)).Replace(doc)
	root, err = refParse([]byte(doc))
	require.NoError(t, err)
	infos := root.find(dsigURI, "SignedInfo")
	if len(infos) == 0 {
		return []byte(doc)
	}
	value := f.sign(by.key, []byte(refCanonical(infos[0], f.infoWhole, nil)), f.hash)
	return []byte(strings.Replace(doc, "@VALUE@", base64.StdEncoding.EncodeToString(value), 1))
}

func isSignature(n *refNode) bool { return n.local == "Signature" && n.space() == dsigURI }

// signRaw signs data as XML Signature wants it.
func signRaw(key crypto.Signer, data []byte, h crypto.Hash) []byte {
	w := h.New()
	w.Write(data)
	switch k := key.(type) {
	case *rsa.PrivateKey:
		value, err := rsa.SignPKCS1v15(nil, k, h, w.Sum(nil))
		if err != nil {
			return []byte(err.Error())
		}
		return value
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, w.Sum(nil))
		if err != nil {
			return []byte(err.Error())
		}
		size := (k.Params().N.BitLen() + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	return nil
}

// signDER signs data with ECDSA as X.509 wants it.
func signDER(key crypto.Signer, data []byte, h crypto.Hash) []byte {
	raw := signRaw(key, data, h)
	half := len(raw) / 2
	value, err := asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:]),
	})
	if err != nil {
		return []byte(err.Error())
	}
	return value
}
