package revocation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b953571c/eidas/revocation"
)

func TestTime(t *testing.T) {
	for _, tt := range []struct {
		text string
		want time.Time // zero: refused
	}{
		{"20261122051537Z", time.Date(2026, 11, 22, 5, 15, 37, 0, time.UTC)},
		{"20240229000000Z", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"20000229235959Z", time.Date(2000, 2, 29, 23, 59, 59, 0, time.UTC)},
		{"19700101000000Z", time.Unix(0, 0).UTC()},
		{"99991231235959Z", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"491231235959Z", time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"500101000000Z", time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"00020101000000Z", time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"00010101000000Z", time.Time{}},
		{"00000101000000Z", time.Time{}},
		{"20230229000000Z", time.Time{}},
		{"19000229000000Z", time.Time{}},
		{"20260431000000Z", time.Time{}},
		{"20260132000000Z", time.Time{}},
		{"20260100000000Z", time.Time{}},
		{"20260001000000Z", time.Time{}},
		{"20261301000000Z", time.Time{}},
		{"20260101240000Z", time.Time{}},
		{"20260101006000Z", time.Time{}},
		{"20260101000060Z", time.Time{}},
		{"20260101000000", time.Time{}},
		{"202601010000Z", time.Time{}},
		{"20260101000000.5Z", time.Time{}},
		{"20260101000000+0100", time.Time{}},
		{"2026010100000aZ", time.Time{}},
		{"202601010000001", time.Time{}},
		{"2x260101000000Z", time.Time{}},
		{"2601010000001", time.Time{}},
		{"260101000000", time.Time{}},
		{"2601010000Z", time.Time{}},
		{"", time.Time{}},
	} {
		tag := byte(0x18)
		if len(tt.text) < 14 && tt.text != "" {
			tag = 0x17
		}
		got, ok := revocation.ReadTime(append([]byte{tag, byte(len(tt.text))}, tt.text...))
		assert.Equal(t, !tt.want.IsZero(), ok, tt.text)
		assert.True(t, tt.want.Equal(got), "%s: %s", tt.text, got)
	}
}

// FuzzTime: time.Parse is the oracle; what it refuses or reads otherwise is no
// time here either.
func FuzzTime(f *testing.F) {
	f.Add("20261122051537Z")
	f.Add("20240230000000Z")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 100 {
			return
		}
		got, ok := revocation.ReadTime(append([]byte{0x18, byte(len(text))}, text...))
		want, err := time.Parse("20060102150405Z", text)
		// The years 0 and 1 are refused, see readGeneralized.
		if ok != (err == nil && len(text) == 15 && want.Year() > 1) || ok && !got.Equal(want) {
			t.Errorf("%q: %v %v, time.Parse %v %v", text, got, ok, want, err)
		}
	})
}
