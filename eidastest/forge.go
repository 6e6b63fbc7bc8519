package eidastest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// The algorithms of XML signatures that the forger writes.
const (
	algExcC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	algXPath     = "http://www.w3.org/TR/1999/REC-xpath-19991116"
	algSHA256    = "http://www.w3.org/2001/04/xmlenc#sha256"
	algSHA1      = "http://www.w3.org/2000/09/xmldsig#sha1"
	algECDSA     = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	algRSA       = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	algRSASHA1   = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	algECDSASHA1 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"

	typeSignedProperties = "http://uri.etsi.org/01903#SignedProperties"
	rootEnd              = "</TrustServiceStatusList>"
)

// forger signs documents as an attacker would: every check that a verifier may
// forget has a field here. It has no canonicaliser, because it only signs what
// is canonical already, and shares no code with the verifier. With all switches
// off it makes a signature that is good.
type forger struct {
	key      crypto.Signer
	keyInfo  []byte // certificate in KeyInfo and in the signed properties
	signed   time.Time
	sha1     bool     // SHA-1 for signature and digests
	listURI  string   // of the reference to the list
	listRefs int      // how many references to the list
	noProps  bool     // no reference to the signed properties
	xpath    bool     // an XPath transform in the reference to the list
	bare     bool     // no enveloped-signature transform
	junk     bool     // a signature value of noise
	id       string   // of the signature; "": "sig"
	digested []byte   // what the reference to the list digests; nil: the document
	extra    []string // elements put into a second ds:Object
}

// sign puts a signature into doc, before the last end tag of its root.
func (f *forger) sign(doc []byte) ([]byte, error) {
	sig, err := f.signature(doc)
	if err != nil {
		return nil, err
	}
	return insertLast(doc, sig)
}

// insertLast puts an element at the end of the root.
func insertLast(doc []byte, element string) ([]byte, error) {
	i := bytes.LastIndex(doc, []byte(rootEnd))
	if i < 0 {
		return nil, errors.New("eidastest: document is not a trusted list")
	}
	return bytes.Join([][]byte{doc[:i], []byte(element), doc[i:]}, nil), nil
}

// signature returns the ds:Signature element.
func (f *forger) signature(doc []byte) (string, error) {
	id := f.id
	if id == "" {
		id = "sig"
	}
	digested := f.digested
	if digested == nil {
		digested = doc
	}
	props := f.properties(id, ` xmlns:xades="`+nsXAdES+`"`, ` xmlns:ds="`+nsDS+`"`)
	var refs strings.Builder
	sum := f.digest(digested)
	for range f.listRefs {
		refs.WriteString(f.reference(f.listURI, "", sum))
	}
	if !f.noProps {
		refs.WriteString(f.reference("#props-"+id, typeSignedProperties, f.digest([]byte(props))))
	}
	method, err := f.method()
	if err != nil {
		return "", err
	}
	info := func(ns string) string {
		return "<ds:SignedInfo" + ns + `><ds:CanonicalizationMethod Algorithm="` + algExcC14N +
			`"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="` + method +
			`"></ds:SignatureMethod>` + refs.String() + "</ds:SignedInfo>"
	}
	value, err := f.value([]byte(info(` xmlns:ds="` + nsDS + `"`)))
	if err != nil {
		return "", err
	}
	var extra strings.Builder
	for _, e := range f.extra {
		extra.WriteString("<ds:Object>" + e + "</ds:Object>")
	}
	return `<ds:Signature xmlns:ds="` + nsDS + `" Id="` + id + `">` + info("") +
		"<ds:SignatureValue>" + b64(value) + "</ds:SignatureValue>" +
		"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>" + b64(f.keyInfo) +
		"</ds:X509Certificate></ds:X509Data></ds:KeyInfo>" +
		`<ds:Object><xades:QualifyingProperties xmlns:xades="` + nsXAdES + `" Target="#` + id + `">` +
		f.properties(id, "", "") + "</xades:QualifyingProperties></ds:Object>" + extra.String() + "</ds:Signature>", nil
}

// properties writes SignedProperties; the declarations make it stand alone, as
// exclusive c14n has it.
func (f *forger) properties(id, xades, ds string) string {
	return "<xades:SignedProperties" + xades + ` Id="props-` + id + `"><xades:SignedSignatureProperties>` +
		"<xades:SigningTime>" + timestamp(f.signed) + "</xades:SigningTime>" +
		"<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>" +
		"<ds:DigestMethod" + ds + ` Algorithm="` + algSHA256 + `"></ds:DigestMethod>` +
		"<ds:DigestValue" + ds + ">" + b64(digest(crypto.SHA256, f.keyInfo)) + "</ds:DigestValue>" +
		"</xades:CertDigest></xades:Cert></xades:SigningCertificateV2>" +
		"</xades:SignedSignatureProperties></xades:SignedProperties>"
}

func (f *forger) reference(uri, kind string, sum []byte) string {
	var b strings.Builder
	b.WriteString("<ds:Reference")
	if kind != "" {
		b.WriteString(` Type="` + kind + `"`)
	}
	b.WriteString(` URI="` + uri + `"><ds:Transforms>`)
	if kind == "" && !f.bare {
		b.WriteString(`<ds:Transform Algorithm="` + algEnveloped + `"></ds:Transform>`)
	}
	if kind == "" && f.xpath {
		b.WriteString(`<ds:Transform Algorithm="` + algXPath + `"><ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>`)
	}
	alg := algSHA256
	if f.sha1 {
		alg = algSHA1
	}
	b.WriteString(`<ds:Transform Algorithm="` + algExcC14N + `"></ds:Transform></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + alg + `"></ds:DigestMethod><ds:DigestValue>` + b64(sum) +
		"</ds:DigestValue></ds:Reference>")
	return b.String()
}

func (f *forger) hash() crypto.Hash {
	if f.sha1 {
		return crypto.SHA1
	}
	return crypto.SHA256
}

func (f *forger) digest(b []byte) []byte { return digest(f.hash(), b) }

func (f *forger) method() (string, error) {
	switch f.key.Public().(type) {
	case *ecdsa.PublicKey:
		if f.sha1 {
			return algECDSASHA1, nil
		}
		return algECDSA, nil
	case *rsa.PublicKey:
		if f.sha1 {
			return algRSASHA1, nil
		}
		return algRSA, nil
	}
	return "", fmt.Errorf("eidastest: key of type %T cannot sign", f.key.Public())
}

// value signs. XML signatures by ECDSA are r and s side by side.
func (f *forger) value(info []byte) ([]byte, error) {
	if f.junk {
		return bytes.Repeat([]byte{0x5a}, 64), nil
	}
	der, err := f.key.Sign(rand.Reader, f.digest(info), f.hash())
	if err != nil {
		return nil, fmt.Errorf("eidastest: signature: %w", err)
	}
	pub, ok := f.key.Public().(*ecdsa.PublicKey)
	if !ok {
		return der, nil
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		return nil, fmt.Errorf("eidastest: signature: %w", err)
	}
	size := (pub.Params().N.BitLen() + 7) / 8
	value := make([]byte, 2*size)
	rs.R.FillBytes(value[:size])
	rs.S.FillBytes(value[size:])
	return value, nil
}

func digest(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
