package eidastest_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/trustlist"
)

// hostileReasons says for what each row is refused, so that none is refused by
// accident for something else.
var hostileReasons = map[int]trustlist.Reason{
	1:  trustlist.ReasonSignatureMissing,
	2:  trustlist.ReasonSignerUnknown,
	3:  trustlist.ReasonSignatureMalformed,
	4:  trustlist.ReasonSignatureMalformed,
	5:  trustlist.ReasonSignatureMalformed,
	6:  trustlist.ReasonSignatureMalformed,
	7:  trustlist.ReasonSignatureUnsupported,
	8:  trustlist.ReasonXMLMalformed,
	9:  trustlist.ReasonSignatureMalformed,
	10: trustlist.ReasonSignatureUnsupported,
	11: trustlist.ReasonSignatureInvalid,
	12: trustlist.ReasonSignatureInvalid,
	13: trustlist.ReasonSignerUnknown,
	14: trustlist.ReasonSignatureMalformed,
	15: trustlist.ReasonSignatureMalformed,
	16: trustlist.ReasonSignatureMalformed,
	30: trustlist.ReasonXMLMalformed,
	31: trustlist.ReasonXMLMalformed,
	32: trustlist.ReasonSignatureMissing,
	33: trustlist.ReasonXMLMalformed,
	34: trustlist.ReasonXMLMalformed,
	35: trustlist.ReasonXMLMalformed,
}

func signersOf(l *eidastest.List) [][32]byte {
	var all [][32]byte
	for _, c := range l.Signers() {
		all = append(all, sha256.Sum256(c.Raw))
	}
	return all
}

// forgeries are rows 1 to 16.
func forgeries() []eidastest.HostileRow { return eidastest.HostileRows()[:16] }

func TestHostileRowsAreComplete(t *testing.T) {
	var numbers []int
	for _, row := range eidastest.HostileRows() {
		numbers = append(numbers, row.Number)
		assert.NotEmpty(t, row.Name)
	}
	assert.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 30, 31, 32, 33, 34, 35}, numbers)
	assert.Len(t, hostileReasons, len(numbers))
}

func TestNoHostileListIsAuthentic(t *testing.T) {
	for _, key := range []eidastest.KeyType{eidastest.P256, eidastest.RSA2048} {
		w := eidastest.Start(t, eidastest.Options{SignerKey: key})
		l := w.List("LT")
		rows := eidastest.HostileRows()
		if key != eidastest.P256 {
			rows = forgeries() // a bomb is the same whatever the key
		}
		for _, row := range rows {
			t.Run(fmt.Sprintf("key %d/%d %s", key, row.Number, row.Name), func(t *testing.T) {
				doc, err := l.Hostile(row.Number)
				require.NoError(t, err)
				r := trustlist.CheckList(doc, signersOf(l))
				assert.False(t, r.Accepted)
				assert.False(t, r.Authentic)
				assert.Equal(t, hostileReasons[row.Number], r.Reason, "%v", r.Err)
			})
		}
	}
}

// The twin: what the forger makes with all switches off is good. Without it the
// rows could be refused because the forger cannot sign.
func TestForgerWithoutMaliceIsAccepted(t *testing.T) {
	for _, key := range []eidastest.KeyType{eidastest.P256, eidastest.P384, eidastest.RSA2048} {
		w := eidastest.Start(t, eidastest.Options{SignerKey: key, Territories: []string{"LT"}})
		doc, err := eidastest.ForgeHonest(w.List("LT"))
		require.NoError(t, err)
		r := trustlist.CheckList(doc, signersOf(w.List("LT")))
		assert.True(t, r.Accepted, "%v", r.Err)
	}
}

func TestNoHostileListIsLoaded(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	l := w.List("LT")
	for _, row := range forgeries() {
		t.Run(fmt.Sprintf("%d %s", row.Number, row.Name), func(t *testing.T) {
			doc, err := l.Hostile(row.Number)
			require.NoError(t, err)
			w.Check(l.Replace(doc))
			s := load(t, w)
			assert.False(t, report(t, s, "LT").Accepted)
			assert.Equal(t, 1, s.Counts().Services, "only the other list counts")
		})
	}
	w.Check(l.Restore())
	assert.Equal(t, 2, load(t, w).Counts().Services)
}

func TestNoHostileLOTLIsLoaded(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for _, row := range forgeries() {
		t.Run(fmt.Sprintf("%d %s", row.Number, row.Name), func(t *testing.T) {
			doc, err := w.LOTL.Hostile(row.Number)
			require.NoError(t, err)
			w.Check(w.LOTL.Replace(doc))
			_, err = w.Load(t.Context())
			require.Error(t, err)
		})
	}
	w.Check(w.LOTL.Restore())
	load(t, w)
}

func TestUnknownHostileRowIsAnError(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	_, err := w.LOTL.Hostile(99)
	require.ErrorContains(t, err, "99")
}
