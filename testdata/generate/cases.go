package main

import (
	"fmt"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// testCase is one run of "eidas verify --world world --json" and its outcome.
// What is expected is written by hand in this file; nothing is taken from a run.
type testCase struct {
	Name  string    `json:"name"`
	File  string    `json:"file"`
	Use   string    `json:"use"`
	At    time.Time `json:"at"`
	Flags []string  `json:"flags"`
	// Decision is "accept" or "refuse", Reason the code of a refusal.
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
	// Identity and Roles are proved when accepted. When refused they are what the
	// certificate claims, and empty if it was refused before they were read.
	Identity string   `json:"identity"`
	Profile  string   `json:"profile"`
	Roles    []string `json:"roles"`
}

// fixture is one file of certificates and what is expected of it.
type fixture struct {
	name       string
	request    eidastest.Request
	issuer     *eidastest.QTSP
	withIssuer bool // the file holds the issuing CA too
	cases      []testCase
	leaf       *eidastest.Leaf
}

// tpp is of no authorisation that exists.
const tpp = "PSDLT-BL-EX000042"

// Nothing of the fixtures can be asked over a network.
const responder = "http://ocsp.eidastest.invalid/"

const day = 24 * time.Hour

// issuers are the QTSPs of the world.
type issuers struct{ lt, de, root, withdrawn, impostor *eidastest.QTSP }

func newIssuers(w *eidastest.World) (i issuers, err error) {
	i.lt, i.de = w.QTSP("LT"), w.QTSP("DE")
	if i.root, err = w.AddQTSP(eidastest.QTSPOptions{Name: "QTSP with its root listed", Territory: "DE", ListRoot: true}); err != nil {
		return i, err
	}
	if i.withdrawn, err = w.AddQTSP(eidastest.QTSPOptions{Name: "QTSP withdrawn", Territory: "LT"}); err != nil {
		return i, err
	}
	if err = i.withdrawn.Withdraw(now().Add(-30 * day)); err != nil {
		return i, err
	}
	i.impostor, err = w.Impostor(i.lt)
	return i, err
}

// issue issues every certificate.
func issue(w *eidastest.World) ([]fixture, error) {
	by, err := newIssuers(w)
	if err != nil {
		return nil, err
	}
	all := append(genuine(by), refused(by)...)
	for i := range all {
		f := &all[i]
		if f.request.OCSP == nil {
			f.request.OCSP = []string{responder}
		}
		if f.leaf, err = f.issuer.Issue(f.request); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return all, nil
}

// genuine are the certificates that are accepted by somebody at some time.
func genuine(by issuers) []fixture {
	return []fixture{
		{name: "qwac.pem", issuer: by.lt, request: qwac(), cases: []testCase{
			accepted("a QWAC, the leaf alone"),
			accepted("a role that it has", "--require-role", "PSP_AI"),
			denied("a role that it lacks", "role_missing", "--require-role", "PSP_IC"),
			denied("another country", "country_denied", "--allow-country", "DE"),
			accepted("a second before its end").on(now().Add(365*day - time.Hour - time.Second)),
			unread("a second after its end", "expired").on(now().Add(365*day - time.Hour + time.Second)),
			unread("a second before its beginning", "not_yet_valid").on(now().Add(-time.Hour - time.Second)),
			denied("presented for a seal", "wrong_type").forSeal(),
			denied("no list is trusted", "trust_unavailable", "--anchors", noSigner()).nothingRead(),
		}},
		{name: "rotated.pem", issuer: by.de, request: qwac(), cases: []testCase{
			accepted("the same TPP with another key, QTSP and country"),
		}},
		{name: "chain.pem", issuer: by.root, request: qwac(), withIssuer: true, cases: []testCase{
			accepted("through an intermediate CA to a listed root"),
		}},
		{name: "chain-incomplete.pem", issuer: by.root, request: qwac(), cases: []testCase{
			denied("the intermediate CA is missing", "issuer_unknown"),
		}},
		{name: "qseal.pem", issuer: by.lt, request: eidastest.QSealC(tpp, eidas.RolePI|eidas.RoleAI), cases: []testCase{
			accepted("a QSealC").forSeal(),
			unread("presented for TLS", "key_usage", "--allow-server-auth-only"),
		}},
		{name: "expired.pem", issuer: by.lt, request: expired(), cases: []testCase{
			unread("expired five weeks ago", "expired"),
			accepted("while it was valid").on(now().Add(-200 * day)),
		}},
		{name: "withdrawn.pem", issuer: by.withdrawn, request: old(), cases: []testCase{
			denied("its QTSP is withdrawn", "service_not_granted"),
			accepted("before its QTSP was withdrawn").on(now().Add(-31 * day)),
		}},
		{name: "no-psd2.pem", issuer: by.lt, request: eidastest.QWAC(tpp, 0), cases: []testCase{
			unread("no PSD2 statement", "psd2_missing"),
			accepted("no PSD2 statement, allowed", "--allow-no-psd2").withRoles(),
		}},
	}
}

// refused are the certificates that nobody may accept.
func refused(by issuers) []fixture {
	noResponder := qwac()
	noResponder.OCSP = []string{}
	return []fixture{
		{name: "impostor.pem", issuer: by.impostor, request: qwac(), cases: []testCase{
			denied("the names and key identifiers of a listed QTSP, not its key", "signature_invalid"),
		}},
		{name: "no-responder.pem", issuer: by.lt, request: noResponder, cases: []testCase{
			denied("nobody can be asked about revocation", "revocation_unknown").asking(),
		}},
		{name: "identity-conflict.pem", issuer: by.lt, request: conflict(), cases: []testCase{
			denied("identity of one authority, statement of another", "identity_conflict").noIdentity(),
		}},
		{name: "unwrapped.pem", issuer: by.lt, request: unwrapped(), cases: []testCase{
			unread("statements without the SEQUENCE around them", "statements_malformed"),
			denied("read leniently it does not claim to be qualified", "not_qualified", "--allow-lenient-statements"),
		}},
		{name: "flat-roles.pem", issuer: by.lt, request: flatRoles(), cases: []testCase{
			unread("all roles in one RoleOfPSP", "statements_malformed"),
		}},
		{name: "role-name-mismatch.pem", issuer: by.lt, request: roleNameMismatch(), cases: []testCase{
			unread("a role whose name is that of another", "statements_malformed"),
		}},
	}
}

func qwac() eidastest.Request { return eidastest.QWAC(tpp, eidas.RolePI|eidas.RoleAI) }

// old was issued while every QTSP was granted, and is valid still.
func old() eidastest.Request {
	r := qwac()
	r.NotBefore, r.NotAfter = now().Add(-300*day), now().Add(60*day)
	return r
}

func expired() eidastest.Request {
	r := qwac()
	r.NotBefore, r.NotAfter = now().Add(-400*day), now().Add(-35*day)
	return r
}

func conflict() eidastest.Request {
	r := qwac()
	r.Statements.PSD2.NCAId = "DE-BAFIN"
	return r
}

// unwrapped is the shape as it was found in the wild, where no other statement
// was there.
func unwrapped() eidastest.Request {
	r := qwac()
	r.Statements = eidastest.Statements{PSD2: r.Statements.PSD2, Unwrapped: true}
	return r
}

func flatRoles() eidastest.Request {
	r := qwac()
	r.Statements.PSD2.Shape = eidastest.ShapeFlattened
	return r
}

// roleNameMismatch has the OID of account information and the name of payment
// initiation.
func roleNameMismatch() eidastest.Request {
	r := eidastest.QWAC(tpp, eidas.RoleAI)
	r.Statements.PSD2.Roles[0].Name = "PSP_PI"
	return r
}
