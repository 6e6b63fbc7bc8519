package trustlist

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"

	"github.com/seed-b953571c/eidas"
)

// URLs of the EU's list of trusted lists and of the notices in the Official
// Journal that publish its signers.
const (
	URLEULOTL              = "https://ec.europa.eu/tools/lotl/eu-lotl.xml"
	URLOfficialJournal2019 = "https://eur-lex.europa.eu/legal-content/EN/TXT/?uri=uriserv:OJ.C_.2019.276.01.0001.01.ENG"
	URLOfficialJournal2026 = "https://eur-lex.europa.eu/eli/C/2026/1944/oj"
)

// Anchors is where trust in the lists of one profile starts. The zero value is
// invalid.
type Anchors struct {
	Profile eidas.Profile
	LOTL    string // URL of the list of trusted lists
	// OfficialJournal is the URL of the notice that published Signers, as the
	// LOTL's SchemeInformationURI writes it. Empty means that there are no
	// pivots: Signers must have signed the LOTL itself.
	OfficialJournal string
	Signers         [][32]byte // SHA-256 of the DER of each certificate of the notice
}

// DefaultAnchors returns the anchors of the newest notice known here.
func DefaultAnchors() Anchors { return OfficialJournal2026() }

// OfficialJournal2026 returns the certificates of OJ C/2026/1944 of 15 April
// 2026, in force since 29 April 2026. Fingerprints taken from the bootstrap
// certificates that pyHanko ships for this notice; LOTL 388 announces the same
// six in its pointer to itself.
func OfficialJournal2026() Anchors {
	return Anchors{
		Profile: eidas.ProfileEU, LOTL: URLEULOTL, OfficialJournal: URLOfficialJournal2026,
		Signers: signers(
			"c0641c4f7d56c431b1c924742db7fce9c1eef7d7fd212113a2768486b3abcdc5", // 2025-11 to 2029-11
			"e0a620fbb6747362bb933ac44169d676a553444716cf5f31605f12a22b8396b1", // 2023-11 to 2027-11, signer of LOTL 388
			"df7e29360c34b2b8d6d5f40325c1d4d12c9922cecd33b7407674a74b2b3ca1e5", // 2024-05 to 2027-05
			"b63d416744e7098bf9ec2caa596a93bc2468e37f8284ba65ecc061711bcbaa18", // 2024-04 to 2027-04
			"236103f03a8031ae8f47f9059bf8de38564cdbfebedde4a597d50f8980aa653b", // 2025-12 to 2029-12
			"d2064fdd70f6982dcc516b86d9d5c56aea939417c624b2e478c0b29de54f8474", // 2018-06 to 2028-05
		),
	}
}

// OfficialJournal2019 returns the certificates of OJ C 276 of 16 August 2019.
// Fingerprints taken from the key store of the Commission's validator (DSS 6.4),
// where they are the aliases. All but one have expired, which does not matter:
// what they signed were pivots, in their time.
func OfficialJournal2019() Anchors {
	return Anchors{
		Profile: eidas.ProfileEU, LOTL: URLEULOTL, OfficialJournal: URLOfficialJournal2019,
		Signers: signers(
			"5400ab712c41aaf0c40b505e264d5494d8af4180f8f62955d16223b3290f97c3", // 2015-05 to 2025-04
			"9c1a3b646eaf132398ef319e41c8e7ed725b64d5772580ae125d59c0f6845630", // 2016-09 to 2019-09
			"59a1bf290b818b177ad61ac4b3e6dcddd46da6d5be9579f8564adea6f2cf073e", // 2017-05 to 2020-05
			"8e508f03b132500c3403db66e9dd39cd78f4657c840958a77d34e7bd621468e7", // 2018-02 to 2021-02
			"c1a37db48cd5e0479b97f4de32e3a7470c52aafb94c1656ef56f97503992c8a7", // 2018-08 to 2020-08
			"d2064fdd70f6982dcc516b86d9d5c56aea939417c624b2e478c0b29de54f8474", // 2018-06 to 2028-05, signer of pivots 282 and 300
			"435504bfd802edf4db08cbd7c7729a0d45b227797b727e4e6ea1d31684166342", // 2018-03 to 2021-03
			"ccd879b36bb553685becbd12901c7f41f7bd3e07f898fcbbe1eec456b03d7589", // 2018-03 to 2021-03
		),
	}
}

// signers decodes literals of this file; a malformed one gives no fingerprint,
// which check refuses.
func signers(literals ...string) [][32]byte {
	all := make([][32]byte, 0, len(literals))
	for _, s := range literals {
		f, err := ParseFingerprint(s)
		if err != nil {
			return nil
		}
		all = append(all, f)
	}
	return all
}

// ParseFingerprint reads a SHA-256 fingerprint of 64 hexadecimal digits, in
// either case.
func ParseFingerprint(s string) ([32]byte, error) {
	var f [32]byte
	if len(s) != 2*len(f) {
		return f, fmt.Errorf("trustlist: fingerprint %q does not have 64 hexadecimal digits", s)
	}
	if _, err := hex.Decode(f[:], []byte(s)); err != nil {
		return f, fmt.Errorf("trustlist: fingerprint %q does not have 64 hexadecimal digits", s)
	}
	return f, nil
}

// check refuses anchors that can trust nothing or would trust by accident.
func (a Anchors) check() error {
	if a.Profile == "" {
		return fmt.Errorf("trustlist: anchors have no profile")
	}
	if u, err := url.Parse(a.LOTL); err != nil || u.Scheme == "" || u.Host == "" {
		return fmt.Errorf("trustlist: LOTL URL %q is not absolute", a.LOTL)
	}
	if len(a.Signers) == 0 {
		return fmt.Errorf("trustlist: anchors have no signer")
	}
	if slices.Contains(a.Signers, [32]byte{}) {
		return fmt.Errorf("trustlist: anchors have an empty fingerprint")
	}
	return nil
}
