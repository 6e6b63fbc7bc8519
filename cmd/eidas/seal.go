package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
)

// maxMessageSize bounds a captured message: payment files are a few MiB.
const maxMessageSize = 16 << 20

func sealVerifyCommand() *command {
	return &command{
		name:    "seal verify",
		usage:   "--profile P [--world DIR] [--certificate F] [flags] MESSAGE",
		summary: "verify the seal of a captured HTTP message, and show its signing string",
		about: `
Verifies the seal of MESSAGE: the first line and the header of an HTTP message as
text, an empty line, and the body, byte for byte. With --body the body is in a
file of its own; an editor's line break at its end would be part of it.

Without --world it says only whether the seal is right: form, coverage, key,
signature, body and times, by the certificate in the message or --certificate.
With --world the certificate is judged too, as 'eidas verify --use seal' does, and
the flags of that command hold; --intermediate adds certificates of CAs that the
message does not bring. Whether a seal has been used before, and whether
the sealer is the one on the connection, cannot be told from a message.

The signing string is printed, since most seals fail because two sides do not
build the same one: compare it line by line.

Profiles: ` + profileNames() + `.

With --json, one object:
  decision                accept or refuse
  reason, cause, detail   of the refusal, "" when accepted; cause: tpp us third_party
  certificate_reason      the reason of 'eidas verify' when reason is certificate
  judged                  seal, or certificate when --world was given
  profile, algorithm, key_id, covered[], path_bound, signed_at, expires_at
  quirks[]                deviations from the standard that --quirk let pass
  signing_string          null when the seal cannot be read
  identity, roles[]       of the sealer, proved when accepted with --world
  chain[{subject,sha256,not_after}], at

or, where a file cannot be read, error and reason "input" alone.`,
		exits: `  0  accepted
  1  refused
  2  usage or input error`,
		examples: []string{
			"eidas seal verify --profile berlin-group-1.3 request.txt",
			"eidas seal verify --profile berlin-group-1.3 --quirk extra_fields,java_algorithm --at 2026-04-01 request.txt",
			"eidas seal verify --profile obie-3.1.4 --certificate seal.pem --world lists --json request.txt",
			"eidas seal verify --profile berlin-group-1.3 --world lists --intermediate ca.pem request.txt",
		},
		define: func(fs *flag.FlagSet) action {
			f := newSealFlags(fs)
			return func(ctx context.Context, e *env, operands []string) (int, error) {
				return e.verifySeal(ctx, f, operands)
			}
		},
	}
}

// sealFlags are the flags of "seal verify".
type sealFlags struct {
	*verifyFlags
	profile     qseal.Profile
	quirks      qseal.Quirk
	anyAge      bool
	certificate string
	body        string

	intermediates []string
}

func newSealFlags(fs *flag.FlagSet) *sealFlags {
	f := &sealFlags{}
	// Those of "verify" but the ones that have one value here.
	all := flag.NewFlagSet("", flag.ContinueOnError)
	f.verifyFlags = newVerifyFlags(all)
	f.use = eidas.UseSeal
	all.VisitAll(func(g *flag.Flag) {
		if g.Name != "use" && g.Name != "explain" {
			fs.Var(g.Value, g.Name, g.Usage)
		}
	})
	fs.Func("profile", "the `STANDARD` that the message is sealed in", func(s string) error { return setProfile(&f.profile, s) })
	fs.Func("quirk", "accept these deviations from the standard: `NAME`,…", func(s string) (err error) {
		f.quirks, err = qseal.ParseQuirks(s)
		return err
	})
	fs.BoolVar(&f.anyAge, "any-age", false, "accept a seal however old, and however far ahead of the time of judgement")
	fs.StringVar(&f.certificate, "certificate", "", "certificate `CHAIN` of a seal that names its certificate only; PEM or DER")
	defineIntermediates(fs, &f.intermediates)
	fs.StringVar(&f.body, "body", "", "`FILE` with the body, where it is not in MESSAGE")
	return f
}

func profileNames() string {
	var names []string
	for _, p := range qseal.Profiles() {
		names = append(names, p.Name())
	}
	return strings.Join(names, ", ")
}

func setProfile(p *qseal.Profile, name string) error {
	found, ok := qseal.ProfileByName(name)
	if !ok {
		return fmt.Errorf("no profile %q: there are %s", name, profileNames())
	}
	*p = found
	return nil
}

// sealReport is the JSON of "seal verify".
type sealReport struct {
	Decision          string       `json:"decision"`
	Reason            string       `json:"reason"`
	Cause             string       `json:"cause"`
	Detail            string       `json:"detail,omitempty"`
	CertificateReason string       `json:"certificate_reason,omitempty"`
	Judged            string       `json:"judged"`
	Profile           string       `json:"profile"`
	Algorithm         string       `json:"algorithm"`
	KeyID             string       `json:"key_id"`
	Covered           []string     `json:"covered"`
	PathBound         bool         `json:"path_bound"`
	SignedAt          *time.Time   `json:"signed_at"`
	ExpiresAt         *time.Time   `json:"expires_at"`
	Quirks            []string     `json:"quirks"`
	SigningString     *string      `json:"signing_string"`
	Identity          string       `json:"identity"`
	Roles             []string     `json:"roles"`
	Chain             []certReport `json:"chain"`
	At                time.Time    `json:"at"`

	advice string // what may be done about it, "" for nothing
}

func (e *env) verifySeal(ctx context.Context, f *sealFlags, operands []string) (int, error) {
	p := f.profile
	switch {
	case p.IsZero():
		return 0, usagef("--profile is required")
	case len(operands) != 1:
		return 0, usagef("one MESSAGE is needed, not %d", len(operands))
	case f.quirks&^p.KnownQuirks() != 0:
		return 0, usagef("--profile %s has no --quirk %s; it has %s", p.Name(), f.quirks&^p.KnownQuirks(), p.KnownQuirks())
	}
	p = p.AllowQuirks(f.quirks)
	if f.anyAge {
		p = p.AllowAge(0, anyAge)
	}
	message, err := e.readMessage(operands[0], f.body)
	if err != nil {
		return 0, err
	}
	found := &qseal.Resolved{}
	if f.certificate != "" {
		if found, err = e.readSealer(f.certificate); err != nil {
			return 0, err
		}
	}
	intermediates, err := e.readIntermediates(f.intermediates, f.world.dir != "")
	if err != nil {
		return 0, err
	}
	at := f.at.Time
	if at.IsZero() {
		at = time.Now()
	}
	r := &sealReport{
		Decision: accept, Judged: "seal", Profile: p.Name(), Covered: []string{}, Quirks: []string{}, Roles: []string{},
		Chain: []certReport{}, At: at.UTC(),
	}
	seen, err := p.Examine(message, found, at)
	r.read(seen)
	r.advice = adviceOnBody(err, message.Body(), func(body []byte) bool {
		_, err := p.Examine(message.WithBody(body), found, at)
		return err == nil
	})
	if err == nil && f.world.dir != "" {
		r.Judged = "certificate"
		err = e.judgeSealer(ctx, f, judgedSeal{p, message, found, intermediates, at, r})
		r.advice = adviceOnSealer(err, len(intermediates))
	}
	if err := r.refuse(err); err != nil {
		return 0, err
	}
	if err := e.showSeal(r); err != nil {
		return 0, err
	}
	if r.Decision != accept {
		return exitRefused, nil
	}
	return exitAccepted, nil
}

// readSealer reads the certificates of a sealer. STET names them by the hash of
// the file.
func (e *env) readSealer(name string) (*qseal.Resolved, error) {
	chain, err := e.readChain([]string{name})
	if err != nil || name == stdinName {
		return &qseal.Resolved{Chain: chain}, err
	}
	doc, err := e.readInput(name, maxInputSize)
	return &qseal.Resolved{Chain: chain, SHA256: sha256.Sum256(doc)}, err
}

// anyAge is a century: as far ahead as no message is.
const anyAge = 100 * 365 * 24 * time.Hour

// readMessage reads a captured message, and its body where that is apart.
func (e *env) readMessage(name, body string) (*qseal.Captured, error) {
	if name == stdinName && body == stdinName {
		return nil, usagef("only one of MESSAGE and --body can be standard input")
	}
	text, err := e.readInput(name, maxMessageSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	message, err := qseal.ParseCaptured(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if body == "" {
		return message, nil
	}
	content, err := e.readInput(body, maxMessageSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", body, err)
	}
	return message.WithBody(content), nil
}

// judgedSeal is a seal that is right, whose certificate is to be judged.
type judgedSeal struct {
	profile qseal.Profile
	message *qseal.Captured
	found   *qseal.Resolved
	more    []*x509.Certificate // of CAs, beside those in the message
	at      time.Time
	report  *sealReport
}

// Resolve implements qseal.Resolver: the certificate that was given is the one
// that is meant.
func (j judgedSeal) Resolve(context.Context, qseal.Hint) (*qseal.Resolved, error) {
	return j.found, nil
}

// completing is a qseal.Validator that is given intermediates which a message
// does not bring.
type completing struct {
	*eidas.Validator
	more []*x509.Certificate
}

// Validate implements qseal.Validator.
func (c completing) Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error) {
	return c.Validator.Validate(ctx, slices.Concat(peer, c.more), use, at)
}

// judgeSealer has the certificate judged by the lists of a world.
func (e *env) judgeSealer(ctx context.Context, f *sealFlags, j judgedSeal) error {
	validator, done, err := e.worldValidator(ctx, f.verifyFlags)
	if err != nil {
		return err
	}
	defer done()
	memory, err := qseal.NewReplayMemory(256, 366*dayLength) // beyond the age of any seal that is judged
	if err != nil {
		return err
	}
	verifier, err := qseal.New(qseal.Config{
		Validator: completing{validator, j.more}, Profile: j.profile, AllowAnyPeer: true, Resolver: j,
		Replay: memory, ReplayWindow: time.Second, MaxBody: maxMessageSize,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	seal, err := verifier.VerifyCaptured(ctx, j.message, j.at)
	if err != nil {
		return err
	}
	j.report.Identity = seal.Signer.Identity.OrganizationIdentifier()
	j.report.Roles = append(j.report.Roles, seal.Signer.Roles.Names()...)
	return nil
}

func (r *sealReport) read(seen *qseal.Examination) {
	if seen == nil {
		return
	}
	base := string(seen.Base)
	r.Algorithm, r.KeyID, r.PathBound, r.SigningString = seen.Algorithm.String(), seen.Hint.KeyID, seen.PathBound, &base
	r.Covered = append(r.Covered, seen.Covered...)
	r.Quirks = append(r.Quirks, seen.Quirks.Names()...)
	r.SignedAt, r.ExpiresAt = timeOrNil(seen.SignedAt), timeOrNil(seen.Expires)
	r.Chain = chainReport(seen.Chain)
}

// refuse notes a refusal; any other error is returned.
func (r *sealReport) refuse(err error) error {
	if err == nil {
		return nil
	}
	refusal, ok := errors.AsType[*qseal.Error](err)
	if !ok {
		return err
	}
	r.Decision, r.Reason, r.Cause = refuse, refusal.Reason.String(), refusal.Cause().String()
	r.Detail = plain(strings.ReplaceAll(refusal.Error(), "qseal: ", ""))
	if refusal.Reason == qseal.ReasonCertificate {
		r.CertificateReason = eidas.ReasonOf(refusal.Err).String()
	}
	return nil
}
