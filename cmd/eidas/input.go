package main

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

// maxInputSize bounds a file of certificates. A bundle of all the root
// certificates of a browser has 250 KiB.
const maxInputSize = 1 << 20

// stdinName is the operand that stands for standard input.
const stdinName = "-"

// reasonInput is the code of a file that could not be read, or is no such file.
const reasonInput = "input"

var (
	errTooLarge      = errors.New("too large")
	errNoCertificate = errors.New("no certificate in it: not PEM, not DER, not base64 of DER")
	errBadPEM        = errors.New("a PEM block of a certificate cannot be decoded")
)

// readInput reads a file of at most limit bytes. Its errors do not name the file.
func (e *env) readInput(name string, limit int64) ([]byte, error) {
	in := e.stdin
	if name != stdinName {
		f, err := os.Open(name)
		if err != nil {
			return nil, withoutPath(err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(in, limit+1)); err != nil {
		return nil, withoutPath(err)
	}
	if int64(b.Len()) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	return b.Bytes(), nil
}

// withoutPath drops the name of the file, which callers write themselves.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// splitCertificates returns the DER of each certificate of a file: PEM with
// whatever text around it, DER, or base64 of DER. It does not look into the
// DER. On errBadPEM it returns the certificates that could be decoded too.
func splitCertificates(data []byte) ([][]byte, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if bytes.Contains(data, []byte("-----BEGIN")) {
		return splitPEM(data)
	}
	if isText(data) {
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(data)), ""))
		if err != nil || len(der) == 0 {
			return nil, errNoCertificate
		}
		return [][]byte{der}, nil
	}
	return [][]byte{data}, nil
}

const (
	pemType  = "CERTIFICATE"
	pemBegin = "-----BEGIN " + pemType + "-----"
)

func splitPEM(data []byte) ([][]byte, error) {
	announced := bytes.Count(data, []byte(pemBegin))
	var out [][]byte
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		data = rest
		if block.Type == pemType {
			out = append(out, block.Bytes)
		}
	}
	switch {
	case len(out) < announced:
		// Skipping it in silence would show a chain other than the one that is there.
		return out, errBadPEM
	case len(out) == 0:
		return nil, errNoCertificate
	}
	return out, nil
}

// isText reports whether data can be text. DER cannot: the length octets of
// anything as large as a certificate are not UTF-8, or hold a control character.
func isText(data []byte) bool {
	if !utf8.Valid(data) {
		return false
	}
	for _, b := range data {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}
