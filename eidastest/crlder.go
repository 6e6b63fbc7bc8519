package eidastest

import (
	"crypto/rand"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// The OIDs of CRLs and of what points to them (RFC 5280).
const (
	oidCRLNumber      = "2.5.29.20"
	oidReasonCode     = "2.5.29.21"
	oidDeltaIndicator = "2.5.29.27"
	oidIssuingPoint   = "2.5.29.28"
	oidEntryIssuer    = "2.5.29.29"
	oidCRLPoints      = "2.5.29.31"
	oidAuthorityKey   = "2.5.29.35"
	oidFreshestCRL    = "2.5.29.46"
	// oidNobodys is of an arc for documentation (RFC 5612 has it for enterprises).
	oidNobodys = "1.3.6.1.4.1.32473.1"
)

// The times of a CRL.
const (
	crlLifetime = 24 * time.Hour
	// crlTooOld is beyond what a provider has to publish a change in (ETSI EN 319
	// 411-1, 6.2.4), with a clock skew.
	crlTooOld = 25 * time.Hour
)

// removeFromCRL is the reason of what a delta CRL lifts (RFC 5280, 5.3.1).
const removeFromCRL = 8

// crlContent is what a CRL says.
type crlContent struct {
	point      *DistributionPoint
	issuer     []byte // Name
	keyID      []byte
	entries    []change
	number     int
	base       int       // number of the CRL that a delta CRL adds to, else 0
	this, next time.Time // next may be zero
	fault      Fault
}

// crl writes and signs the CRL, as a fault has it.
func (d *DistributionPoint) crl(fault Fault) ([]byte, error) {
	by := d.signer()
	if fault == FaultOther {
		by = d.qtsp.Root
	}
	c := crlContent{point: d, issuer: by.Certificate.RawSubject, keyID: by.Certificate.SubjectKeyId, fault: fault}
	c.read()
	if fault.isGood() || fault == FaultOther {
		c.entries = nil
	}
	c.date(d.qtsp.world.Now().UTC())
	if fault == FaultSibling {
		key, err := NewKey(P256)
		if err != nil {
			return nil, err
		}
		by = &Authority{Certificate: by.Certificate, Key: key}
	}
	return c.sign(by)
}

// date sets the times.
func (c *crlContent) date(now time.Time) {
	c.point.mu.Lock()
	defer c.point.mu.Unlock()
	c.this, c.next = now.Add(-time.Minute), time.Time{}
	if c.point.lifetime > 0 {
		c.next = now.Add(c.point.lifetime)
	}
	if c.fault == FaultStale {
		c.this, c.next = now.Add(-crlTooOld), now.Add(-time.Hour)
	}
	if c.fault == FaultUndated {
		c.this, c.next = now.Add(-crlTooOld), time.Time{}
	}
	if c.fault == FaultFuture {
		c.this, c.next = now.Add(time.Hour), now.Add(time.Hour+crlLifetime)
	}
}

// sign writes a CertificateList (RFC 5280, 5.1).
func (c *crlContent) sign(by *Authority) ([]byte, error) {
	hash := hashFor(c.fault)
	oid, err := signatureOID(by.Key, hash)
	if err != nil {
		return nil, err
	}
	var tbs cryptobyte.Builder
	tbs.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { c.addList(b, oid) })
	list, err := tbs.Bytes()
	if err != nil {
		return nil, fmt.Errorf("eidastest: CRL: %w", err)
	}
	signature, err := by.Key.Sign(rand.Reader, digest(hash, list), hash)
	if err != nil {
		return nil, fmt.Errorf("eidastest: signature: %w", err)
	}
	if c.fault == FaultForged {
		signature[len(signature)-1] ^= 1
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(list)
		addAlgorithm(b, oid)
		b.AddASN1BitString(signature)
	})
	if c.fault == FaultMalformed {
		b.AddUint8(0)
	}
	return b.Bytes()
}

// addList writes what is inside TBSCertList.
func (c *crlContent) addList(b *cryptobyte.Builder, oid string) {
	b.AddASN1Int64(1) // v2
	addAlgorithm(b, oid)
	b.AddBytes(c.issuer)
	addCRLTime(b, c.this)
	if !c.next.IsZero() {
		addCRLTime(b, c.next)
	}
	if len(c.entries) > 0 {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for i := range c.entries {
				c.addEntry(b, i)
			}
		})
	}
	b.AddASN1(contextConstructed, func(b *cryptobyte.Builder) { b.AddASN1(cbasn1.SEQUENCE, c.addExtensions) })
}

// addCRLTime writes a Time: UTCTime through 2049 (RFC 5280, 5.1.2.4).
func addCRLTime(b *cryptobyte.Builder, t time.Time) {
	if t = t.UTC().Truncate(time.Second); t.Year() < 2050 {
		b.AddASN1UTCTime(t)
		return
	}
	addTime(b, t)
}

func (c *crlContent) addEntry(b *cryptobyte.Builder, i int) {
	e := c.entries[i]
	reason := e.reason
	if e.lifted {
		reason = removeFromCRL
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(e.serial)
		addCRLTime(b, e.at)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addExtension(b, oidReasonCode, false, func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(reason)) })
			if i == 0 && c.isIndirect() { // it holds for those that follow (RFC 5280, 5.3.3)
				addExtension(b, oidEntryIssuer, true, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						addDirectoryName(b, c.point.qtsp.Issuing.Certificate.RawSubject)
					})
				})
			}
		})
	})
}

func (c *crlContent) isIndirect() bool { return c.point.complete().options.Signer != nil }

func (c *crlContent) addExtensions(b *cryptobyte.Builder) {
	addExtension(b, oidAuthorityKey, false, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(0x80, func(b *cryptobyte.Builder) { b.AddBytes(c.keyID) })
		})
	})
	addExtension(b, oidCRLNumber, false, func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(c.number)) })
	scope := c.point.complete()
	if c.base > 0 {
		addExtension(b, oidDeltaIndicator, true, func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(c.base)) })
	}
	if !scope.full {
		addExtension(b, oidIssuingPoint, true, scope.addIssuingPoint)
	}
	if c.fault == FaultCritical {
		addExtension(b, oidNobodys, true, func(b *cryptobyte.Builder) { b.AddASN1NULL() })
	}
}

// addIssuingPoint writes an IssuingDistributionPoint (RFC 5280, 5.2.5).
func (d *DistributionPoint) addIssuingPoint(b *cryptobyte.Builder) {
	flag := func(b *cryptobyte.Builder, n cbasn1.Tag, set bool) {
		if set { // DEFAULT FALSE
			b.AddASN1(0x80|n, func(b *cryptobyte.Builder) { b.AddUint8(0xff) })
		}
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		d.addName(b)
		flag(b, 1, d.options.OnlyUsers)
		flag(b, 2, d.options.OnlyCAs)
		addReasons(b, 3, d.options.Reasons)
		flag(b, 4, d.options.Signer != nil)
	})
}

// addName writes a DistributionPointName: the URL.
func (d *DistributionPoint) addName(b *cryptobyte.Builder) {
	b.AddASN1(contextConstructed, func(b *cryptobyte.Builder) {
		b.AddASN1(contextConstructed, func(b *cryptobyte.Builder) {
			b.AddASN1(0x86, func(b *cryptobyte.Builder) { b.AddBytes([]byte(d.URL)) })
		})
	})
}

// addReasons writes a ReasonFlags, a BIT STRING of named bits, nil for none.
func addReasons(b *cryptobyte.Builder, tag cbasn1.Tag, reasons []int) {
	if reasons == nil {
		return
	}
	var bits uint16
	last := 0
	for _, r := range reasons {
		bits |= 0x8000 >> r
		last = max(last, r)
	}
	octets := []byte{byte(bits >> 8), byte(bits)}[:last/8+1]
	b.AddASN1(0x80|tag, func(b *cryptobyte.Builder) {
		b.AddUint8(uint8(7 - last%8)) // DER: no trailing zeros (X.690, 11.2.2)
		b.AddBytes(octets)
	})
}

func addDirectoryName(b *cryptobyte.Builder, name []byte) {
	b.AddASN1(contextConstructed|4, func(b *cryptobyte.Builder) { b.AddBytes(name) })
}

func addExtension(b *cryptobyte.Builder, oid string, critical bool, value func(*cryptobyte.Builder)) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addOID(b, oid)
		if critical {
			b.AddASN1Boolean(true)
		}
		b.AddASN1(cbasn1.OCTET_STRING, value)
	})
}

// marshalPoints writes a CRLDistributionPoints (RFC 5280, 4.2.1.13).
func marshalPoints(list []*DistributionPoint) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, d := range list {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				d.addName(b)
				addReasons(b, 1, d.options.Reasons)
				if s := d.options.Signer; s != nil {
					b.AddASN1(contextConstructed|2, func(b *cryptobyte.Builder) { addDirectoryName(b, s.Certificate.RawSubject) })
				}
			})
		}
	})
	out, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("eidastest: distribution points: %w", err)
	}
	return out, nil
}
