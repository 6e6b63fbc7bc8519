package seal

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

const (
	tpp   = "PSDLT-BL-LB000468"
	other = "PSDLT-BL-LB000469"
	roles = eidas.RolePI
)

// order sends a payment order over a connection, sealed (nil: not sealed).
func order(t *testing.T, w *eidastest.Test, url string, connection, seal *eidastest.Leaf) (int, string) {
	t.Helper()
	client := w.Client(connection)
	if seal != nil {
		signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: qseal.BerlinGroup13(), Key: seal.Key, Chain: seal.Chain})
		if err != nil {
			t.Fatal(err)
		}
		client.Transport = signer.RoundTripper(client.Transport)
	}
	response, err := client.Post(url+"/v1/payments", "application/json", strings.NewReader(`{"amount": "1.00"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestOrdersNeedBothCertificatesOfOneTPP(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	certificate, err := w.ServerCertificate()
	if err != nil {
		t.Fatal(err)
	}
	validator := w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(roles)))
	server, err := newServer(validator, certificate, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	url := w.Serve(server)
	for name, row := range map[string]struct {
		connection, seal *eidastest.Leaf
		status           int
		body             string
	}{
		"both":                 {w.QWAC("LT", tpp, roles), w.QSealC("LT", tpp, roles), http.StatusCreated, tpp},
		"both, of other QTSPs": {w.QWAC("LT", tpp, roles), w.QSealC("DE", tpp, roles), http.StatusCreated, tpp},
		"not sealed":           {w.QWAC("LT", tpp, roles), nil, http.StatusUnauthorized, "SIGNATURE_MISSING"},
		"sealed by another":    {w.QWAC("LT", tpp, roles), w.QSealC("LT", other, roles), http.StatusUnauthorized, "CERTIFICATE_INVALID"},
		"sealed with a QWAC":   {w.QWAC("LT", tpp, roles), w.QWAC("LT", tpp, roles), http.StatusUnauthorized, "CERTIFICATE_INVALID"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := order(t, w, url, row.connection, row.seal)
			if status != row.status || !strings.Contains(body, row.body) {
				t.Errorf("got %d %s", status, body)
			}
		})
	}
}
