package trustlist

import "time"

// The limits of this package. All hold for input that is already authentic too:
// one careless or captured scheme operator must not take the others down.
const (
	// MaxListSize bounds one list in bytes; the largest at hand has 2.5 MB.
	MaxListSize = 32 << 20
	// MaxPivots bounds the pivots between an Official Journal notice and the
	// LOTL; five were published in the seven years after the notice of 2019.
	MaxPivots = 16
	// maxPointers bounds the pointers of one LOTL; real ones have 44.
	maxPointers = 512
	// maxPointerSigners bounds the certificates of one pointer; real ones have 9.
	maxPointerSigners = 64
	// maxNotices bounds the notices that a LOTL names as newer than that of the
	// anchors; in the seven years after 2019 there was one.
	maxNotices = 64
	// maxSchemeURIs bounds the URIs of all SchemeInformationURI; LOTL 388 has 31.
	maxSchemeURIs = 1024
	// maxProviders and maxServices bound one list; real ones have 60 and 451.
	maxProviders = 4096
	maxServices  = 16384
	// maxPeriods bounds the history of one service; real ones have 8 periods.
	maxPeriods = 512
	// maxIdentities bounds the digital identifiers of one service; real ones have 11.
	maxIdentities = 128
	// maxNames bounds the names of one provider or service; real ones have 21.
	maxNames = 256
	// maxExtensions bounds the entries of one service information: extensions,
	// qualification elements, criteria and their values; real ones have 300.
	maxExtensions = 8192
	// maxCriteriaDepth bounds nested criteria lists; real ones nest twice.
	maxCriteriaDepth = 8
	// maxText bounds one text in bytes; a certificate of 64 KiB fits.
	maxText = 128 << 10

	// MaxSkew is by how much the clock of a scheme operator may be ahead.
	MaxSkew = 5 * time.Minute
)
