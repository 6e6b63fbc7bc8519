package main

import (
	"context"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
)

func (e *env) showSeal(r *sealReport) error {
	if e.json {
		return e.emit(r)
	}
	return e.print(sealText(r, e.style))
}

func sealText(r *sealReport, s style) string {
	var b strings.Builder
	switch {
	case r.Decision != accept:
		reason := r.Reason
		if r.CertificateReason != "" {
			reason += ", " + r.CertificateReason
		}
		b.WriteString(s.red("refused") + "  " + s.bold(reason) + "\n  " + clean(readable(r.Detail)) + "\n")
		if r.advice != "" {
			b.WriteString("  Hint: " + r.advice + "\n")
		}
	case r.Judged == "certificate":
		b.WriteString(s.green("accepted") + "  sealed by " + s.bold(clean(r.Identity)) + " " + strings.Join(r.Roles, " ") + "\n")
	default:
		b.WriteString(s.green("accepted") + "  the seal is right; its certificate was not judged (--world)\n")
	}
	list := []fact{
		{"Profile", []string{r.Profile}},
		{"Judged", []string{"at " + r.At.Format(time.RFC3339)}},
	}
	if r.SigningString != nil {
		bound := "no: the seal fits any method and path"
		if r.PathBound {
			bound = "yes"
		}
		list = append(list, fact{"Covers", []string{clean(strings.Join(r.Covered, " "))}}, fact{"Path bound", []string{bound}})
		for _, f := range [][2]string{{"Algorithm", r.Algorithm}, {"Key id", r.KeyID}, {"Quirks", strings.Join(r.Quirks, ", ")}} {
			if f[1] != "" {
				list = append(list, fact{f[0], []string{clean(f[1])}})
			}
		}
		if r.SignedAt != nil {
			list = append(list, fact{"Signed", []string{"at " + r.SignedAt.Format(time.RFC3339)}})
		}
	}
	var path []string
	for _, c := range r.Chain {
		path = append(path, clean(c.Subject))
	}
	if len(path) > 0 {
		list = append(list, fact{"Certificate", path})
	}
	b.WriteString(facts(s, list))
	if r.SigningString != nil {
		b.WriteString("\n" + s.bold("Signing string") + "\n")
		for line := range strings.SplitSeq(*r.SigningString, "\n") {
			b.WriteString("  " + clean(line) + "\n")
		}
	}
	return b.String()
}

// worldValidator loads the lists of a world and returns a validator over them.
// done closes the world.
func (e *env) worldValidator(ctx context.Context, v *verifyFlags) (*eidas.Validator, func(), error) {
	w, err := openWorld(&v.world)
	if err != nil {
		return nil, nil, err
	}
	done := func() { _ = w.folder.Close() }
	validator, err := e.validatorOver(ctx, v, w)
	if err != nil {
		done()
		return nil, nil, err
	}
	return validator, done, nil
}

func (e *env) validatorOver(ctx context.Context, v *verifyFlags, w *world) (*eidas.Validator, error) {
	config, err := v.config(w.Anchors.Profile)
	if err != nil {
		return nil, err
	}
	snapshot, err := w.loadOwnTime(ctx, e.stderr)
	if err != nil {
		return nil, err
	}
	config.Services = fixedServices{snapshot.Services().AsOf(w.At)}
	return eidas.NewValidator(*config)
}
