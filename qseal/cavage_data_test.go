package qseal_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// cavageReasons are those that say what a case of bg, cavage or digest says.
func cavageReasons(why string) []qseal.Reason {
	for _, w := range []struct {
		words   string
		reasons []qseal.Reason
	}{
		{"no Signature header", []qseal.Reason{qseal.ReasonSignatureMissing}},
		{"garbage parameters", []qseal.Reason{qseal.ReasonFormat, qseal.ReasonHeader}},
		{"no keyId", []qseal.Reason{qseal.ReasonHeader}},
		{"covered headers missing", []qseal.Reason{qseal.ReasonFieldMissing, qseal.ReasonCoverage}},
		{"covered header missing", []qseal.Reason{qseal.ReasonFieldMissing}},
		{"listed but absent", []qseal.Reason{qseal.ReasonFieldMissing}},
		{"signature bytes wrong", []qseal.Reason{qseal.ReasonFormat, qseal.ReasonSignatureInvalid}},
		{"also not valid base64", []qseal.Reason{qseal.ReasonFormat}},
		{"headers list differs", []qseal.Reason{qseal.ReasonCoverage, qseal.ReasonSignatureInvalid}},
		{"date tampered", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"host changed", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"query case changed", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"forbidden for rsa", []qseal.Reason{qseal.ReasonHeader}},
		{"Date in IST", []qseal.Reason{qseal.ReasonFormat, qseal.ReasonSignatureInvalid}},
		{"SHA-1", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"not base64", []qseal.Reason{qseal.ReasonDigest}},
		{"does not match", []qseal.Reason{qseal.ReasonDigest}},
		{"no algorithm", []qseal.Reason{qseal.ReasonDigest}},
		{"empty header", []qseal.Reason{qseal.ReasonDigest, qseal.ReasonDigestMissing}},
	} {
		if strings.Contains(why, w.words) {
			return w.reasons
		}
	}
	return nil
}

// captured is the message of a case with its body.
func (c *dataCase) captured(tb testing.TB) *qseal.Captured {
	tb.Helper()
	m, err := qseal.ParseCaptured([]byte(strings.TrimRight(c.Message, "\n") + "\n"))
	require.NoError(tb, err)
	return m.WithBody([]byte(c.Body))
}

// expects holds a verdict to a case.
func (c *dataCase) expects(tb testing.TB, err error) {
	tb.Helper()
	if c.Expect == "valid" {
		require.NoError(tb, err, c.Why)
		return
	}
	require.Equal(tb, "invalid", c.Expect)
	require.Error(tb, err, c.Why)
	require.NotEqual(tb, qseal.ReasonInternal, qseal.ReasonOf(err))
	if want := cavageReasons(c.Why); want != nil {
		require.Contains(tb, want, qseal.ReasonOf(err), "%s: %v", c.Why, err)
	}
}

// The grammar, the signing string and the algorithms. Every valid message is
// refused after one byte has changed in each covered part.
func TestDataCavage(t *testing.T) {
	cases := dataMessages(t, "cavage")
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			verify := func(m *qseal.Captured) error { return verifyCavage(t, &c, m) }
			c.expects(t, verify(c.captured(t)))
			if c.Expect != "valid" {
				return
			}
			read, err := qseal.ReadCavage(c.captured(t), c.Field)
			require.NoError(t, err)
			if c.Base != "" {
				assert.Equal(t, c.Base, read.Base)
			}
			for name, changed := range mutations(c.captured(t), read.Base) {
				m, err := qseal.ParseCaptured(changed)
				if err != nil {
					continue // no HTTP any more
				}
				assert.Error(t, verify(m), "%s\n%s", name, changed)
			}
		})
	}
	t.Logf("%d cases", len(cases))
}

func verifyCavage(tb testing.TB, c *dataCase, m *qseal.Captured) error {
	tb.Helper()
	read, err := qseal.ReadCavage(m, c.Field)
	if err != nil {
		return err
	}
	pub, secret := c.publicKey(tb)
	if secret != nil {
		// A seal is never of a secret key: this one is for its signing string only.
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(read.Base))
		require.ErrorIs(tb, read.Verify(h, c.Alg), qseal.ReasonAlgorithm)
		if !hmac.Equal(h.Sum(nil), read.Signature) {
			return qseal.ReasonSignatureInvalid
		}
		return nil
	}
	return read.Verify(pub, c.Alg)
}

// mutations changes one byte in the value of each line of a signing string, in
// the message as it was captured.
func mutations(m *qseal.Captured, base string) map[string][]byte {
	out := map[string][]byte{}
	text := string(m.Text())
	for line := range strings.SplitSeq(base, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		if name == "(created)" || name == "(expires)" {
			out[name] = []byte(strings.Replace(text, name[1:8]+"="+value, name[1:8]+"="+flip(value), 1))
			continue
		}
		if name == "(request-target)" {
			method, target, _ := strings.Cut(value, " ")
			out["method"] = []byte(strings.Replace(text, strings.ToUpper(method)+" ", "QUERY ", 1))
			out["target"] = []byte(strings.Replace(text, " "+target+" ", " "+flip(target)+" ", 1))
			continue
		}
		lines := strings.Split(text, "\n")
		for i, l := range lines {
			key, have, found := strings.Cut(l, ": ")
			if found && strings.EqualFold(key, name) {
				changed := slices.Clone(lines)
				changed[i] = key + ": " + flip(have)
				out[name] = []byte(strings.Join(changed, "\n"))
			}
		}
	}
	return out
}

// flip changes the last letter or digit.
func flip(s string) string {
	b := []byte(s)
	for i := len(b) - 1; i >= 0; i-- {
		switch c := b[i]; {
		case c == '9' || c == 'z' || c == 'Z':
			b[i]--
			return string(b)
		case '0' <= c && c < '9', 'a' <= c && c < 'z', 'A' <= c && c < 'Z':
			b[i]++
			return string(b)
		}
	}
	return s + "x"
}

// Whole seals of Berlin Group, with the certificate that comes along. A case
// that is lenient is judged with every quirk, and a valid one is refused without.
func TestDataBerlinGroup(t *testing.T) {
	cases := dataMessages(t, "bg")
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			strict := qseal.BerlinGroup13().AllowAge(0, 0)
			p := strict
			if c.Lenient || c.Expect == "invalid" {
				// Refused for the stated reason, not for what surrounds it.
				p = p.AllowQuirks(p.KnownQuirks())
			}
			at := time.Now()
			e, err := examineSignature(&c, p, c.captured(t), at)
			c.expects(t, err)
			_, strictly := strict.Examine(c.captured(t), nil, at)
			if c.Lenient || c.Expect == "invalid" {
				require.Error(t, strictly)
			}
			if c.Expect != "valid" {
				return
			}
			assert.Equal(t, c.Lenient, e.Quirks != 0)
			for name, changed := range mutations(c.captured(t), string(e.Base)) {
				m, err := qseal.ParseCaptured(changed)
				require.NoError(t, err)
				_, err = examineSignature(&c, p, m, at)
				require.Error(t, err, name)
			}
			_, err = p.Examine(c.captured(t).WithBody([]byte(c.Body+"x")), nil, at)
			assert.ErrorIs(t, err, qseal.ReasonDigest)
		})
	}
	t.Logf("%d cases", len(cases))
}

// examineSignature judges a message whose source does not always give the body
// of the digest: that is compared last, so a wrong digest of no body means that
// all else is right.
func examineSignature(c *dataCase, p qseal.Profile, m *qseal.Captured, at time.Time) (*qseal.Examination, error) {
	e, err := p.Examine(m, nil, at)
	if c.Body == "" && qseal.ReasonOf(err) == qseal.ReasonDigest && e != nil {
		return e, nil
	}
	return e, err
}

func TestDataDigest(t *testing.T) {
	cases := dataMessages(t, "digest")
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			err := qseal.CheckDigest(c.Header, []byte(c.Body))
			c.expects(t, err)
			if c.Expect == "valid" {
				for i := range c.Body {
					changed := []byte(c.Body)
					changed[i] ^= 1
					require.ErrorIs(t, qseal.CheckDigest(c.Header, changed), qseal.ReasonDigest)
				}
			}
		})
	}
	t.Logf("%d cases", len(cases))
}
