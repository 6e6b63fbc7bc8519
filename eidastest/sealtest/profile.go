package sealtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-b953571c/eidas/eidastest"
)

// profiles is a set of profiles of package qseal.
type profiles uint16

const (
	berlin profiles = 1 << iota
	stet
	ing
	ingJAdES
	jades
	obie313
	obie314
	polish
	rfc9421
	binding // of a TLS certificate: no profile of a message

	cavage = berlin | stet | ing
	fields = jades | ingJAdES
	obie   = obie313 | obie314
	bodies = obie | polish
	jose   = fields | bodies
	all    = cavage | jose | rfc9421
	jws    = jose | binding
)

// profile is how a lawful seal of a profile is made. It is written from the
// standards, not from package qseal.
type profile struct {
	set    profiles
	id     string // qseal.Profile.Name
	way    way
	digest string               // field of the digest, "" where there is none
	seal   []string             // fields of the seal
	lawful func(d *draft)       // parameters and covered fields
	name   func(d *draft)       // names d.leaf
	write  func(d *draft) error // seals
	alg    string               // the parameter of the algorithm
}

func catalogue() []*profile {
	signature := []string{"Signature", "Digest", "TPP-Signature-Certificate"}
	return []*profile{
		{berlin, "berlin-group-1.3", pkcs1256(), "Digest", signature, lawfulBerlin, nameBerlin, writeCavage, "algorithm"},
		{stet, "stet-1.6", pkcs1256(), "Digest", signature[:2], lawfulSTET, nameSTET, writeCavage, "algorithm"},
		{ing, "ing-cavage", pkcs1256(), "Digest", signature, lawfulING, nameING, writeCavage, "algorithm"},
		{ingJAdES, "ing-jades", pss256(), "Digest", []string{jwsField, "Digest"}, lawfulINGJAdES, nameByDigest, writeFields, "alg"},
		{jades, "jades-http", pss256(), "Digest", []string{jwsField, "Digest"}, lawfulJAdES, nameAlong, writeFields, "alg"},
		{obie313, "obie-3.1.3", pss256(), "", []string{jwsField}, lawfulOBIE, nameOBIE, writeBody, "alg"},
		{obie314, "obie-3.1.4", pss256(), "", []string{jwsField}, lawfulOBIE, nameOBIE, writeBody, "alg"},
		{polish, "polish-api-2.1", pss256(), "", []string{jwsField}, lawfulPolish, nameAlong, writeBody, "alg"},
		{rfc9421, "rfc9421", side256(), "Content-Digest", []string{"Signature-Input", "Signature", "Content-Digest"}, lawfulRFC9421, nameRFC9421, writeRFC9421, "alg"},
	}
}

const jwsField = "X-JWS-Signature"

func lawfulBerlin(d *draft) {
	d.params = []param{{"keyId", ""}, {"algorithm", `"rsa-sha256"`}}
	d.covered = []string{"digest", "x-request-id"}
}

func nameBerlin(d *draft) {
	d.setParam("keyId", quoted(berlinName(d.leaf)))
	d.set("TPP-Signature-Certificate", b64(d.leaf.Certificate.Raw))
}

func berlinName(l *eidastest.Leaf) string {
	return fmt.Sprintf("SN=%x,CA=%s", l.Certificate.SerialNumber, l.Certificate.Issuer.String())
}

func lawfulSTET(d *draft) {
	lawfulBerlin(d)
	d.set("Date", d.at.UTC().Format(dateLayout))
	d.covered = []string{"(request-target)", "digest", "x-request-id", "date", "content-type", "content-length"}
}

// dateLayout is that of IMF-fixdate (RFC 9110, 5.6.7).
const dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

func nameSTET(d *draft) { d.setParam("keyId", quoted(certificateURL(d.leaf))) }

func lawfulING(d *draft) {
	lawfulBerlin(d)
	d.set("Date", d.at.UTC().Format(dateLayout))
	d.covered = []string{"(request-target)", "date", "digest"}
	d.msg.Target += "?order=" + d.id // or two orders of one second would be one seal
}

func nameING(d *draft) {
	c := d.leaf.Certificate
	d.setParam("keyId", quoted(fmt.Sprintf("SN=%X", c.SerialNumber)))
	d.set("TPP-Signature-Certificate", pemLine(c.Raw))
}

// pemLine is PEM as ING has it, without line breaks.
func pemLine(der []byte) string {
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return strings.ReplaceAll(text, "\n", "")
}

// writeCavage writes the field Signature of draft-cavage, 4.1.
func writeCavage(d *draft) error {
	signature, err := d.sign(d.lines())
	if err != nil {
		return err
	}
	d.setParam("headers", quoted(strings.Join(d.covered, " ")))
	d.setParam("signature", quoted(base64.StdEncoding.EncodeToString(signature)))
	parts := make([]string, 0, len(d.params))
	for _, p := range d.params {
		parts = append(parts, p.name+"="+p.raw)
	}
	d.set("Signature", d.finish(strings.Join(parts, ",")))
	return nil
}

func lawfulJAdES(d *draft) {
	d.params = []param{{"alg", `"PS256"`}, {"iat", strconv.FormatInt(d.at.Unix(), 10)}, {"b64", "false"}, {"crit", `["b64","sigD"]`}}
	d.covered = []string{"(request-target)", "content-type", "x-request-id", "digest"}
}

func lawfulINGJAdES(d *draft) {
	lawfulJAdES(d)
	d.params[1] = param{"sigT", quoted(d.at.UTC().Format("2006-01-02T15:04:05Z"))}
	d.setParam("crit", `["sigT","sigD","b64"]`)
}

func thumbprint(l *eidastest.Leaf) string {
	sum := sha256.Sum256(l.Certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func nameByDigest(d *draft) { d.setParam("x5t#S256", quoted(thumbprint(d.leaf))) }

func nameAlong(d *draft) {
	nameByDigest(d)
	d.setParam("x5c", `["`+base64.StdEncoding.EncodeToString(d.leaf.Certificate.Raw)+`"]`)
}

const obieNS = "http://openbanking.org.uk/"

func lawfulOBIE(d *draft) {
	d.params = []param{
		{"alg", `"PS256"`},
		{"typ", `"JOSE"`},
		{"cty", `"application/json"`},
		{obieNS + "iat", strconv.FormatInt(d.at.Unix(), 10)},
		{obieNS + "tan", `"openbanking.org.uk"`},
	}
	crit := `["` + obieNS + `iat","` + obieNS + `iss","` + obieNS + `tan"]`
	if d.p.set == obie313 {
		d.params = append(d.params, param{"b64", "false"})
		crit = strings.Replace(crit, "[", `["b64",`, 1)
	}
	d.params = append(d.params, param{"crit", crit})
}

func nameOBIE(d *draft) {
	d.setParam("kid", quoted(kidOf(d.leaf)))
	d.setParam(obieNS+"iss", strconv.Quote(d.leaf.Certificate.Subject.String()))
}

func lawfulPolish(d *draft) { d.params = []param{{"alg", `"PS256"`}} }

// writeFields writes a JWS over header fields (TS 119 182-1, 5.2.8.2).
func writeFields(d *draft) error {
	if d.param("sigD") == "" {
		names := make([]string, 0, len(d.covered))
		for _, name := range d.covered {
			names = append(names, strconv.Quote(name))
		}
		d.setParam("sigD", `{"mId":"http://uri.etsi.org/19182/HttpHeaders","pars":[`+strings.Join(names, ",")+`]}`)
	}
	return d.writeJWS(d.lines())
}

// writeBody writes a JWS over the body: in base64url, unless b64 is false (RFC
// 7797).
func writeBody(d *draft) error {
	of := d.msg.Body
	if d.digested != nil {
		of = d.digested
	}
	if d.param("b64") == "false" {
		return d.writeJWS(string(of))
	}
	return d.writeJWS(base64.RawURLEncoding.EncodeToString(of))
}

// header is the protected header, its members in the order of the parameters.
func (d *draft) header() string {
	members := make([]string, 0, len(d.params))
	for _, p := range d.params {
		members = append(members, quoted(p.name)+":"+p.raw)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (d *draft) writeJWS(payload string) error {
	header := d.header()
	if d.json != nil {
		header = d.json(header)
	}
	protected := base64.RawURLEncoding.EncodeToString([]byte(header))
	if d.protected != nil {
		protected = d.protected(protected)
	}
	signature, err := d.sign(protected + "." + payload)
	if err != nil {
		return err
	}
	d.set(jwsField, d.finish(protected+".."+base64.RawURLEncoding.EncodeToString(signature)))
	return nil
}

func lawfulRFC9421(d *draft) {
	d.leaf = d.k.cast[partHonestEC]
	d.params = []param{
		{"created", strconv.FormatInt(d.at.Unix(), 10)},
		{"keyid", ""},
		{"alg", `"ecdsa-p256-sha256"`},
		{"nonce", quoted(d.id)},
		{"tag", `"fapi-2-request"`},
	}
	d.covered = []string{"@method", "@target-uri", "content-digest"}
}

func nameRFC9421(d *draft) { d.setParam("keyid", quoted(kidOf(d.leaf))) }

// component is the value of a component (RFC 9421, 2).
func (d *draft) component(name string) (string, error) {
	bare, parameters, _ := strings.Cut(name, ";")
	if parameters != "" && parameters != "sf" && parameters != "req" {
		return "", errors.New("component parameter " + parameters)
	}
	switch bare {
	case "@method":
		return d.msg.Method, nil
	case "@target-uri":
		return "https://" + d.msg.Authority + d.msg.Target, nil
	case "@authority":
		return d.msg.Authority, nil
	case "@path":
		path, _, _ := strings.Cut(d.msg.Target, "?")
		return path, nil
	}
	return d.joined(bare), nil
}

// writeRFC9421 writes Signature-Input and Signature with the label seal.
func writeRFC9421(d *draft) error {
	var base, list []string
	for _, name := range d.covered {
		value, err := d.component(name)
		if err != nil {
			return err
		}
		bare, parameters, found := strings.Cut(name, ";")
		id := quoted(bare)
		if found {
			id += ";" + parameters
		}
		base, list = append(base, id+": "+value), append(list, id)
	}
	input := "(" + strings.Join(list, " ") + ")"
	for _, p := range d.params {
		input += ";" + p.name + "=" + p.raw
	}
	signature, err := d.sign(strings.Join(append(base, `"@signature-params": `+input), "\n"))
	if err != nil {
		return err
	}
	d.set("Signature-Input", d.finish("seal="+input))
	d.set("Signature", "seal=:"+base64.StdEncoding.EncodeToString(signature)+":")
	return nil
}
