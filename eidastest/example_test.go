package eidastest_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

// newBank is the code under test: it greets a TPP by its identity.
func newBank(validator *eidas.Validator) (*http.Server, error) {
	verifier, err := qwac.New(qwac.Config{Validator: validator})
	if err != nil {
		return nil, err
	}
	greet := func(w http.ResponseWriter, r *http.Request) {
		tpp, _ := qwac.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "welcome, %s", tpp.Identity.OrganizationIdentifier())
	}
	server := &http.Server{Handler: http.HandlerFunc(greet), TLSConfig: &tls.Config{}}
	return server, verifier.ConfigureServer(server)
}

// bankTest is what a bank writes as func TestBank(t *testing.T).
func bankTest(t eidastest.TB) {
	world := eidastest.Start(t, eidastest.Options{})
	bank, err := newBank(world.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))))
	world.Check(err)
	url := world.Serve(bank)
	call := func(leaf *eidastest.Leaf) string {
		resp, err := world.Client(leaf).Get(url)
		if err != nil {
			return "refused"
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		world.Check(err)
		return string(body)
	}
	first := world.QWAC("LT", "PSDLT-BL-LB000001", eidas.RoleAI|eidas.RolePI)
	fmt.Println(call(first))
	rotated := world.QWAC("DE", "PSDLT-BL-LB000001", eidas.RoleAI) // another key, QTSP and country
	fmt.Println(call(rotated))
	fmt.Println(call(world.QWAC("LT", "PSDLT-BL-LB000001", eidas.RolePI))) // lacks the role
	world.QTSP("LT").Revoke(first, 1)
	fmt.Println(call(first), "after revocation")
	fmt.Println(call(rotated))
}

func Example() {
	t := &exampleTB{}
	defer t.end()
	bankTest(t)
	// Output:
	// welcome, PSDLT-BL-LB000001
	// welcome, PSDLT-BL-LB000001
	// refused
	// refused after revocation
	// welcome, PSDLT-BL-LB000001
}

// exampleTB stands in for the *testing.T that an example does not have.
type exampleTB struct{ cleanups []func() }

func (t *exampleTB) Helper()                           {}
func (t *exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleTB) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *exampleTB) end() {
	for _, f := range t.cleanups {
		defer f()
	}
}
