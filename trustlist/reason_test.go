package trustlist_test

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
	"github.com/seed-b953571c/eidas/trustlist"
)

func TestReasonsAreCompleteAndDistinct(t *testing.T) {
	codes, texts := map[string]bool{}, map[string]bool{}
	for _, r := range trustlist.Reasons() {
		code, text := r.String(), r.Error()
		assert.Regexp(t, `^[a-z_]+$`, code)
		assert.NotEqual(t, code, text, "no sentence")
		assert.False(t, codes[code] || texts[text], "%s repeats", code)
		codes[code], texts[text] = true, true
		out, err := json.Marshal(r)
		require.NoError(t, err)
		assert.JSONEq(t, `"`+code+`"`, string(out))
	}
	assert.Empty(t, trustlist.Reason(0).String())
	assert.Equal(t, "reason(255)", trustlist.Reason(255).String())
	assert.Equal(t, "reason(255)", trustlist.Reason(255).Error())
}

func TestReasonOf(t *testing.T) {
	assert.Zero(t, trustlist.ReasonOf(nil))
	assert.Equal(t, trustlist.ReasonInternal, trustlist.ReasonOf(io.EOF))
	assert.Equal(t, trustlist.ReasonNotFound, trustlist.ReasonOf(fmt.Errorf("x: %w", trustlist.ReasonNotFound)))
	e := &trustlist.Error{Reason: trustlist.ReasonPivot, URL: "https://x", Err: &trustlist.Error{Reason: trustlist.ReasonNotFound, Err: io.EOF}}
	assert.Equal(t, trustlist.ReasonPivot, trustlist.ReasonOf(fmt.Errorf("x: %w", e)))
	require.ErrorIs(t, e, trustlist.ReasonNotFound)
	require.ErrorIs(t, e, io.EOF)
	require.NotErrorIs(t, e, trustlist.ReasonFetchFailed)
	assert.Equal(t, `trustlist: pivot of the list of trusted lists is not usable: url "https://x": trustlist: list is not there: EOF`, e.Error())
	require.NotErrorIs(t, &trustlist.Error{Reason: trustlist.ReasonNotFound}, io.EOF)
}

// Every cause of the signature check has a reason of its own here, else it
// would be reported as a defect of this package.
func TestEverySignatureCodeHasAReason(t *testing.T) {
	for _, c := range xmldsig.Codes() {
		assert.NotEqual(t, trustlist.ReasonInternal, trustlist.ReasonOfCode(c), "%s", c)
	}
	assert.Equal(t, trustlist.ReasonInternal, trustlist.ReasonOfCode(0))
}
