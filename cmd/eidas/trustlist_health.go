package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas/trustlist"
)

// healthReport is the JSON of "trustlist status" and "trustlist fetch".
type healthReport struct {
	Ready     bool          `json:"ready"`
	Degraded  bool          `json:"degraded"`
	Snapshot  string        `json:"snapshot,omitempty"`
	LOTL      keptReport    `json:"lotl"`
	Lists     []keptReport  `json:"lists"`
	Services  int           `json:"services"`
	Alarms    []alarmReport `json:"alarms"`
	Error     string        `json:"error,omitempty"`
	DiskError string        `json:"disk_error,omitempty"`

	advice string // what may be done about it, "" for nothing
}

type keptReport struct {
	listReport
	Kept    bool       `json:"kept"`
	Checked *time.Time `json:"checked,omitempty"`
	Age     int64      `json:"age_seconds"`
}

func newKeptReport(l *trustlist.ListHealth) keptReport {
	return keptReport{newListReport(&l.ListReport), l.Kept, timeOrNil(l.Checked), int64(l.Age / time.Second)}
}

func newHealthReport(h *trustlist.Health) *healthReport {
	r := &healthReport{
		Ready: h.Ready, Degraded: h.Degraded, Snapshot: h.Snapshot, LOTL: newKeptReport(&h.LOTL),
		Lists: []keptReport{}, Alarms: []alarmReport{}, Error: textOf(h.Err), DiskError: textOf(h.Disk),
	}
	for i := range h.Lists {
		r.Lists = append(r.Lists, newKeptReport(&h.Lists[i]))
		r.Services += h.Lists[i].Services
	}
	for _, a := range h.Alarms {
		r.Alarms = append(r.Alarms, alarmReport{string(a.Kind), a.URL})
	}
	return r
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (e *env) showHealth(h *trustlist.Health, advice string) (int, error) {
	code := exitAccepted
	if !h.Ready {
		code = exitRefused
	}
	r := newHealthReport(h)
	r.advice = advice
	if e.json {
		return code, e.emit(r)
	}
	return code, e.print(healthText(r, e.style))
}

func healthText(r *healthReport, s style) string {
	var b strings.Builder
	switch {
	case !r.Ready:
		b.WriteString(s.red("Not ready") + "  there is nothing to decide by\n")
	case r.Degraded:
		fmt.Fprintf(&b, "%s  ready, with what is marked below\n", s.yellow("Degraded"))
	default:
		b.WriteString(s.green("Ready") + "\n")
	}
	switch {
	case r.advice == noLists: // the error names a file that nobody has to know
	case r.Error != "":
		b.WriteString("  " + s.red("refresh") + "  " + clean(readable(r.Error)) + "\n")
	}
	if r.DiskError != "" {
		b.WriteString("  " + s.red("folder") + "   " + clean(readable(r.DiskError)) + "\n")
	}
	if r.advice != "" {
		b.WriteString("  Hint: " + r.advice + "\n")
	}
	if r.Snapshot == "" {
		return b.String()
	}
	b.WriteString("\n" + keptTable(r, s))
	fmt.Fprintf(&b, "\n%s %s, with %s\n", s.bold("Lists"), tally(r), count(r.Services, "service"))
	for _, a := range r.Alarms {
		fmt.Fprintf(&b, "%s  %s: %s\n", s.yellow("Look at"), clean(a.Kind), clean(a.URL))
	}
	b.WriteString(s.dim("Snapshot "+clean(r.Snapshot)) + "\n")
	return b.String()
}

// keptTable has a line for the LOTL and for each national list.
func keptTable(r *healthReport, s style) string {
	rows := [][]string{{"", "state", "sequence", "issued", "next update", "services", "checked", ""}}
	for _, l := range r.all() {
		rows = append(rows, keptRow(l))
	}
	rows[1][5] = "" // the LOTL has none
	var b strings.Builder
	for i, line := range lines(columns("  ", rows)) {
		state := rows[i][1]
		paint := map[string]func(string) string{
			"state": s.dim, "in use": s.green, "stale": s.yellow, "kept": s.yellow, "missing": s.yellow, "refused": s.red,
		}[state]
		b.WriteString(strings.Replace(line, state, paint(state), 1) + "\n")
	}
	return b.String()
}

func (r *healthReport) all() []*keptReport {
	all := []*keptReport{&r.LOTL}
	for i := range r.Lists {
		all = append(all, &r.Lists[i])
	}
	return all
}

// state says in a word how a list is. A kept one may be stale too; that it is
// kept matters more, for the list in use is not the one that is served.
func (l *keptReport) state() string {
	switch {
	case !l.Accepted && l.Reason == trustlist.ReasonNotFound:
		return "missing"
	case !l.Accepted:
		return "refused"
	case l.Kept:
		return "kept"
	case l.Stale:
		return "stale"
	}
	return "in use"
}

func keptRow(l *keptReport) []string {
	row := []string{clean(l.Territory), l.state(), "", "", "", "", "", keptNote(l)}
	if l.Issued == nil {
		return row // nothing of it could be read
	}
	row[2], row[3], row[4] = strconv.Itoa(l.Sequence), day(*l.Issued), "none"
	if l.NextUpdate != nil {
		row[4] = day(*l.NextUpdate)
	}
	if l.Accepted {
		row[5] = strconv.Itoa(l.Services)
	}
	if l.Checked != nil {
		row[6] = age(l.Age) + " ago"
	}
	return row
}

// keptNote says what is unusual about a list.
func keptNote(l *keptReport) string {
	switch l.state() {
	case "missing":
		return "no such list at " + clean(l.URL)
	case "refused":
		return clean(readable(l.Error))
	case "kept":
		return "last good copy; later: " + clean(readable(l.Error))
	}
	if l.Final {
		return "final, no further update"
	}
	return ""
}

// tally counts the national lists by their state.
func tally(r *healthReport) string {
	n := make(map[string]int)
	for i := range r.Lists {
		n[r.Lists[i].state()]++
	}
	parts := []string{fmt.Sprintf("%d of %d in use", n["in use"]+n["stale"]+n["kept"], len(r.Lists))}
	for _, state := range []string{"stale", "kept", "missing", "refused"} {
		if n[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[state], state))
		}
	}
	return strings.Join(parts, ", ")
}

// age writes seconds in the unit a person would.
func age(seconds int64) string {
	d := time.Duration(seconds) * time.Second
	switch {
	case d < time.Minute:
		return count(int(seconds), "second")
	case d < time.Hour:
		return count(int(d/time.Minute), "minute")
	case d < 2*dayLength:
		return count(int(d/time.Hour), "hour")
	}
	return count(int(d/dayLength), "day")
}
