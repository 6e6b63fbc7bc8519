package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"flag"
	"fmt"
	"time"

	"github.com/seed-b953571c/eidas"
)

func inspectCommand() *command {
	return &command{
		name:    "inspect",
		usage:   "[flags] FILE…",
		summary: "show what a certificate says of itself: identity, roles, qualification, defects",
		about: `
Reads certificates as PEM (several in a file, with any text around), DER or
base64 of DER; "-" is standard input. Certificates that Go's crypto/x509 refuses
are shown too, as far as they can be read. Nothing is proved here: whoever made
the certificate wrote all of it. To prove it, use 'eidas verify'. A summary with
what deviates from the standards comes first, then the certificate in full.

With --json, one object on one line for each certificate, in order:
  file, index                    where it was; index counts from 0 within a file
  identity                       canonical identity, "" when there is none
  scheme, country, authority, number    its parts
  roles[{oid,name}]              as written; known_roles[] are those of TS 119 495
  nca_name, nca_id               competent authority
  qc_compliance                  "absent": the statement is there without info, as it
                                 must be; "info tag TAG len N": with info; "missing":
                                 no such statement; "": no qcStatements at all
  qc_types[]                     OIDs
  findings[{code,severity,oid,detail}]  deviations from the standards
  error, reason                  only where no identity can be had: text and code
  organization_identifiers[], policies[], statements[], semantics[], pds[],
  subject, issuer, not_before, not_after, sha256, lenient
  x509_error                     why crypto/x509 refuses the certificate
  statements_error               why its statements are refused: no role counts then`,
		exits: `  0  every certificate was read and has an identity, with or without findings
  1  a certificate has no identity: its error says why
  2  a file cannot be read, or holds no certificate`,
		examples: []string{
			"eidas inspect qwac.pem",
			"eidas inspect --brief *.pem",
			"eidas inspect --json *.der | jq -r .identity",
			"openssl s_client -connect HOST:443 </dev/null | eidas inspect -",
		},
		define: func(fs *flag.FlagSet) action {
			lenient := fs.Bool("lenient", false, "accept the malformed shapes of statements that were found in the wild")
			brief := fs.Bool("brief", false, "show the summary alone, and leave out the certificate in full")
			return func(ctx context.Context, e *env, files []string) (int, error) {
				if len(files) == 0 {
					return 0, usagef("no FILE given")
				}
				return e.inspectFiles(ctx, files, inspectOptions{lenient: *lenient, brief: *brief})
			}
		},
	}
}

type inspectOptions struct{ lenient, brief bool }

func (e *env) inspectFiles(ctx context.Context, files []string, o inspectOptions) (int, error) {
	code := exitAccepted
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		c, err := e.inspectFile(name, o)
		if err != nil {
			return 0, err
		}
		code = max(code, c)
	}
	return code, nil
}

// inspectFile shows each certificate of a file. Its error means that standard
// output is gone; a file that cannot be read is reported and gives exitUsage.
func (e *env) inspectFile(name string, o inspectOptions) (int, error) {
	data, err := e.readInput(name, maxInputSize)
	var ders [][]byte
	if err == nil {
		ders, err = splitCertificates(data)
	}
	code := exitAccepted
	for i, der := range ders {
		in := inspect(der, o.lenient)
		in.report.File, in.report.Index = name, i
		if err := e.showInspection(in, o.brief); err != nil {
			return 0, err
		}
		code = max(code, in.code())
	}
	if err == nil {
		return code, nil
	}
	e.complain(fmt.Sprintf("eidas inspect: %s: %s\n", clean(name), clean(err.Error())))
	if !e.json {
		return exitUsage, nil
	}
	r := newInspectReport()
	r.File, r.Index, r.Error, r.Reason = name, len(ders), err.Error(), reasonInput
	return exitUsage, e.emit(r)
}

// inspection is what was read of one certificate.
type inspection struct {
	report inspectReport
	der    []byte
	cert   *x509.Certificate // nil when crypto/x509 refuses it
	claims *eidas.Claims     // nil when they are malformed
	id     eidas.Identity
}

// inspectReport is the JSON of one certificate.
type inspectReport struct {
	File       string          `json:"file"`
	Index      int             `json:"index"`
	Identity   string          `json:"identity"`
	Scheme     string          `json:"scheme"`
	Country    string          `json:"country"`
	Authority  string          `json:"authority"`
	Number     string          `json:"number"`
	Roles      []roleReport    `json:"roles"`
	KnownRoles []string        `json:"known_roles"`
	NCAName    string          `json:"nca_name"`
	NCAId      string          `json:"nca_id"`
	Compliance string          `json:"qc_compliance"`
	Types      []string        `json:"qc_types"`
	Findings   []eidas.Finding `json:"findings"`
	Error      string          `json:"error,omitempty"`
	Reason     string          `json:"reason,omitempty"`

	OrganizationIdentifiers []orgIDReport `json:"organization_identifiers"`
	Policies                []string      `json:"policies"`
	Statements              []string      `json:"statements"`
	Semantics               []string      `json:"semantics"`
	PDS                     []pdsReport   `json:"pds"`
	Subject                 string        `json:"subject,omitempty"`
	Issuer                  string        `json:"issuer,omitempty"`
	NotBefore               *time.Time    `json:"not_before,omitempty"`
	NotAfter                *time.Time    `json:"not_after,omitempty"`
	SHA256                  string        `json:"sha256,omitempty"`
	X509Error               string        `json:"x509_error,omitempty"`
	StatementsError         string        `json:"statements_error,omitempty"`
	Lenient                 bool          `json:"lenient,omitempty"`
}

type roleReport struct {
	OID  string `json:"oid"`
	Name string `json:"name"`
}

type orgIDReport struct {
	Value       string `json:"value"`
	ASN1        string `json:"asn1"`
	MultiValued bool   `json:"multi_valued,omitempty"`
}

type pdsReport struct {
	URL  string `json:"url"`
	Lang string `json:"lang"`
}

func newInspectReport() inspectReport {
	return inspectReport{
		Roles: []roleReport{}, KnownRoles: []string{}, Types: []string{}, Findings: []eidas.Finding{},
		OrganizationIdentifiers: []orgIDReport{}, Policies: []string{}, Statements: []string{},
		Semantics: []string{}, PDS: []pdsReport{},
	}
}

// code is the exit code that this certificate asks for.
func (in *inspection) code() int {
	switch {
	case in.report.Error == "":
		return exitAccepted
	case in.report.Reason == eidas.ReasonCertificateMalformed.String():
		return exitUsage
	default:
		return exitRefused
	}
}

// inspect reads one certificate. What cannot be read is in report.Error.
func inspect(der []byte, lenient bool) *inspection {
	in := &inspection{report: newInspectReport(), der: der}
	sum := sha256.Sum256(der)
	in.report.SHA256 = hex.EncodeToString(sum[:])
	var err error
	if in.cert, err = x509.ParseCertificate(der); err != nil {
		in.report.X509Error = err.Error()
	} else {
		in.report.readCertificate(in.cert)
	}
	if lenient && in.cert != nil {
		in.claims, err = eidas.ParseClaimsLenient(in.cert)
	} else {
		in.claims, err = eidas.ParseClaimsDER(der)
	}
	if in.claims != nil {
		in.report.readClaims(in.claims)
	}
	// Malformed statements are shown and do not hide the identity; whether
	// anything may follow from either is for Validate to say.
	if err != nil && in.claims != nil && eidas.ReasonOf(err) == eidas.ReasonStatementsMalformed {
		in.report.StatementsError, err = err.Error(), nil
	}
	if err == nil {
		in.id, err = in.claims.Identity(eidas.ProfileEU)
	}
	if err != nil {
		in.report.Error, in.report.Reason = err.Error(), eidas.ReasonOf(err).String()
		return in
	}
	in.report.readIdentity(in.id)
	return in
}

func (r *inspectReport) readCertificate(c *x509.Certificate) {
	notBefore, notAfter := c.NotBefore.UTC(), c.NotAfter.UTC()
	r.Subject, r.Issuer = nameText(&c.Subject), nameText(&c.Issuer)
	r.NotBefore, r.NotAfter = &notBefore, &notAfter
}

func (r *inspectReport) readIdentity(id eidas.Identity) {
	r.Identity, r.Scheme = id.String(), string(id.Scheme())
	r.Country, r.Authority, r.Number = id.Country(), id.Authority(), id.Number()
}

func (r *inspectReport) readClaims(c *eidas.Claims) {
	for _, o := range c.OrganizationIdentifiers {
		r.OrganizationIdentifiers = append(r.OrganizationIdentifiers, orgIDReport{o.Value, tagName(o.Tag), o.MultiValued})
	}
	st := &c.Statements
	for _, s := range st.List {
		r.Statements = append(r.Statements, s.OID)
	}
	for _, p := range st.PDS {
		r.PDS = append(r.PDS, pdsReport{p.URL, p.Lang})
	}
	r.Compliance = complianceText(st)
	r.Types = append(r.Types, st.Types...)
	r.Semantics = append(r.Semantics, st.Semantics...)
	r.Policies = append(r.Policies, c.Policies...)
	r.Findings = append(r.Findings, c.Findings...)
	r.Lenient = c.Lenient
	if c.PSD2 == nil {
		return
	}
	for _, role := range c.PSD2.Roles {
		r.Roles = append(r.Roles, roleReport(role))
	}
	r.KnownRoles = append(r.KnownRoles, c.PSD2.Known.Names()...)
	r.NCAName, r.NCAId = c.PSD2.NCAName, c.PSD2.NCAId
}

// complianceText says which form the QcCompliance statement has. It must have
// no info (EN 319 412-5, 4.2.1), hence "absent" for the right one.
func complianceText(st *eidas.Statements) string {
	switch {
	case !st.Present:
		return ""
	case st.Compliance == eidas.CompliancePresent:
		return "absent"
	case st.Compliance == eidas.ComplianceMissing:
		return "missing"
	}
	for _, s := range st.List {
		if s.OID == oidQcCompliance && s.Info != nil {
			return "info " + describeDER(s.Info)
		}
	}
	return "info"
}

const oidQcCompliance = "0.4.0.1862.1.1"

// describeDER names the tag and the length of a DER value.
func describeDER(der []byte) string {
	var v asn1.RawValue
	if _, err := asn1.Unmarshal(der, &v); err != nil {
		return fmt.Sprintf("malformed len %d", len(der))
	}
	name := tagName(v.Tag)
	if v.Class != asn1.ClassUniversal || name == "" {
		name = fmt.Sprintf("%d", v.Tag)
	}
	return fmt.Sprintf("tag %s len %d", name, len(v.Bytes))
}
