package eidas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

func TestRecordOfAcceptance(t *testing.T) {
	res, err := run{policy: func(p *eidas.Policy) { p.AllowNoRevocation = true }}.validate(t)
	require.NoError(t, err)
	text, err := json.Marshal(res)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, "eidas.verdict/v1", got["schema"])
	assert.Equal(t, "accept", got["decision"])
	assert.NotContains(t, got, "reason")
	assert.Equal(t, tppID, got["identity"])
	assert.Equal(t, []any{"PSP_PI", "PSP_AI"}, got["roles"])
	assert.Equal(t, []any{"revocation_off"}, got["degraded"])
	service := got["service"].(map[string]any)
	assert.Equal(t, "LT", service["territory"])
	assert.Equal(t, "Example QTSP", service["provider"])
	assert.Equal(t, "granted", service["status"])
}

func TestRecordOfRefusal(t *testing.T) {
	res, err := run{status: &statusOf{answer: eidas.StatusAnswer{Status: eidas.StatusRevoked}}}.validate(t)
	rec := eidas.RecordOf(res, err)
	assert.Equal(t, "refuse", rec.Decision)
	assert.Equal(t, "revoked", rec.Reason)
	assert.Equal(t, "tpp", rec.Cause)
	assert.Equal(t, tppID, rec.Identity, "a claim, for the log")

	rec = eidas.RecordOf(nil, errors.New("x"))
	assert.Equal(t, "internal", rec.Reason)
	assert.Equal(t, "us", rec.Cause)
	rec = eidas.RecordOf(nil, nil)
	assert.Equal(t, "refuse", rec.Decision, "nothing is not a yes")
}

// A certificate cannot forge a line of the log.
func TestRecordIsQuotedInLogs(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("verdict", "eidas", &eidas.Error{Reason: eidas.ReasonIdentityMalformed, Err: errors.New("x\nlevel=INFO msg=verdict decision=accept")})
	assert.Equal(t, 1, bytes.Count(out.Bytes(), []byte("\n")))
	assert.Contains(t, out.String(), "eidas.reason=identity_malformed")
}
