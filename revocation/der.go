package revocation

import (
	"bytes"
	"crypto"
	_ "crypto/sha1"   //nolint:gosec // certificate and responder identifiers, not signatures
	_ "crypto/sha256" // certificate identifiers
	_ "crypto/sha512" // certificate identifiers
	"crypto/x509"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Contents of the object identifiers that are read and written here.
const (
	oidSHA1   = "\x2b\x0e\x03\x02\x1a"                 // 1.3.14.3.2.26
	oidSHA256 = "\x60\x86\x48\x01\x65\x03\x04\x02\x01" // 2.16.840.1.101.3.4.2.1
	oidSHA384 = "\x60\x86\x48\x01\x65\x03\x04\x02\x02"
	oidSHA512 = "\x60\x86\x48\x01\x65\x03\x04\x02\x03"

	oidOCSPBasic      = "\x2b\x06\x01\x05\x05\x07\x30\x01\x01" // 1.3.6.1.5.5.7.48.1.1
	oidNonce          = "\x2b\x06\x01\x05\x05\x07\x30\x01\x02" // id-pkix-ocsp-nonce
	oidCrlID          = "\x2b\x06\x01\x05\x05\x07\x30\x01\x03" // id-pkix-ocsp-crl
	oidArchiveCutoff  = "\x2b\x06\x01\x05\x05\x07\x30\x01\x06" // id-pkix-ocsp-archive-cutoff
	oidServiceLocator = "\x2b\x06\x01\x05\x05\x07\x30\x01\x07" // id-pkix-ocsp-service-locator
	oidExtendedRevoke = "\x2b\x06\x01\x05\x05\x07\x30\x01\x09" // id-pkix-ocsp-extended-revoke
	oidCertHash       = "\x2b\x24\x08\x03\x0d"                 // 1.3.36.8.3.13

	oidReasonCode   = "\x55\x1d\x15" // 2.5.29.21
	oidInvalidity   = "\x55\x1d\x18"
	oidEntryIssuer  = "\x55\x1d\x1d"
	oidIssuerAlt    = "\x55\x1d\x12"
	oidCRLNumber    = "\x55\x1d\x14"
	oidDelta        = "\x55\x1d\x1b"
	oidIssuingPoint = "\x55\x1d\x1c"
	oidAuthorityKey = "\x55\x1d\x23"
	oidExpiredCerts = "\x55\x1d\x3c"

	oidSCTList = "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x05" // 1.3.6.1.4.1.11129.2.4.5

	oidRSASHA1    = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05" // 1.2.840.113549.1.1.5
	oidRSASHA1OIW = "\x2b\x0e\x03\x02\x1d"                 // 1.3.14.3.2.29, still met
	oidMGF1       = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
	oidRSAPSS     = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
	oidRSASHA256  = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
	oidRSASHA384  = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"
	oidRSASHA512  = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"
	oidECSHA1     = "\x2a\x86\x48\xce\x3d\x04\x01" // 1.2.840.10045.4.1
	oidECSHA256   = "\x2a\x86\x48\xce\x3d\x04\x03\x02"
	oidECSHA384   = "\x2a\x86\x48\xce\x3d\x04\x03\x03"
	oidECSHA512   = "\x2a\x86\x48\xce\x3d\x04\x03\x04"
	oidEd25519    = "\x2b\x65\x70" // 1.3.101.112
)

// maxExtensions bounds one list of extensions; real ones have 1 to 3.
const maxExtensions = 16

// tag0 to tag3 are context-specific constructed tags.
const (
	tag0 = asn1.Tag(0xa0)
	tag1 = asn1.Tag(0xa1)
	tag2 = asn1.Tag(0xa2)
	tag3 = asn1.Tag(0xa3)
)

// algorithm is an AlgorithmIdentifier: the content of its OID and its
// parameters as an element, nil when absent.
type algorithm struct{ oid, params []byte }

func readAlgorithm(in *cryptobyte.String, out *algorithm) bool {
	var seq, oid cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !readOID(&seq, &oid) {
		return false
	}
	*out = algorithm{oid: oid}
	if seq.Empty() {
		return true
	}
	var params cryptobyte.String
	var tag asn1.Tag
	if !seq.ReadAnyASN1Element(&params, &tag) || !seq.Empty() {
		return false
	}
	out.params = params
	return true
}

// readOID reads the content of an OBJECT IDENTIFIER: whole arcs in their
// shortest form (X.690, 8.19).
func readOID(in, out *cryptobyte.String) bool {
	if !in.ReadASN1(out, asn1.OBJECT_IDENTIFIER) || out.Empty() {
		return false
	}
	first := true // octet of an arc
	for _, c := range *out {
		if first && c == 0x80 {
			return false
		}
		first = c < 0x80
	}
	return first
}

// plain reports whether the parameters are absent or NULL. Both are in use for
// every algorithm here and mean the same.
func (a algorithm) plain() bool {
	return a.params == nil || bytes.Equal(a.params, []byte{byte(asn1.NULL), 0})
}

// digest is a hash function with the signature algorithm that it makes with
// RSASSA-PSS.
type digest struct {
	oid  string
	hash crypto.Hash
	pss  x509.SignatureAlgorithm
}

// digests are the hash functions that are taken. PSS with SHA-1 is not.
var digests = [...]digest{
	{oidSHA1, crypto.SHA1, x509.UnknownSignatureAlgorithm},
	{oidSHA256, crypto.SHA256, x509.SHA256WithRSAPSS},
	{oidSHA384, crypto.SHA384, x509.SHA384WithRSAPSS},
	{oidSHA512, crypto.SHA512, x509.SHA512WithRSAPSS},
}

// digest is the index in digests of a digest algorithm.
func (a algorithm) digest() (int, bool) {
	for i := range digests {
		if string(a.oid) == digests[i].oid {
			return i, a.plain()
		}
	}
	return 0, false
}

// signature is the signature algorithm, UnknownSignatureAlgorithm when it is
// not supported.
func (a algorithm) signature() x509.SignatureAlgorithm {
	if string(a.oid) == oidRSAPSS {
		return pssAlgorithm(a.params)
	}
	if !a.plain() {
		return x509.UnknownSignatureAlgorithm
	}
	switch string(a.oid) {
	case oidRSASHA1, oidRSASHA1OIW:
		return x509.SHA1WithRSA
	case oidRSASHA256:
		return x509.SHA256WithRSA
	case oidRSASHA384:
		return x509.SHA384WithRSA
	case oidRSASHA512:
		return x509.SHA512WithRSA
	case oidECSHA1:
		return x509.ECDSAWithSHA1
	case oidECSHA256:
		return x509.ECDSAWithSHA256
	case oidECSHA384:
		return x509.ECDSAWithSHA384
	case oidECSHA512:
		return x509.ECDSAWithSHA512
	case oidEd25519:
		return x509.PureEd25519
	}
	return x509.UnknownSignatureAlgorithm
}

// pssAlgorithm reads RSASSA-PSS-params (RFC 4055, 3.1). Only the usual choice
// is supported: one SHA-2 hash throughout and a salt of its size.
func pssAlgorithm(params []byte) x509.SignatureAlgorithm {
	in := cryptobyte.String(params)
	var seq, hashTag, mgfTag, saltTag, mgf cryptobyte.String
	var hash, mgfHash algorithm
	var mgfOID cryptobyte.String
	var salt int
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadASN1(&hashTag, tag0) || !readAlgorithm(&hashTag, &hash) || !hashTag.Empty() ||
		!seq.ReadASN1(&mgfTag, tag1) || !mgfTag.ReadASN1(&mgf, asn1.SEQUENCE) || !mgfTag.Empty() ||
		!readOID(&mgf, &mgfOID) || !readAlgorithm(&mgf, &mgfHash) || !mgf.Empty() ||
		!seq.ReadASN1(&saltTag, tag2) || !saltTag.ReadASN1Integer(&salt) || !saltTag.Empty() {
		return x509.UnknownSignatureAlgorithm
	}
	if !seq.Empty() { // the trailer field, of which there is but one
		var trailerTag cryptobyte.String
		var trailer int
		if !seq.ReadASN1(&trailerTag, tag3) || !trailerTag.ReadASN1Integer(&trailer) ||
			!trailerTag.Empty() || trailer != 1 || !seq.Empty() {
			return x509.UnknownSignatureAlgorithm
		}
	}
	h, ok := hash.digest()
	m, mok := mgfHash.digest()
	if !ok || !mok || h != m || string(mgfOID) != oidMGF1 || salt != digests[h].hash.Size() {
		return x509.UnknownSignatureAlgorithm
	}
	return digests[h].pss
}

// readTime reads a GeneralizedTime in the one form of RFC 5280, 4.1.2.5.2:
// YYYYMMDDHHMMSSZ.
func readTime(in *cryptobyte.String, out *time.Time) bool {
	var c calendar
	if !c.readGeneralized(in) {
		return false
	}
	*out = c.time()
	return true
}

// readEitherTime reads a Time: UTCTime or GeneralizedTime, each in its one form.
// RFC 5280 wants UTCTime until 2049; that is not insisted on, as both say the same.
func readEitherTime(in *cryptobyte.String, out *time.Time) bool {
	var c calendar
	if !c.readEither(in) {
		return false
	}
	*out = c.time()
	return true
}

// calendar is a time as written. To check one is cheaper than to convert it,
// which matters where there are a million.
type calendar struct{ year, month, day, hour, minute, second int }

func (c *calendar) time() time.Time {
	return time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, 0, time.UTC)
}

func (c *calendar) readEither(in *cryptobyte.String) bool {
	if !in.PeekASN1Tag(asn1.UTCTime) {
		return c.readGeneralized(in)
	}
	var s cryptobyte.String
	if !in.ReadASN1(&s, asn1.UTCTime) || len(s) != 13 || s[12] != 'Z' {
		return false
	}
	century := 1900
	if s[0] < '5' {
		century = 2000
	}
	return c.readShort(s[:12], century)
}

func (c *calendar) readGeneralized(in *cryptobyte.String) bool {
	var s cryptobyte.String
	if !in.ReadASN1(&s, asn1.GeneralizedTime) || len(s) != 15 || s[14] != 'Z' {
		return false
	}
	century, ok := digits(s[:2])
	// Not the years 0 and 1: the zero time.Time stands for what is absent, and
	// a nextUpdate at that time is not absent.
	return ok && c.readShort(s[2:14], century*100) && c.year > 1
}

// readShort reads YYMMDDHHMMSS.
func (c *calendar) readShort(s []byte, century int) bool {
	var f [6]int
	for i := range f {
		var ok bool
		if f[i], ok = digits(s[2*i : 2*i+2]); !ok {
			return false
		}
	}
	*c = calendar{century + f[0], f[1], f[2], f[3], f[4], f[5]}
	return c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= c.days() &&
		c.hour <= 23 && c.minute <= 59 && c.second <= 59
}

// days is the length of the month.
func (c *calendar) days() int {
	leap := c.year%4 == 0 && (c.year%100 != 0 || c.year%400 == 0)
	switch c.month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if leap {
			return 29
		}
		return 28
	}
	return 31
}

func digits(s []byte) (int, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// readInteger reads the content of an INTEGER in its shortest form.
func readInteger(in *cryptobyte.String, out *[]byte) bool {
	var s cryptobyte.String
	if !in.ReadASN1(&s, asn1.INTEGER) || len(s) == 0 {
		return false
	}
	if len(s) > 1 && (s[0] == 0 && s[1] < 0x80 || s[0] == 0xff && s[1] >= 0x80) {
		return false
	}
	*out = s
	return true
}

// extension is an Extension (RFC 5280, 4.1); id is the content of its OID.
type extension struct {
	id       []byte
	critical bool
	value    []byte
}

// readExtensions reads a SEQUENCE SIZE (1..MAX) OF Extension into list, which
// bounds it. An extension may appear once (RFC 5280, 4.2).
func readExtensions(in *cryptobyte.String, list *[maxExtensions]extension) ([]extension, bool) {
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || seq.Empty() {
		return nil, false
	}
	n := 0
	for ; !seq.Empty(); n++ {
		if n == len(list) || !readExtension(&seq, &list[n]) {
			return nil, false
		}
		for _, e := range list[:n] {
			if bytes.Equal(e.id, list[n].id) {
				return nil, false
			}
		}
	}
	return list[:n], true
}

// readExtension accepts an explicit FALSE for critical, though DER leaves a
// default out: certificates in use have it, and it is not ambiguous.
func readExtension(in *cryptobyte.String, out *extension) bool {
	var seq, id, value cryptobyte.String
	var critical bool
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !readOID(&seq, &id) ||
		seq.PeekASN1Tag(asn1.BOOLEAN) && !seq.ReadASN1Boolean(&critical) ||
		!seq.ReadASN1(&value, asn1.OCTET_STRING) || !seq.Empty() {
		return false
	}
	*out = extension{id: id, critical: critical, value: value}
	return true
}

// keyBits is the content of the BIT STRING of a SubjectPublicKeyInfo, without
// its count of unused bits: what RFC 6960, 4.1.1 hashes.
func keyBits(spki []byte) []byte {
	in := cryptobyte.String(spki)
	var seq cryptobyte.String
	var bits []byte
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !seq.SkipASN1(asn1.SEQUENCE) || !seq.ReadASN1BitStringAsBytes(&bits) {
		return nil
	}
	return bits
}
