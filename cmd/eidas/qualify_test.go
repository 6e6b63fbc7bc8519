package main_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/internal/realdata"
)

// qualified is the JSON of "qualify".
type qualified struct {
	Conclusion string        `json:"conclusion"`
	Qualified  bool          `json:"qualified"`
	Type       string        `json:"type"`
	QSCD       bool          `json:"qscd"`
	AtIssuance qualifiedSide `json:"at_issuance"`
	AtTime     qualifiedSide `json:"at_time"`
	Snapshot   string        `json:"snapshot"`
	PathReason string        `json:"path_reason"`
	Error      string        `json:"error"`
	Reason     string        `json:"reason"`
}

type qualifiedSide struct {
	At         string           `json:"at"`
	Conclusion string           `json:"conclusion"`
	Reason     string           `json:"reason"`
	Service    *verifiedService `json:"service"`
}

func TestQualifyGivesTheOfficialConclusions(t *testing.T) {
	lists := realdata.Path(t, "efda", "lists")
	for _, row := range manifest(t, "efda", "cases.csv") {
		t.Run(row["case"]+" "+row["title"], func(t *testing.T) {
			chain := realdata.Path(t, "efda", "certs", row["case"]+".pem")
			o := eidasCmd(t, "qualify", "--world", lists, "--at", row["time"], "--json", chain)
			got := document[qualified](t, o)
			assert.Equal(t, row["conclusion"], got.Conclusion)
			assert.Equal(t, map[bool]int{true: 0, false: 1}[got.Qualified], o.code)
			assert.Equal(t, got.AtTime.At, row["time"])
		})
	}
}

func TestQualifyFromTheLeafAlone(t *testing.T) {
	m := mint(t)
	dir := m.folder(t)
	file := tempFile(t, m.leaf.Certificate.Raw)
	o := eidasCmd(t, "qualify", "--world", dir, "--at", noon, "--json", file)
	assert.Equal(t, 0, o.code)
	got := document[qualified](t, o)
	assert.True(t, got.Qualified)
	assert.Equal(t, "Not AdES", got.Conclusion)
	assert.Equal(t, "web", got.Type)
	require.NotNil(t, got.AtTime.Service)
	assert.Equal(t, "LT", got.AtTime.Service.Territory)
	assert.Equal(t, "granted", got.AtTime.Service.Status)
	assert.Equal(t, m.List("LT").URL, got.AtTime.Service.List)
	assert.Equal(t, m.List("LT").Sequence, got.AtTime.Service.Sequence)
	load := eidasCmd(t, "trustlist", "load", "--json", "--world", dir)
	assert.Equal(t, document[stored](t, load).Snapshot, got.Snapshot)
	for _, list := range []string{"warnings"} {
		assert.Equal(t, "[]", string(document[map[string]json.RawMessage](t, o)[list]))
	}
	text := eidasCmd(t, "qualify", "--world", dir, "--at", noon, file)
	assert.Equal(t, 0, text.code)
	assert.Contains(t, text.stdout, "qualified for website authentication (TS 119 615: Not AdES)\n")
	assert.Contains(t, text.stdout, "Z  qualified for website authentication (TS 119 615: Not AdES)\n", "at each time")
	assert.Contains(t, text.stdout, "  LT, sequence 10, "+m.List("LT").URL+"\n")
}

func TestQualifySealOnNoDevice(t *testing.T) {
	m := mint(t)
	file := tempFile(t, pemOf(m.QSealC("DE", tppID, eidas.RoleAI)))
	got := document[qualified](t, eidasCmd(t, "qualify", "--json", "--world", m.folder(t), "--at", noon, file))
	assert.Equal(t, "AdESeal-QC", got.Conclusion)
	assert.False(t, got.QSCD)
}

func TestQualifyWithoutAListedIssuer(t *testing.T) {
	m := mint(t)
	leaf, err := m.Impostor("LT").Issue(eidastest.QWAC(tppID, eidas.RoleAI))
	require.NoError(t, err)
	o := eidasCmd(t, "qualify", "--json", "--world", m.folder(t), "--at", noon, tempFile(t, pemOf(leaf)))
	assert.Equal(t, 1, o.code)
	got := document[qualified](t, o)
	assert.False(t, got.Qualified)
	assert.Equal(t, "signature_invalid", got.PathReason)
	assert.Nil(t, got.AtTime.Service)
}

func TestQualifyWithoutAnythingToConcludeFrom(t *testing.T) {
	m := mint(t)
	dir := m.folder(t)
	o := eidasCmd(t, "qualify", "--json", "--world", dir, "--at", noon, tempFile(t, "\x30\x03\x02\x01\x00"))
	assert.Equal(t, 1, o.code)
	assert.Equal(t, "certificate_malformed", document[qualified](t, o).Reason)

	m.Check(m.LOTL.Tamper())
	o = eidasCmd(t, "qualify", "--json", "--world", m.folder(t), "--at", noon, tempFile(t, pemOf(m.leaf)))
	assert.Equal(t, 1, o.code)
	got := document[qualified](t, o)
	assert.Equal(t, "trust_unavailable", got.Reason)
	assert.Empty(t, got.Conclusion)

	text := eidasCmd(t, "qualify", "--world", m.folder(t), "--at", noon, tempFile(t, pemOf(m.leaf)))
	assert.Contains(t, text.stdout, "no conclusion  trust_unavailable")
}

func TestQualifyHelpExplainsTheConclusions(t *testing.T) {
	help := eidasCmd(t, "help", "qualify").stdout
	for _, word := range []string{"Not AdES  ", "QESeal, QESig  ", "AdESeal-QC, AdESig-QC  ", "AdESeal, AdESig  ", "Unknown-QC-QSCD, Unknown-QC  ", "Unknown  ", "N/A  "} {
		assert.Contains(t, help, "\n  "+word)
	}
}
