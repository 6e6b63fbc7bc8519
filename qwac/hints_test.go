package qwac_test

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// caName is the DER of a name of so many bytes.
func caName(tb testing.TB, size int) []byte {
	tb.Helper()
	for n := size; n > 0; n-- {
		der, err := asn1.Marshal(pkix.Name{CommonName: strings.Repeat("n", n)}.ToRDNSequence())
		require.NoError(tb, err)
		if len(der) == size {
			return der
		}
	}
	tb.Fatalf("no name has %d bytes", size)
	return nil
}

// hintsOf are the names that a client is told.
func hintsOf(t versioned, config *tls.Config, b *bank, l *leaf) [][]byte {
	t.Helper()
	var names [][]byte
	client := b.client(t.version, nil)
	client.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		names = info.AcceptableCAs
		return &l.tls, nil
	}
	assertAccepted(t, handshake(t, config, client), false)
	return names
}

func TestCANamesAreSentOnlyWhenAsked(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		issuer := w.qtsp("LT", "QTSP LT")
		l := w.qwac(issuer, request{})
		assert.Empty(t, hintsOf(t, guard(t, w.verifier(eidas.Policy{}), b.base()), b, l))

		name := issuer.cert.RawSubject
		telling := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), CANames: [][]byte{name, name}})
		assert.Equal(t, [][]byte{name}, hintsOf(t, guard(t, telling, b.base()), b, l))

		// They are hints: who is let in does not depend on them.
		other := w.qwac(w.qtsp("NO", "QTSP NO"), request{})
		assert.Equal(t, [][]byte{name}, hintsOf(t, guard(t, telling, b.base()), b, other))
	})
}

func TestCANamesAreBounded(t *testing.T) {
	const limit = 12 << 10
	for name, row := range map[string]struct {
		names [][]byte
		want  string
	}{
		"as many as allowed": {[][]byte{caName(t, limit-2)}, ""},
		"one byte more":      {[][]byte{caName(t, limit-1)}, "breaks clients"},
		"two that are too much": {
			[][]byte{caName(t, limit/2), caName(t, limit/2+1)}, "breaks clients",
		},
		"one name twice": {[][]byte{caName(t, limit-2), caName(t, limit-2)}, ""},
		"no name":        {[][]byte{{1}}, "CANames[0]"},
		"empty name":     {[][]byte{caName(t, 20), {0x30, 0}}, "CANames[1]"},
		"trailing byte":  {[][]byte{append(caName(t, 20), 0)}, "CANames[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := qwac.New(qwac.Config{Validator: &scripted{}, CANames: row.names})
			if row.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.want)
		})
	}
}
