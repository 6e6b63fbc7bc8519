package qseal

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/seed-b953571c/eidas"
)

// Profile is one standard's way to seal an HTTP message: a closed set of rules.
// It is immutable; the zero Profile is none and is refused everywhere.
type Profile struct {
	name string
	// algorithms is the closed set, the preferred one of each kind of key first.
	algorithms []Algorithm
	// fields are the canonical names of the header fields that carry the seal or
	// that it depends on: the hop-by-hop guard holds them, and a message without
	// the first is not sealed.
	fields []string
	// quirks are the deviations that the profile knows (known) and that this
	// value accepts (allowed).
	known, allowed Quirk
	// skew is how far the sealer's clock may be ahead; maxAge how old a seal may
	// be that says when it was made, 0 for any age.
	skew, maxAge time.Duration
	// sealsTime is whether every seal of a request says when it was made.
	sealsTime bool
	// replay is whether a verifier must remember seals, Config.AllowReplays or not.
	replay bool
	// bindsPath is whether every seal of a request is over method and target.
	bindsPath bool
	// sealsID is whether an X-Request-ID is sealed where it is there, so that it
	// tells two requests of one second apart.
	sealsID bool
	// wholeBody is whether the seal is over the body itself, not over a digest, so
	// that it cannot be verified before the body is there.
	wholeBody bool
	// derivesKeyID is whether the name of the key comes from the certificate.
	derivesKeyID bool
	// needsKeyID is whether a seal names its certificate in no other way than by a
	// name that the two sides have agreed on.
	needsKeyID bool
	// inAuthorization is whether the seal may be in Authorization.
	inAuthorization bool
	// obie is whether refusals are told in OBIE's words, not in Berlin Group's.
	obie bool

	// parse reads the seal of a message and holds it to all rules of form and
	// coverage. It does no cryptography but hashing and trusts no certificate.
	parse func(m *message, p *Profile) (*sealed, *Error)
	// match holds a seal to the certificate that is to verify it (keyId, x5t,
	// iss), and may note quirks. nil: there is nothing to hold.
	match func(s *sealed, leaf *x509.Certificate) *Error
	// seal writes the seal of a message into its header. nil: verifying only.
	seal func(m *message, p *Profile, k *sealer) error
}

// sealed is what a profile has read in a message. Nothing is proved by it.
type sealed struct {
	// chain are certificates that came along, the sealer's own first: candidates,
	// since anybody can send anybody's. nil: hint says whose to look for.
	chain []*x509.Certificate
	hint  Hint
	// resolved is whether chain was found by hint; file is the SHA-256 of what its
	// certificates were read from.
	resolved bool
	file     [32]byte
	// text is the field that chain was read from, "" where that is not remembered.
	text string
	// base is what is signed; claimed is the algorithm that the message names, 0
	// when it does not.
	base      []byte
	claimed   Algorithm
	signature []byte
	// otherBase is what is signed under a quirk that shows only when base does not
	// verify, nil when there is none.
	otherBase  []byte
	otherQuirk Quirk
	// issuer is iss of OBIE, for match.
	issuer string
	// covered are the names of the sealed components as the standard writes them.
	covered []string
	// pathBound is whether method and target are sealed.
	pathBound bool
	// signedAt and expires are zero where the seal does not say.
	signedAt, expires time.Time
	// replayKey tells this seal from all others of the same sealer; "" where the
	// sealer gave nothing of the kind, see proof.rememberedBy.
	replayKey string
	// quirks are the deviations that had to be accepted to get here, of those
	// that are allowed.
	quirks, allowed Quirk
	// digests are demands on the body, all of which must hold.
	digests []digestDemand
}

// digestDemand is a digest that the body must have.
type digestDemand struct {
	hash crypto.Hash
	want []byte
}

// sealer is what the signing side of a profile works with.
type sealer struct {
	key       crypto.Signer
	algorithm Algorithm
	chain     []*x509.Certificate // the sealer's own certificate first
	keyID     string              // kid, client id or URL, for profiles that do not derive it
	issuer    string              // iss of OBIE
	at        time.Time
}

// sign makes the signature over a signing base.
func (k *sealer) sign(base []byte) ([]byte, error) {
	signature, err := k.algorithm.sign(k.key, rand.Reader, base)
	if err != nil {
		return nil, fmt.Errorf("qseal: sign: %w", err)
	}
	return signature, nil
}

// Hint is what a message says about the certificate that seals it, where the
// certificate itself does not come along. All of it but Peer is the sealer's word.
type Hint struct {
	KeyID  string // kid or keyId, "" when there is none
	SHA256 []byte // of the certificate in DER (x5t#S256), nil when there is none
	URL    string // of the certificate, "" when there is none
	// Peer is who is on the connection, by Config.Peer: the one whose doing it is
	// that the Resolver is asked. Zero: unknown (AllowAnyPeer, or a response).
	Peer eidas.Identity
}

// Name returns the stable name, such as "berlin-group-1.3", "" for the zero
// Profile.
func (p Profile) Name() string { return p.name }

// IsZero reports whether it is no profile.
func (p Profile) IsZero() bool { return p.parse == nil }

// AllowQuirks returns the profile with these deviations accepted, in addition
// to those that are already. A quirk that the profile does not know makes New
// refuse it.
func (p Profile) AllowQuirks(q Quirk) Profile {
	p.allowed |= q
	return p
}

// KnownQuirks returns the deviations that the profile can be told to accept.
func (p Profile) KnownQuirks() Quirk { return p.known }

// NeedsKeyID reports whether SignerConfig.KeyID is required: a seal of the profile
// says in no other way whose it is, so without it nobody could verify it.
func (p Profile) NeedsKeyID() bool { return p.needsKeyID }

// AllowAge returns the profile with another bound on the age of a seal that
// says when it was made, and on how far the sealer's clock may be ahead. Zero
// means no bound on the age and no tolerance of the clock.
func (p Profile) AllowAge(maxAge, skew time.Duration) Profile {
	p.maxAge, p.skew = maxAge, skew
	return p
}

// quirk records a deviation if it is accepted.
func (s *sealed) quirk(p *Profile, q Quirk) bool {
	if p.allowed&q != q {
		return false
	}
	s.quirks |= q
	return true
}
