package eidas

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// Record is a verdict for logs, audits and machines: the stable JSON of this
// library, version eidas.verdict/v1. Fields are added, never renamed.
type Record struct {
	Schema   string `json:"schema"`
	Decision string `json:"decision"` // "accept" or "refuse"
	Reason   string `json:"reason,omitempty"`
	Cause    string `json:"cause,omitempty"`
	Detail   string `json:"detail,omitempty"` // for people
	Use      string `json:"use,omitempty"`
	At       string `json:"at,omitempty"`
	// Identity and what follows is a claim when the decision is refuse.
	Identity    string             `json:"identity"`
	AliasOf     string             `json:"alias_of,omitempty"` // what the certificate says, where Policy.Aliases has another identity for it
	Profile     Profile            `json:"profile,omitempty"`
	Roles       []string           `json:"roles"`
	Certificate *RecordCertificate `json:"certificate,omitempty"`
	Service     *RecordService     `json:"service,omitempty"`
	// Qualification is the conclusion of TS 119 615, such as "Not AdES".
	Qualification string         `json:"qualification,omitempty"`
	Warnings      []Warning      `json:"warnings,omitempty"`
	Revocation    []RecordStatus `json:"revocation,omitempty"`
	Degraded      []Degradation  `json:"degraded"`
	ValidUntil    string         `json:"valid_until,omitempty"`
	Snapshot      string         `json:"snapshot,omitempty"`
}

// RecordCertificate names a certificate for support desks. It is never a key.
type RecordCertificate struct {
	SHA256   string `json:"sha256"`
	Issuer   string `json:"issuer"`
	Serial   string `json:"serial"`
	NotAfter string `json:"not_after"`
}

// RecordService is the service of a trusted list that decided.
type RecordService struct {
	Territory string `json:"territory"`
	Provider  string `json:"provider"`
	Name      string `json:"name"`
	Status    string `json:"status"` // last segment of the URI, such as "granted"
	Since     string `json:"since"`
	List      string `json:"list"`
	Sequence  int    `json:"sequence"`
}

// RecordStatus is one revocation answer.
type RecordStatus struct {
	Status     Status `json:"status"`
	Source     string `json:"source,omitempty"`
	ThisUpdate string `json:"this_update,omitempty"`
	NextUpdate string `json:"next_update,omitempty"`
	Stale      bool   `json:"stale,omitempty"`
}

const recordSchema = "eidas.verdict/v1"

// Record returns the verdict as a record.
func (r *Result) Record() Record {
	rec := r.record()
	rec.Decision = "accept"
	rec.Degraded = append(rec.Degraded, r.Degraded...)
	rec.ValidUntil, rec.Snapshot = stamp(r.ValidUntil), r.Snapshot
	return rec
}

// Record returns the refusal as a record.
func (e *Error) Record() Record {
	var none Evidence
	rec := none.record()
	if e.Partial != nil {
		rec = e.Partial.record()
	}
	rec.Decision, rec.Reason, rec.Cause = "refuse", e.Reason.String(), e.Reason.Cause().String()
	if e.Err != nil {
		rec.Detail = e.Err.Error()
	}
	return rec
}

// RecordOf returns the record of what Validate returned.
func RecordOf(r *Result, err error) Record {
	if err == nil && r != nil {
		return r.Record()
	}
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return e.Record()
	}
	return (&Error{Reason: ReasonOf(errors.Join(ReasonInternal, err)), Err: err}).Record()
}

func (e *Evidence) record() Record {
	rec := Record{
		Schema: recordSchema, At: stamp(e.At), Roles: []string{}, Degraded: []Degradation{},
		Identity: e.Identity.OrganizationIdentifier(), Profile: e.Identity.Profile(),
	}
	if e.Alias != nil {
		rec.AliasOf = e.Alias.From.OrganizationIdentifier()
	}
	rec.Roles = append(rec.Roles, e.Roles.Names()...)
	if e.Use != 0 {
		rec.Use = e.Use.String()
	}
	if c := e.Leaf; c != nil {
		sum := sha256.Sum256(c.Raw)
		rec.Certificate = &RecordCertificate{SHA256: hex.EncodeToString(sum[:]), Issuer: c.Issuer.String(), NotAfter: stamp(c.NotAfter)}
		if c.SerialNumber != nil {
			rec.Certificate.Serial = c.SerialNumber.Text(16)
		}
	}
	rec.Service = e.recordService()
	if !e.Qualification.AtTime.At.IsZero() {
		rec.Qualification = e.Qualification.Conclusion()
		rec.Warnings = e.Qualification.Warnings()
	}
	for _, a := range e.Status {
		rec.Revocation = append(rec.Revocation, RecordStatus{
			Status: a.Status, Source: a.Source, ThisUpdate: stamp(a.ThisUpdate), NextUpdate: stamp(a.NextUpdate), Stale: a.Stale,
		})
	}
	return rec
}

// recordService names the service that decided; before step 5 the first that
// matched the path.
func (e *Evidence) recordService() *RecordService {
	s, p := e.Service, e.Qualification.AtTime.Period
	if s == nil && len(e.Services) > 0 {
		s = e.Services[0]
	}
	if s == nil {
		return nil
	}
	if p == nil {
		p = s.Current()
	}
	return &RecordService{
		Territory: s.List.Territory, Provider: English(s.Provider.Names), Name: English(p.Names),
		Status: lastSegment(p.Status), Since: stamp(p.Start), List: s.List.URL, Sequence: s.List.Sequence,
	}
}

// Warnings returns the oddities met at issuance and at the time of judgement,
// each once.
func (q *Qualified) Warnings() []Warning {
	out := slices.Clone(q.AtIssuance.Warnings)
	for _, w := range q.AtTime.Warnings {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

func lastSegment(uri string) string {
	for i := len(uri) - 1; i >= 0; i-- {
		if uri[i] == '/' {
			return uri[i+1:]
		}
	}
	return uri
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// MarshalJSON returns the JSON of Record.
func (r *Result) MarshalJSON() ([]byte, error) { return json.Marshal(r.Record()) }

// MarshalJSON returns the JSON of Record.
func (e *Error) MarshalJSON() ([]byte, error) { return json.Marshal(e.Record()) }

// LogValue implements slog.LogValuer with the fields a person looks for first.
func (r *Result) LogValue() slog.Value { return r.Record().LogValue() }

// LogValue implements slog.LogValuer with the fields a person looks for first.
func (e *Error) LogValue() slog.Value { return e.Record().LogValue() }

// LogValue implements slog.LogValuer. Text of a certificate is left to the
// handler to quote.
func (r Record) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("decision", r.Decision)}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("reason", r.Reason)
	add("cause", r.Cause)
	add("detail", r.Detail)
	add("identity", r.Identity)
	add("profile", string(r.Profile))
	if len(r.Roles) > 0 {
		attrs = append(attrs, slog.Any("roles", r.Roles))
	}
	if r.Certificate != nil {
		add("sha256", r.Certificate.SHA256)
	}
	if r.Service != nil {
		add("territory", r.Service.Territory)
		add("service", r.Service.Name)
	}
	if len(r.Degraded) > 0 {
		attrs = append(attrs, slog.Any("degraded", r.Degraded))
	}
	return slog.GroupValue(attrs...)
}
