package revocation

import (
	"errors"
	"fmt"
	"time"
)

// The defaults of OCSPPolicy.
const (
	// DefaultSkew is what clocks may differ by; nginx allows as much.
	DefaultSkew = 5 * time.Minute
	// DefaultMaxAge is the time within which a provider must publish a change
	// of status (ETSI EN 319 411-1, 6.2.4).
	DefaultMaxAge = 24 * time.Hour
	// DefaultNoNextUpdateAge and DefaultNoNextUpdateKeep are for answers that
	// do not say until when they hold: 43 of 90 real ones.
	DefaultNoNextUpdateAge  = 10 * time.Minute
	DefaultNoNextUpdateKeep = 5 * time.Minute

	// minNonce and maxNonce are the sizes of RFC 9654, 2.1.
	minNonce, maxNonce = 32, 128
)

// OCSPPolicy says what is asked of an OCSP response. The zero value is the
// strict default.
type OCSPPolicy struct {
	Skew time.Duration // clocks may differ by this; zero: DefaultSkew
	// MaxAge is the age since thisUpdate after which an answer is due for
	// renewal though it still holds; zero: DefaultMaxAge. With StrictMaxAge an
	// older answer is refused (rule P10).
	MaxAge       time.Duration
	StrictMaxAge bool
	// NoNextUpdateAge is the greatest age of an answer without nextUpdate, and
	// NoNextUpdateKeep how long it holds once accepted (rule P9); zero: the
	// defaults. RejectNoNextUpdate refuses all such answers, as RFC 9919 wants.
	NoNextUpdateAge    time.Duration
	NoNextUpdateKeep   time.Duration
	RejectNoNextUpdate bool
	// AllowAnyAge accepts answers however old: for judging the past. Answers
	// from the future are still refused.
	AllowAnyAge bool
	// AllowSHA1 accepts SHA-1 signatures, and keys below RSA 2048 and ECDSA 256
	// bits (rule P16): for judging the past.
	AllowSHA1 bool
	// RequireCertHash refuses "good" without the positive statement of rule P12.
	RequireCertHash bool
	// RejectUncheckedDelegate refuses a delegate whose own status nobody vouches
	// for, see eidas.StatusAnswer.DelegateUnchecked (rule P7).
	RejectUncheckedDelegate bool
	// Nonce is what was sent, 32 to 128 random bytes, nil when nothing was. A response with another
	// nonce is refused; one without is judged by its times, unless RequireNonce.
	Nonce        []byte
	RequireNonce bool
}

func (p OCSPPolicy) withDefaults() OCSPPolicy {
	p.Skew = orDefault(p.Skew, DefaultSkew)
	p.MaxAge = orDefault(p.MaxAge, DefaultMaxAge)
	p.NoNextUpdateAge = orDefault(p.NoNextUpdateAge, DefaultNoNextUpdateAge)
	p.NoNextUpdateKeep = orDefault(p.NoNextUpdateKeep, DefaultNoNextUpdateKeep)
	return p
}

func (p OCSPPolicy) validate() error {
	for name, d := range map[string]time.Duration{
		"Skew": p.Skew, "MaxAge": p.MaxAge, "NoNextUpdateAge": p.NoNextUpdateAge, "NoNextUpdateKeep": p.NoNextUpdateKeep,
	} {
		if d < 0 {
			return fmt.Errorf("revocation: OCSPPolicy.%s %s is negative", name, d)
		}
	}
	if n := len(p.Nonce); n != 0 && (n < minNonce || n > maxNonce) {
		return fmt.Errorf("revocation: OCSPPolicy.Nonce of %d bytes is not in %d..%d", n, minNonce, maxNonce)
	}
	if p.RequireNonce && len(p.Nonce) == 0 {
		return errors.New("revocation: OCSPPolicy.RequireNonce without Nonce")
	}
	return nil
}

// orDefault returns def for the zero value.
func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
