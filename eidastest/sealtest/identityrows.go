package sealtest

import (
	"slices"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
)

// identityAttacks are 17 to 28: whose certificate it is, and what it is worth.
func (k *Kit) identityAttacks() []group {
	rotated := both(by(partRotated))
	return []group{
		{17, berlin | ing | jades | polish | obie, qseal.ReasonCertificateMismatch, []row{
			// Same subject, issuer and key: the serial number alone differs.
			{name: "keyId has the serial number of another", edit: both(claiming(partHonestTwin), certificateOf(partHonest)), twin: by(partHonestTwin), only: berlin | ing},
			{name: "keyId has the issuer of another", edit: k.otherIssuer(), only: berlin},
			{name: "x5t#S256 is of another", edit: parameter("x5t#S256", quoted(thumbprint(k.cast[partHonestTwin]))), only: jades | polish},
			{name: "kid is of another TPP", edit: parameter("kid", quoted(kidOf(k.cast[partOther]))), only: obie},
			{name: "iss is of another TPP", edit: both(claiming(partOther), parameter("kid", quoted(kidOf(k.cast[partHonest])))), only: obie},
		}},
		{17, stet | ingJAdES | rfc9421, qseal.ReasonSignatureInvalid, []row{
			{name: "the seal names another TPP's certificate", edit: both(by(partHonest), claiming(partOther)), twin: by(partHonest)},
		}},
		{18, all &^ jose, qseal.ReasonCertificateMissing, []row{
			{name: "keyId is a URL of an internal host", edit: both(parameter("keyId", quoted(k.trapURL(k.cast[partHonest]))), drop("TPP-Signature-Certificate")), only: stet | ing},
			{name: "keyId is a URL of an internal host", edit: parameter("keyId", quoted(k.trapURL(k.cast[partHonest]))), want: qseal.ReasonFormat, only: berlin},
			{name: "keyid is a URL of an internal host", edit: parameter("keyid", quoted(k.trapURL(k.cast[partHonest]))), only: rfc9421},
			{name: "the file has another digest", edit: parameter("keyId", quoted(wrongFileURL)), want: qseal.ReasonCertificateMismatch, only: stet},
			{name: "the URL is not of https", edit: parameter("keyId", quoted("http"+certificateURL(k.cast[partHonest])[5:])), want: qseal.ReasonFormat, only: stet},
			{name: "the URL has a query", edit: parameter("keyId", quoted(certificateURL(k.cast[partHonest])+"?x")), want: qseal.ReasonFormat, only: stet},
		}},
		{18, jose, qseal.ReasonHeader, []row{
			{name: "x5u in place of the certificate", edit: both(without("x5c"), without("x5t#S256"), k.x5u()), want: qseal.ReasonCertificateMissing, only: fields},
			{name: "x5u beside the certificate", edit: k.x5u(), only: bodies},
			{name: "jku beside the certificate", edit: parameter("jku", quoted(k.trapURL(k.cast[partHonest]))), only: bodies},
		}},
		{19, all, qseal.ReasonPeer, []row{
			{name: "sealed by another TPP than the one on the connection", edit: by(partOther), twin: both(onOther, by(partOther))},
			{name: "sealed by the TPP of another connection", edit: onOther, twin: nothing},
		}},
		{19, berlin | ing | jades | polish, qseal.ReasonSignatureInvalid, []row{
			{name: "another TPP's certificate, its name to match", edit: both(claiming(partOther), onOther), twin: both(onOther, by(partOther))},
		}},
		{20, all, qseal.ReasonPeer, []row{
			{name: "a letter in another case", edit: by(partOtherCase)},
			{name: "another country", edit: by(partOtherCountry)},
			{name: "another authority", edit: by(partOtherAuthority)},
			{name: "a letter of another alphabet", edit: by(partHomoglyph), want: qseal.ReasonCertificate, cause: eidas.ReasonIdentityMalformed},
			{name: "a digit more", edit: by(partLonger)},
		}},
		k.certificates(21, "QWAC", "QcType of websites", partQWAC, partWebType),
		k.certificates(22, "certificate of a natural person", "", partNatural),
		k.certificates(23, "no PSD2 statement", "", partNoPSD2),
		k.certificates(24, "expired", "not yet valid", partExpired, partNotYetValid),
		k.certificates(24, "revoked", "service withdrawn", partRevoked, partWithdrawn),
		k.certificates(25, "an impostor of the QTSP", "a copy that signs itself", partImpostor, partSelfSigned),
		{26, jades | polish, qseal.ReasonCertificateMismatch, []row{
			{name: "x5c of the attacker, x5t#S256 of the honest one", edit: both(by(partSelfSigned), parameter("x5t#S256", quoted(thumbprint(k.cast[partHonest]))))},
			{name: "x5c of the honest one, x5t#S256 of the attacker", edit: both(by(partSelfSigned), k.x5cOf(partHonest))},
		}},
		k.certificates(27, "no bit for signatures", "", partNoSignatureBit),
		{28, all, qseal.ReasonPeer, []row{
			{name: "the next certificate of another TPP", edit: by(partOtherRotated), twin: rotated},
		}},
	}
}

// certificates are attacks with a certificate that a Validator refuses.
func (k *Kit) certificates(item int, first, second string, parts ...part) group {
	g := group{item: item, of: all, want: qseal.ReasonCertificate}
	for i, name := range []string{first, second}[:len(parts)] {
		g.rows = append(g.rows, row{name: name, edit: by(parts[i]), cause: causes()[parts[i]]})
	}
	return g
}

// onOther is another TPP's connection.
func onOther(d *draft) { d.msg.Peer = d.k.other }

// certificateOf puts a certificate of the cast back into its field.
func certificateOf(p part) edit {
	return func(d *draft) {
		keep := slices.Clone(d.params)
		claiming(p)(d)
		d.params = keep
	}
}

// otherIssuer names the certificate by the issuer of another one.
func (k *Kit) otherIssuer() edit {
	own, other := *k.cast[partHonest], *k.cast[partRotated].Certificate
	other.SerialNumber = own.Certificate.SerialNumber
	own.Certificate = &other
	return func(d *draft) {
		keep := slices.Clone(d.msg.Lines)
		leaf := d.leaf
		d.leaf = &own
		d.p.name(d)
		d.leaf, d.msg.Lines = leaf, keep
	}
}

func (k *Kit) x5u() edit { return parameter("x5u", quoted(k.trapURL(k.cast[partHonest]))) }

func (k *Kit) x5cOf(p part) edit {
	return parameter("x5c", `["`+b64(k.cast[p].Certificate.Raw)+`"]`)
}

// causes are what a Validator says to the certificates that must be refused.
func causes() map[part]eidas.Reason {
	return map[part]eidas.Reason{
		partQWAC: eidas.ReasonWrongType, partWebType: eidas.ReasonWrongType, partNatural: eidas.ReasonWrongType,
		partNoPSD2: eidas.ReasonPSD2Missing, partExpired: eidas.ReasonExpired, partNotYetValid: eidas.ReasonNotYetValid,
		partRevoked: eidas.ReasonRevoked, partWithdrawn: eidas.ReasonServiceNotGranted,
		partImpostor: eidas.ReasonSignatureInvalid, partSelfSigned: eidas.ReasonIssuerUnknown,
		partNoSignatureBit: eidas.ReasonKeyUsage,
	}
}
