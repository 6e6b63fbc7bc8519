package sealtest

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"

	"github.com/seed-b953571c/eidas/qseal"
)

// algorithmAttacks are 29 to 35.
func algorithmAttacks() []group {
	mac := way{scheme: schemeMAC, hash: crypto.SHA256}
	none := way{}
	pss512 := way{scheme: schemePSS, hash: crypto.SHA512, salt: crypto.SHA512.Size()}
	rsaPSS := both(by(partHonest), named("rsa-pss-sha512"), signing(pss512))
	rs256 := both(named("RS256"), signing(pkcs1256()))
	return []group{
		{29, cavage, qseal.ReasonAlgorithm, []row{
			{name: "none", edit: named("none")},
			{name: "HMAC with the public key", edit: both(named("hmac-sha256"), signing(mac))},
		}},
		{29, jws, qseal.ReasonAlgorithm, []row{
			{name: "none", edit: both(named("none"), signing(none))},
			{name: "none with a signature", edit: named("none")},
			{name: "no alg", edit: without("alg")},
			{name: "HMAC with the public key", edit: both(named("HS256"), signing(mac))},
		}},
		{29, rfc9421, qseal.ReasonAlgorithm, []row{
			{name: "none", edit: named("none")},
			{name: "HMAC with the public key", edit: both(named("hmac-sha256"), signing(mac))},
		}},
		{30, all | binding, qseal.ReasonAlgorithm, []row{
			{name: "hs2019", edit: named("hs2019"), quirk: qseal.QuirkHS2019},
			{name: "the label of an elliptic curve, RSA", edit: named("ecdsa-sha256"), only: cavage},
			{name: "the label of RSA, an elliptic curve", edit: both(by(partHonestEC), named("rsa-sha256")), twin: by(partHonestEC), only: berlin | ing},
			{name: "the label of an elliptic curve, RSA", edit: named("ES256"), only: jws},
			{name: "the label of RSA, an elliptic curve", edit: both(by(partHonestEC), named("PS256")), twin: by(partHonestEC), only: jades | polish | binding},
			{name: "the label of RSA, an elliptic curve", edit: both(by(partHonestEC), named("PS256")), only: ingJAdES | obie},
			{name: "the label of an elliptic curve, RSA", edit: both(by(partHonest), named("ecdsa-p256-sha256")), twin: by(partHonest), only: rfc9421},
		}},
		{31, cavage, qseal.ReasonSignatureInvalid, []row{{name: "PSS labelled PKCS #1", edit: signing(pss256())}}},
		{31, jws, qseal.ReasonSignatureInvalid, []row{
			{name: "PKCS #1 labelled PSS", edit: signing(pkcs1256())},
			{name: "PSS labelled PKCS #1", edit: named("RS256"), twin: rs256, only: jades | polish | binding},
			{name: "PKCS #1", edit: rs256, want: qseal.ReasonAlgorithm, only: ingJAdES | obie},
			{name: "no salt", edit: salted(pss256(), 0), quirk: qseal.QuirkAnySalt},
			{name: "salt of 20", edit: salted(pss256(), 20), quirk: qseal.QuirkAnySalt},
			{name: "the longest salt", edit: salted(pss256(), saltMax), quirk: qseal.QuirkAnySalt},
		}},
		{31, rfc9421, qseal.ReasonSignatureInvalid, []row{
			{name: "PKCS #1 labelled PSS", edit: both(by(partHonest), named("rsa-pss-sha512"), signing(way{scheme: schemePKCS1, hash: crypto.SHA512})), twin: rsaPSS},
			{name: "PSS labelled PKCS #1", edit: both(rsaPSS, named("rsa-v1_5-sha256")), twin: by(partHonest)},
			{name: "no salt", edit: both(rsaPSS, salted(pss512, 0)), twin: rsaPSS, quirk: qseal.QuirkAnySalt},
			{name: "salt of 20", edit: both(rsaPSS, salted(pss512, 20)), twin: rsaPSS, quirk: qseal.QuirkAnySalt},
			{name: "the longest salt", edit: both(rsaPSS, salted(pss512, saltMax)), twin: rsaPSS, quirk: qseal.QuirkAnySalt},
		}},
		{32, jades | polish | binding, qseal.ReasonAlgorithm, []row{
			{name: "ES512 on P-256", edit: curve(partHonestEC, "ES512", crypto.SHA512), twin: by(partHonestEC)},
			{name: "ES384 on P-256", edit: curve(partHonestEC, "ES384", crypto.SHA384), twin: by(partHonestEC)},
			{name: "ES256 on P-384", edit: curve(partHonestP384, "ES256", crypto.SHA256), twin: by(partHonestP384), only: jades | polish},
		}},
		{32, rfc9421, qseal.ReasonAlgorithm, []row{
			{name: "P-384 and SHA-384 on P-256", edit: curve(partHonestEC, "ecdsa-p384-sha384", crypto.SHA384)},
			{name: "P-256 and SHA-256 on P-384", edit: curve(partHonestP384, "ecdsa-p256-sha256", crypto.SHA256), twin: by(partHonestP384)},
		}},
		{33, berlin | ing, qseal.ReasonSignatureInvalid, derRows()},
		{33, jades | polish | rfc9421 | binding, qseal.ReasonSignatureInvalid, sideRows()},
		{34, all | binding, qseal.ReasonSignatureInvalid, []row{
			{name: "SHA-1 labelled SHA-256", edit: signing(way{scheme: schemePKCS1, hash: crypto.SHA1}), only: cavage},
			{name: "SHA-1 labelled SHA-256", edit: both(rs256, signing(way{scheme: schemePKCS1, hash: crypto.SHA1})), twin: rs256, only: jades | polish | binding},
			{name: "SHA-1 labelled SHA-256", edit: signing(way{scheme: schemePSS, hash: crypto.SHA1, salt: 20}), only: ingJAdES | obie},
			{name: "SHA-1 labelled SHA-256", edit: both(by(partHonest), signing(way{scheme: schemePKCS1, hash: crypto.SHA1})), twin: by(partHonest), only: rfc9421},
		}},
		{35, all | binding, qseal.ReasonKey, []row{
			{name: "RSA of 1024 bits", edit: by(partWeakRSA)},
			{name: "RSA with the exponent 1", edit: by(partExponentOne)},
			{name: "RSA with an even exponent", edit: by(partExponentEven)},
		}},
	}
}

// salted signs with another length of salt.
func salted(w way, n int) edit {
	w.salt = n
	return signing(w)
}

// curve seals with the key of one curve and the name and hash of another.
func curve(p part, alg string, h crypto.Hash) edit {
	return both(by(p), named(alg), signing(way{scheme: schemeSide, hash: h}))
}

// derRows are about r and s in DER, where draft-cavage has them so.
func derRows() []row {
	edited := func(change func(p *pair) []byte) edit {
		return both(by(partHonestEC), octets(func(der []byte) []byte {
			p, err := pairOf(der)
			if err != nil {
				return nil
			}
			return change(p)
		}))
	}
	rewritten := func(r, s *big.Int) []byte {
		der, _ := asn1.Marshal(pair{r, s}) // two integers: cannot fail
		return der
	}
	n := elliptic.P256().Params().N
	rows := []row{
		{name: "r and s side by side", edit: edited(func(p *pair) []byte { return p.side(32) })},
		{name: "r is zero", edit: edited(func(p *pair) []byte { return rewritten(new(big.Int), p.S) })},
		{name: "s is zero", edit: edited(func(p *pair) []byte { return rewritten(p.R, new(big.Int)) })},
		{name: "s is s and the order", edit: edited(func(p *pair) []byte { return rewritten(p.R, new(big.Int).Add(p.S, n)) })},
		{name: "a byte behind", edit: edited(func(p *pair) []byte { return append(rewritten(p.R, p.S), 0) })},
	}
	for i := range rows {
		rows[i].twin = by(partHonestEC)
	}
	return rows
}

// sideRows are about r and s side by side, where JOSE and RFC 9421 have them so.
func sideRows() []row {
	n := elliptic.P256().Params().N
	edited := func(change func(b []byte) []byte) edit { return both(by(partHonestEC), octets(change)) }
	plus := func(b []byte) []byte {
		sum := new(big.Int).Add(new(big.Int).SetBytes(b), n)
		return sum.FillBytes(make([]byte, 33))
	}
	rows := []row{
		{name: "DER", edit: both(by(partHonestEC), signing(der256()))},
		{name: "r is zero", edit: edited(func(b []byte) []byte { clear(b[:32]); return b })},
		{name: "s is zero", edit: edited(func(b []byte) []byte { clear(b[32:]); return b })},
		{name: "r and s are zero", edit: edited(func(b []byte) []byte { clear(b); return b })},
		{name: "r and s and the order", edit: edited(func(b []byte) []byte { return append(plus(b[:32]), plus(b[32:])...) })},
		{name: "zeros before r and s", edit: edited(func(b []byte) []byte {
			return bytes.Join([][]byte{{0}, b[:32], {0}, b[32:]}, nil)
		})},
		{name: "a byte behind", edit: edited(func(b []byte) []byte { return append(b, 0) })},
	}
	for i := range rows {
		rows[i].twin = by(partHonestEC)
	}
	return rows
}
