package qseal_test

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestParseChain(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	chain := w.QSealC("LT", tppID, roles).Chain
	require.Len(t, chain, 2)
	leaf, ca := pemOf(chain[0].Raw), pemOf(chain[1].Raw)
	oneLine := strings.ReplaceAll(leaf, "\n", "")
	header := strings.Replace(leaf, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1)
	for name, row := range map[string]struct {
		in   string
		n    int
		want eidas.Reason
	}{
		"DER":                        {in: string(chain[0].Raw), n: 1},
		"PEM":                        {in: leaf, n: 1},
		"PEM chain":                  {in: leaf + ca, n: 2},
		"PEM without line breaks":    {in: oneLine, n: 1},
		"PEM, no line break between": {in: strings.TrimSpace(leaf) + ca, n: 2},
		"PEM in CRLF":                {in: strings.ReplaceAll(leaf+ca, "\n", "\r\n"), n: 2},
		"PEM, white space around":    {in: "\n \t" + leaf + "\r\n\n" + ca + "\n", n: 2},
		"eight certificates":         {in: strings.Repeat(leaf, 8), n: 8},
		"nine certificates":          {in: strings.Repeat(leaf, 9), want: eidas.ReasonChainTooLong},
		"too many bytes":             {in: leaf + strings.Repeat(" ", 48<<10), want: eidas.ReasonChainTooLong},
		"nothing":                    {in: "", want: eidas.ReasonCertificateMissing},
		"white space":                {in: " \n", want: eidas.ReasonCertificateMissing},
		"DER with a trailing byte":   {in: string(chain[0].Raw) + "\x00", want: eidas.ReasonCertificateMalformed},
		"DER cut short":              {in: string(chain[0].Raw[:100]), want: eidas.ReasonCertificateMalformed},
		"DER twice":                  {in: strings.Repeat(string(chain[0].Raw), 2), want: eidas.ReasonCertificateMalformed},
		"text before":                {in: "subject=CN=x\n" + leaf, want: eidas.ReasonCertificateMalformed},
		"text between":               {in: leaf + "x\n" + ca, want: eidas.ReasonCertificateMalformed},
		"text after":                 {in: leaf + "x", want: eidas.ReasonCertificateMalformed},
		"DER after PEM":              {in: leaf + string(chain[1].Raw), want: eidas.ReasonCertificateMalformed},
		"header":                     {in: header, want: eidas.ReasonCertificateMalformed},
		"other label":                {in: strings.ReplaceAll(leaf, "CERTIFICATE", "TRUSTED CERTIFICATE"), want: eidas.ReasonCertificateMalformed},
		"no end":                     {in: strings.Replace(leaf, "-----END", "-----DNE", 1), want: eidas.ReasonCertificateMalformed},
		"base64 without a beginning": {in: strings.TrimPrefix(leaf, "-----BEGIN CERTIFICATE-----\n"), want: eidas.ReasonCertificateMalformed},
		"base64 without an end":      {in: strings.TrimSuffix(leaf, "-----END CERTIFICATE-----\n"), want: eidas.ReasonCertificateMalformed},
		"line break in broken DER":   {in: "0\n\x1b[2K", want: eidas.ReasonCertificateMalformed},
		"end of another label":       {in: strings.Replace(leaf, "END CERTIFICATE", "END PKCS7", 1), want: eidas.ReasonCertificateMalformed},
		"broken one before a good":   {in: strings.Replace(leaf, "-----BEGIN", "----BEGIN", 1) + ca, want: eidas.ReasonCertificateMalformed},
		"base64 with another letter": {in: strings.Replace(leaf, "M", "*", 1), want: eidas.ReasonCertificateMalformed},
		"empty block":                {in: pemOf(nil), want: eidas.ReasonCertificateMalformed},
		"another structure":          {in: pemOf([]byte{0x30, 0x03, 0x02, 0x01, 0x01}), want: eidas.ReasonCertificateMalformed},
		"URL encoded":                {in: strings.ReplaceAll(leaf, " ", "%20"), want: eidas.ReasonCertificateMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := qseal.ParseChain([]byte(row.in))
			assert.Equal(t, row.want, eidas.ReasonOf(err), "%v", err)
			if err != nil {
				assert.NotContains(t, err.Error(), "\n", "a log may show it as it is")
			}
			require.Len(t, got, row.n)
			for i, c := range got {
				assert.Equal(t, chain[i*len(chain)/max(row.n, 2)].Raw, c.Raw)
				if row.n == 8 {
					break // eight times the leaf
				}
			}
		})
	}
}

// The same octets must not have two spellings, or two readers of one message
// may tell them apart.
func TestParseChainDemandsCanonicalBase64(t *testing.T) {
	der := []byte{0x30, 0x03, 0x02, 0x01} // four octets end in "=="
	text := pemOf(der)
	require.Contains(t, text, "AQ==")
	_, err := qseal.ParseChain([]byte(strings.Replace(text, "AQ==", "AR==", 1)))
	require.ErrorContains(t, err, "base64")
	_, err = qseal.ParseChain([]byte(strings.Replace(text, "AQ==", "AQ", 1)))
	assert.ErrorContains(t, err, "base64")
}

// The oracle: no panic; what is accepted is what encoding/pem and crypto/x509
// read too, certificate by certificate; what is refused has a reason that
// blames the peer.
func FuzzParseChain(f *testing.F) {
	w := eidastest.Start(f, eidastest.Options{})
	chain := w.QSealC("LT", tppID, roles).Chain
	f.Add(chain[0].Raw)
	f.Add([]byte(pemOf(chain[0].Raw) + pemOf(chain[1].Raw)))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----"))
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		got, err := qseal.ParseChain(in)
		assert.Equal(t, before, in, "the input is not changed")
		if err != nil {
			assert.Equal(t, eidas.CauseTPP, eidas.ReasonOf(err).Cause(), "%v", err)
			assert.Nil(t, got)
			return
		}
		require.NotEmpty(t, got)
		if in[0] == 0x30 {
			assert.Equal(t, in, got[0].Raw)
			return
		}
		// encoding/pem wants the boundaries on lines of their own.
		text := bytes.ReplaceAll(in, []byte("-----BEGIN"), []byte("\n-----BEGIN"))
		text = bytes.ReplaceAll(text, []byte("CERTIFICATE-----"), []byte("CERTIFICATE-----\n"))
		text = bytes.ReplaceAll(text, []byte("-----END"), []byte("\n-----END"))
		for _, c := range got {
			var block *pem.Block
			block, text = pem.Decode(text)
			require.NotNil(t, block)
			assert.Equal(t, block.Bytes, c.Raw)
		}
	})
}
