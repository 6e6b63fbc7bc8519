package eidastest

import (
	"net/http"

	"github.com/seed-b953571c/eidas"
)

// TB is what the kit needs of a testing.TB. It is spelled out so that programs
// that are no tests do not link package testing.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Test is a World bound to a test: what can fail fails the test instead of
// returning an error, and what must be closed is closed at its end. Methods that
// are not here are those of World; hand their errors to Check.
type Test struct {
	*World
	tb TB
}

// Start makes a world that lives as long as the test.
func Start(tb TB, o Options) *Test {
	tb.Helper()
	w, err := NewWorld(o)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(w.Close)
	return &Test{World: w, tb: tb}
}

// Check fails the test when err is not nil.
func (t *Test) Check(err error) {
	t.tb.Helper()
	if err != nil {
		t.tb.Fatalf("%v", err)
	}
}

// qtsp is QTSP, but fails when there is none.
func (t *Test) qtsp(territory string) *QTSP {
	t.tb.Helper()
	q := t.QTSP(territory)
	if q == nil {
		t.tb.Fatalf("eidastest: there is no QTSP in %q", territory)
	}
	return q
}

// Issue issues a certificate from the first QTSP of a territory.
func (t *Test) Issue(territory string, r Request) *Leaf {
	t.tb.Helper()
	l, err := t.qtsp(territory).Issue(r)
	t.Check(err)
	return l
}

// QWAC issues the certificate that QWAC describes, from a territory.
func (t *Test) QWAC(territory, organizationIdentifier string, roles eidas.Roles) *Leaf {
	t.tb.Helper()
	return t.Issue(territory, QWAC(organizationIdentifier, roles))
}

// QSealC issues the certificate that QSealC describes, from a territory.
func (t *Test) QSealC(territory, organizationIdentifier string, roles eidas.Roles) *Leaf {
	t.tb.Helper()
	return t.Issue(territory, QSealC(organizationIdentifier, roles))
}

// Impostor makes a QTSP that prints the names of the first one of a territory.
func (t *Test) Impostor(territory string) *QTSP {
	t.tb.Helper()
	q, err := t.World.Impostor(t.qtsp(territory))
	t.Check(err)
	return q
}

// Validator returns a validator over the world.
func (t *Test) Validator(p eidas.Policy) *eidas.Validator {
	t.tb.Helper()
	v, err := t.World.Validator(p)
	t.Check(err)
	return v
}

// Serve runs a server under test until the end of the test and returns its URL.
func (t *Test) Serve(under *http.Server) string {
	t.tb.Helper()
	s, err := t.World.Serve(under)
	t.Check(err)
	t.tb.Cleanup(s.Close)
	return s.URL
}
