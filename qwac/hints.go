package qwac

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
)

// maxHintBytes bounds the names in the CertificateRequest. Stock Java 17 fails
// a handshake message above 32 KiB, TLS itself ends at 64 KiB, and beyond some
// 14 KiB the server's first flight takes one more round trip.
const maxHintBytes = 12 << 10

// hintPool makes the pool from which crypto/tls takes the names that it sends;
// with RequireAnyClientCert it uses a pool for nothing else. Nil without names.
func hintPool(names [][]byte) (*x509.CertPool, error) {
	if len(names) == 0 {
		return nil, nil
	}
	pool, size := x509.NewCertPool(), 0
	seen := make(map[string]bool)
	for i, name := range names {
		var rdns pkix.RDNSequence
		rest, err := asn1.Unmarshal(name, &rdns)
		if err == nil && len(rest) > 0 {
			err = errors.New("trailing bytes")
		}
		if err == nil && len(rdns) == 0 {
			err = errors.New("name is empty")
		}
		if err != nil {
			return nil, fmt.Errorf("qwac: Config.CANames[%d]: %w", i, err)
		}
		if seen[string(name)] {
			continue
		}
		seen[string(name)] = true
		if size += 2 + len(name); size > maxHintBytes { // RFC 8446, 4.2.4: each with its length
			return nil, fmt.Errorf("qwac: Config.CANames takes more than %d bytes, which breaks clients", maxHintBytes)
		}
		pool.AddCert(&x509.Certificate{Raw: name, RawSubject: name}) // a name, and nothing to verify with
	}
	return pool, nil
}
