package qseal_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// 13: the time in a seal is judged in every profile that has one, to the second.
func TestAttack13BoundsOfEachProfile(t *testing.T) {
	type bounds struct{ skew, age time.Duration }
	usual := map[string]bounds{
		"stet-1.6": {time.Minute, 5 * time.Minute}, "ing-cavage": {time.Minute, 5 * time.Minute},
		"jades-http": {2 * time.Second, time.Minute}, "ing-jades": {2 * time.Second, time.Minute}, "rfc9421": {2 * time.Second, time.Minute},
		"obie-3.1.3": {2 * time.Second, 5 * time.Minute}, "obie-3.1.4": {2 * time.Second, 5 * time.Minute},
		"polish-api-2.1": {}, "berlin-group-1.3": {}, // seal no time; a Date that is sealed: TestAttack13Dates
	}
	for _, p := range qseal.Profiles() {
		want, known := usual[p.Name()]
		require.True(t, known, p.Name())
		s := rsaScene(t, p)
		c, err := qseal.ParseCaptured([]byte("POST /v1/payments HTTP/1.1\nHost: bank.example\nX-Request-Id: 1\n\n" +
			`{"requestHeader":{"requestId":"1"}}`))
		require.NoError(t, err)
		sealed, err := sealing(t, p, s.leaf).SignCaptured(c, sealTime)
		require.NoError(t, err)
		found := &qseal.Resolved{Chain: s.leaf.Chain, SHA256: sha256Of(s.leaf.Certificate.Raw)}
		examine := func(p qseal.Profile, after time.Duration) (time.Time, qseal.Reason) {
			seen, err := p.Examine(sealed, found, sealTime.Add(after))
			require.NotNil(t, seen)
			return seen.SignedAt, qseal.ReasonOf(err)
		}
		century := 876000 * time.Hour
		if want.age == 0 {
			for _, after := range []time.Duration{-century, 0, century} {
				at, reason := examine(p, after)
				assert.Zero(t, reason, p.Name())
				assert.Zero(t, at)
			}
			continue
		}
		own := bounds{17 * time.Second, time.Hour}
		for _, row := range []struct {
			profile qseal.Profile
			bounds
		}{{p, want}, {p.AllowAge(own.age, own.skew), own}, {p.AllowAge(century, 0), bounds{0, century}}} {
			for after, reason := range map[time.Duration]qseal.Reason{
				0: 0, -row.skew: 0, -row.skew - 1: qseal.ReasonIssuedInFuture, row.age: 0, row.age + 1: qseal.ReasonStale,
			} {
				at, got := examine(row.profile, after)
				assert.Equal(t, reason.String(), got.String(), "%s after %s", p.Name(), after)
				assert.Equal(t, sealTime, at.UTC(), p.Name())
			}
		}
		_, reason := examine(p.AllowAge(0, 0), century)
		assert.Zero(t, reason, "any age, %s", p.Name())
		_, reason = examine(p.AllowAge(0, 0), -1)
		assert.Equal(t, qseal.ReasonIssuedInFuture, reason, "never ahead, %s", p.Name())
	}
}

// 13: the year one is what Go has for no time. A seal of that year would have no
// age, and be good for ever once it is forgotten.
func TestAttack13TheYearOneIsNoTime(t *testing.T) {
	for name, row := range map[string]struct {
		profile qseal.Profile
		want    qseal.Reason
	}{
		"sigT":              {qseal.INGJAdES(), qseal.ReasonHeader},
		"Date":              {qseal.INGCavage(), qseal.ReasonFormat},
		"Date beside an id": {qseal.STET16(), qseal.ReasonFormat},
	} {
		t.Run(name, func(t *testing.T) {
			s := idlessScene(t, row.profile)
			for _, twin := range []struct {
				at   time.Time
				want qseal.Reason
			}{{time.Time{}, row.want}, {time.Time{}.Add(time.Second), qseal.ReasonStale}, {s.at, 0}} {
				r := httptest.NewRequest(http.MethodPost, "/v1/payments", strings.NewReader(payment))
				r.Header.Set("X-Request-Id", "1")
				require.NoError(t, sealing(t, row.profile, s.leaf).SignRequest(r, twin.at))
				err := s.verify(r)
				assert.Equal(t, twin.want, qseal.ReasonOf(err), "%s: %v", twin.at, err)
			}
		})
	}
}
