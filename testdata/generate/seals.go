package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// sealCase is one run of "eidas seal verify --world world --revocation off --json"
// and its outcome, written by hand as those of certificates are.
type sealCase struct {
	Name     string    `json:"name"`
	File     string    `json:"file"`
	Profile  string    `json:"profile"`
	At       time.Time `json:"at"`
	Decision string    `json:"decision"`
	Reason   string    `json:"reason"`
	Identity string    `json:"identity"`
}

// sealedMessage is one file, and what is changed in it once it is sealed.
type sealedMessage struct {
	name, text string
	profile    qseal.Profile
	from, to   string
	cases      []sealCase
}

// payment is a payment order, and accounts a question about accounts, before they
// are sealed.
const (
	payment = `POST /v1/payments/sepa-credit-transfers HTTP/1.1
Host: api.bank.example
Content-Type: application/json
X-Request-ID: 99391c7e-ad88-49ec-a2ad-99ddcb1f7721
PSU-ID: PSU-1234
TPP-Redirect-URI: https://tpp.example/back

{"instructedAmount": {"currency": "EUR", "amount": "123.50"}, "creditorName": "Merchant"}`
	accounts = `GET /v1/accounts?withBalance=true HTTP/1.1
Host: api.bank.example
X-Request-ID: 8a5f785d-3f5c-4b8f-a3f3-34c0d3c0a3f1

`
)

// sealedMessages are sealed by the owner of qseal.pem at the world's time.
func sealedMessages() []sealedMessage {
	good := sealCase{At: now(), Decision: "accept", Identity: tpp}
	bad := func(name, reason string) sealCase {
		return sealCase{Name: name, At: now(), Decision: "refuse", Reason: reason}
	}
	named := func(c sealCase, name string, after time.Duration) sealCase {
		c.Name, c.At = name, c.At.Add(after)
		return c
	}
	return []sealedMessage{
		{name: "payment.http", text: payment, profile: qseal.BerlinGroup13(), cases: []sealCase{
			named(good, "a payment order of a TPP", 0),
			named(good, "no time is sealed: as good an hour later", time.Hour),
		}},
		{
			name: "payment-raised.http", text: payment, profile: qseal.BerlinGroup13(), from: "123.50", to: "923.50",
			cases: []sealCase{bad("the amount was changed after sealing", "digest")},
		},
		{
			name: "payment-other-user.http", text: payment, profile: qseal.BerlinGroup13(), from: "PSU-1234", to: "PSU-1235",
			cases: []sealCase{bad("the user was changed after sealing", "signature_invalid")},
		},
		{name: "accounts.http", text: accounts, profile: qseal.JAdESHTTP(), cases: []sealCase{
			named(good, "a minute old", time.Minute),
			named(bad("", "stale"), "more than a minute old", time.Minute+time.Second),
			named(bad("", "issued_in_future"), "ahead of the bank's clock", -3*time.Second),
		}},
	}
}

// writeSeals writes the messages, sealed, and their cases.
func writeSeals(dir string, sealer *eidastest.Leaf) error {
	folder := filepath.Join(dir, "seals")
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o750)); err != nil {
		return err
	}
	var all []sealCase
	for _, m := range sealedMessages() {
		text, err := m.seal(sealer)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, m.name), text, 0o600); err != nil {
			return err
		}
		for _, c := range m.cases {
			c.File, c.Profile = "seals/"+m.name, m.profile.Name()
			all = append(all, c)
		}
	}
	doc, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "seals.json"), append(doc, '\n'), 0o600)
}

func (m *sealedMessage) seal(sealer *eidastest.Leaf) ([]byte, error) {
	signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: m.profile, Key: sealer.Key, Chain: sealer.Chain[:1]})
	if err != nil {
		return nil, err
	}
	message, err := qseal.ParseCaptured([]byte(m.text))
	if err != nil {
		return nil, err
	}
	if message, err = signer.SignCaptured(message, now()); err != nil {
		return nil, err
	}
	text := string(message.Text())
	if m.from != "" && strings.Count(text, m.from) != 1 {
		return nil, fmt.Errorf("%q is not there once", m.from)
	}
	return []byte(strings.Replace(text, m.from, m.to, 1)), nil
}

// sealerOf returns the leaf that seals the messages.
func sealerOf(issued []fixture) (*eidastest.Leaf, error) {
	i := slices.IndexFunc(issued, func(f fixture) bool { return f.name == "qseal.pem" })
	if i < 0 {
		return nil, errors.New("no qseal.pem")
	}
	return issued[i].leaf, nil
}
