package qwac

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
)

// EventKind says what an Event is about. The set is closed; it is a metric label.
type EventKind string

// The kinds. Each names what is new about Event.Certificate.
const (
	EventFirstSeen       EventKind = "first_seen"       // the TPP uses it for the first time
	EventOverlapping     EventKind = "overlapping"      // at first sight; Other is valid at the same time
	EventSuperseded      EventKind = "superseded"       // it has ended or is revoked, and Other has taken its place
	EventExpiring        EventKind = "expiring"         // it ends within ExpiryNotice, and none is known that lasts longer
	EventRevoked         EventKind = "revoked"          // it was let in before, and now is revoked
	EventIssuerChanged   EventKind = "issuer_changed"   // at first sight; its QTSP is new to the TPP
	EventKeyReused       EventKind = "key_reused"       // at first sight; Other has the same key
	EventKeyTypeChanged  EventKind = "key_type_changed" // at first sight; Other has a key of another kind
	EventRolesChanged    EventKind = "roles_changed"    // at first sight; Other has other roles
	EventNameChanged     EventKind = "name_changed"     // at first sight; Other has another legal name
	EventIdentityChanged EventKind = "identity_changed" // at first sight; Other has another organizationIdentifier
	EventSerialDuplicate EventKind = "serial_duplicate" // at first sight; Other has its issuer and serial number
	EventAnchorWithdrawn EventKind = "anchor_withdrawn" // it was let in before, and now its trust service is not granted
)

// EventKinds returns all kinds. Use it to pre-register metric labels.
func EventKinds() []EventKind {
	return []EventKind{
		EventFirstSeen, EventOverlapping, EventSuperseded, EventExpiring, EventRevoked, EventIssuerChanged,
		EventKeyReused, EventKeyTypeChanged, EventRolesChanged, EventNameChanged, EventIdentityChanged,
		EventSerialDuplicate, EventAnchorWithdrawn,
	}
}

// Event is news about the certificates of a TPP. Each is told once to a fleet
// that shares a RotationStore, and only of a TPP that has proved its key.
type Event struct {
	Kind        EventKind
	Identity    eidas.Identity
	At          time.Time
	Certificate CertificateRef
	// Other is the certificate that Kind compares with, nil where it compares
	// with none. It is not whole for serial_duplicate and for an
	// identity_changed between two TPPs: then it has a SHA256 alone, or an
	// Identity and a KeySHA256.
	Other *CertificateRef
	// Held says that the certificate is refused from now on, until somebody
	// calls Verifier.Confirm.
	Held bool
}

// Fingerprint is a SHA-256: of a certificate it is what x5t#S256 of RFC 8705
// has in base64url. It names a certificate and is never who somebody is.
type Fingerprint [sha256.Size]byte

// String returns lower case hexadecimal.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// MarshalText implements encoding.TextMarshaler with String.
func (f Fingerprint) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: 64 hexadecimal digits.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(f)) {
		return fmt.Errorf("qwac: fingerprint has %d digits, not %d", len(text), hex.EncodedLen(len(f)))
	}
	_, err := hex.Decode(f[:], text)
	return err
}

// CertificateRef is what is remembered about a certificate of a TPP.
type CertificateRef struct {
	SHA256    Fingerprint `json:"sha256"`             // of the certificate
	KeySHA256 Fingerprint `json:"key_sha256"`         // of its SubjectPublicKeyInfo
	KeyType   string      `json:"key_type,omitempty"` // such as "ECDSA P-256"
	// Identity is what the certificate says, before an alias of the policy.
	Identity  eidas.Identity `json:"identity"`
	Provider  string         `json:"provider,omitempty"` // territory of the list and name of the QTSP
	Issuer    string         `json:"issuer,omitempty"`   // for people
	Serial    string         `json:"serial,omitempty"`   // hexadecimal
	Name      string         `json:"name,omitempty"`     // legal name
	Roles     eidas.Roles    `json:"-"`
	NotBefore time.Time      `json:"not_before,omitzero"`
	NotAfter  time.Time      `json:"not_after,omitzero"`
	FirstSeen time.Time      `json:"first_seen,omitzero"`
	LastSeen  time.Time      `json:"last_seen,omitzero"` // to the day
}

// maxRefText bounds each text of a CertificateRef. A legal name has up to 64
// characters (X.520), a serial number up to 40 digits (RFC 5280, 4.1.2.2).
const maxRefText = 128

// refOf describes a certificate that was let in.
func refOf(e *eidas.Evidence) CertificateRef {
	leaf := e.Leaf
	ref := CertificateRef{
		SHA256: sha256.Sum256(leaf.Raw), KeySHA256: sha256.Sum256(leaf.RawSubjectPublicKeyInfo),
		KeyType: keyType(leaf), Identity: presentedIdentity(e), Issuer: clip(leaf.Issuer.String()),
		Name: clip(strings.Join(leaf.Subject.Organization, ", ")), Roles: e.Roles,
		NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(), FirstSeen: e.At.UTC(), LastSeen: e.At.UTC(),
	}
	if leaf.SerialNumber != nil {
		ref.Serial = clip(leaf.SerialNumber.Text(16))
	}
	if s := e.Service; s != nil {
		ref.Provider = clip(s.List.Territory + " " + eidas.English(s.Provider.Names))
	}
	return ref
}

func clip(s string) string {
	if len(s) > maxRefText {
		s = s[:maxRefText]
	}
	return printable(s)
}

// presentedIdentity is what the certificate says, whatever alias it has.
func presentedIdentity(e *eidas.Evidence) eidas.Identity {
	if e.Alias != nil {
		return e.Alias.From
	}
	return e.Identity
}

func keyType(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	}
	return c.PublicKeyAlgorithm.String()
}

// LogValue implements slog.LogValuer.
func (e Event) LogValue() slog.Value {
	c := &e.Certificate
	attrs := []slog.Attr{
		slog.String("kind", string(e.Kind)), slog.String("identity", e.Identity.String()),
		slog.String("sha256", c.SHA256.String()), slog.String("provider", printable(c.Provider)),
		slog.String("issuer", printable(c.Issuer)), slog.String("serial", c.Serial),
		slog.String("name", printable(c.Name)), slog.String("roles", c.Roles.String()), slog.Time("not_after", c.NotAfter),
		slog.Bool("held", e.Held),
	}
	if o := e.Other; o != nil {
		attrs = append(attrs, slog.Group("other",
			slog.String("sha256", o.SHA256.String()), slog.String("identity", o.Identity.String()),
			slog.String("provider", printable(o.Provider)), slog.String("name", printable(o.Name)),
			slog.String("roles", o.Roles.String()), slog.Time("not_after", o.NotAfter)))
	}
	return slog.GroupValue(attrs...)
}

// level of an event: what a person should look at stands out.
func (e Event) level() slog.Level {
	switch e.Kind { //nolint:exhaustive // the others are the life of a certificate
	case EventRevoked, EventIdentityChanged, EventSerialDuplicate, EventAnchorWithdrawn, EventExpiring:
		return slog.LevelWarn
	}
	if e.Held {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
