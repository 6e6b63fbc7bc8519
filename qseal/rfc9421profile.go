package qseal

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

// The names of the fields of RFC 9421.
const (
	fieldSignatureInput = "Signature-Input"
	fieldContentDigest  = "Content-Digest"
)

// RFC9421 returns the profile of HTTP Message Signatures (RFC 9421) with
// Content-Digest (RFC 9530), as the HTTP signatures of FAPI 2.0 use them. Of the
// signatures on a message it takes the one with the given tag, and without a tag
// the only one. A request must seal @method, @target-uri, authorization where it
// is there, and content-digest where there is a body; a response @status,
// content-digest, and @method and @target-uri of the request that it answers, or
// it would answer any other as well. created is required. The certificate is
// found by keyid.
func RFC9421(tag string) Profile {
	return Profile{
		name: "rfc9421",
		// Without the parameter alg an RSA key means the first of its two.
		algorithms: []Algorithm{PSSSHA512, RSASHA256, ECDSAP256, ECDSAP384, Ed25519},
		fields:     []string{fieldSignatureInput, "Signature", fieldContentDigest},
		known:      QuirkAnySalt,
		skew:       jadesSkew, maxAge: jadesMaxAge, sealsTime: true,
		replay: true, bindsPath: true, needsKeyID: true,
		parse: func(m *message, _ *Profile) (*sealed, *Error) { return parseRFC9421(m, tag) },
		seal:  func(m *message, _ *Profile, k *sealer) error { return sealRFC9421(m, tag, k) },
	}
}

// messageAlgorithm returns the algorithm of a name in RFC 9421, 3.3, 0 for every
// other.
func messageAlgorithm(name string) Algorithm {
	switch name {
	case "rsa-pss-sha512", "rsa-v1_5-sha256", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "ed25519":
		for a := Algorithm(1); a < algorithmEnd; a++ {
			if a.String() == name {
				return a
			}
		}
	}
	return 0
}

func parseRFC9421(m *message, tag string) (*sealed, *Error) {
	all, err := parseSignatureInput(m.values(fieldSignatureInput))
	if err != nil {
		return nil, reject(ReasonFormat, "signature-input: %w", err)
	}
	p, refusal := chooseSignature(all, tag)
	if refusal != nil {
		return nil, refusal
	}
	s, refusal := readSignature(m, p)
	if refusal != nil {
		return nil, refusal
	}
	if p.created == 0 {
		return nil, reject(ReasonHeader, "no created")
	}
	if p.keyID == "" {
		return nil, reject(ReasonCertificateMissing, "no keyid")
	}
	return s, s.coverRFC9421(m, p)
}

// chooseSignature picks the signature that the profile is about. Labels mean
// nothing (4.1): a proxy may rename them.
func chooseSignature(all []signatureParams, tag string) (*signatureParams, *Error) {
	var found *signatureParams
	for i := range all {
		if tag != "" && all[i].tag != tag {
			continue
		}
		if found != nil {
			return nil, reject(ReasonRepeated, "more than one signature with tag %.40q", tag)
		}
		found = &all[i]
	}
	if found == nil {
		return nil, reject(ReasonSignatureMissing, "no signature with tag %.40q", tag)
	}
	return found, nil
}

// readSignature makes the seal of one signature: its base, parameters and
// covered components.
func readSignature(m *message, p *signatureParams) (*sealed, *Error) {
	s := &sealed{hint: Hint{KeyID: p.keyID}, replayKey: p.nonce}
	if p.alg != "" {
		if s.claimed = messageAlgorithm(p.alg); s.claimed == 0 {
			return nil, reject(ReasonAlgorithm, "alg %.40q", p.alg)
		}
	}
	var err error
	if s.signature, err = signatureValue(m.values("Signature"), p.label); err != nil {
		return nil, reject(ReasonFormat, "signature: %w", err)
	}
	if s.base, err = signatureBase(m, p); err != nil {
		return nil, reject(ReasonFieldMissing, "%w", err)
	}
	if p.created != 0 {
		s.signedAt = time.Unix(p.created, 0).UTC()
	}
	if p.expires != 0 {
		s.expires = time.Unix(p.expires, 0).UTC()
	}
	s.covered = make([]string, 0, len(p.components))
	for i := range p.components {
		// The bare name: the hop-by-hop guard holds these fields too.
		s.covered = append(s.covered, p.components[i].name)
	}
	return s, nil
}

// coreComponents are those that every seal needs. A response whose request is not
// known cannot be held to it.
func coreComponents(m *message) []component {
	switch {
	case m.request:
		return []component{{name: "@method"}, {name: "@target-uri"}}
	case m.answered == nil:
		return []component{{name: "@status"}}
	}
	return []component{
		{name: "@status"},
		{name: "@method", param: param{req: true}},
		{name: "@target-uri", param: param{req: true}},
	}
}

// coverRFC9421 holds the covered components to what must be sealed, each whole:
// a member of a field, or its bytes, is another component.
func (s *sealed) coverRFC9421(m *message, p *signatureParams) *Error {
	need := coreComponents(m)
	if m.streamed || len(m.body) > 0 || len(m.values(fieldContentDigest)) > 0 {
		need = append(need, component{name: "content-digest"})
	}
	if m.request && len(m.values("Authorization")) > 0 {
		need = append(need, component{name: "authorization"})
	}
	for _, n := range need {
		if !slices.ContainsFunc(p.components, func(c component) bool { return c.name == n.name && c.param == n.param }) {
			return reject(ReasonCoverage, "%s is not sealed", n.name)
		}
	}
	s.pathBound = m.request
	if !slices.ContainsFunc(need, func(c component) bool { return c.name == "content-digest" }) {
		return nil
	}
	var err error
	if s.digests, err = parseContentDigest(m.values(fieldContentDigest)); err != nil {
		return reject(ReasonDigest, "%w", err)
	}
	return nil
}

// sealRFC9421 adds a signature, and Content-Digest where there is a body.
func sealRFC9421(m *message, tag string, k *sealer) error {
	need := coreComponents(m)
	if len(m.body) > 0 {
		m.header.Set(fieldContentDigest, "sha-256=:"+base64.StdEncoding.EncodeToString(sum(crypto.SHA256, m.body))+":")
		need = append(need, component{name: "content-digest"})
	}
	if m.request && len(m.values("Authorization")) > 0 {
		need = append(need, component{name: "authorization"})
	}
	p := signatureParams{list: httpsfv.InnerList{Params: httpsfv.NewParams()}}
	for _, n := range need {
		item := httpsfv.NewItem(n.name)
		if n.req {
			item.Params.Add("req", true)
		}
		p.list.Items = append(p.list.Items, item)
	}
	p.list.Params.Add("created", k.at.Unix())
	p.list.Params.Add("nonce", rand.Text()) // or two seals of one second would be one
	p.list.Params.Add("keyid", k.keyID)
	p.list.Params.Add("alg", k.algorithm.String())
	if tag != "" {
		p.list.Params.Add("tag", tag)
	}
	if err := p.read(); err != nil {
		return err
	}
	base, err := signatureBase(m, &p)
	if err != nil {
		return err
	}
	signature, err := k.sign(base)
	if err != nil {
		return err
	}
	const label = "seal"
	_, params, _ := strings.Cut(string(base[strings.LastIndexByte(string(base), '\n')+1:]), ": ")
	m.header.Add(fieldSignatureInput, label+"="+params)
	m.header.Add("Signature", label+"=:"+base64.StdEncoding.EncodeToString(signature)+":")
	return nil
}
