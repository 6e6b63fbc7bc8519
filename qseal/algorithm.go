package qseal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// Algorithm is one of the closed set of signature algorithms. Those of secret
// keys (HMAC), of SHA-1, "none" and whatever else a message may name are not in
// it. The zero Algorithm is none.
type Algorithm uint8

// The algorithms. ECDSA comes in two encodings: r and s side by side in JOSE
// and RFC 9421, which both fix the curve of each hash, and DER in cavage, which
// does not.
const (
	RSASHA256 Algorithm = iota + 1 // RSASSA-PKCS1-v1_5
	RSASHA384
	RSASHA512
	PSSSHA256 // RSASSA-PSS, salt as long as the hash
	PSSSHA384
	PSSSHA512
	ECDSAP256
	ECDSAP384
	ECDSAP521
	ECDSADERSHA256
	ECDSADERSHA384
	ECDSADERSHA512
	Ed25519
	algorithmEnd // one past the last
)

type scheme uint8

const (
	schemePKCS1 scheme = iota + 1
	schemePSS
	schemeECDSA
	schemeECDSADER
	schemeEd25519
)

type algorithmInfo struct {
	name   string
	scheme scheme
	hash   crypto.Hash // 0: the algorithm hashes for itself
	bits   int         // of the curve, 0 for any of the three
}

var algorithmTable = [...]algorithmInfo{
	0:              {},
	RSASHA256:      {"rsa-v1_5-sha256", schemePKCS1, crypto.SHA256, 0},
	RSASHA384:      {"rsa-v1_5-sha384", schemePKCS1, crypto.SHA384, 0},
	RSASHA512:      {"rsa-v1_5-sha512", schemePKCS1, crypto.SHA512, 0},
	PSSSHA256:      {"rsa-pss-sha256", schemePSS, crypto.SHA256, 0},
	PSSSHA384:      {"rsa-pss-sha384", schemePSS, crypto.SHA384, 0},
	PSSSHA512:      {"rsa-pss-sha512", schemePSS, crypto.SHA512, 0},
	ECDSAP256:      {"ecdsa-p256-sha256", schemeECDSA, crypto.SHA256, 256},
	ECDSAP384:      {"ecdsa-p384-sha384", schemeECDSA, crypto.SHA384, 384},
	ECDSAP521:      {"ecdsa-p521-sha512", schemeECDSA, crypto.SHA512, 521},
	ECDSADERSHA256: {"ecdsa-sha256-der", schemeECDSADER, crypto.SHA256, 0},
	ECDSADERSHA384: {"ecdsa-sha384-der", schemeECDSADER, crypto.SHA384, 0},
	ECDSADERSHA512: {"ecdsa-sha512-der", schemeECDSADER, crypto.SHA512, 0},
	Ed25519:        {"ed25519", schemeEd25519, 0, 0},
}

func (a Algorithm) info() algorithmInfo {
	if int(a) < len(algorithmTable) {
		return algorithmTable[a]
	}
	return algorithmInfo{}
}

// String returns the stable name, "" for zero.
func (a Algorithm) String() string { return a.info().name }

// MarshalText implements encoding.TextMarshaler with String.
func (a Algorithm) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Bounds of RSA keys. Below 2048 bits no qualified certificate is issued any
// more (ETSI TS 119 312); above 8192 one verification costs more than a
// stranger may cause, which is the bound of crypto/tls too.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// checkKey holds the key of a stranger's certificate to what may be worked with.
func checkKey(pub crypto.PublicKey) *Error {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		bits := k.N.BitLen()
		switch {
		case bits < minRSABits || bits > maxRSABits:
			return reject(ReasonKey, "rsa key has %d bits, %d to %d are accepted", bits, minRSABits, maxRSABits)
		case k.E <= 1 || k.E&1 == 0:
			// With e = 1 the message is its own signature.
			return reject(ReasonKey, "rsa exponent %d", k.E)
		}
		return nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return reject(ReasonKey, "elliptic curve is none of P-256, P-384, P-521")
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return nil
		}
	}
	return reject(ReasonKey, "key of type %T", pub)
}

// fits reports whether the algorithm is one of the key's.
func (a Algorithm) fits(pub crypto.PublicKey) bool {
	i := a.info()
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return i.scheme == schemePKCS1 || i.scheme == schemePSS
	case *ecdsa.PublicKey:
		return i.scheme == schemeECDSADER ||
			i.scheme == schemeECDSA && k.Curve != nil && k.Curve.Params().BitSize == i.bits
	case ed25519.PublicKey:
		return i.scheme == schemeEd25519
	}
	return false
}

// chooseAlgorithm narrows the algorithms of a profile, preferred first, to those
// of the key. Only then is the name in the message looked at (claimed, 0 where
// it has none): it may pick one of them and can never add one.
func chooseAlgorithm(pub crypto.PublicKey, allowed []Algorithm, claimed Algorithm) (Algorithm, *Error) {
	for _, a := range allowed {
		if a.fits(pub) && (claimed == 0 || a == claimed) {
			return a, nil
		}
	}
	if slices.Contains(allowed, claimed) {
		return 0, reject(ReasonAlgorithm, "%s is not for a key of type %T", claimed, pub)
	}
	if claimed != 0 {
		return 0, reject(ReasonAlgorithm, "profile does not allow %s", claimed)
	}
	return 0, reject(ReasonAlgorithm, "profile has no algorithm for a key of type %T: it takes %s", pub, keyKinds(allowed))
}

// keyKinds names the kinds of keys that algorithms are for, each once.
func keyKinds(algorithms []Algorithm) string {
	var kinds []string
	for _, a := range algorithms {
		var kind string
		switch i := a.info(); i.scheme {
		case schemePKCS1, schemePSS:
			kind = "RSA"
		case schemeECDSA:
			kind = fmt.Sprintf("ECDSA P-%d", i.bits)
		case schemeECDSADER:
			kind = "ECDSA"
		case schemeEd25519:
			kind = "Ed25519"
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return strings.Join(kinds, ", ")
}

var errSignature = errors.New("does not verify")

// verify checks a signature over data. The key has been accepted by checkKey,
// the algorithm by chooseAlgorithm. anySalt accepts a PSS salt of any length,
// and says when it had to.
func (a Algorithm) verify(pub crypto.PublicKey, data, signature []byte, anySalt bool) (quirk Quirk, refusal *Error) {
	if !a.fits(pub) {
		return 0, reject(ReasonAlgorithm, "%s is not for a key of type %T", a, pub)
	}
	i := a.info()
	digest := sum(i.hash, data)
	var err error
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if i.scheme == schemePKCS1 {
			err = rsa.VerifyPKCS1v15(k, i.hash, digest, signature)
		} else {
			err = rsa.VerifyPSS(k, i.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			if err != nil && anySalt {
				quirk = QuirkAnySalt
				err = rsa.VerifyPSS(k, i.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
			}
		}
	case *ecdsa.PublicKey:
		err = i.verifyECDSA(k, digest, signature)
	case ed25519.PublicKey:
		if !ed25519.Verify(k, data, signature) {
			err = errSignature
		}
	}
	if err != nil {
		return 0, reject(ReasonSignatureInvalid, "%s: %w", a, err)
	}
	return quirk, nil
}

// verifyECDSA takes each encoding where it belongs and nowhere else.
func (i algorithmInfo) verifyECDSA(k *ecdsa.PublicKey, digest, signature []byte) error {
	if i.scheme == schemeECDSADER {
		// crypto/ecdsa reads strict DER and keeps r and s in [1, n-1].
		if !ecdsa.VerifyASN1(k, digest, signature) {
			return errSignature
		}
		return nil
	}
	size := (k.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return fmt.Errorf("%d bytes, r and s of this curve have %d", len(signature), 2*size)
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	n := k.Curve.Params().N
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return errors.New("r or s is out of range")
	}
	if !ecdsa.Verify(k, digest, r, s) {
		return errSignature
	}
	return nil
}

// sign makes a signature over data with a key that fits the algorithm.
func (a Algorithm) sign(key crypto.Signer, random io.Reader, data []byte) ([]byte, error) {
	pub := key.Public()
	if !a.fits(pub) {
		return nil, fmt.Errorf("%s is not for a key of type %T", a, pub)
	}
	i := a.info()
	switch i.scheme {
	case schemeEd25519:
		return key.Sign(random, data, crypto.Hash(0))
	case schemePSS:
		return key.Sign(random, sum(i.hash, data), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: i.hash})
	case schemePKCS1, schemeECDSADER:
		return key.Sign(random, sum(i.hash, data), i.hash)
	case schemeECDSA:
		der, err := key.Sign(random, sum(i.hash, data), i.hash)
		if err != nil {
			return nil, err
		}
		return sideBySide(der, i.bits)
	}
	return nil, errors.New("no such algorithm")
}

// sideBySide turns the DER of a crypto.Signer into r and s of fixed length.
func sideBySide(der []byte, bits int) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 {
		return nil, errors.New("signer returned no ECDSA signature")
	}
	size := (bits + 7) / 8
	if sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || sig.R.BitLen() > bits || sig.S.BitLen() > bits {
		return nil, errors.New("signer returned r or s out of range")
	}
	out := make([]byte, 2*size)
	sig.R.FillBytes(out[:size])
	sig.S.FillBytes(out[size:])
	return out, nil
}
