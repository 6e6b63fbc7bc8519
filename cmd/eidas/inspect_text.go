package main

import (
	"cmp"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/smallstep/certinfo"
)

// showInspection prints one certificate.
func (e *env) showInspection(in *inspection, brief bool) error {
	if e.json {
		return e.emit(in.report)
	}
	return e.print(inspectText(in, brief, e.style))
}

// inspectText is our own block, which people look for, and certinfo's text,
// indented. What is ours alone begins at the margin: so no line end hidden in a
// name can counterfeit it.
func inspectText(in *inspection, brief bool, s style) string {
	r := &in.report
	title := clean(r.File)
	if r.Index > 0 {
		title += fmt.Sprintf(", certificate %d", r.Index+1)
	}
	var b strings.Builder
	b.WriteString(s.bold(title) + "\n\n")
	b.WriteString(s.bold("What the certificate says of itself (nothing of it is proved here)") + "\n")
	b.WriteString(facts(s, inspectFacts(in, s)))
	if len(r.Findings) > 0 || r.Error == "" {
		b.WriteString(findingsText(r.Findings, s))
	}
	if !brief {
		b.WriteString("\n" + s.bold("The certificate in full") + "\n" + generalText(in, s))
	}
	return b.String() + "\n"
}

// fact is a label with the lines that belong to it.
type fact struct {
	label string
	lines []string
}

// facts aligns labels and lines.
func facts(s style, list []fact) string {
	width := 0
	for _, f := range list {
		width = max(width, len(f.label))
	}
	var b strings.Builder
	for _, f := range list {
		for i, line := range f.lines {
			label := ""
			if i == 0 {
				label = f.label
			}
			b.WriteString("  " + s.dim(pad(label, width)) + "  " + line + "\n")
		}
	}
	return b.String()
}

func inspectFacts(in *inspection, s style) []fact {
	r := &in.report
	list := []fact{identityFact(r, s)}
	if r.StatementsError != "" {
		list = append(list, fact{"Statements", []string{s.red("refused") + ": " + clean(readable(r.StatementsError))}})
	}
	if c := in.claims; c != nil {
		list = append(list, psd2Facts(c, s)...)
		list = append(list, statementFacts(&c.Statements)...)
		list = append(list, named("Policies", c.Policies))
	}
	if in.cert != nil {
		list = append(list, fact{"Valid", []string{day(*r.NotBefore) + " to " + day(*r.NotAfter)}},
			fact{"Subject", []string{clean(r.Subject)}}, fact{"Issuer", []string{clean(r.Issuer)}})
	}
	return append(list, fact{"SHA-256", []string{r.SHA256}})
}

func identityFact(r *inspectReport, s style) fact {
	if r.Error != "" {
		lines := []string{s.red("none") + ": " + clean(readable(r.Error))}
		for _, o := range r.OrganizationIdentifiers {
			lines = append(lines, s.dim("organizationIdentifier ")+clean(o.Value))
		}
		return fact{"Identity", lines}
	}
	parts := []string{"scheme " + clean(r.Scheme), "country " + r.Country}
	if r.Authority != "" {
		parts = append(parts, "authority "+clean(r.Authority))
	}
	parts = append(parts, "number "+clean(r.Number))
	return fact{"Identity", []string{s.bold(clean(r.Identity)), s.dim(strings.Join(parts, ", "))}}
}

// plain drops the names of packages from the text of an error.
func plain(text string) string {
	return strings.TrimRight(strings.NewReplacer("eidas: ", "", "trustlist: ", "", "revocation: ", "", "xmldsig: ", "", "fetch: ", "").Replace(text), ": ")
}

func psd2Facts(c *eidas.Claims, s style) []fact {
	if c.PSD2 == nil {
		return []fact{{"Roles", []string{"none: no PSD2 statement"}}}
	}
	var rows [][]string
	for _, role := range c.PSD2.Roles {
		text := roleText(role.OID)
		if text == "" {
			text = "not a role of TS 119 495, grants nothing"
		}
		rows = append(rows, []string{clean(role.Name), clean(role.OID), text})
	}
	roles := lines(columns("", rows))
	switch {
	case len(rows) == 0:
		roles = []string{s.red("none")}
	case c.PSD2.Known == 0:
		roles = append(roles, s.red("none of them counts"))
	}
	return []fact{
		{"Roles", roles},
		{"Authority", []string{clean(c.PSD2.NCAId) + "  " + clean(c.PSD2.NCAName)}},
	}
}

func statementFacts(st *eidas.Statements) []fact {
	if !st.Present {
		return []fact{{"Qualified", []string{"no qualified certificate statements"}}}
	}
	var unknown []string
	for _, x := range st.List {
		if oidName(x.OID) == "" {
			unknown = append(unknown, clean(x.OID))
		}
	}
	list := []fact{
		{"Qualified", []string{qualifiedText(st)}},
		named("Type", st.Types),
		{"Device", []string{map[bool]string{true: "key on a QSCD (QcSSCD)", false: "no QSCD claimed"}[st.SSCD]}},
		named("Identified", st.IdentMethods),
		named("Semantics", st.Semantics),
	}
	var pds []string
	for _, p := range st.PDS {
		pds = append(pds, clean(p.URL)+" ("+clean(p.Lang)+")")
	}
	list = append(list, fact{"Disclosure", pds})
	if l := st.LimitValue; l != nil {
		list = append(list, fact{"Limit", []string{fmt.Sprintf("%d × 10^%d %s", l.Amount, l.Exponent, clean(l.Currency))}})
	}
	if st.RetentionYears > 0 {
		list = append(list, fact{"Retention", []string{fmt.Sprintf("%d years", st.RetentionYears)}})
	}
	return append(list, fact{"Unknown", unknown})
}

func qualifiedText(st *eidas.Statements) string {
	switch {
	case st.Compliance == eidas.ComplianceMissing:
		return "not claimed: no QcCompliance statement"
	case st.Compliance == eidas.ComplianceWithInfo:
		return "not claimed: QcCompliance carries an info that must not be there"
	case len(st.Legislation) > 0:
		return "claimed under the law of " + clean(strings.Join(st.Legislation, ", ")) + ", not of the EU"
	}
	return "claimed: QcCompliance"
}

// named lists OIDs with their names.
func named(label string, oids []string) fact {
	var rows [][]string
	for _, oid := range oids {
		name := oidName(oid)
		if name == "" {
			name = "(unknown)"
		}
		rows = append(rows, []string{clean(oid), name})
	}
	return fact{label, lines(columns("", rows))}
}

func findingsText(list []eidas.Finding, s style) string {
	if len(list) == 0 {
		return "  " + s.green("no deviation from the standards found") + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", s.bold(fmt.Sprintf("Findings (%d)", len(list))))
	var rows [][]string
	for _, f := range list {
		text := findingText(f.Code)
		if f.Detail != "" {
			text += ": " + clean(f.Detail)
		}
		rows = append(rows, []string{f.Severity.String(), string(f.Code), text})
	}
	for i, line := range lines(columns("  ", rows)) {
		paint := map[eidas.Severity]func(string) string{eidas.SeverityError: s.red, eidas.SeverityWarning: s.yellow}[list[i].Severity]
		if paint != nil {
			word := list[i].Severity.String()
			line = strings.Replace(line, word, paint(word), 1)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// generalText is certinfo's part, or why there is none.
func generalText(in *inspection, s style) string {
	if in.cert == nil {
		return "    " + s.yellow("Not shown in full: Go refuses this certificate ("+clean(in.report.X509Error)+").") + "\n"
	}
	text, err := certificateText(in.cert)
	if err != nil {
		return "    " + s.yellow("Not shown in full: "+clean(err.Error())+".") + "\n"
	}
	return indent(text, "    ")
}

// certificateText is certinfo's text of a certificate. certinfo has panicked on
// certificates that crypto/x509 accepts, and such a file must not keep the rest
// from being shown: this is the one place where a panic is caught.
func certificateText(c *x509.Certificate) (text string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("certinfo panicked: %v", p)
		}
	}()
	return certinfo.CertificateText(c)
}

// indent puts a prefix before each line and escapes what must not reach a terminal.
func indent(text, prefix string) string {
	var b strings.Builder
	for _, line := range lines(text) {
		b.WriteString(strings.TrimRight(prefix+clean(line), " ") + "\n")
	}
	return b.String()
}

// lines splits text that ends with a line end.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// nameText writes a distinguished name in the order of the certificate, with
// the attributes that Go's and certinfo's texts do not decode.
func nameText(n *pkix.Name) string {
	parts := make([]string, 0, len(n.Names))
	for _, a := range n.Names {
		oid := a.Type.String()
		parts = append(parts, cmp.Or(attributeName(oid), oid)+"="+attributeValue(fmt.Sprint(a.Value)))
	}
	return strings.Join(parts, ", ")
}

// attributeName is the short name of an attribute of a distinguished name, ""
// when it is not known here.
func attributeName(oid string) string {
	return map[string]string{
		"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
		"2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.15": "businessCategory",
		"2.5.4.17": "postalCode", "2.5.4.42": "GN", "2.5.4.97": "organizationIdentifier",
		"1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.25": "DC",
		"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
		"1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
	}[oid]
}

// attributeValue escapes a value (RFC 4514, 2.4), so that none passes for
// another attribute.
func attributeValue(value string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, "+", `\+`, "=", `\=`).Replace(value)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
