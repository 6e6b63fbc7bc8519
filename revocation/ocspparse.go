package revocation

import (
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// MaxOCSPSize is the largest OCSP response that is looked at. The largest
	// of 90 real ones has 7,018 bytes.
	MaxOCSPSize = 64 << 10
	// maxEmbedded bounds the certificates in a response; real ones have 0 to 3.
	maxEmbedded = 16
)

// basicResponse is a BasicOCSPResponse (RFC 6960, 4.2.1). Its slices point
// into the response.
type basicResponse struct {
	tbs       []byte // ResponseData as an element: what is signed
	algorithm algorithm
	signature []byte
	certs     []byte // Certificate elements, one after the other

	byName     []byte // responderID: a Name as an element, nil when byKey
	byKey      []byte // responderID: a SHA-1
	producedAt time.Time
	responses  []byte // SingleResponse elements, one after the other
	extensions ocspExtensions
}

// certStatus is the CertStatus of a SingleResponse, in order of precedence:
// of several answers about one certificate the greatest counts (rule P3).
type certStatus uint8

const (
	certGood certStatus = iota + 1
	certUnknown
	certRevoked
)

// singleResponse is a SingleResponse.
type singleResponse struct {
	hash       algorithm
	nameHash   []byte
	keyHash    []byte
	serial     []byte // content of the INTEGER
	status     certStatus
	revokedAt  time.Time
	reason     int
	thisUpdate time.Time
	nextUpdate time.Time // zero when absent
	extensions ocspExtensions
}

// ocspExtensions are the extensions that mean something at either level.
type ocspExtensions struct {
	nonce           []byte // the extension value, nil when absent
	archiveCutoff   time.Time
	extendedRevoke  bool
	certHash        []byte // the extension value, nil when absent
	unknownCritical []byte // OID content of one, nil when there is none
}

// parseOCSP reads an OCSPResponse (rule P1). It returns the response status,
// and the basic response when the status is successful.
func parseOCSP(raw []byte) (status int, basic *basicResponse, err error) {
	if len(raw) > MaxOCSPSize {
		return 0, nil, invalid(RuleP1, "response of %d bytes exceeds the limit of %d", len(raw), MaxOCSPSize)
	}
	in := cryptobyte.String(raw)
	var outer, tagged, bytes, kind, content cryptobyte.String
	var present bool
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1Enum(&status) ||
		!outer.ReadOptionalASN1(&tagged, &present, tag0) || !outer.Empty() {
		return 0, nil, invalid(RuleP1, "response is malformed")
	}
	if status < 0 || status == 4 || status > 6 {
		return 0, nil, invalid(RuleP1, "response status %d is not defined", status)
	}
	if status != 0 {
		return status, nil, nil
	}
	if !present {
		return 0, nil, invalid(RuleP1, "successful response has no content")
	}
	if !tagged.ReadASN1(&bytes, asn1.SEQUENCE) || !tagged.Empty() ||
		!readOID(&bytes, &kind) ||
		!bytes.ReadASN1(&content, asn1.OCTET_STRING) || !bytes.Empty() {
		return 0, nil, invalid(RuleP1, "response bytes are malformed")
	}
	if string(kind) != oidOCSPBasic {
		return 0, nil, invalid(RuleP1, "response type %x is not id-pkix-ocsp-basic", []byte(kind))
	}
	basic, err = parseBasic(content)
	return 0, basic, err
}

func parseBasic(der []byte) (*basicResponse, error) {
	in := cryptobyte.String(der)
	var seq, tbs, tagged, certs cryptobyte.String
	var present bool
	b := new(basicResponse)
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadASN1Element(&tbs, asn1.SEQUENCE) ||
		!readAlgorithm(&seq, &b.algorithm) ||
		!seq.ReadASN1BitStringAsBytes(&b.signature) ||
		!seq.ReadOptionalASN1(&tagged, &present, tag0) || !seq.Empty() {
		return nil, invalid(RuleP1, "basic response is malformed")
	}
	if present && (!tagged.ReadASN1(&certs, asn1.SEQUENCE) || !tagged.Empty()) {
		return nil, invalid(RuleP1, "certificates are malformed")
	}
	b.tbs, b.certs = tbs, certs
	n := 0
	for ; !certs.Empty(); n++ {
		if n == maxEmbedded || !certs.SkipASN1(asn1.SEQUENCE) {
			return nil, invalid(RuleP1, "certificates are malformed or more than %d", maxEmbedded)
		}
	}
	return b, b.parseData(tbs)
}

// parseData reads ResponseData.
func (b *basicResponse) parseData(tbs cryptobyte.String) error {
	var seq, responses, tagged cryptobyte.String
	var present bool
	if !tbs.ReadASN1(&seq, asn1.SEQUENCE) {
		return invalid(RuleP1, "response data is malformed")
	}
	if err := checkVersion(&seq); err != nil {
		return err
	}
	if !b.readResponderID(&seq) {
		return invalid(RuleP1, "responder identifier is malformed")
	}
	if !readTime(&seq, &b.producedAt) {
		return invalid(RuleP1, "producedAt is malformed")
	}
	if !seq.ReadASN1(&responses, asn1.SEQUENCE) ||
		!seq.ReadOptionalASN1(&tagged, &present, tag1) || !seq.Empty() {
		return invalid(RuleP1, "response data is malformed")
	}
	if present && (!b.extensions.read(&tagged) || !tagged.Empty()) {
		return invalid(RuleP1, "response extensions are malformed")
	}
	b.responses = responses
	// Each is read once here, so that the rest may rely on the form of all.
	for !responses.Empty() {
		var s singleResponse
		if !s.read(&responses) {
			return invalid(RuleP1, "single response is malformed")
		}
	}
	return nil
}

// checkVersion accepts an explicit v1, though DER leaves a default out: there
// are responders that write it, and it is not ambiguous.
func checkVersion(seq *cryptobyte.String) error {
	var tagged cryptobyte.String
	var present bool
	var version int
	if !seq.ReadOptionalASN1(&tagged, &present, tag0) {
		return invalid(RuleP1, "version is malformed")
	}
	if present && (!tagged.ReadASN1Integer(&version) || !tagged.Empty()) {
		return invalid(RuleP1, "version is malformed")
	}
	if version != 0 {
		return invalid(RuleP1, "version %d is not 0 (v1)", version)
	}
	return nil
}

func (b *basicResponse) readResponderID(in *cryptobyte.String) bool {
	var name, key, id cryptobyte.String
	if in.PeekASN1Tag(tag1) {
		ok := in.ReadASN1(&name, tag1) && name.ReadASN1Element(&id, asn1.SEQUENCE) && name.Empty()
		b.byName = id
		return ok
	}
	ok := in.ReadASN1(&key, tag2) && key.ReadASN1(&id, asn1.OCTET_STRING) && key.Empty() && len(id) == 20
	b.byKey = id
	return ok
}

func (s *singleResponse) read(in *cryptobyte.String) bool {
	var seq, id, nameHash, keyHash, next, exts cryptobyte.String
	var hasNext, hasExts bool
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&id, asn1.SEQUENCE) ||
		!readAlgorithm(&id, &s.hash) ||
		!id.ReadASN1(&nameHash, asn1.OCTET_STRING) || !id.ReadASN1(&keyHash, asn1.OCTET_STRING) ||
		!readInteger(&id, &s.serial) || !id.Empty() ||
		!s.readStatus(&seq) || !readTime(&seq, &s.thisUpdate) ||
		!seq.ReadOptionalASN1(&next, &hasNext, tag0) ||
		!seq.ReadOptionalASN1(&exts, &hasExts, tag1) || !seq.Empty() {
		return false
	}
	s.nameHash, s.keyHash = nameHash, keyHash
	if hasNext && (!readTime(&next, &s.nextUpdate) || !next.Empty()) {
		return false
	}
	return !hasExts || s.extensions.read(&exts) && exts.Empty()
}

// readStatus reads exactly one alternative of CertStatus.
func (s *singleResponse) readStatus(in *cryptobyte.String) bool {
	var content cryptobyte.String
	var tag asn1.Tag
	if !in.ReadAnyASN1(&content, &tag) {
		return false
	}
	switch tag {
	case asn1.Tag(0).ContextSpecific():
		s.status = certGood
		return content.Empty()
	case tag1:
		s.status = certRevoked
		return s.readRevoked(&content)
	case asn1.Tag(2).ContextSpecific():
		s.status = certUnknown
		return content.Empty()
	}
	return false
}

// readRevoked reads RevokedInfo. A reason that RFC 5280, 5.3.1 does not define
// is kept: not knowing why is no ground for taking the certificate for good.
func (s *singleResponse) readRevoked(in *cryptobyte.String) bool {
	var tagged cryptobyte.String
	var present bool
	if !readTime(in, &s.revokedAt) || !in.ReadOptionalASN1(&tagged, &present, tag0) || !in.Empty() {
		return false
	}
	return !present || tagged.ReadASN1Enum(&s.reason) && tagged.Empty()
}

func (x *ocspExtensions) read(in *cryptobyte.String) bool {
	var space [maxExtensions]extension
	list, ok := readExtensions(in, &space)
	if !ok {
		return false
	}
	for _, e := range list {
		switch string(e.id) {
		case oidNonce:
			x.nonce = e.value
		case oidArchiveCutoff:
			v := cryptobyte.String(e.value)
			if !readTime(&v, &x.archiveCutoff) || !v.Empty() {
				return false
			}
		case oidExtendedRevoke:
			x.extendedRevoke = true
		case oidCertHash:
			x.certHash = e.value
		case oidCrlID, oidServiceLocator, oidSCTList: // known, and of no consequence here
		default:
			if e.critical {
				x.unknownCritical = e.id
			}
		}
	}
	return true
}
