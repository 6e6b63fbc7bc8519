package bank_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	bank "github.com/seed-b953571c/eidas/examples/unittest"
)

func TestBank(t *testing.T) {
	const tpp, granted = "PSDLT-BL-EX000042", "accounts of Alice"
	identity, err := eidas.ParseIdentity(tpp)
	world := eidastest.Start(t, eidastest.Options{})
	world.Check(err)
	server, err := bank.NewServer(world.Validator(bank.Policy()), map[eidas.Identity]string{identity: "Alice"})
	world.Check(err)
	url := world.Serve(server)

	first := world.QWAC("LT", tpp, eidas.RoleAI|eidas.RolePI)
	expect(t, world.Client(first), url, granted)
	rotated := world.QWAC("DE", tpp, eidas.RoleAI) // another key, QTSP and country
	expect(t, world.Client(rotated), url, granted)
	expect(t, world.Client(world.QWAC("LT", "PSDLT-BL-EX000043", eidas.RoleAI)), url, "no consent\n")
	expect(t, world.Client(world.QWAC("LT", tpp, eidas.RolePI)), url, refused) // lacks the role

	world.QTSP("LT").Revoke(first, 1)
	expect(t, world.Client(first), url, refused)
	expect(t, world.Client(rotated), url, granted)
}

// refused is what the server sends instead of a connection.
const refused = "remote error: tls: "

// expect makes a call and compares the answer, or the alert that refused it.
func expect(t *testing.T, client *http.Client, url, want string) {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		if want != refused || !strings.Contains(err.Error(), refused) {
			t.Errorf("got error %v, want %q", err, want)
		}
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != want {
		t.Errorf("got %q and error %v, want %q", body, err, want)
	}
}
