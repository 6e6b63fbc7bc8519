package main

import (
	"fmt"
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

func (e *env) showHealth(h *trustlist.Health) (int, error) {
	code := exitAccepted
	if !h.Ready {
		code = exitRefused
	}
	r := newHealthReport(h)
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
	if r.Error != "" {
		b.WriteString("  " + s.red("refresh") + "  " + clean(plain(r.Error)) + "\n")
	}
	if r.DiskError != "" {
		b.WriteString("  " + s.red("folder") + "   " + clean(plain(r.DiskError)) + "\n")
	}
	if r.Snapshot == "" {
		return b.String()
	}
	b.WriteString("\n" + keptText(&r.LOTL, s))
	accepted := 0
	for i := range r.Lists {
		if r.Lists[i].Accepted {
			accepted++
		}
		b.WriteString(keptText(&r.Lists[i], s))
	}
	fmt.Fprintf(&b, "\n%s %d of %s in use, with %s\n", s.bold("Lists"), accepted, count(len(r.Lists), "list"), count(r.Services, "service"))
	for _, a := range r.Alarms {
		fmt.Fprintf(&b, "%s  %s: %s\n", s.yellow("Look at"), clean(a.Kind), clean(a.URL))
	}
	b.WriteString(s.dim("Snapshot "+clean(r.Snapshot)) + "\n")
	return b.String()
}

// keptText is the line of one list.
func keptText(l *keptReport, s style) string {
	line := "  " + pad(clean(l.Territory), 2) + "  " + stateText(&l.listReport, s) + ageText(&l.listReport, s)
	if l.Checked != nil {
		line += s.dim("  checked " + age(l.Age) + " ago")
	}
	if l.Kept {
		line += "\n      " + s.yellow("last good copy, for what came later: "+l.Reason.Error())
	}
	return line + "\n"
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
