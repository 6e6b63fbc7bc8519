package xmldsig_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

func TestSignPlacesTheSignatureLast(t *testing.T) {
	by := mintECDSA(t, elliptic.P256(), "a")
	const name, open = "TrustServiceStatusList", `<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#"`
	rows := map[string]struct{ doc, before, after string }{
		"content":            {open + "><a/>x</" + name + ">", open + "><a/>x", "</" + name + ">"},
		"empty element":      {open + "/>\n", open + ">", "</" + name + ">\n"},
		"space in the tag":   {open + " ></" + name + " ><!-- c -->", open + " >", "</" + name + " ><!-- c -->"},
		"prefix of our own":  {open + ` xmlns:ds="urn:x"><ds:a/></` + name + ">", open + ` xmlns:ds="urn:x"><ds:a/>`, "</" + name + ">"},
		"prefix for xades":   {open + ` xmlns:xades="urn:x" xades:b=""/>`, open + ` xmlns:xades="urn:x" xades:b="">`, "</" + name + ">"},
		"xml:lang and space": {open + ` xml:lang="en" xml:space="preserve"> </` + name + ">", open + ` xml:lang="en" xml:space="preserve"> `, "</" + name + ">"},
	}
	for what, row := range rows {
		t.Run(what, func(t *testing.T) {
			doc := []byte(row.doc)
			signed := sign(t, row.doc, by, xmldsig.SignOptions{})
			assert.Equal(t, row.doc, string(doc), "the argument was modified")
			assert.True(t, bytes.HasPrefix(signed, []byte(row.before+"<ds:Signature ")), "%s", signed)
			assert.True(t, bytes.HasSuffix(signed, []byte("</ds:Signature>"+row.after)), "%s", signed)
			v, err := xmldsig.Verify(signed, by.pinned())
			require.NoError(t, err)
			assert.Equal(t, refOctets(t, doc), string(v.Octets))
		})
	}
}

func TestSignRefuses(t *testing.T) {
	by := mintECDSA(t, elliptic.P256(), "a")
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	good := xmldsig.SignOptions{At: signingTime}
	with := func(change func(*xmldsig.SignOptions)) xmldsig.SignOptions {
		o := good
		change(&o)
		return o
	}
	signed := string(sign(t, smallList, by, good))
	rows := []struct {
		name, doc string
		key       crypto.Signer
		der       []byte
		o         xmldsig.SignOptions
		want      string
	}{
		{"no time", smallList, by.key, by.der, xmldsig.SignOptions{}, "signing time"},
		{"SHA-1", smallList, by.key, by.der, with(func(o *xmldsig.SignOptions) { o.Hash = crypto.SHA1 }), "SHA-1"},
		{"another Id", smallList, by.key, by.der, with(func(o *xmldsig.SignOptions) { o.RootID = "list-2" }), "list-2"},
		{"Ed25519", smallList, edwards, by.der, good, "ed25519"},
		{"V1 with a broken certificate", smallList, by.key, []byte("x"), with(func(o *xmldsig.SignOptions) { o.V1 = true }), "V1"},
		{"signed already", signed, by.key, by.der, good, "signed"},
		{"not well-formed", "<a>", by.key, by.der, good, "well-formed"},
		{"key that fails", smallList, failingKey{by.key}, by.der, good, "no hands"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := xmldsig.Sign([]byte(row.doc), row.key, row.der, row.o)
			assert.ErrorContains(t, err, row.want)
		})
	}
}

type failingKey struct{ crypto.Signer }

func (failingKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no hands")
}
