package main

import (
	"crypto/x509"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// listFlag collects values that are given comma separated, repeatedly, or both.
type listFlag []string

// String is for the flag package; a list has no default.
func (l *listFlag) String() string { return "" }

// Set adds values.
func (l *listFlag) Set(s string) error {
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v == "" {
			return fmt.Errorf("empty value in %q", s)
		}
		*l = append(*l, v)
	}
	return nil
}

// timeFlag is an instant; zero when not given.
type timeFlag struct{ time.Time }

// String is for the flag package; the help says what the default is.
func (t *timeFlag) String() string { return "" }

// Set reads RFC 3339, or a date, which is its first instant in UTC, or Unix
// seconds: 9 to 11 digits, which is 1973 to 5138, so that 20261122 is none.
func (t *timeFlag) Set(s string) error {
	if n, err := strconv.ParseUint(s, 10, 63); err == nil && len(s) >= 9 && len(s) <= 11 {
		t.Time = time.Unix(int64(n), 0).UTC()
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if v, err := time.Parse(layout, s); err == nil && !v.IsZero() {
			t.Time = v
			return nil
		}
	}
	return fmt.Errorf("%q is neither RFC 3339, such as 2026-11-22T12:00:00Z, nor a date, nor Unix seconds", s)
}

// durationFlag is a duration that may be given in days, which time.Duration
// does not know.
type durationFlag struct{ time.Duration }

const dayLength = 24 * time.Hour

// String writes whole days as days.
func (d *durationFlag) String() string {
	if d.Duration > 0 && d.Duration%dayLength == 0 {
		return fmt.Sprintf("%dd", d.Duration/dayLength)
	}
	return d.Duration.String()
}

// maxDays keeps days within a time.Duration, whose limit is 292 years.
const maxDays = 100_000

// Set reads a duration as Go writes it, or a number of days such as 90d.
func (d *durationFlag) Set(s string) error {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.Atoi(n)
		if err != nil || days < 0 || days > maxDays {
			return fmt.Errorf("%q is not a number of days", s)
		}
		d.Duration = time.Duration(days) * dayLength
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration, such as 12h or 90d", s)
	}
	d.Duration = v
	return nil
}

// defineIntermediates is the flag of commands whose message brings a chain that
// may lack certificates of CAs. It takes the lists to have a use for them.
func defineIntermediates(fs *flag.FlagSet, files *[]string) {
	fs.Func("intermediate", "`FILE` with certificates of CAs that the message does not bring, for --world; PEM or DER; may be repeated", func(s string) error {
		*files = append(*files, s)
		return nil
	})
}

// readIntermediates reads the files of that flag, none when there are none.
func (e *env) readIntermediates(files []string, judged bool) ([]*x509.Certificate, error) {
	switch {
	case len(files) == 0:
		return nil, nil
	case !judged:
		return nil, usagef("--intermediate needs --world")
	}
	return e.readChain(files)
}
