package xmldsig_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// hostileRow is a list with right digests and a right signature value that
// breaks one rule. Code zero marks the near twins that are in order.
type hostileRow struct {
	name string
	want xmldsig.Code
	edit func(*forgery)
}

func runHostile(t *testing.T, by identity, rows []hostileRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := newForgery()
			row.edit(f)
			v, err := xmldsig.Verify(f.build(t, by), by.pinned())
			assertCode(t, row.want, err)
			assert.Equal(t, row.want != 0, v == nil)
		})
	}
}

func TestHostileReferences(t *testing.T) {
	const third = `<ds:Reference URI="#ref"><ds:Transforms><ds:Transform ` + exclusive + `/></ds:Transforms>` + digest256 +
		`<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>`
	runHostile(t, mintRSA(t), []hostileRow{
		{"twin: nothing changed", 0, func(*forgery) {}},
		{"01 signature removed", xmldsig.CodeSignatureMissing, func(f *forgery) { swap(&f.document, "@SIGNATURE@", "") }},
		{"03 only the signed properties are covered", xmldsig.CodeReference, func(f *forgery) { f.listRef = "" }},
		{"04 no references", xmldsig.CodeReference, func(f *forgery) { f.listRef, f.propsRef = "", "" }},
		{"05 the signed properties are not covered", xmldsig.CodeReference, func(f *forgery) { f.propsRef = "" }},
		{"twin: the signed properties first", 0, func(f *forgery) { f.listRef, f.propsRef = f.propsRef, f.listRef }},
		{"06 the signed properties covered twice", xmldsig.CodeReference, func(f *forgery) { f.listRef = f.propsRef }},
		{"06 the list covered twice", xmldsig.CodeReference, func(f *forgery) { f.propsRef = f.listRef }},
		{"third reference", xmldsig.CodeReference, func(f *forgery) { f.propsRef += third }},
		{"3,000 references", xmldsig.CodeReference, func(f *forgery) { f.propsRef += strings.Repeat(third, 900) }},
		{"07 a Manifest instead of the list", xmldsig.CodeReference, func(f *forgery) {
			swap(&f.listRef, `URI=""`, `URI="" Type="http://www.w3.org/2000/09/xmldsig#Manifest"`)
		}},
		{"twin: another Type for the list", 0, func(f *forgery) {
			swap(&f.listRef, `URI=""`, `URI="" Type="http://www.w3.org/2000/09/xmldsig#Object"`)
		}},
		{"signed properties without their Type", xmldsig.CodeReference, func(f *forgery) {
			swap(&f.propsRef, `Type="http://uri.etsi.org/01903#SignedProperties" `, "")
		}},
		{"reference without URI", xmldsig.CodeReference, func(f *forgery) { swap(&f.listRef, ` URI=""`, "") }},
		{"reference to another document", xmldsig.CodeReference, func(f *forgery) {
			swap(&f.listRef, `URI=""`, `URI="https://example.org/list.xml"`)
		}},
		{"reference by XPointer", xmldsig.CodeReference, func(f *forgery) { swap(&f.listRef, `URI=""`, `URI="#xpointer(/)"`) }},
		{"reference to an empty Id", xmldsig.CodeReference, func(f *forgery) { swap(&f.listRef, `URI=""`, `URI="#"`) }},
		{"twin: reference to the root's Id", 0, func(f *forgery) { swap(&f.listRef, `URI=""`, `URI="#list-1"`) }},
		{"reference to a root without Id", xmldsig.CodeReference, func(f *forgery) {
			swap(&f.listRef, `URI=""`, `URI="#list-1"`)
			swap(&f.document, ` Id="list-1"`, "")
		}},
		{"reference to an empty Id and a root without Id", xmldsig.CodeReference, func(f *forgery) {
			swap(&f.listRef, `URI=""`, `URI="#"`)
			swap(&f.document, ` Id="list-1"`, ` Id=""`)
		}},
		{"empty Id of the signed properties", xmldsig.CodeReference, func(f *forgery) {
			swap(&f.propsRef, `URI="#props"`, `URI="#"`)
			swap(&f.properties, ` Id="props"`, ` Id=""`)
		}},
		{"empty Id of the signature", xmldsig.CodeReference, func(f *forgery) {
			f.attributes = `Id=""`
			swap(&f.object, `"#sig"`, `"#"`)
		}},
		{"the list by the Type of the signed properties", xmldsig.CodeReference, func(f *forgery) {
			swap(&f.listRef, `URI=""`, `URI="" Type="http://uri.etsi.org/01903#SignedProperties"`)
			f.listRef, f.propsRef = f.propsRef, f.listRef
		}},
		{"signed properties without Id", xmldsig.CodeReference, func(f *forgery) { swap(&f.properties, ` Id="props"`, "") }},
		{"properties for another signature", xmldsig.CodeReference, func(f *forgery) { swap(&f.object, "#sig", "#other") }},
		{"twin: properties without Target", 0, func(f *forgery) { swap(&f.object, ` Target="#sig"`, "") }},
		{"Target without a signature Id", xmldsig.CodeReference, func(f *forgery) { f.attributes = "" }},
		{"digest of the list is another", xmldsig.CodeDigest, func(f *forgery) {
			f.covered = func(*refNode) string { return "something else" }
		}},
		{"digest of the signed properties is another", xmldsig.CodeDigest, func(f *forgery) { swap(&f.propsRef, "@PROPS@", "AAAA") }},
		{"DigestValue is empty", xmldsig.CodeSignatureMalformed, func(f *forgery) { swap(&f.propsRef, "@PROPS@", "") }},
		{"DigestValue is no base64", xmldsig.CodeSignatureMalformed, func(f *forgery) { swap(&f.propsRef, "@PROPS@", "*") }},
	})
}

func TestHostileIdentifiers(t *testing.T) {
	byID := func(f *forgery) { swap(&f.listRef, `URI=""`, `URI="#list-1"`) }
	const evil = `<evil @="list-1"/>`
	rows := []hostileRow{{"twin: another Id inside", 0, func(f *forgery) {
		byID(f)
		swap(&f.document, "<empty/>", `<empty Id="list-2"/>`)
	}}, {"twin: the Id as another attribute", 0, func(f *forgery) {
		byID(f)
		swap(&f.document, "<empty/>", `<empty ns2:Id="list-1" name="list-1"/>`)
	}}}
	for _, name := range []string{"Id", "ID", "id", "xml:id"} {
		rows = append(rows, hostileRow{"16 root's Id repeated as " + name, xmldsig.CodeDuplicateID, func(f *forgery) {
			byID(f)
			swap(&f.document, "<empty/>", strings.Replace(evil, "@", name, 1))
		}}, hostileRow{"properties' Id repeated as " + name, xmldsig.CodeDuplicateID, func(f *forgery) {
			swap(&f.document, "<empty/>", `<evil `+name+`="props"/>`)
		}}, hostileRow{"signature's Id repeated as " + name, xmldsig.CodeDuplicateID, func(f *forgery) {
			swap(&f.document, "<empty/>", `<evil `+name+`="sig"/>`)
		}})
	}
	rows = append(rows, hostileRow{"Id repeated through a character reference", xmldsig.CodeDuplicateID, func(f *forgery) {
		swap(&f.document, "<empty/>", `<evil id="pro&#x70;s"/>`)
	}})
	runHostile(t, mintRSA(t), rows)
}

func TestHostileTransforms(t *testing.T) {
	list := func(transforms string) func(*forgery) {
		return func(f *forgery) {
			swap(&f.listRef, `<ds:Transform `+enveloped+`/><ds:Transform `+exclusive+`/>`, transforms)
		}
	}
	props := func(transforms string) func(*forgery) {
		return func(f *forgery) { swap(&f.propsRef, `<ds:Transform `+exclusive+`/>`, transforms) }
	}
	tr := func(algorithm string) string { return `<ds:Transform ` + algorithm + `/>` }
	const (
		xpath    = `Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"`
		xpath2   = `Algorithm="http://www.w3.org/2002/06/xmldsig-filter2"`
		xslt     = `Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"`
		base     = `Algorithm="http://www.w3.org/2000/09/xmldsig#base64"`
		comments = `Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#WithComments"`
		c14n11   = `Algorithm="http://www.w3.org/2006/12/xml-c14n11"`
		prefixes = `<ds:Transform ` + exclusive + `><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="unused"/></ds:Transform>`
	)
	refused := xmldsig.CodeTransform
	runHostile(t, mintRSA(t), []hostileRow{
		{"no transform of the list", refused, list("")},
		{"no Transforms of the list", refused, func(f *forgery) {
			swap(&f.listRef, `<ds:Transforms>`+tr(enveloped)+tr(exclusive)+`</ds:Transforms>`, "")
		}},
		{"not enveloped", refused, list(tr(exclusive))},
		{"enveloped only", refused, list(tr(enveloped))},
		{"wrong order", refused, list(tr(exclusive) + tr(enveloped))},
		{"09 XPath", refused, list(tr(enveloped) + tr(xpath) + tr(exclusive))},
		{"09 XPath instead of enveloped", refused, list(tr(xpath) + tr(exclusive))},
		{"09 XPath filter 2", refused, list(tr(enveloped) + tr(xpath2))},
		{"09 XSLT", refused, list(tr(enveloped) + tr(exclusive) + tr(xslt))},
		{"09 base64", refused, list(tr(enveloped) + tr(base))},
		{"inclusive c14n of the list", refused, list(tr(enveloped) + tr(inclusive))},
		{"c14n with comments", refused, list(tr(enveloped) + tr(comments))},
		{"PrefixList", refused, list(tr(enveloped) + prefixes)},
		{"a hundred transforms", refused, list(strings.Repeat(tr(exclusive), 100))},
		{"foreign element among the transforms", refused, list(tr(enveloped) + tr(exclusive) + `<ds:Object/>`)},
		{"twin: no transform of the properties", 0, func(f *forgery) {
			swap(&f.propsRef, `<ds:Transforms>`+tr(exclusive)+`</ds:Transforms>`, "")
			f.propsWhole = true
		}},
		{"twin: inclusive c14n of the properties", 0, func(f *forgery) { props(tr(inclusive))(f); f.propsWhole = true }},
		{"properties with XPath", refused, props(tr(xpath))},
		{"properties with two transforms", refused, props(tr(enveloped) + tr(exclusive))},
		{"properties with PrefixList", refused, props(prefixes)},
		{"properties with c14n 1.1", refused, func(f *forgery) { props(tr(c14n11))(f); f.propsWhole = true }},
		{"twin: inclusive c14n of SignedInfo", 0, func(f *forgery) { swap(&f.method, exclusive, inclusive); f.infoWhole = true }},
		{"c14n 1.1 of SignedInfo", refused, func(f *forgery) { swap(&f.method, exclusive, c14n11); f.infoWhole = true }},
		{"c14n with comments of SignedInfo", refused, func(f *forgery) { swap(&f.method, exclusive, comments) }},
		{"PrefixList of SignedInfo", refused, func(f *forgery) {
			f.method = strings.NewReplacer("ds:Transform ", "ds:CanonicalizationMethod ", "ds:Transform>", "ds:CanonicalizationMethod>").Replace(prefixes)
		}},
	})
}

func TestInclusiveFormInheritsNamespacesAndXMLAttributes(t *testing.T) {
	whole := func(f *forgery) {
		swap(&f.propsRef, `<ds:Transforms><ds:Transform `+exclusive+`/></ds:Transforms>`, "")
		swap(&f.method, exclusive, inclusive)
		f.propsWhole, f.infoWhole = true, true
	}
	runHostile(t, mintRSA(t), []hostileRow{
		{"xml:lang and xml:base of the root", 0, func(f *forgery) {
			whole(f)
			swap(&f.document, ` Id="list-1"`, ` xml:lang="en" xml:base="http://a/&#9;b" Id="list-1"`)
		}},
		{"the nearest xml:lang wins", 0, func(f *forgery) {
			whole(f)
			swap(&f.document, ` Id="list-1"`, ` xml:lang="en" Id="list-1"`)
			swap(&f.object, `<ds:Object>`, `<ds:Object xml:lang="de">`)
		}},
		{"the element's own xml:lang wins", 0, func(f *forgery) {
			whole(f)
			swap(&f.document, ` Id="list-1"`, ` xml:lang="en" Id="list-1"`)
			swap(&f.properties, ` Id="props"`, ` xml:lang="fr" Id="props"`)
		}},
		{"an Object with xml:lang before the one of the properties", 0, func(f *forgery) {
			whole(f)
			f.object = `<ds:Object xml:lang="de"/>` + f.object
		}},
		{"default namespace undeclared", 0, func(f *forgery) {
			whole(f)
			swap(&f.object, `<ds:Object>`, `<ds:Object xmlns="">`)
		}},
		{"namespaces redeclared", 0, func(f *forgery) {
			whole(f)
			swap(&f.object, `<ds:Object>`, `<ds:Object xmlns:unused="urn:example:other" xmlns:ds="`+dsigURI+`">`)
		}},
		{"exclusive digest over inclusive reference", xmldsig.CodeDigest, func(f *forgery) { whole(f); f.propsWhole = false }},
		{"exclusive value over inclusive method", xmldsig.CodeSignatureInvalid, func(f *forgery) { whole(f); f.infoWhole = false }},
	})
}

func TestHostileAlgorithms(t *testing.T) {
	const weak = `Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"`
	const strong = `Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"`
	method := func(uri string) func(*forgery) {
		return func(f *forgery) { f.algorithm = `<ds:SignatureMethod Algorithm="` + uri + `"/>` }
	}
	refused := xmldsig.CodeAlgorithm
	runHostile(t, mintRSA(t), []hostileRow{
		{"10 RSA-SHA1 with SHA-1 digests", refused, func(f *forgery) {
			method("http://www.w3.org/2000/09/xmldsig#rsa-sha1")(f)
			swap(&f.listRef, strong, weak)
			swap(&f.propsRef, strong, weak)
			f.hash = crypto.SHA1
		}},
		{"SHA-1 digest of the list", refused, func(f *forgery) { swap(&f.listRef, strong, weak) }},
		{"SHA-1 digest of the properties", refused, func(f *forgery) { swap(&f.propsRef, strong, weak) }},
		{"twin: SHA-1 digest of the certificate", 0, func(f *forgery) { swap(&f.properties, strong, weak) }},
		{"MD5 digest of the certificate", refused, func(f *forgery) {
			swap(&f.properties, strong, `Algorithm="http://www.w3.org/2001/04/xmldsig-more#md5"`)
		}},
		{"11 HMAC with the public certificate as key", refused, func(f *forgery) {
			method("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")(f)
			f.sign = func(_ crypto.Signer, data []byte, _ crypto.Hash) []byte {
				mac := hmac.New(sha256.New, []byte("certificate"))
				mac.Write(data)
				return mac.Sum(nil)
			}
		}},
		{"ECDSA method with an RSA key", refused, method("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256")},
		{"no such method", refused, method("http://example.org/none")},
		{"empty method", refused, method("")},
		{"parameter of the method", refused, func(f *forgery) {
			swap(&f.algorithm, "/>", "><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>")
		}},
		{
			"PSS method with a PKCS #1 v1.5 value", xmldsig.CodeSignatureInvalid,
			method("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
		},
		{"value of another hash", xmldsig.CodeSignatureInvalid, method("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512")},
		{"value is empty", xmldsig.CodeSignatureInvalid, func(f *forgery) { swap(&f.value, "@VALUE@", "") }},
	})
}

func TestHostileECDSA(t *testing.T) {
	rows := []struct {
		name, suffix string
		curve        elliptic.Curve
		hash         crypto.Hash
		digest       string
	}{
		{"P-256", "256", elliptic.P256(), crypto.SHA256, "http://www.w3.org/2001/04/xmlenc#sha256"},
		{"17 P-384", "384", elliptic.P384(), crypto.SHA384, "http://www.w3.org/2001/04/xmldsig-more#sha384"},
		{"18 P-521", "512", elliptic.P521(), crypto.SHA512, "http://www.w3.org/2001/04/xmlenc#sha512"},
	}
	for _, row := range rows {
		setup := func(f *forgery) {
			f.hash = row.hash
			f.algorithm = `<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha` + row.suffix + `"/>`
			for _, part := range []*string{&f.listRef, &f.propsRef, &f.properties} {
				swap(part, "http://www.w3.org/2001/04/xmlenc#sha256", row.digest)
			}
		}
		value := func(change func([]byte) []byte) func(*forgery) {
			return func(f *forgery) {
				setup(f)
				f.sign = func(k crypto.Signer, data []byte, h crypto.Hash) []byte { return change(signRaw(k, data, h)) }
			}
		}
		invalid := xmldsig.CodeSignatureInvalid
		t.Run(row.name, func(t *testing.T) {
			runHostile(t, mintECDSA(t, row.curve, "operator"), []hostileRow{
				{"twin: r and s", 0, setup},
				{"DER as in X.509", invalid, func(f *forgery) { setup(f); f.sign = signDER }},
				{"one octet short", invalid, value(func(v []byte) []byte { return v[:len(v)-1] })},
				{"one octet long", invalid, value(func(v []byte) []byte { return append([]byte{0}, v...) })},
				{"both halves longer", invalid, value(func(v []byte) []byte {
					h := len(v) / 2
					return append(append([]byte{0}, v[:h]...), append([]byte{0}, v[h:]...)...)
				})},
				{"s with a leading zero", invalid, value(func(v []byte) []byte {
					h := len(v) / 2
					return append(append(append([]byte{}, v[:h]...), 0), v[h:]...)
				})},
				{"all zero", invalid, value(func(v []byte) []byte { return make([]byte, len(v)) })},
				{"empty", invalid, value(func([]byte) []byte { return nil })},
				{"RSA method", xmldsig.CodeAlgorithm, func(f *forgery) { setup(f); f.algorithm = rsa256 }},
			})
		})
	}
}

func TestHostileStructure(t *testing.T) {
	malformed := xmldsig.CodeSignatureMalformed
	const another = `<ds:Signature xmlns:ds="` + dsigURI + `"/>`
	runHostile(t, mintRSA(t), []hostileRow{
		{"08 DOCTYPE with entity", xmldsig.CodeForbidden, func(f *forgery) {
			swap(&f.document, "<!-- a comment before the root -->", `<!DOCTYPE TrustServiceStatusList [<!ENTITY x "y">]>`)
		}},
		{"undefined entity", xmldsig.CodeForbidden, func(f *forgery) { swap(&f.document, "&amp;", "&nbsp;") }},
		{"processing instruction", xmldsig.CodeForbidden, func(f *forgery) { swap(&f.document, "<empty/>", "<?php x?>") }},
		{"two good signatures", xmldsig.CodeSignatureMultiple, func(f *forgery) { swap(&f.document, "@SIGNATURE@", "@SIGNATURE@"+another) }},
		{"empty signature before the good one", malformed, func(f *forgery) {
			swap(&f.document, "<SchemeInformation>", another+"<SchemeInformation>")
		}},
		{"second signature deep in the list", xmldsig.CodeSignaturePosition, func(f *forgery) { swap(&f.document, "<empty/>", another) }},
		{"second signature deep in the list, after the good one", xmldsig.CodeSignatureMultiple, func(f *forgery) {
			swap(&f.document, "@SIGNATURE@", "@SIGNATURE@<x>"+another+"</x>")
		}},
		{"counter signature among the properties", xmldsig.CodeSignatureMultiple, func(f *forgery) {
			swap(&f.object, "@PROPERTIES@", "@PROPERTIES@<xades:UnsignedProperties>"+another+"</xades:UnsignedProperties>")
		}},
		{"twin: unsigned properties", 0, func(f *forgery) {
			swap(&f.object, "@PROPERTIES@", "@PROPERTIES@<xades:UnsignedProperties><x>1</x></xades:UnsignedProperties>")
		}},
		{"signature in its own Object", xmldsig.CodeSignatureMultiple, func(f *forgery) { f.object += `<ds:Object>` + another + `</ds:Object>` }},
		{"twin: signature first", 0, func(f *forgery) {
			swap(&f.document, "@SIGNATURE@", "")
			swap(&f.document, "<SchemeInformation>", "@SIGNATURE@<SchemeInformation>")
		}},
		{"signature deeper than the root's children", xmldsig.CodeSignaturePosition, func(f *forgery) {
			swap(&f.document, "@SIGNATURE@", "")
			swap(&f.document, "<empty/>", "@SIGNATURE@")
		}},
		{"signature after the root", xmldsig.CodeMalformed, func(f *forgery) {
			swap(&f.document, "@SIGNATURE@</TrustServiceStatusList>", "</TrustServiceStatusList>@SIGNATURE@")
		}},
		{"no Object", xmldsig.CodeProperties, func(f *forgery) { f.object = "" }},
		{"Object without properties", xmldsig.CodeProperties, func(f *forgery) { f.object = "<ds:Object/>" }},
		{"twin: an Object beside", 0, func(f *forgery) { f.object = `<ds:Object><x xmlns="">1</x></ds:Object>` + f.object }},
		{"forged properties in an Object before", xmldsig.CodeProperties, func(f *forgery) {
			f.object = `<ds:Object><xades:QualifyingProperties xmlns:xades="` + xadesURI + `"><xades:SignedProperties Id="forged"/>` +
				`</xades:QualifyingProperties></ds:Object>` + f.object
		}},
		{"forged properties beside the signed ones", xmldsig.CodeProperties, func(f *forgery) {
			swap(&f.object, "@PROPERTIES@", `@PROPERTIES@<xades:SignedProperties Id="forged"/>`)
		}},
		{"a second, empty QualifyingProperties", xmldsig.CodeProperties, func(f *forgery) {
			f.object += `<ds:Object><xades:QualifyingProperties xmlns:xades="` + xadesURI + `" Target="#sig"/></ds:Object>`
		}},
		{"properties not in QualifyingProperties", xmldsig.CodeProperties, func(f *forgery) {
			f.object = `<ds:Object xmlns:xades="` + xadesURI + `">@PROPERTIES@</ds:Object>`
		}},
		{"properties deeper in the Object", xmldsig.CodeProperties, func(f *forgery) {
			f.object = strings.NewReplacer("<ds:Object>", "<ds:Object><x>", "</ds:Object>", "</x></ds:Object>").Replace(f.object)
		}},
		{"properties of another XAdES", xmldsig.CodeProperties, func(f *forgery) { swap(&f.object, "v1.3.2#", "v1.1.1#") }},
		{"KeyInfo without a certificate", malformed, func(f *forgery) { f.keyInfo = `<ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo>` }},
		{"KeyInfo with an empty certificate", malformed, func(f *forgery) { swap(&f.keyInfo, "@CERT@", "") }},
		{"KeyInfo with junk for a certificate", malformed, func(f *forgery) { swap(&f.keyInfo, "@CERT@", "@CERT@*") }},
		{"twin: certificate in lines", 0, func(f *forgery) { swap(&f.keyInfo, "@CERT@", "\r\n\t @CERT@&#13;\n") }},
		{"elements in the certificate", malformed, func(f *forgery) { swap(&f.keyInfo, "@CERT@", "@CERT@<x/>") }},
		{"no KeyInfo", malformed, func(f *forgery) { f.keyInfo = "" }},
		{"two KeyInfo", malformed, func(f *forgery) { f.keyInfo += f.keyInfo }},
		{"no SignatureValue", malformed, func(f *forgery) { f.value = "" }},
		{"two SignatureValues", malformed, func(f *forgery) { f.value += f.value }},
		{"no CanonicalizationMethod", malformed, func(f *forgery) { f.method = "" }},
		{"no SignatureMethod", malformed, func(f *forgery) { f.algorithm = "" }},
		{"two SignatureMethods", malformed, func(f *forgery) { f.algorithm += f.algorithm }},
		{"SignatureMethod last", malformed, func(f *forgery) { f.propsRef, f.algorithm = f.propsRef+f.algorithm, "" }},
		{"text in SignedInfo", malformed, func(f *forgery) { f.method += "text" }},
		{"twin: white space in SignedInfo", 0, func(f *forgery) { f.method += " \r\n\t" }},
		{"foreign element in SignedInfo", malformed, func(f *forgery) { f.algorithm += "<x/>" }},
		{"foreign element in Reference", malformed, func(f *forgery) { swap(&f.listRef, digest256, digest256+"<x/>") }},
		{"two DigestMethods", malformed, func(f *forgery) { swap(&f.listRef, digest256, digest256+digest256) }},
		{"foreign element in Signature", malformed, func(f *forgery) { f.object += "<x/>" }},
		{"value is no base64", malformed, func(f *forgery) { swap(&f.value, "@VALUE@", "@VALUE@!") }},
		{"the root is another element", xmldsig.CodeRoot, func(f *forgery) {
			f.document = strings.ReplaceAll(f.document, "TrustServiceStatusList", "TrustedList")
		}},
		{"the root is of another namespace", xmldsig.CodeRoot, func(f *forgery) { swap(&f.document, "02231/v2#", "02231/v3#") }},
	})
}

func TestHostileProperties(t *testing.T) {
	const signingTimeText = `<xades:SigningTime>2026-06-01T12:00:00Z</xades:SigningTime>`
	certificate := func(f *forgery) string {
		from := strings.Index(f.properties, "<xades:SigningCertificate>")
		return f.properties[from : strings.Index(f.properties, "</xades:SigningCertificate>")+len("</xades:SigningCertificate>")]
	}
	const wrong = `<xades:Cert><xades:CertDigest>` + digest256 + `<ds:DigestValue>AAAA</ds:DigestValue></xades:CertDigest></xades:Cert>`
	v2 := func(f *forgery) {
		f.properties = strings.ReplaceAll(f.properties, "SigningCertificate>", "SigningCertificateV2>")
	}
	runHostile(t, mintRSA(t), []hostileRow{
		{"no SigningTime", xmldsig.CodeProperties, func(f *forgery) { swap(&f.properties, signingTimeText, "") }},
		{"two SigningTimes", xmldsig.CodeProperties, func(f *forgery) { swap(&f.properties, signingTimeText, signingTimeText+signingTimeText) }},
		{"SigningTime is no time", xmldsig.CodeProperties, func(f *forgery) { swap(&f.properties, "2026-06-01T12:00:00Z", "yesterday") }},
		{"SigningTime after the certificate", xmldsig.CodeSigningTime, func(f *forgery) { swap(&f.properties, "2026-06-01", "2027-06-01") }},
		{"SigningTime before the certificate", xmldsig.CodeSigningTime, func(f *forgery) { swap(&f.properties, "2026-06-01", "2025-06-01") }},
		{"no SigningCertificate", xmldsig.CodeProperties, func(f *forgery) { swap(&f.properties, certificate(f), "") }},
		{"SigningCertificate without references", xmldsig.CodeSigningCertificate, func(f *forgery) {
			swap(&f.properties, certificate(f), "<xades:SigningCertificate/>")
		}},
		{"13 SigningCertificate names another", xmldsig.CodeSigningCertificate, func(f *forgery) { swap(&f.properties, "@CERTDIGEST@", "AAAA") }},
		{"twin: V1 names another first", 0, func(f *forgery) { swap(&f.properties, "<xades:Cert>", wrong+"<xades:Cert>") }},
		{"twin: V2", 0, v2},
		{"twin: V2 names another second", 0, func(f *forgery) { v2(f); swap(&f.properties, "</xades:Cert>", "</xades:Cert>"+wrong) }},
		{"V2 names another first", xmldsig.CodeSigningCertificate, func(f *forgery) {
			v2(f)
			swap(&f.properties, "<xades:Cert>", wrong+"<xades:Cert>")
		}},
		{"V1 right and V2 wrong", xmldsig.CodeSigningCertificate, func(f *forgery) {
			swap(&f.properties, "</xades:SignedSignatureProperties>", "<xades:SigningCertificateV2>"+wrong+
				"</xades:SigningCertificateV2></xades:SignedSignatureProperties>")
		}},
		{"100 references to certificates", xmldsig.CodeLimit, func(f *forgery) {
			swap(&f.properties, "</xades:Cert>", "</xades:Cert>"+strings.Repeat(wrong, 100))
		}},
		{"SigningTime among the object properties only", xmldsig.CodeProperties, func(f *forgery) {
			swap(&f.properties, signingTimeText, "")
			swap(&f.properties, "</xades:SignedProperties>", "<xades:SignedDataObjectProperties>"+signingTimeText+
				"</xades:SignedDataObjectProperties></xades:SignedProperties>")
		}},
	})
}

func TestHostileSigners(t *testing.T) {
	operator, listed := mintRSA(t), mintECDSA(t, elliptic.P256(), "listed service")
	// 02: in every respect a good list, but by somebody nobody announced.
	doc := newForgery()
	selfMade := mintECDSA(t, elliptic.P256(), "self-made")
	swap(&doc.algorithm, "rsa-sha256", "ecdsa-sha256")
	raw := doc.build(t, selfMade)
	_, err := xmldsig.Verify(raw, selfMade.pinned())
	require.NoError(t, err, "twin: announced")
	_, err = xmldsig.Verify(raw, operator.pinned())
	require.ErrorIs(t, err, xmldsig.CodeSignerUnknown)

	// 12: signed by the key of a listed service, KeyInfo names the operator.
	f := newForgery()
	f.sign = func(_ crypto.Signer, data []byte, h crypto.Hash) []byte { return signRaw(listed.key, data, h) }
	_, err = xmldsig.Verify(f.build(t, operator), operator.pinned())
	require.ErrorIs(t, err, xmldsig.CodeSignatureInvalid)

	// The signer is KeyInfo's first certificate; a good one further on counts for nothing.
	f = newForgery()
	swap(&f.keyInfo, "<ds:X509Certificate>", "<ds:X509Certificate>AAAA</ds:X509Certificate><ds:X509Certificate>")
	_, err = xmldsig.Verify(f.build(t, operator), operator.pinned())
	assert.ErrorIs(t, err, xmldsig.CodeSignerUnknown)
}

// The classes of signature wrapping: the signed list is kept somewhere in the
// document while another one stands where a reader would look.
func TestHostileWrapping(t *testing.T) {
	by := mintRSA(t)
	good := string(sign(t, smallList, by, xmldsig.SignOptions{RootID: "list-1"}))
	_, err := xmldsig.Verify([]byte(good), by.pinned())
	require.NoError(t, err)
	from := strings.Index(good, "<TrustServiceStatusList")
	inner := strings.TrimSpace(good[from:])
	bare := strings.TrimSpace(smallList[strings.Index(smallList, "<TrustServiceStatusList"):])
	signature := inner[strings.Index(inner, "<ds:Signature"):strings.Index(inner, "</TrustServiceStatusList>")]
	const open, end = `<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#"`, `</TrustServiceStatusList>`
	rows := []struct {
		name, doc string
		want      xmldsig.Code
	}{
		{"14 inside another root", `<evil>` + inner + `</evil>`, xmldsig.CodeRoot},
		{"14 inside a forged list", open + `><evil/>` + inner + end, xmldsig.CodeSignaturePosition},
		{"14 signature lifted out, root with another Id", open + ` Id="evil">` + bare + signature + end, xmldsig.CodeReference},
		{"16 signature lifted out, root with the same Id", open + ` Id="list-1">` + bare + signature + end, xmldsig.CodeDuplicateID},
		{"16 signature lifted out, list after it", open + ` Id="list-1">` + signature + bare + end, xmldsig.CodeDuplicateID},
		{
			"16 list hidden in an Object", open + ` Id="list-1"><evil/>` + strings.Replace(signature, "</ds:Signature>",
				"<ds:Object>"+bare+"</ds:Object></ds:Signature>", 1) + end, xmldsig.CodeDuplicateID,
		},
		{
			"list hidden in an Object without Id", open + ` Id="list-1"><evil/>` + strings.Replace(signature, "</ds:Signature>",
				"<ds:Object>"+strings.Replace(bare, ` Id="list-1"`, "", 1)+"</ds:Object></ds:Signature>", 1) + end, xmldsig.CodeDigest,
		},
		{"two whole signatures", strings.Replace(good, signature, signature+signature, 1), xmldsig.CodeSignatureMultiple},
		{"content added beside the signature", strings.Replace(good, "</TrustServiceStatusList>", "<evil/></TrustServiceStatusList>", 1), xmldsig.CodeDigest},
		{"text added beside the signature", strings.Replace(good, "</TrustServiceStatusList>", "x</TrustServiceStatusList>", 1), xmldsig.CodeDigest},
		{"attribute added to the root", strings.Replace(good, " Id=", ` evil="1" Id=`, 1), xmldsig.CodeDigest},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := xmldsig.Verify([]byte(row.doc), by.pinned())
			assertCode(t, row.want, err)
		})
	}
}

// 15: a comment or CDATA section in the middle of a text changes no octet, but
// makes some readers see only the first half. Whoever reads Octets sees it all.
func TestCommentsCannotSplitText(t *testing.T) {
	by := mintRSA(t)
	doc := sign(t, smallList, by, xmldsig.SignOptions{})
	before, err := xmldsig.Verify(doc, by.pinned())
	require.NoError(t, err)
	for _, split := range []string{"Опе<!-- x -->ратор", "<![CDATA[Опе]]>ратор", "Опе<![CDATA[]]>ратор", "&#x41E;ператор"} {
		v, err := xmldsig.Verify(replaceOnce(t, doc, "Оператор", split), by.pinned())
		require.NoError(t, err, split)
		assert.Equal(t, string(before.Octets), string(v.Octets), split)
		assert.NotContains(t, string(v.Octets), "<!", split)
	}
	_, err = xmldsig.Verify(replaceOnce(t, doc, "Оператор", "Опе<!-- x --> ратор"), by.pinned())
	assert.ErrorIs(t, err, xmldsig.CodeDigest)
}
