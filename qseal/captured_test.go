package qseal_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

func TestParseCaptured(t *testing.T) {
	for name, row := range map[string]struct {
		in, want string // want is Text
		err      string
	}{
		"request":                {"POST /x?y=1 HTTP/1.1\nHost: h\nb: 2\na: 1\na: 3\n\nbody\n\n", "POST /x?y=1 HTTP/1.1\nHost: h\nA: 1\nA: 3\nB: 2\n\nbody\n\n", ""},
		"in CRLF":                {"GET / HTTP/1.1\r\nHost: h\r\n\r\nx\r\n", "GET / HTTP/1.1\nHost: h\n\nx\r\n", ""},
		"response":               {"HTTP/1.1 201 Created\nA: b\n\n", "HTTP/1.1 201 Created\nA: b\n\n", ""},
		"without an empty line":  {"GET / HTTP/1.1\nA: b", "GET / HTTP/1.1\nA: b\n\n", ""},
		"nothing":                {"", "", "the first line must be like"},
		"no request line":        {"hello\n\n", "", "the first line must be like"},
		"status is no number":    {"HTTP/1.1 ok\n\n", "", "status line"},
		"two hosts":              {"GET / HTTP/1.1\nHost: a\nHost: b\n\n", "", "more than one Host"},
		"field without a colon":  {"GET / HTTP/1.1\nA\n\n", "", "header"},
		"field with a bad name":  {"GET / HTTP/1.1\nA B: c\n\n", "", "header"},
		"head too large":         {"GET / HTTP/1.1\nA: " + strings.Repeat("b", 1<<20) + "\n\n", "", "at most"},
		"vertical tab in a name": {"GET / HTTP/1.1\nA\v: c\n\n", "", "header"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := qseal.ParseCaptured([]byte(row.in))
			if row.err != "" {
				require.ErrorContains(t, err, row.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, string(m.Text()))
			again, err := qseal.ParseCaptured(m.Text())
			require.NoError(t, err)
			assert.Equal(t, row.want, string(again.Text()))
		})
	}
}

func TestExamineSaysWhatIsWrong(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	signer := sealing(t, s.config.Profile, s.leaf)
	m, err := qseal.ParseCaptured([]byte("POST /x HTTP/1.1\nHost: h\nX-Request-ID: 1\n\n" + payment))
	require.NoError(t, err)
	_, err = s.config.Profile.Examine(m, nil, s.at)
	require.ErrorIs(t, err, qseal.ReasonSignatureMissing)
	signed, err := signer.SignCaptured(m, s.at)
	require.NoError(t, err)
	e, err := s.config.Profile.Examine(signed, nil, s.at)
	require.NoError(t, err)
	assert.Equal(t, qseal.ECDSADERSHA256, e.Algorithm)
	assert.Equal(t, s.leaf.Certificate.Raw, e.Chain[0].Raw)
	e, err = s.config.Profile.Examine(signed.WithBody([]byte("x")), nil, s.at)
	require.ErrorIs(t, err, qseal.ReasonDigest)
	assert.Equal(t, "digest: "+digestOf(payment)+"\nx-request-id: 1", string(e.Base))
	_, err = s.config.Profile.Examine(signed, &qseal.Resolved{Chain: s.w.QSealC("LT", tppID, roles).Chain}, s.at)
	require.ErrorIs(t, err, qseal.ReasonCertificateMismatch)
	_, err = qseal.Profile{}.Examine(signed, nil, s.at)
	require.ErrorIs(t, err, qseal.ReasonInternal)

	v := s.verifier()
	_, err = v.VerifyCaptured(t.Context(), signed, s.at)
	require.ErrorIs(t, err, qseal.ReasonPeerMissing)
	s.config.Peer, s.config.AllowAnyPeer = nil, true
	v = s.verifier()
	seal, err := v.VerifyCaptured(t.Context(), signed, s.at)
	require.NoError(t, err)
	assert.Equal(t, tppID, seal.Signer.Identity.String())
	_, err = v.VerifyCaptured(t.Context(), signed, s.at)
	require.ErrorIs(t, err, qseal.ReasonReplay)
	changed, err := qseal.ParseCaptured(bytes.Replace(signed.Text(), []byte("X-Request-Id: 1"), []byte("X-Request-Id: 2"), 1))
	require.NoError(t, err)
	_, err = v.VerifyCaptured(t.Context(), changed, s.at)
	require.ErrorIs(t, err, qseal.ReasonSignatureInvalid)
	_, err = v.VerifyCaptured(t.Context(), signed.WithBody([]byte("x")), s.at)
	require.ErrorIs(t, err, qseal.ReasonDigest)
	_, err = v.VerifyCaptured(t.Context(), signed.WithBody(bytes.Repeat([]byte("x"), 4097)), s.at)
	assert.ErrorIs(t, err, qseal.ReasonTooLarge)
}

// The oracle: no panic; what is refused has a reason that blames the sender; and
// what is read as a seal has a signing string with one line for each covered
// name, in order.
func FuzzSealedMessage(f *testing.F) {
	s := newScene(f, qseal.BerlinGroup13())
	for _, p := range []qseal.Profile{qseal.BerlinGroup13(), qseal.INGCavage()} {
		signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: p, Key: s.leaf.Key, Chain: s.leaf.Chain})
		require.NoError(f, err)
		m, err := qseal.ParseCaptured([]byte("POST /x HTTP/1.1\nHost: h\nX-Request-ID: 1\nPSU-ID: a\n\nbody"))
		require.NoError(f, err)
		signed, err := signer.SignCaptured(m, s.at)
		require.NoError(f, err)
		f.Add(signed.Text())
	}
	f.Add([]byte("GET / HTTP/1.1\nSignature: keyId=\"a\", algorithm = x,headers=\"(created)\",signature=\"\"\n\n"))
	profiles := []qseal.Profile{qseal.BerlinGroup13(), qseal.STET16(), qseal.INGCavage()}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := qseal.ParseCaptured(in)
		if err != nil {
			return
		}
		for _, p := range profiles {
			for _, quirks := range []qseal.Quirk{0, p.KnownQuirks()} {
				e, err := p.AllowQuirks(quirks).Examine(m, &qseal.Resolved{Chain: s.leaf.Chain}, s.at)
				require.NotEqual(t, qseal.ReasonInternal, qseal.ReasonOf(err), "%v", err)
				if e == nil {
					require.Error(t, err)
					continue
				}
				assert.Zero(t, e.Quirks&^quirks)
				rest := string(e.Base)
				for i, name := range e.Covered {
					var found bool
					if i > 0 {
						rest, found = strings.CutPrefix(rest, "\n")
						require.True(t, found)
					}
					rest, found = strings.CutPrefix(rest, name+": ")
					require.True(t, found, "%q", e.Base)
					if end := strings.IndexByte(rest, '\n'); end >= 0 {
						rest = rest[end:]
					} else {
						rest = ""
					}
				}
				require.Empty(t, rest)
			}
		}
	})
}

// A megabyte of anything is refused without work.
func TestJunkIsRefused(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	for name, junk := range map[string]string{
		"commas": strings.Repeat(",", 1<<20), "quotes": strings.Repeat(`"`, 1<<20), "parameters": strings.Repeat(`a="b",`, 1<<17),
		"names": `keyId="a",headers="` + strings.Repeat("a ", 1<<19) + `"`, "letters": strings.Repeat("A", 1<<20),
	} {
		for _, field := range []string{"Signature", "Digest", "Tpp-Signature-Certificate", "X-Request-Id"} {
			r := s.order()
			r.Header.Set(field, junk)
			err := s.verify(r)
			require.Error(t, err, name)
			assert.Less(t, len(err.Error()), 2000)
			assert.ErrorContains(t, err, "at most", "%s is not looked at", field)
		}
	}
}
