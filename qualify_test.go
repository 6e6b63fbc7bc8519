package eidas_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

// The rows below are the cells of four tables over ETSI TS 119 615 v1.2.1 with
// the Commission's amendments (docs/divergences.md): T1 which status counts as
// granted, T2 which services take part, T3 the verdict, T4 the warnings.

const (
	statusBase = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/"
	infoBase   = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/"
	caqc       = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC"
)

var (
	before = time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC)
	edge   = time.Date(2016, 6, 30, 22, 0, 0, 0, time.UTC)
	after  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	later  = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
)

// leaf builds what the qualification reads of a certificate: a notation of
// words "qc", "sscd", "sig", "seal", "web", "qcp", "qcp+", "cc=XX".
func leaf(notBefore time.Time, words string) (*x509.Certificate, *eidas.Claims) {
	c := &eidas.Claims{Statements: eidas.Statements{Present: true}}
	for _, w := range strings.Fields(words) {
		switch {
		case w == "qc":
			c.Statements.Compliance = eidas.CompliancePresent
		case w == "sscd":
			c.Statements.SSCD = true
		case w == "sig":
			c.Statements.Types = append(c.Statements.Types, "0.4.0.1862.1.6.1")
		case w == "seal":
			c.Statements.Types = append(c.Statements.Types, "0.4.0.1862.1.6.2")
		case w == "web":
			c.Statements.Types = append(c.Statements.Types, "0.4.0.1862.1.6.3")
		case w == "qcp":
			c.Policies = append(c.Policies, "0.4.0.1456.1.2")
		case w == "qcp+":
			c.Policies = append(c.Policies, "0.4.0.1456.1.1")
		case strings.HasPrefix(w, "cc="):
			c.Statements.Legislation = append(c.Statements.Legislation, w[3:])
		default:
			panic(w)
		}
	}
	return &x509.Certificate{NotBefore: notBefore}, c
}

// service builds a service of one period; info and quals are the last segments
// of their URIs. The criteria always match.
func service(status string, start time.Time, info, quals string) *eidas.Service {
	return history(period(status, start, info, quals))
}

func history(periods ...eidas.Period) *eidas.Service {
	return &eidas.Service{List: &eidas.List{Territory: "XX", Profile: eidas.ProfileEU}, Provider: &eidas.Provider{}, Periods: periods}
}

func period(status string, start time.Time, info, quals string) eidas.Period {
	p := eidas.Period{Type: caqc, Status: statusBase + status, Start: start}
	for _, i := range strings.Fields(info) {
		p.AdditionalInfo = append(p.AdditionalInfo, infoBase+i)
	}
	q := eidas.Qualification{Criteria: eidas.Criteria{Assert: eidas.AssertAll}}
	for _, u := range strings.Fields(quals) {
		q.Qualifiers = append(q.Qualifiers, infoBase+u)
	}
	p.Qualifications = []eidas.Qualification{q}
	return p
}

const (
	allInfo = "ForeSignatures ForeSeals ForWebSiteAuthentication"
	forSig  = "ForeSignatures"
	forSeal = "ForeSeals"
	forWeb  = "ForWebSiteAuthentication"
)

func conclude(notBefore time.Time, words string, at time.Time, services ...*eidas.Service) eidas.Qualified {
	cert, claims := leaf(notBefore, words)
	return eidas.Qualify(cert, claims, services, at)
}

// T1: which status counts as granted, by when its period began.
func TestQualifyT1Status(t *testing.T) {
	granted := map[string]string{ // status -> eras of the period's start in which it is an approved one
		"granted": "post", "withdrawn": "", "setbynationallaw": "", "recognisedatnationallevel": "",
		"deprecatedbynationallaw": "", "deprecatedatnationallevel": "",
		"undersupervision": "pre", "supervisionincessation": "pre", "accredited": "pre",
		"supervisionceased": "", "supervisionrevoked": "", "accreditationceased": "", "accreditationrevoked": "",
		"Granted": "", "granted/": "", "": "",
	}
	for status, eras := range granted {
		t.Run("pre-"+status, func(t *testing.T) {
			q := conclude(before, "qc", before.AddDate(1, 0, 0), service(status, before.AddDate(-1, 0, 0), "", ""))
			assert.Equal(t, eras == "pre", q.Qualified, q.Conclusion())
			if eras != "pre" {
				assert.Equal(t, eidas.ReasonServiceNotGranted, q.AtTime.Reason)
			}
		})
		t.Run("post-"+status, func(t *testing.T) {
			q := conclude(after, "qc sig", later, service(status, edge, allInfo, ""))
			assert.Equal(t, eras == "post", q.Qualified, q.Conclusion())
			switch status {
			case "undersupervision", "supervisionincessation", "accredited", "supervisionceased",
				"supervisionrevoked", "accreditationceased", "accreditationrevoked":
				// Amendment (c): a status of the old law in force under the new one.
				assert.Equal(t, eidas.ReasonIndeterminate, q.AtTime.Reason)
				assert.Equal(t, "N/A", q.Conclusion())
			}
		})
	}
}

func TestQualifyStatusOfOldLawInForceUnderNewIsIndeterminate(t *testing.T) {
	s := service("undersupervision", before.AddDate(-1, 0, 0), "", "")
	assert.Equal(t, "AdESig-QC", conclude(before, "qc", edge.Add(-time.Second), s).Conclusion())
	assert.Equal(t, "N/A", conclude(before, "qc", edge, s).Conclusion())
}

// T2: which services take part, by the type of a certificate issued under eIDAS.
func TestQualifyT2TypeFilter(t *testing.T) {
	infos := []string{"", forSig, forSeal, forWeb, allInfo}
	serves := map[string]map[string]bool{ // leaf -> info -> kept without qualifiers
		"qc sig":  {forSig: true, allInfo: true},
		"qc":      {forSig: true, allInfo: true}, // QcCompliance alone is for signatures
		"qc seal": {forSeal: true, allInfo: true},
		"qc web":  {forWeb: true, allInfo: true},
		// Of unknown type: never filtered.
		"qc seal web": {"": true, forSig: true, forSeal: true, forWeb: true, allInfo: true},
	}
	for words, kept := range serves {
		for _, info := range infos {
			t.Run(words+"/"+info, func(t *testing.T) {
				q := conclude(after, words, later, service("granted", edge, info, ""))
				assert.Equal(t, kept[info], q.Qualified, q.Conclusion())
			})
		}
	}
	rows := []struct {
		name, words, info, quals string
		qualified                bool
		conclusion               string
	}{
		{"seal leaf, overruled to signature", "qc seal", forSig, "QCForESig", true, "AdESig-QC"},
		{"seal leaf, overruled to web", "qc seal", forWeb, "QCForWSA", true, "Not AdES"},
		{"seal leaf, overruled without the service information", "qc seal", forSig, "QCForWSA", false, "AdESeal"},
		{"signature leaf, overruled to seal", "qc sig", forSeal, "QCForESeal", true, "AdESeal-QC"},
		{"signature leaf, overruled to web", "qc sig", forWeb, "QCForWSA", true, "Not AdES"},
		{"web leaf, overruled to seal", "qc web", forSeal, "QCForESeal", true, "AdESeal-QC"},
		{"web leaf, overruled to signature", "qc web", forSig, "QCForESig", true, "AdESig-QC"},
		{"web leaf, two usages do not overrule", "qc web", forSeal + " " + forSig, "QCForESeal QCForESig", false, "Not AdES"},
		{"web leaf under a signature service: QcCompliance is no usage qualifier", "qc web", forSig, "", false, "Not AdES"},
		{"web leaf without QcCompliance under a signature service", "web", forSig, "QCStatement", false, "Not AdES"},
		{"legal person voids the signature service", "qc sig", forSig, "QCForLegalPerson", false, "AdESig"},
		{"legal person leaves the seal service", "qc seal", forSeal, "QCForLegalPerson", true, "AdESeal-QC"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			q := conclude(after, r.words, later, service("granted", edge, r.info, r.quals))
			assert.Equal(t, r.qualified, q.Qualified)
			assert.Equal(t, r.conclusion, q.Conclusion())
		})
	}
}

// A certificate issued before eIDAS is never filtered by type.
func TestQualifyT2OldLeafIsNotFiltered(t *testing.T) {
	s := history(period("granted", edge, forSeal, ""), period("undersupervision", before.AddDate(-1, 0, 0), "", ""))
	assert.True(t, conclude(before, "qc", later, s).Qualified)
	assert.False(t, conclude(after, "qc", later, s).Qualified)
}

// T3a: qualified or not.
func TestQualifyT3aQualified(t *testing.T) {
	old := service("accredited", before.AddDate(-1, 0, 0), "", "")
	rows := []struct {
		name, words, quals string
		issued             time.Time
		want               bool
	}{
		{"compliance", "qc sig", "", after, true},
		{"no compliance", "sig", "", after, false},
		{"other legislation", "qc sig cc=CH", "", after, false},
		{"list says qualified", "sig", "QCStatement", after, true},
		{"list says qualified whatever the legislation", "qc sig cc=CH", "QCStatement", after, true},
		{"list says not", "qc sig", "NotQualified", after, false},
		{"list says both", "qc sig", "NotQualified QCStatement", after, false},
		{"old policies say nothing after", "sig qcp qcp+", "", after, false},
		{"before: compliance", "qc", "", before, true},
		{"before: QCP", "qcp", "", before, true},
		{"before: QCP+", "qcp+", "", before, true},
		{"before: QCP of another country", "qcp cc=CH", "", before, false},
		{"before: nothing", "", "", before, false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s, at := service("granted", edge, forSig, r.quals), later
			if r.issued.Equal(before) {
				s, at = old, before
			}
			assert.Equal(t, r.want, conclude(r.issued, r.words, at, s).Qualified)
		})
	}
}

// T3b: the type.
func TestQualifyT3bType(t *testing.T) {
	rows := []struct {
		name, words, info, quals, want string
		qualifiedAs                    eidas.CertificateType
	}{
		{"none: the certificate's", "qc seal", allInfo, "", "AdESeal-QC", eidas.TypeSeal},
		{"one: the qualifier's", "qc seal", allInfo, "QCForESig", "AdESig-QC", eidas.TypeSign},
		{"two: a conflict", "qc seal", allInfo, "QCForESig QCForESeal", "N/A", eidas.TypeUnknown},
		{"three: a conflict", "qc seal", allInfo, "QCForESig QCForESeal QCForWSA", "N/A", eidas.TypeUnknown},
		{"one that the service is not listed for: a conflict", "qc sig", forSig, "QCForESeal", "N/A", eidas.TypeUnknown},
		{"legal person and signature: unknown", "qc seal", allInfo, "QCForLegalPerson QCForESig", "Unknown-QC", eidas.TypeUnknown},
		{"several types in the certificate: unknown", "qc seal web", allInfo, "", "Unknown-QC", eidas.TypeUnknown},
		{"several types, the list decides", "qc seal web", allInfo, "QCForWSA", "Not AdES", eidas.TypeWeb},
		{"no type but compliance: signature", "qc", allInfo, "", "AdESig-QC", eidas.TypeSign},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			q := conclude(after, r.words, later, service("granted", edge, r.info, r.quals))
			assert.Equal(t, r.want, q.Conclusion())
			assert.Equal(t, r.qualifiedAs, q.Type)
		})
	}
	t.Run("not qualified: the certificate's, whatever the list", func(t *testing.T) {
		q := conclude(after, "seal", later, service("granted", edge, allInfo, "QCForESig"))
		assert.Equal(t, "AdESeal", q.Conclusion())
	})
	t.Run("period that began before eIDAS: signature", func(t *testing.T) {
		q := conclude(before, "qc", before, service("accredited", before.AddDate(-1, 0, 0), "", "QCForESeal"))
		assert.Equal(t, "AdESig-QC", q.Conclusion())
	})
}

// T3c: the device.
func TestQualifyT3cDevice(t *testing.T) {
	rows := []struct {
		quals              string
		withCert, withNone bool // with QcSSCD in the certificate, and without
	}{
		{"", true, false},
		{"QCWithQSCD", true, true},
		{"QCQSCDManagedOnBehalf", true, true},
		{"QCQSCDStatusAsInCert", true, false},
		{"QCNoQSCD", false, false},
		{"QCWithQSCD QCNoQSCD", false, false}, // amendment (b)
		{"QCQSCDManagedOnBehalf QCNoQSCD", false, false},
		{"QCWithQSCD QCQSCDStatusAsInCert", false, false},
		{"QCQSCDManagedOnBehalf QCQSCDStatusAsInCert", false, false},
		{"QCNoQSCD QCQSCDStatusAsInCert", false, false},
		{"QCWithSSCD", true, false}, // the old qualifiers do not count under the new law
		{"QCNoSSCD", true, false},
	}
	for _, r := range rows {
		t.Run("post/"+r.quals, func(t *testing.T) {
			s := service("granted", edge, forSeal, r.quals)
			assert.Equal(t, r.withCert, conclude(after, "qc seal sscd", later, s).QSCD)
			assert.Equal(t, r.withNone, conclude(after, "qc seal", later, s).QSCD)
		})
	}
	old := []struct {
		quals, words string
		want         bool
	}{
		{"", "qc sscd", true},
		{"", "qc", false},
		{"", "qcp+", true},
		{"", "qcp", false},
		{"QCWithSSCD", "qc", true},
		{"QCNoSSCD", "qc sscd", false},
		{"QCSSCDStatusAsInCert", "qc sscd", true},
		{"QCSSCDStatusAsInCert", "qc", false},
		{"QCWithQSCD", "qc", false},
	}
	for _, r := range old {
		t.Run("pre/"+r.quals+"/"+r.words, func(t *testing.T) {
			s := service("accredited", before.AddDate(-1, 0, 0), "", r.quals)
			assert.Equal(t, r.want, conclude(before, r.words, before, s).QSCD)
		})
	}
	t.Run("not qualified: never on a device", func(t *testing.T) {
		assert.False(t, conclude(after, "seal sscd", later, service("granted", edge, forSeal, "QCWithQSCD")).QSCD)
	})
	t.Run("old QCP+ says nothing under the new law", func(t *testing.T) {
		assert.False(t, conclude(after, "qc seal qcp+", later, service("granted", edge, forSeal, "")).QSCD)
	})
}

// T4: each consistency warning, with a twin that gives none.
func TestQualifyT4Warnings(t *testing.T) {
	rows := []struct {
		name, info, quals, cleanQuals string
		want                          eidas.WarningCode
	}{
		{"qualified and not", forSeal, "QCStatement NotQualified", "QCStatement", eidas.WarnQualifiedAndNot},
		{"with and no device", forSeal, "QCWithQSCD QCNoQSCD", "QCWithQSCD", eidas.WarnDeviceContradiction},
		{"as in certificate and no device", forSeal, "QCQSCDStatusAsInCert QCNoQSCD", "QCNoQSCD", eidas.WarnDeviceContradiction},
		{"as in certificate and with", forSeal, "QCQSCDStatusAsInCert QCWithQSCD", "QCQSCDStatusAsInCert", eidas.WarnDeviceTwice},
		{"old device qualifier alone", forSeal, "QCWithSSCD", "QCWithSSCD QCWithQSCD", eidas.WarnDeviceLegacyOnly},
		{"old no-device qualifier alone", forSeal, "QCNoSSCD", "QCNoSSCD QCNoQSCD", eidas.WarnDeviceLegacyOnly},
		{"unknown qualifier", forSeal, "QCWithCoffee", "QCForESeal", eidas.WarnQualifierUnknown},
		{"two usages", allInfo, "QCForESeal QCForWSA", "QCForESeal", eidas.WarnUsageSeveral},
		{"usage not covered", forSeal, "QCForWSA", "QCForESeal", eidas.WarnUsageNotCovered},
		{"legal person and signature", allInfo, "QCForLegalPerson QCForESig", "QCForLegalPerson", eidas.WarnLegalPersonSignature},
	}
	codes := func(q eidas.Qualified) (out []eidas.WarningCode) {
		for _, w := range q.AtTime.Warnings {
			out = append(out, w.Code)
		}
		return out
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			assert.Contains(t, codes(conclude(after, "qc seal", later, service("granted", edge, r.info, r.quals))), r.want)
			assert.NotContains(t, codes(conclude(after, "qc seal", later, service("granted", edge, r.info, r.cleanQuals))), r.want)
		})
	}
	t.Run("status of the new law before it", func(t *testing.T) {
		q := conclude(before, "qc", before, service("granted", before.AddDate(-1, 0, 0), "", ""))
		assert.Contains(t, codes(q), eidas.WarnStatusBeforeEIDAS)
		assert.False(t, q.Qualified)
	})
	t.Run("usage of the new law before it", func(t *testing.T) {
		for _, s := range []*eidas.Service{
			service("accredited", before.AddDate(-1, 0, 0), forSeal, ""),
			service("accredited", before.AddDate(-1, 0, 0), "", "QCForESeal"),
			service("accredited", before.AddDate(-1, 0, 0), "", "QCForWSA"),
		} {
			assert.Contains(t, codes(conclude(before, "qc", before, s)), eidas.WarnUsageBeforeEIDAS)
		}
		assert.Empty(t, codes(conclude(before, "qc", before, service("accredited", before.AddDate(-1, 0, 0), forSig, ""))))
	})
}

func TestQualifyServices(t *testing.T) {
	web := service("granted", edge, forWeb, "")
	rows := []struct {
		name     string
		services []*eidas.Service
		at       time.Time
		want     eidas.Reason
	}{
		{"one", []*eidas.Service{web}, later, 0},
		{"none", nil, later, eidas.ReasonNotQualified},
		{"the same twice", []*eidas.Service{web, web}, later, 0},
		{"two that agree", []*eidas.Service{web, service("granted", edge, allInfo, "")}, later, 0},
		{"two that disagree", []*eidas.Service{web, service("granted", edge, forWeb, "NotQualified")}, later, eidas.ReasonIndeterminate},
		{"granted and withdrawn", []*eidas.Service{web, service("withdrawn", edge, forWeb, "")}, later, eidas.ReasonIndeterminate},
		{"another type of certificate does not take part", []*eidas.Service{web, service("withdrawn", edge, forSeal, "")}, later, 0},
		{"not begun", []*eidas.Service{service("granted", later.Add(time.Second), forWeb, "")}, later, eidas.ReasonNotQualified},
		{"began just now", []*eidas.Service{history(period("granted", later, forWeb, ""), period("granted", edge, forWeb, ""))}, later, 0},
		{"withdrawn since", []*eidas.Service{history(period("withdrawn", later, forWeb, ""), period("granted", edge, forWeb, ""))}, later, eidas.ReasonServiceNotGranted},
		{"withdrawn tomorrow", []*eidas.Service{history(period("withdrawn", later.Add(time.Hour), forWeb, ""), period("granted", edge, forWeb, ""))}, later, 0},
		{"two entries of one moment: the newer wins", []*eidas.Service{history(period("withdrawn", edge, forWeb, ""), period("granted", edge, forWeb, ""))}, later, eidas.ReasonServiceNotGranted},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			q := conclude(after, "qc web", r.at, r.services...)
			assert.Equal(t, r.want, q.AtTime.Reason)
			assert.Equal(t, r.want == 0, q.Qualified)
		})
	}
	t.Run("another service type", func(t *testing.T) {
		s := service("granted", edge, forWeb, "")
		s.Periods[0].Type = "http://uri.etsi.org/TrstSvc/Svctype/CA/PKC"
		assert.Equal(t, eidas.ReasonNotQualified, conclude(after, "qc web", later, s).AtTime.Reason)
	})
	t.Run("granted now, not at issuance", func(t *testing.T) {
		s := history(period("granted", later, forWeb, ""), period("withdrawn", edge, forWeb, ""))
		q := conclude(after, "qc web", later, s)
		assert.Equal(t, eidas.ReasonServiceNotGranted, q.AtIssuance.Reason)
		assert.Zero(t, q.AtTime.Reason)
		assert.False(t, q.Qualified)
	})
}

func TestQualifyCriteria(t *testing.T) {
	yes := eidas.KeyUsageCriterion{{Bit: x509.KeyUsageDigitalSignature, Value: true}}
	no := eidas.KeyUsageCriterion{{Bit: x509.KeyUsageDigitalSignature, Value: true}, {Bit: x509.KeyUsageCertSign, Value: true}}
	list := func(a eidas.Assert, k ...eidas.KeyUsageCriterion) eidas.Criteria {
		return eidas.Criteria{Assert: a, KeyUsages: k}
	}
	unknown := func(c eidas.Criteria) eidas.Criteria { c.Unknown = []string{"{urn:x}Moon"}; return c }
	nested := func(a eidas.Assert, in ...eidas.Criteria) eidas.Criteria {
		return eidas.Criteria{Assert: a, Nested: in}
	}
	all, one, none := eidas.AssertAll, eidas.AssertAtLeastOne, eidas.AssertNone
	policies := func(sets ...[]string) eidas.Criteria { return eidas.Criteria{Assert: all, PolicySets: sets} }
	rows := []struct {
		name string
		c    eidas.Criteria
		want string // "yes", "no", "open"
	}{
		{"all of nothing", list(all), "yes"},
		{"one of nothing", list(one), "no"},
		{"none of nothing", list(none), "yes"},
		{"all true", list(all, yes, yes), "yes"},
		{"all with a false", list(all, yes, no), "no"},
		{"one with a true", list(one, no, yes), "yes"},
		{"one without", list(one, no, no), "no"},
		{"none with a true", list(none, no, yes), "no"},
		{"none without", list(none, no, no), "yes"},
		{"unknown assert", list(0, yes), "open"},
		{"all true and unknown", unknown(list(all, yes)), "open"},
		{"all false and unknown", unknown(list(all, no)), "no"},
		{"one true and unknown", unknown(list(one, yes)), "yes"},
		{"one false and unknown", unknown(list(one, no)), "open"},
		{"none true and unknown", unknown(list(none, yes)), "no"},
		{"none false and unknown", unknown(list(none, no)), "open"},
		{"nested unknown under one true", nested(one, unknown(list(all, yes)), list(all, yes)), "yes"},
		{"nested unknown under all", nested(all, unknown(list(all, yes)), list(all, yes)), "open"},
		{"nested none of one", nested(none, list(one, no, yes)), "no"},
		{"bit false wanted", list(all, eidas.KeyUsageCriterion{{Bit: x509.KeyUsageCertSign, Value: false}}), "yes"},
		{"policies present", policies([]string{"1.2.3", "1.2.4"}), "yes"},
		{"one policy missing", policies([]string{"1.2.3", "1.2.5"}), "no"},
		{"policy is not a prefix", policies([]string{"1.2"}), "no"},
		{"statement present", eidas.Criteria{Assert: all, Statements: [][]eidas.StatementCriterion{{{ID: "0.4.0.1862.1.1"}}}}, "yes"},
		{"statement missing", eidas.Criteria{Assert: all, Statements: [][]eidas.StatementCriterion{{{ID: "0.4.0.1862.1.4"}}}}, "no"},
		{"statement of type", eidas.Criteria{Assert: all, Statements: [][]eidas.StatementCriterion{{{ID: "0.4.0.1862.1.6", Type: "0.4.0.1862.1.6.2"}}}}, "yes"},
		{"statement of other type", eidas.Criteria{Assert: all, Statements: [][]eidas.StatementCriterion{{{ID: "0.4.0.1862.1.6", Type: "0.4.0.1862.1.6.3"}}}}, "no"},
		{"attribute missing", eidas.Criteria{Assert: all, SubjectDN: [][]string{{"2.5.4.5"}}}, "no"},
		{"purpose missing", eidas.Criteria{Assert: all, ExtendedKey: [][]string{{"1.3.6.1.5.5.7.3.2"}}}, "no"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			cert, claims := leaf(after, "qc seal")
			cert.KeyUsage = x509.KeyUsageDigitalSignature
			claims.Policies = []string{"1.2.3", "1.2.4"}
			claims.Statements.List = []eidas.Statement{{OID: "0.4.0.1862.1.1"}, {OID: "0.4.0.1862.1.6"}}
			s := service("granted", edge, forSeal, "NotQualified")
			s.Periods[0].Qualifications[0].Criteria = r.c
			q := eidas.Qualify(cert, claims, []*eidas.Service{s}, later)
			got := map[string]string{"AdESeal": "yes", "AdESeal-QC": "no", "N/A": "open"}[q.Conclusion()]
			assert.Equal(t, r.want, got, q.Conclusion())
		})
	}
	t.Run("nesting beyond the limit is undecidable", func(t *testing.T) {
		c := list(all, yes)
		for range 20 {
			c = nested(all, c)
		}
		cert, claims := leaf(after, "qc seal")
		cert.KeyUsage = x509.KeyUsageDigitalSignature
		s := service("granted", edge, forSeal, "NotQualified")
		s.Periods[0].Qualifications[0].Criteria = c
		require.Equal(t, "N/A", eidas.Qualify(cert, claims, []*eidas.Service{s}, later).Conclusion())
	})
}

func TestVerdictTogether(t *testing.T) {
	grantedThenWithdrawn := history(period("withdrawn", later, forSeal, ""), period("granted", edge, forSeal, ""))
	q := conclude(after, "qc seal sscd", later.Add(-time.Second), grantedThenWithdrawn)
	assert.Equal(t, "QESeal", q.Conclusion())
	q = conclude(after, "qc seal sscd", later, grantedThenWithdrawn)
	assert.Equal(t, "AdESeal", q.Conclusion())

	typeChanged := history(period("granted", later, allInfo, "QCForWSA"), period("granted", edge, allInfo, ""))
	q = conclude(after, "qc seal", later, typeChanged)
	assert.Equal(t, "Unknown-QC", q.Conclusion(), "both qualified, of different types")

	deviceChanged := history(period("granted", later, forSeal, "QCNoQSCD"), period("granted", edge, forSeal, ""))
	q = conclude(after, "qc seal sscd", later, deviceChanged)
	assert.Equal(t, "AdESeal-QC", q.Conclusion(), "the device of the later time")
}
