package qseal

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// joseHeader is a protected header to be signed.
type joseHeader map[string]any

// newJOSEHeader begins a header with the algorithm of the key.
func newJOSEHeader(k *sealer) (joseHeader, error) {
	name := k.algorithm.joseName()
	if joseAlgorithm(name) == 0 {
		return nil, fmt.Errorf("%s is not an algorithm of JOSE", k.algorithm)
	}
	return joseHeader{"alg": name}, nil
}

// addCertificate names the certificate, and sends the chain along.
func (h joseHeader) addCertificate(k *sealer, along bool) error {
	if len(k.chain) == 0 {
		return errors.New("no certificate")
	}
	sum := sha256.Sum256(k.chain[0].Raw)
	h["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
	if along {
		var x5c []string
		for _, c := range k.chain {
			x5c = append(x5c, base64.StdEncoding.EncodeToString(c.Raw))
		}
		h["x5c"] = x5c
	}
	return nil
}

// detached signs a payload and returns the JWS without it.
func (h joseHeader) detached(k *sealer, payload []byte) (string, error) {
	raw, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	j := jws{protected: base64.RawURLEncoding.EncodeToString(raw), encoded: h["b64"] != false}
	signature, err := k.sign(j.input(payload))
	if err != nil {
		return "", err
	}
	return j.protected + ".." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// sealJAdESHTTP writes X-JWS-Signature, and Digest where it is not there yet.
func sealJAdESHTTP(m *message, _ *Profile, k *sealer) error {
	h, err := newJOSEHeader(k)
	if err != nil {
		return err
	}
	h["iat"] = k.at.Unix()
	return h.sealFields(m, k, true, []string{"b64", "sigD"})
}

func sealINGJAdES(m *message, _ *Profile, k *sealer) error {
	h, err := newJOSEHeader(k)
	if err != nil {
		return err
	}
	h["sigT"] = k.at.UTC().Truncate(time.Second).Format(sigTLayout)
	return h.sealFields(m, k, false, []string{"sigT", "sigD", "b64"})
}

func (h joseHeader) sealFields(m *message, k *sealer, along bool, crit []string) error {
	if err := h.addCertificate(k, along); err != nil {
		return err
	}
	if len(m.values("Digest")) == 0 {
		m.header.Set("Digest", "SHA-256="+base64.StdEncoding.EncodeToString(sum(crypto.SHA256, m.body)))
	}
	var pars []string
	if m.request {
		pars = append(pars, fieldTarget)
	}
	for _, name := range append(conditional(), "digest") {
		if len(m.values(canonicalName(name))) > 0 {
			pars = append(pars, name)
		}
	}
	text, refusal := (&cavage{covered: pars}).base(m)
	if refusal != nil {
		return refusal
	}
	h["b64"], h["crit"] = false, crit
	h["sigD"] = map[string]any{"mId": sigDHTTPHeaders, "pars": pars}
	value, err := h.detached(k, text)
	if err != nil {
		return err
	}
	m.header.Set(fieldJWS, value)
	return nil
}
