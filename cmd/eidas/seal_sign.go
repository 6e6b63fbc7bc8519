package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas/qseal"
)

func sealSignCommand() *command {
	return &command{
		name:    "seal sign",
		usage:   "--profile P --key F --certificate F [flags] MESSAGE",
		summary: "seal an HTTP message, for tests of the other side",
		about: `
Seals MESSAGE, in the form of 'eidas seal verify', and prints it with the seal.
The key is read from a file, which is for test keys: those of qualified
certificates belong into a device, and package qseal takes any crypto.Signer.

Profiles: ` + profileNames() + `.

With --json, one object: message.`,
		exits: `  0  sealed
  2  usage or input error`,
		examples: []string{
			"eidas seal sign --profile berlin-group-1.3 --key key.pem --certificate seal.pem request.txt",
			"eidas seal sign --profile stet-1.6 --key key.pem --certificate seal.pem --key-id https://tpp.example/seal_… request.txt",
		},
		define: func(fs *flag.FlagSet) action {
			f := &signFlags{}
			fs.Func("profile", "the `STANDARD` to seal in", func(s string) error { return setProfile(&f.profile, s) })
			fs.StringVar(&f.key, "key", "", "private key `FILE`, PEM")
			fs.StringVar(&f.certificate, "certificate", "", "certificate `CHAIN` of the key; PEM or DER")
			fs.StringVar(&f.keyID, "key-id", "", "`NAME` of the certificate; required for "+needKeyID())
			fs.StringVar(&f.issuer, "issuer", "", "`ISS` of OBIE (default what the certificate says)")
			fs.StringVar(&f.body, "body", "", "`FILE` with the body, where it is not in MESSAGE")
			fs.Var(&f.at, "at", "`TIME` of the seal, RFC 3339, a date or Unix seconds (default now)")
			return func(_ context.Context, e *env, operands []string) (int, error) {
				return e.signSeal(f, operands)
			}
		},
	}
}

type signFlags struct {
	profile                               qseal.Profile
	key, certificate, keyID, issuer, body string
	at                                    timeFlag
}

// needKeyID names the profiles that take a --key-id.
func needKeyID() string {
	var names []string
	for _, p := range qseal.Profiles() {
		if p.NeedsKeyID() {
			names = append(names, p.Name())
		}
	}
	return strings.Join(names, ", ")
}

// signReport is the JSON of "seal sign".
type signReport struct {
	Message string `json:"message"`
}

func (e *env) signSeal(f *signFlags, operands []string) (int, error) {
	switch {
	case f.profile.IsZero():
		return 0, usagef("--profile is required")
	case f.key == "" || f.certificate == "":
		return 0, usagef("--key and --certificate are required")
	case f.keyID == "" && f.profile.NeedsKeyID():
		return 0, usagef("--key-id is required for --profile %s: its seals name the certificate in no other way", f.profile.Name())
	case len(operands) != 1:
		return 0, usagef("one MESSAGE is needed, not %d", len(operands))
	}
	message, err := e.readMessage(operands[0], f.body)
	if err != nil {
		return 0, err
	}
	chain, err := e.readChain([]string{f.certificate})
	if err != nil {
		return 0, err
	}
	key, err := e.readKey(f.key)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", f.key, err)
	}
	signer, err := qseal.NewSigner(qseal.SignerConfig{
		Profile: f.profile, Key: key, Chain: chain, KeyID: f.keyID, Issuer: f.issuer,
	})
	if err != nil {
		return 0, err
	}
	at := f.at.Time
	if at.IsZero() {
		at = time.Now()
	}
	sealed, err := signer.SignCaptured(message, at)
	if err != nil {
		return 0, err
	}
	if e.json {
		return exitAccepted, e.emit(signReport{string(sealed.Text())})
	}
	return exitAccepted, e.print(string(sealed.Text()))
}

var errNoKey = errors.New("no private key in it: PEM of PKCS #8, PKCS #1 or SEC 1 is needed")

// readKey reads a private key. No error of it quotes the file.
func (e *env) readKey(name string) (crypto.Signer, error) {
	text, err := e.readInput(name, maxInputSize)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, errNoKey
		}
		var key any
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue // parameters, a certificate
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, errNoKey
		}
		return signer, nil
	}
}
