package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// SignOptions says how [Sign] signs. The zero value is refused: At must be set.
type SignOptions struct {
	At     time.Time   // SigningTime, written in UTC and whole seconds
	Hash   crypto.Hash // SHA-256, SHA-384 or SHA-512; zero means SHA-256
	PSS    bool        // RSA keys: RSASSA-PSS instead of PKCS #1 v1.5
	RootID string      // refer to the list as "#"+RootID, its root's Id; zero means URI=""
	V1     bool        // SigningCertificate (list format 5) instead of SigningCertificateV2
}

// Sign returns doc with an enveloped XAdES baseline B signature as the last
// child of its root. certificate is the DER of the certificate of key; it is not
// checked, so that tests can sign with any. Sign makes lists for tests and for
// the testkit: it accepts any root, and keys that [Verify] refuses as too weak.
//
// A document that is outside the subset of [Reader], or signed already, is
// refused with an *Error. Sign does not modify its arguments.
func Sign(doc []byte, key crypto.Signer, certificate []byte, o SignOptions) ([]byte, error) {
	if o.At.IsZero() {
		return nil, errors.New("xmldsig: signing time is not set")
	}
	if o.Hash == 0 {
		o.Hash = crypto.SHA256
	}
	list, err := readUnsigned(doc)
	if err != nil {
		return nil, err
	}
	if o.RootID != "" && o.RootID != list.rootID {
		return nil, fmt.Errorf("xmldsig: the root's Id is %q, not %q", list.rootID, o.RootID)
	}
	m := maker{key: key, certificate: certificate, options: o}
	if err := m.chooseAlgorithms(); err != nil {
		return nil, err
	}
	element, err := m.signature(list)
	if err != nil {
		return nil, err
	}
	return list.insert(doc, element), nil
}

// unsigned is a document without a signature.
type unsigned struct {
	octets []byte
	rootID string
	root   string // name of the root as written
	end    int    // offset of the root's end tag, or past it when closed
	closed bool   // the root is an empty-element tag
}

func readUnsigned(doc []byte) (*unsigned, error) {
	r := NewReader(doc)
	c := canonicalizer{limit: sizeLimit(len(doc))}
	u := &unsigned{}
	for {
		kind, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			u.octets = c.out
			return u, nil
		case err != nil:
			return nil, err
		case kind == StartElement && r.Name() == ds("Signature"):
			return nil, refuse(CodeSignatureMultiple, "the document to sign is signed")
		case kind == StartElement && r.Depth() == 1:
			u.rootID, _ = r.Attr("", "Id")
			u.root, u.closed, u.end = r.raw, r.closed, r.pos
		case kind == EndElement && r.Depth() == 1 && !u.closed:
			u.end = r.start
		}
		if err := c.token(r, kind); err != nil {
			return nil, err
		}
	}
}

// insert returns doc with element as the last child of the root.
func (u *unsigned) insert(doc, element []byte) []byte {
	if !u.closed {
		return bytes.Join([][]byte{doc[:u.end], element, doc[u.end:]}, nil)
	}
	opening := doc[:u.end-len("/>")]
	return bytes.Join([][]byte{opening, []byte(">"), element, []byte("</" + u.root + ">"), doc[u.end:]}, nil)
}

// maker makes one signature.
type maker struct {
	key         crypto.Signer
	certificate []byte
	options     SignOptions
	method      signatureAlgorithm
	digestURI   string
}

func (m *maker) chooseAlgorithms() error {
	want := schemeECDSA
	switch m.key.Public().(type) {
	case *rsa.PublicKey:
		want = schemePKCS1
		if m.options.PSS {
			want = schemePSS
		}
	case *ecdsa.PublicKey:
	default:
		return fmt.Errorf("xmldsig: cannot sign with a key of type %T", m.key.Public())
	}
	for _, a := range signatureAlgorithms {
		if a.scheme == want && a.hash == m.options.Hash {
			m.method = a
		}
	}
	for _, uri := range [...]string{algSHA256, algSHA384, algSHA512} {
		if h, err := hashOf(uri); err == nil && h == m.options.Hash {
			m.digestURI = uri
		}
	}
	if m.method.uri == "" || m.digestURI == "" {
		return fmt.Errorf("xmldsig: cannot sign with hash %v", m.options.Hash)
	}
	return nil
}

// digest returns the base64 of a digest.
func (m *maker) digest(octets []byte) string {
	return base64.StdEncoding.EncodeToString(digestOf(m.options.Hash, octets))
}

// signature returns the ds:Signature over the octets of a list.
func (m *maker) signature(list *unsigned) ([]byte, error) {
	// Identifiers must be unique in the document; they follow from its content.
	id := "xmldsig-" + hex.EncodeToString(digestOf(crypto.SHA256, list.octets)[:12])
	properties, err := m.properties(id)
	if err != nil {
		return nil, err
	}
	canonical, err := canonicalPart(properties)
	if err != nil {
		return nil, err
	}
	uri := ""
	if m.options.RootID != "" {
		uri = "#" + escaped(m.options.RootID)
	}
	info := m.signedInfo(id, uri, m.digest(list.octets), m.digest(canonical))
	if canonical, err = canonicalPart(info); err != nil {
		return nil, err
	}
	value, err := m.sign(canonical)
	if err != nil {
		return nil, err
	}
	encode := base64.StdEncoding.EncodeToString
	return []byte(`<ds:Signature xmlns:ds="` + dsigNamespace + `" Id="` + id + `">` + info +
		`<ds:SignatureValue Id="value-` + id + `">` + encode(value) + `</ds:SignatureValue>` +
		`<ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + encode(m.certificate) +
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo>` +
		`<ds:Object><xades:QualifyingProperties xmlns:xades="` + xadesNamespace + `" Target="#` + id + `">` +
		properties + `</xades:QualifyingProperties></ds:Object></ds:Signature>`), nil
}

// canonicalPart canonicalises a part of a signature as it will stand in it.
func canonicalPart(text string) ([]byte, error) {
	f := fragment{octets: []byte(text), scope: []binding{
		{&prefix{name: "ds"}, dsigNamespace},
		{&prefix{name: "xades"}, xadesNamespace},
	}}
	return f.canonical(false)
}

// escaped returns text for use in an attribute or in character data.
func escaped(text string) string {
	c := canonicalizer{limit: sizeLimit(len(text))}
	c.escapeValue([]byte(text))
	return string(c.out)
}

func (m *maker) signedInfo(id, uri, list, properties string) string {
	reference := func(attributes, transforms, digest string) string {
		return `<ds:Reference` + attributes + `><ds:Transforms>` + transforms + `</ds:Transforms>` +
			`<ds:DigestMethod Algorithm="` + m.digestURI + `"/><ds:DigestValue>` + digest +
			`</ds:DigestValue></ds:Reference>`
	}
	const exclusive = `<ds:Transform Algorithm="` + algExclusive + `"/>`
	const enveloped = `<ds:Transform Algorithm="` + algEnveloped + `"/>`
	return `<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + algExclusive + `"/>` +
		`<ds:SignatureMethod Algorithm="` + m.method.uri + `"/>` +
		reference(` Id="list-`+id+`" URI="`+uri+`"`, enveloped+exclusive, list) +
		reference(` Type="`+typeProperties+`" URI="#xades-`+id+`"`, exclusive, properties) +
		`</ds:SignedInfo>`
}

func (m *maker) properties(id string) (string, error) {
	element, issuer := "xades:SigningCertificateV2", ""
	if m.options.V1 {
		parsed, err := x509.ParseCertificate(m.certificate)
		if err != nil {
			return "", fmt.Errorf("xmldsig: issuer and serial number for V1: %w", err)
		}
		element = "xades:SigningCertificate"
		issuer = `<xades:IssuerSerial><ds:X509IssuerName>` + escaped(parsed.Issuer.String()) +
			`</ds:X509IssuerName><ds:X509SerialNumber>` + parsed.SerialNumber.String() +
			`</ds:X509SerialNumber></xades:IssuerSerial>`
	}
	return `<xades:SignedProperties Id="xades-` + id + `"><xades:SignedSignatureProperties>` +
		`<xades:SigningTime>` + m.options.At.UTC().Format(time.RFC3339) + `</xades:SigningTime>` +
		`<` + element + `><xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm="` + m.digestURI + `"/>` +
		`<ds:DigestValue>` + m.digest(m.certificate) + `</ds:DigestValue></xades:CertDigest>` + issuer +
		`</xades:Cert></` + element + `></xades:SignedSignatureProperties>` +
		`<xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectReference="#list-` + id + `">` +
		`<xades:MimeType>text/xml</xades:MimeType></xades:DataObjectFormat></xades:SignedDataObjectProperties>` +
		`</xades:SignedProperties>`, nil
}

// sign signs data and returns the value in the form of XML Signature.
func (m *maker) sign(data []byte) ([]byte, error) {
	digest := digestOf(m.options.Hash, data)
	var options crypto.SignerOpts = m.options.Hash
	if m.method.scheme == schemePSS {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: m.options.Hash}
	}
	value, err := m.key.Sign(rand.Reader, digest, options)
	if err != nil {
		return nil, fmt.Errorf("xmldsig: sign: %w", err)
	}
	if pub, ok := m.key.Public().(*ecdsa.PublicKey); ok {
		return concatenate(value, (pub.Params().N.BitLen()+7)/8)
	}
	return value, nil
}

// concatenate turns the DER of an ECDSA signature into r and s of size octets.
func concatenate(value der, size int) ([]byte, error) {
	content, err := value.read(tagSequence)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 2*size)
	for half := range 2 {
		n, err := content.read(tagInteger)
		if err != nil {
			return nil, err
		}
		n = bytes.TrimLeft(n, "\x00")
		if len(n) > size {
			return nil, errDER
		}
		copy(out[(half+1)*size-len(n):], n)
	}
	return out, nil
}
