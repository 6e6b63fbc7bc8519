package qseal_test

import (
	"crypto"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// josePeers are five TPPs, each with certificates of two QTSPs.
func josePeers(t *testing.T, w *eidastest.Test) (ids []string, leaves map[string][]*eidastest.Leaf) {
	t.Helper()
	ids = []string{"PSDLT-BL-LB000468", "PSDLT-BL-LB000469", "PSDDE-BAFIN-1", "PSDFR-ACPR-2", "PSDFI-FINFSA-3"}
	leaves = map[string][]*eidastest.Leaf{}
	for _, territory := range []string{"LT", "DE"} {
		for _, id := range ids {
			r := eidastest.QSealC(id, roles)
			r.KeyType = eidastest.RSA2048 // OBIE and ING have nothing else
			leaves[territory] = append(leaves[territory], w.Issue(territory, r))
		}
	}
	return ids, leaves
}

// joseRequest is what a server receives: a payment sealed by a leaf.
func joseRequest(t *testing.T, p qseal.Profile, leaf *eidastest.Leaf, id string, at time.Time) *http.Request {
	t.Helper()
	body := `{"requestHeader":{"requestId":"` + id + `"},"amount":"10.00"}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://bank.example/v1/x%2Fy?z=1", strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("X-Request-Id", id)
	r.Header.Set("Content-Type", "application/json")
	c := qseal.SignerConfig{Profile: p, Key: leaf.Key, Chain: leaf.Chain}
	if strings.HasPrefix(p.Name(), "obie") || p.Name() == "rfc9421" {
		c.KeyID = leaf.Certificate.SerialNumber.String()
	}
	signer, err := qseal.NewSigner(c)
	require.NoError(t, err)
	require.NoError(t, signer.SignRequest(r, at))
	r.RequestURI = r.URL.RequestURI()
	return r
}

// Every ordered pair of five TPPs in every profile of JOSE and RFC 9421: the seal
// must be of the TPP on the connection, also after its certificates were replaced
// by those of another QTSP.
func TestSealAndConnectionAreOfOneTPPInJOSE(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	validator := w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)})
	ids, leaves := josePeers(t, w)
	files := map[string][]byte{}
	for _, all := range leaves {
		for _, l := range all {
			files[l.Certificate.SerialNumber.String()] = l.Certificate.Raw
		}
	}
	directory, err := qseal.NewDirectory(files)
	require.NoError(t, err)
	for _, p := range []qseal.Profile{
		qseal.JAdESHTTP(), qseal.INGJAdES(), qseal.OBIE31(qseal.OBIE313), qseal.OBIE31(qseal.OBIE314), qseal.PolishAPI21(), qseal.RFC9421("fapi-2-request"),
	} {
		t.Run(p.Name(), func(t *testing.T) {
			var peer string
			v, err := qseal.New(qseal.Config{
				Validator: validator, Profile: p, Replay: replayMemory(t), Resolver: directory,
				Peer: func(*http.Request) (eidas.Identity, error) { return identityOf(t, peer), nil },
			})
			require.NoError(t, err)
			for territory, all := range leaves {
				for i := range ids {
					for j, leaf := range all {
						peer = ids[i]
						id := territory + ids[i] + ids[j]
						r := joseRequest(t, p, leaf, id, w.Now())
						seal, err := v.VerifyRequest(t.Context(), r, w.Now())
						if i != j {
							require.ErrorIs(t, err, qseal.ReasonPeer, id)
							continue
						}
						require.NoError(t, err, id)
						assert.Equal(t, ids[j], seal.Signer.Identity.String())
						body, err := io.ReadAll(r.Body)
						require.NoError(t, err)
						assert.Contains(t, string(body), id, "the body can be read again")
					}
				}
			}
			// The same message again.
			peer = ids[0]
			r := joseRequest(t, p, leaves["LT"][0], "again", w.Now())
			again := r.Clone(t.Context())
			again.Body, err = r.GetBody()
			require.NoError(t, err)
			_, err = v.VerifyRequest(t.Context(), r, w.Now())
			require.NoError(t, err)
			_, err = v.VerifyRequest(t.Context(), again, w.Now())
			require.ErrorIs(t, err, qseal.ReasonReplay)
		})
	}
}

// brokenKey is an HSM that is down.
type brokenKey struct{ crypto.Signer }

// Sign implements crypto.Signer.
func (brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("hsm is down")
}

func TestSignerFailsInJOSE(t *testing.T) {
	f := rsaForger()
	profiles := []qseal.Profile{
		qseal.JAdESHTTP(), qseal.INGJAdES(), qseal.OBIE31(qseal.OBIE314), qseal.PolishAPI21(), qseal.RFC9421("fapi-2-request"),
	}
	for _, p := range profiles {
		for key, says := range map[crypto.Signer]string{brokenKey{f.key}: "hsm is down", f.key: "kid"} {
			c := qseal.SignerConfig{Profile: p, Key: key, Chain: []*x509.Certificate{f.cert}}
			if says != "kid" && (strings.HasPrefix(p.Name(), "obie") || p.Name() == "rfc9421") {
				c.KeyID = "k1"
			}
			if says == "kid" && !strings.HasPrefix(p.Name(), "obie") {
				continue // the others name the certificate, or leave it to the reader
			}
			signer, err := qseal.NewSigner(c)
			if err != nil {
				require.ErrorContains(t, err, "KeyID", p.Name())
				continue
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://bank.example/", strings.NewReader(sealBody))
			require.NoError(t, err)
			r.Header.Set("X-Request-Id", "1")
			require.ErrorContains(t, signer.SignRequest(r, sealTime), says, p.Name())
			assert.Empty(t, r.Header.Get("X-Jws-Signature")+r.Header.Get("Signature-Input"), "nothing half done")
		}
	}
}

// Responses of a bank, sealed and verified in every profile that has them.
func TestResponsesInJOSE(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	request := eidastest.QSealC("PSDLT-BL-LB000468", roles)
	request.KeyType = eidastest.RSA2048
	leaf := w.Issue("LT", request)
	directory, err := qseal.NewDirectory(map[string][]byte{"k1": leaf.Certificate.Raw})
	require.NoError(t, err)
	const id = "id-1"
	body := `{"responseHeader":{"requestId":"` + id + `"},"status":"done"}`
	for _, p := range []qseal.Profile{qseal.JAdESHTTP(), qseal.OBIE31(qseal.OBIE314), qseal.PolishAPI21(), qseal.RFC9421("fapi-2-response")} {
		t.Run(p.Name(), func(t *testing.T) {
			c := qseal.SignerConfig{Profile: p, Key: leaf.Key, Chain: leaf.Chain}
			if strings.HasPrefix(p.Name(), "obie") || p.Name() == "rfc9421" {
				c.KeyID = "k1"
			}
			signer, err := qseal.NewSigner(c)
			require.NoError(t, err)
			v, err := qseal.New(qseal.Config{
				Validator: w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)}),
				Profile:   p, AllowAnyPeer: true, Resolver: directory, Replay: replayMemory(t),
			})
			require.NoError(t, err)
			asked, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://bank.example/v1/x", nil)
			require.NoError(t, err)
			header := http.Header{"X-Request-Id": {id}, "Content-Type": {"application/json"}}
			require.NoError(t, signer.SignResponse(header, http.StatusCreated, []byte(body), asked, w.Now()))
			verify := func(status int, body string, asked *http.Request) error {
				r := &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: asked}
				_, err := v.VerifyResponse(t.Context(), r, w.Now())
				return err
			}
			require.NoError(t, verify(http.StatusCreated, body, asked))
			require.Error(t, verify(http.StatusCreated, strings.Replace(body, "done", "fail", 1), asked))
			if p.Name() == "rfc9421" {
				require.ErrorIs(t, verify(http.StatusOK, body, asked), qseal.ReasonSignatureInvalid, "the status is sealed")
				other := asked.Clone(t.Context())
				other.URL.Path = "/v1/y"
				require.ErrorIs(t, verify(http.StatusCreated, body, other), qseal.ReasonSignatureInvalid, "an answer to another request")
				require.ErrorIs(t, verify(http.StatusCreated, body, nil), qseal.ReasonFieldMissing, "an answer to no request")
			}
		})
	}
}
