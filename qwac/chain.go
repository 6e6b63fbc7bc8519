package qwac

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"

	"github.com/seed-b953571c/eidas"
)

// Limits of what is parsed for a stranger. The Validator holds the same ones
// for every way in; here they come before the parser.
const (
	// maxCertificates: real chains have 1 to 4 certificates.
	maxCertificates = 8
	// maxBytes: a real chain is below 8 KiB.
	maxBytes = 32 << 10
)

// checkSize refuses what is not worth parsing or hashing. size returns the
// length of one of n certificates.
func checkSize(n int, size func(int) int) *eidas.Error {
	if n > maxCertificates {
		return &eidas.Error{Reason: eidas.ReasonChainTooLong, Err: fmt.Errorf("%d certificates, at most %d", n, maxCertificates)}
	}
	total := 0
	for i := range n {
		total += size(i)
	}
	if total > maxBytes {
		return &eidas.Error{Reason: eidas.ReasonChainTooLong, Err: fmt.Errorf("%d bytes, at most %d", total, maxBytes)}
	}
	return nil
}

func checkRaw(raw [][]byte) *eidas.Error {
	return checkSize(len(raw), func(i int) int { return len(raw[i]) })
}

func checkChain(chain []*x509.Certificate) *eidas.Error {
	for i, c := range chain {
		if c == nil { // not from crypto/tls
			return &eidas.Error{Reason: eidas.ReasonCertificateMalformed, Err: fmt.Errorf("certificate %d was not parsed", i)}
		}
	}
	return checkSize(len(chain), func(i int) int { return len(chain[i].Raw) })
}

// parseChain parses what the peer sent, its own certificate first.
func parseChain(raw [][]byte) ([]*x509.Certificate, *eidas.Error) {
	chain := make([]*x509.Certificate, len(raw))
	for i, der := range raw {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			// %q: the parser may quote the certificate, net/http logs the error as it is.
			return nil, &eidas.Error{Reason: eidas.ReasonCertificateMalformed, Err: fmt.Errorf("certificate %d: %q", i, err.Error())}
		}
		chain[i] = c
	}
	return chain, nil
}

// chainKey is the SHA-256 of a chain as the peer sent it, leaf first: of the
// SHA-256 of each certificate, so that no other split of the same bytes has the
// same key.
type chainKey [sha256.Size]byte

func keyOfRaw(raw [][]byte) chainKey {
	var space [maxCertificates * sha256.Size]byte // on the stack
	sums := space[:0]
	for _, der := range raw {
		sum := sha256.Sum256(der)
		sums = append(sums, sum[:]...)
	}
	return sha256.Sum256(sums)
}

func keyOf(chain []*x509.Certificate) chainKey {
	var space [maxCertificates * sha256.Size]byte // on the stack
	sums := space[:0]
	for _, c := range chain {
		sum := sha256.Sum256(c.Raw)
		sums = append(sums, sum[:]...)
	}
	return sha256.Sum256(sums)
}

// rawOf returns the certificates in the form in which the peer sent them.
func rawOf(chain []*x509.Certificate) [][]byte {
	raw := make([][]byte, len(chain))
	for i, c := range chain {
		raw[i] = c.Raw
	}
	return raw
}
