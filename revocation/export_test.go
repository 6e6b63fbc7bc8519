package revocation

import "crypto"

// NewRequest encodes a request with the preferred hash.
func NewRequest(t Target, nonce []byte) ([]byte, error) { return newRequest(t, crypto.SHA256, nonce) }

// NewSHA1Request encodes a request with SHA-1.
func NewSHA1Request(t Target, nonce []byte) ([]byte, error) { return newRequest(t, crypto.SHA1, nonce) }
