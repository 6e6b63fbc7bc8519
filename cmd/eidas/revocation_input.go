package main

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b953571c/eidas/revocation"
)

// inputKind is what a file is to hold.
type inputKind struct {
	what  string
	pem   []string // PEM types
	limit int64    // of the file
}

// textOverhead is what PEM and base64 add: a third, and line ends.
const textOverhead = 2

func ocspInput() inputKind {
	return inputKind{"OCSP response", []string{"OCSP RESPONSE"}, textOverhead * revocation.MaxOCSPSize}
}

func crlInput() inputKind {
	return inputKind{"CRL", []string{"X509 CRL", "CRL"}, textOverhead * revocation.MaxCRLSize}
}

// readOne reads a file that holds one thing.
func (e *env) readOne(name string, kind inputKind) ([]byte, error) {
	blocks, err := e.readBlocks(name, kind)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("%s: more than one %s in it", name, kind.what)
	}
	return blocks[0], nil
}

// readBlocks reads the DER of each thing in a file: PEM with whatever text
// around it, DER, or base64 of DER. It does not look into the DER.
func (e *env) readBlocks(name string, kind inputKind) ([][]byte, error) {
	data, err := e.readInput(name, kind.limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	blocks, err := splitBlocks(data, kind)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return blocks, nil
}

func splitBlocks(data []byte, kind inputKind) ([][]byte, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !isText(data) && !bytes.Contains(data, []byte("-----BEGIN")) {
		return [][]byte{data}, nil
	}
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(data)), ""))
		if err != nil || len(der) == 0 {
			return nil, fmt.Errorf("no %s in it: not PEM, not DER, not base64 of DER", kind.what)
		}
		return [][]byte{der}, nil
	}
	var out [][]byte
	announced := 0
	for _, t := range kind.pem {
		announced += bytes.Count(data, []byte("-----BEGIN "+t+"-----"))
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if slices.Contains(kind.pem, block.Type) {
			out = append(out, block.Bytes)
		}
	}
	switch {
	case len(out) < announced:
		return nil, errors.New("a PEM block in it cannot be decoded")
	case len(out) == 0:
		return nil, fmt.Errorf("no %s in it", kind.what)
	}
	return out, nil
}
