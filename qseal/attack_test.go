package qseal_test

import (
	"crypto"
	_ "crypto/sha1" // an attack needs it
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// The attacks on the message. The numbers are those of the attack list that the
// package is built against.

func TestAttack01AllSignatureFieldsRemoved(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	s.refused(qseal.ReasonSignatureMissing, later(func(r *http.Request) {
		for _, name := range []string{"Signature", "Digest", "Tpp-Signature-Certificate"} {
			r.Header.Del(name)
		}
	}))
}

func TestAttack02SomeSignatureFieldsRemoved(t *testing.T) {
	for name, want := range map[string]qseal.Reason{
		"Signature": qseal.ReasonSignatureMissing, "Digest": qseal.ReasonDigestMissing,
		"Tpp-Signature-Certificate": qseal.ReasonCertificateMissing, "X-Request-Id": qseal.ReasonFieldMissing,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13())
			remove := func(r *http.Request) { r.Header.Del(name) }
			s.refused(want, later(remove))
			if name == "X-Request-Id" {
				return
			}
			// Unsealed requests may pass: one that has lost a part is none.
			s.config.AllowUnsealed = true
			w := httptest.NewRecorder()
			s.verifier().Handler(mustNotRun(t)).ServeHTTP(w, s.order(later(remove)))
			assert.Equal(t, http.StatusUnauthorized, w.Code)
		})
	}
}

func mustNotRun(t *testing.T) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { assert.Fail(t, "handler was called") })
}

func TestAttack03MandatoryFieldNotCovered(t *testing.T) {
	for _, covered := range []string{"x-request-id", "digest"} {
		newScene(t, qseal.BerlinGroup13()).refused(qseal.ReasonCoverage, covering(covered))
	}
}

func TestAttack04PSUFields(t *testing.T) {
	for _, name := range []string{"psu-id", "psu-corporate-id", "tpp-redirect-uri"} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13())
			s.refused(qseal.ReasonCoverage, header(name, "x"))
			s.refused(qseal.ReasonFieldMissing, covering("digest x-request-id "+name))
			s.config.Replay = replayMemory(t)
			require.NoError(t, s.verify(s.order(header(name, "x"), covering("digest x-request-id "+name))))
			s.refused(qseal.ReasonSignatureInvalid, header(name, "x"), covering("digest x-request-id "+name),
				later(func(r *http.Request) { r.Header.Set(name, "y") }))
		})
	}
}

func TestAttack05ExtraCoveredField(t *testing.T) {
	for _, name := range []string{"accept", "date", "psu-ip-address", "(request-target)"} {
		s := newScene(t, qseal.BerlinGroup13())
		edits := []func(*forged){
			header("accept", "*/*"), header("date", s.at.UTC().Format(http.TimeFormat)), header("psu-ip-address", "192.0.2.1"),
			covering("digest x-request-id " + name),
		}
		s.refused(qseal.ReasonCoverage, edits...)
		s.config.Profile = s.config.Profile.AllowQuirks(qseal.QuirkExtraFields)
		s.config.Replay = replayMemory(t)
		seal, err := s.verifier().VerifyRequest(t.Context(), s.order(edits...), s.at)
		require.NoError(t, err, name)
		assert.Equal(t, qseal.QuirkExtraFields, seal.Quirks)
		assert.Equal(t, name == "(request-target)", seal.PathBound)
	}
}

func TestAttack06RepeatedFields(t *testing.T) {
	for _, name := range []string{"X-Request-Id", "Digest", "Tpp-Signature-Certificate", "Psu-Id"} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13())
			covered := []func(*forged){}
			if name == "Psu-Id" {
				covered = append(covered, header("psu-id", "a"), covering("digest x-request-id psu-id"))
			}
			// One is sealed, another is put before or after it.
			for _, first := range []bool{true, false} {
				s.refused(qseal.ReasonRepeated, append(covered, later(func(r *http.Request) {
					lines := append(r.Header[name], "other")
					if first {
						lines[0], lines[1] = lines[1], lines[0]
					}
					r.Header[name] = lines
				}))...)
			}
			// Both are sealed, joined.
			if name != "Tpp-Signature-Certificate" && name != "Digest" {
				s.refused(qseal.ReasonRepeated, append(covered, header(name, "a", "b"))...)
			}
		})
	}
}

func TestAttack07FieldListedTwice(t *testing.T) {
	newScene(t, qseal.BerlinGroup13()).refused(qseal.ReasonFormat, covering("digest x-request-id digest"))
}

func TestAttack08TwoSignatures(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	s.refused(qseal.ReasonRepeated, later(func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) }))
	s.refused(qseal.ReasonFormat, later(func(r *http.Request) {
		r.Header.Set("Signature", r.Header.Get("Signature")+","+r.Header.Get("Signature"))
	}))
}

func TestAttack09DuplicateParameters(t *testing.T) {
	for _, name := range []string{"keyId", "algorithm", "headers", "signature"} {
		for _, first := range []bool{true, false} {
			newScene(t, qseal.BerlinGroup13()).refused(qseal.ReasonFormat, later(func(r *http.Request) {
				value := r.Header.Get("Signature")
				if first {
					r.Header.Set("Signature", name+`="x",`+value)
				} else {
					r.Header.Set("Signature", value+`,`+name+`="x"`)
				}
			}))
		}
	}
}

func TestAttack10EmptyHeaders(t *testing.T) {
	for _, covered := range []string{"", " ", "digest  x-request-id"} {
		newScene(t, qseal.BerlinGroup13()).refused(qseal.ReasonFormat, covering(covered))
	}
	s := newScene(t, qseal.BerlinGroup13())
	s.refused(qseal.ReasonHeader, func(f *forged) {
		f.value = func(p map[string]string) string {
			return `keyId="` + p["keyId"] + `",algorithm="ecdsa-sha256",signature="` + p["signature"] + `"`
		}
	})
}

func TestAttack11Digest(t *testing.T) {
	half := strings.TrimSuffix(digestOf(payment)[:40], "=") + "=="
	sum := sha512.Sum512([]byte(payment))
	wide := "SHA-512=" + base64.StdEncoding.EncodeToString(sum[:])
	for name, digest := range map[string]string{
		"of another body":            digestOf(payment + " "),
		"truncated":                  half,
		"MD5":                        "MD5=" + base64.StdEncoding.EncodeToString(make([]byte, 16)),
		"SHA-1":                      "SHA=" + base64.StdEncoding.EncodeToString(make([]byte, 20)),
		"two, the second wrong":      digestOf(payment) + ",SHA-512=" + base64.StdEncoding.EncodeToString(make([]byte, 64)),
		"two, the first wrong":       digestOf("x") + "," + wide,
		"twice the same":             digestOf(payment) + "," + digestOf(payment),
		"with MD5 beside":            digestOf(payment) + ",MD5=" + base64.StdEncoding.EncodeToString(make([]byte, 16)),
		"base64url":                  strings.NewReplacer("+", "-", "/", "_").Replace("SHA-256=" + strings.Repeat("+", 43) + "="),
		"without padding":            strings.TrimRight(digestOf(payment), "="),
		"of no algorithm":            strings.TrimPrefix(digestOf(payment), "SHA-256="),
		"with a letter at the end":   digestOf(payment) + "!",
		"with more padding":          digestOf(payment) + "=",
		"empty":                      "",
		"too long":                   digestOf(payment) + "," + strings.Repeat(" ", 600) + wide,
		"length of another":          "SHA-512=" + strings.TrimPrefix(digestOf(payment), "SHA-256="),
		"with a line break in it":    "SHA-256=\n" + strings.TrimPrefix(digestOf(payment), "SHA-256="),
		"non-zero bits in last char": nonCanonical(digestOf(payment)),
	} {
		t.Run(name, func(t *testing.T) {
			newScene(t, qseal.BerlinGroup13()).refused(qseal.ReasonDigest, header("Digest", digest))
		})
	}
	for _, digest := range []string{wide, strings.ToLower(wide[:7]) + wide[7:], digestOf(payment) + ", " + wide} {
		s := newScene(t, qseal.BerlinGroup13())
		require.NoError(t, s.verify(s.order(header("Digest", digest))))
	}
}

// nonCanonical sets a bit that base64 does not need.
func nonCanonical(digest string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	i := len(digest) - 2
	return digest[:i] + string(alphabet[strings.IndexByte(alphabet, digest[i])|1]) + "="
}

func TestAttack12BodylessDigest(t *testing.T) {
	object := "{}"
	none := func(f *forged) { f.method, f.body, f.sealedBody = http.MethodGet, "", &object }
	s := newScene(t, qseal.BerlinGroup13())
	s.refused(qseal.ReasonDigest, none)
	s.config.Profile = s.config.Profile.AllowQuirks(qseal.QuirkEmptyObject)
	seal, err := s.verifier().VerifyRequest(t.Context(), s.order(none), s.at)
	require.NoError(t, err)
	assert.Equal(t, qseal.QuirkEmptyObject, seal.Quirks)
	// The quirk is about messages without a body only.
	s.refused(qseal.ReasonDigest, func(f *forged) { f.sealedBody = &object })
	// A body smuggled into a GET.
	empty := ""
	s.refused(qseal.ReasonDigest, func(f *forged) { f.method, f.sealedBody = http.MethodGet, &empty })
	s.config.Replay = replayMemory(t)
	require.NoError(t, s.verify(s.order(func(f *forged) { f.method, f.body = http.MethodGet, "" })))
}

func TestAttack13Dates(t *testing.T) {
	for name, row := range map[string]struct {
		offset time.Duration
		want   qseal.Reason
	}{
		"now": {0, 0}, "as old as may be": {-5 * time.Minute, 0}, "as far ahead as may be": {time.Minute, 0},
		"older": {-5*time.Minute - time.Second, qseal.ReasonStale}, "further ahead": {time.Minute + time.Second, qseal.ReasonIssuedInFuture},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13().AllowQuirks(qseal.QuirkExtraFields))
			s.at = s.at.Truncate(time.Second)
			date := s.at.Add(row.offset).UTC().Format(http.TimeFormat)
			err := s.verify(s.order(header("date", date), covering("date digest x-request-id")))
			assert.Equal(t, row.want.String(), qseal.ReasonOf(err).String(), "%v", err)
		})
	}
	s := newScene(t, qseal.BerlinGroup13().AllowQuirks(qseal.QuirkExtraFields))
	s.refused(qseal.ReasonFormat, header("date", "Mon, 9 May 2022 06:26:01 IST"), covering("date digest x-request-id"))
	s.refused(qseal.ReasonFieldMissing, covering("date digest x-request-id"))
	for _, parameter := range []string{"created=1402170695", "expires=4102444800"} {
		s.refused(qseal.ReasonHeader, later(func(r *http.Request) {
			r.Header.Set("Signature", r.Header.Get("Signature")+","+parameter)
		}))
	}
}

func TestAttack14Replay(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	require.NoError(t, s.verify(s.order()))
	require.ErrorIs(t, s.verify(s.order()), qseal.ReasonReplay)
	require.NoError(t, s.verify(s.order(header("x-request-id", "another"))))

	// Ids that are none.
	for _, id := range []string{"", strings.Repeat("x", 129)} {
		require.ErrorIs(t, s.verify(s.order(header("x-request-id", id))), qseal.ReasonFormat)
	}
	require.NoError(t, s.verify(s.order(header("x-request-id", strings.Repeat("x", 128)))))

	// The same id of another TPP is another id.
	const otherID = "PSDLT-BL-LB000469"
	honest := s.leaf
	s.leaf, s.peer = s.w.QSealC("LT", otherID, roles), identityOf(t, otherID)
	require.NoError(t, s.verify(s.order()))
	require.ErrorIs(t, s.verify(s.order()), qseal.ReasonReplay)

	// Nobody uses up an id that is refused for another reason.
	s.leaf, s.peer = honest, identityOf(t, tppID)
	require.ErrorIs(t, s.verify(s.order(header("x-request-id", "third"), later(func(r *http.Request) {
		*r = *clone(r, payment+" ")
	}))), qseal.ReasonDigest)
	require.NoError(t, s.verify(s.order(header("x-request-id", "third"))))

	// The bank's store is down.
	s.config.Replay = storeFunc(func(string) (bool, error) { return true, errOutage })
	require.ErrorIs(t, s.verify(s.order()), qseal.ReasonReplayUnavailable)
	s.config.AllowReplayUnavailable = true
	seal, err := s.verifier().VerifyRequest(t.Context(), s.order(), s.at)
	require.NoError(t, err)
	assert.True(t, seal.ReplayUnchecked)
}

func TestAttack15SealOnAnotherPath(t *testing.T) {
	for name, edit := range map[string]func(f *forged){
		"path":   func(f *forged) { f.target = "/v1/payments/instant" },
		"method": func(f *forged) { f.method = http.MethodPut },
		"query":  func(f *forged) { f.target = "/v1/payments?account=2" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13())
			require.NoError(t, s.verify(s.order()))
			require.ErrorIs(t, s.verify(s.order(edit)), qseal.ReasonReplay)
			// That the store is what stops it:
			s.config.Replay = replayMemory(t)
			require.NoError(t, s.verify(s.order(edit)))
		})
	}
	_, err := qseal.New(qseal.Config{
		Validator: newScene(t, qseal.BerlinGroup13()).config.Validator, Profile: qseal.BerlinGroup13(), AllowAnyPeer: true,
	})
	assert.ErrorContains(t, err, "Config.Replay")
}

func TestAttack17KeyIDOfAnotherCertificate(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	other := s.w.QSealC("DE", tppID, roles).Certificate
	own := s.leaf.Certificate
	for name, keyID := range map[string]string{
		"serial": "SN=" + other.SerialNumber.Text(16) + ",CA=" + own.Issuer.String(),
		"issuer": "SN=" + own.SerialNumber.Text(16) + ",CA=" + other.Issuer.String(),
		"part":   "SN=" + own.SerialNumber.Text(16) + ",CA=C=LT",
		"more":   keyIDOf(own) + ",OU=more",
	} {
		t.Run(name, func(t *testing.T) {
			s.refused(qseal.ReasonCertificateMismatch, func(f *forged) { f.keyID = keyID })
		})
	}
	for name, keyID := range map[string]string{
		"no SN": "CA=" + own.Issuer.String(), "no CA": "SN=" + own.SerialNumber.Text(16), "empty SN": "SN=,CA=" + own.Issuer.String(),
	} {
		t.Run(name, func(t *testing.T) {
			s.refused(qseal.ReasonFormat, func(f *forged) { f.keyID = keyID })
		})
	}
}

func TestAttack19ForeignSeal(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	other := s.w.QSealC("LT", "PSDLT-BL-LB000469", roles)
	// The certificate of another in the header, keyId to match: the key does not.
	s.refused(qseal.ReasonSignatureInvalid,
		header("tpp-signature-certificate", base64.StdEncoding.EncodeToString(other.Certificate.Raw)),
		func(f *forged) { f.keyID = keyIDOf(other.Certificate) })
	// A good seal of another over this TPP's connection.
	foreign := func(f *forged) {
		f.leaf, f.keyID = other, keyIDOf(other.Certificate)
		f.header.Set("Tpp-Signature-Certificate", base64.StdEncoding.EncodeToString(other.Certificate.Raw))
	}
	s.refused(qseal.ReasonPeer, foreign)
	w := httptest.NewRecorder()
	s.verifier().Handler(mustNotRun(t)).ServeHTTP(w, s.order(foreign))
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	// Nobody on the connection.
	s.peer = eidas.Identity{}
	require.ErrorIs(t, s.verify(s.order()), qseal.ReasonPeerMissing)
}

func TestAttack20SimilarIdentity(t *testing.T) {
	for _, id := range []string{
		"PSDLT-BL-lb000468", "PSDLV-BL-LB000468", "PSDLT-BK-LB000468", "PSDLT-BL-LB00046\u0417", "PSDLT-BL-LB0004680",
	} {
		t.Run(id, func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13())
			s.leaf = s.w.QSealC("LT", id, roles)
			err := s.verify(s.order())
			assert.Contains(t, []qseal.Reason{qseal.ReasonPeer, qseal.ReasonCertificate}, qseal.ReasonOf(err), "%v", err)
		})
	}
}

// The standing of the sealer, as the Validator sees it: 21 to 25 and 27.
func TestAttack21To27Certificates(t *testing.T) {
	for name, row := range map[string]struct {
		edit func(r *eidastest.Request, s *scene)
		want eidas.Reason
	}{
		"21 QWAC":              {func(r *eidastest.Request, _ *scene) { *r = eidastest.QWAC(tppID, roles) }, eidas.ReasonWrongType},
		"21 QcType web":        {func(r *eidastest.Request, _ *scene) { r.Statements.Types = []string{eidastest.TypeWeb} }, eidas.ReasonWrongType},
		"22 natural person":    {func(r *eidastest.Request, _ *scene) { r.Statements.Types = []string{eidastest.TypeESign} }, eidas.ReasonWrongType},
		"23 no PSD2 statement": {func(r *eidastest.Request, _ *scene) { r.Statements.PSD2 = nil }, eidas.ReasonPSD2Missing},
		"24 expired":           {func(r *eidastest.Request, s *scene) { r.NotAfter = s.at.Add(-time.Second) }, eidas.ReasonExpired},
		"24 not yet valid":     {func(r *eidastest.Request, s *scene) { r.NotBefore = s.at.Add(time.Hour) }, eidas.ReasonNotYetValid},
		"27 no signature bit":  {func(r *eidastest.Request, _ *scene) { r.KeyUsage = x509.KeyUsageKeyEncipherment }, eidas.ReasonKeyUsage},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13())
			r := eidastest.QSealC(tppID, roles)
			row.edit(&r, s)
			s.leaf = s.w.Issue("LT", r)
			err := s.verify(s.order())
			require.ErrorIs(t, err, qseal.ReasonCertificate)
			assert.ErrorIs(t, err, row.want)
		})
	}
}

func TestAttack24RevokedOrWithdrawn(t *testing.T) {
	for want, end := range map[eidas.Reason]func(s *scene){
		eidas.ReasonRevoked:           func(s *scene) { s.w.QTSP("LT").Revoke(s.leaf, 1) },
		eidas.ReasonServiceNotGranted: func(s *scene) { s.w.Check(s.w.QTSP("LT").Withdraw(s.w.Now())) },
	} {
		t.Run(want.String(), func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13())
			v := s.verifier() // one, that remembers the sealer
			_, err := v.VerifyRequest(t.Context(), s.order(), s.at)
			require.NoError(t, err)
			end(s)
			s.at = s.w.Now()
			_, err = v.VerifyRequest(t.Context(), s.order(header("x-request-id", "2")), s.at)
			assert.ErrorIs(t, err, want)
		})
	}
}

func TestAttack25Impostor(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	l, err := s.w.Impostor("LT").IssueQSealC(tppID, roles)
	require.NoError(t, err)
	s.leaf = l
	err = s.verify(s.order())
	require.ErrorIs(t, err, qseal.ReasonCertificate)
	assert.ErrorIs(t, err, eidas.ReasonSignatureInvalid)
}

// Not an attack: whatever has been replaced, it is the same TPP.
func TestAttack28RotatedCertificatePasses(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	v := s.verifier()
	for i, territory := range []string{"LT", "DE", "LT"} {
		s.leaf = s.w.QSealC(territory, tppID, roles)
		seal, err := v.VerifyRequest(t.Context(), s.order(header("x-request-id", string(rune('a'+i)))), s.at)
		require.NoError(t, err)
		assert.Equal(t, s.peer, seal.Signer.Identity)
	}
}

func TestAttack29NoneAndSecretKeys(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	s.config.Profile = s.config.Profile.AllowQuirks(s.config.Profile.KnownQuirks())
	for _, name := range []string{"none", "hmac-sha256", "hmac-sha512", "HS256", "rsa-sha1", "SHA1withRSA", "rsa", "ed25519", "Ecdsa-Sha256"} {
		t.Run(name, func(t *testing.T) {
			s.refused(qseal.ReasonAlgorithm, func(f *forged) { f.algorithm = name })
		})
	}
}

func TestAttack30CavageAlgorithmOfAnotherKey(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	for _, name := range []string{"rsa-sha256", "rsa-sha512"} {
		s.refused(qseal.ReasonAlgorithm, func(f *forged) { f.algorithm = name })
	}
	s.refused(qseal.ReasonSignatureInvalid, func(f *forged) { f.algorithm = "ecdsa-sha512" })
	s.refused(qseal.ReasonAlgorithm, func(f *forged) { f.algorithm = "hs2019" })
	s.config.Profile = s.config.Profile.AllowQuirks(qseal.QuirkHS2019)
	s.config.Replay = replayMemory(t)
	require.NoError(t, s.verify(s.order(func(f *forged) { f.algorithm = "hs2019" })))
}

func rsaScene(t *testing.T, p qseal.Profile) *scene {
	t.Helper()
	s := newScene(t, p)
	r := eidastest.QSealC(tppID, roles)
	r.KeyType = eidastest.RSA2048
	s.leaf = s.w.Issue("LT", r)
	return s
}

func TestAttack31And34SignaturesOfAnotherKind(t *testing.T) {
	s := rsaScene(t, qseal.BerlinGroup13())
	order := func(h crypto.Hash, options crypto.SignerOpts) *http.Request {
		return s.order(func(f *forged) {
			f.algorithm = "rsa-sha256"
			f.signature = func(key crypto.Signer, base []byte) string {
				hashed := h.New()
				hashed.Write(base)
				signature, err := key.Sign(randomness, hashed.Sum(nil), options)
				require.NoError(t, err)
				return base64.StdEncoding.EncodeToString(signature)
			}
		})
	}
	require.NoError(t, s.verify(order(crypto.SHA256, crypto.SHA256)))
	require.ErrorIs(t, s.verify(order(crypto.SHA1, crypto.SHA1)), qseal.ReasonSignatureInvalid, "labelled SHA-256")
	require.ErrorIs(t, s.verify(order(crypto.SHA512, crypto.SHA512)), qseal.ReasonSignatureInvalid)
	require.ErrorIs(t, s.verify(order(crypto.SHA256, pssOptions)), qseal.ReasonSignatureInvalid)
}

func TestAttack33EncodingsOfECDSA(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	type pair struct{ R, S *big.Int }
	for name, edit := range map[string]func(p pair) []byte{
		"r and s side by side": func(p pair) []byte {
			return append(p.R.FillBytes(make([]byte, 32)), p.S.FillBytes(make([]byte, 32))...)
		},
		"r is zero":      func(p pair) []byte { return marshal(t, pair{new(big.Int), p.S}) },
		"s is zero":      func(p pair) []byte { return marshal(t, pair{p.R, new(big.Int)}) },
		"r is negative":  func(p pair) []byte { return marshal(t, pair{new(big.Int).Neg(p.R), p.S}) },
		"s is too large": func(p pair) []byte { return marshal(t, pair{p.R, new(big.Int).Lsh(p.S, 256)}) },
		"trailing byte":  func(p pair) []byte { return append(marshal(t, p), 0) },
		"nothing":        func(pair) []byte { return []byte{0} },
	} {
		t.Run(name, func(t *testing.T) {
			s.refused(qseal.ReasonSignatureInvalid, func(f *forged) {
				sign := f.signature
				f.signature = func(key crypto.Signer, base []byte) string {
					der, err := base64.StdEncoding.DecodeString(sign(key, base))
					require.NoError(t, err)
					var p pair
					_, err = asn1.Unmarshal(der, &p)
					require.NoError(t, err)
					return base64.StdEncoding.EncodeToString(edit(p))
				}
			})
		})
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := asn1.Marshal(v)
	require.NoError(t, err)
	return b
}

func TestAttack35WeakKeys(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	r := eidastest.QSealC(tppID, roles)
	r.KeyType = eidastest.RSA1024
	s.leaf = s.w.Issue("LT", r)
	err := s.verify(s.order(func(f *forged) { f.algorithm = "rsa-sha256" }))
	require.ErrorIs(t, err, qseal.ReasonKey)
}

func TestAttack46HopByHop(t *testing.T) {
	for _, name := range []string{"Digest", "Signature", "TPP-Signature-Certificate", "x-request-id", "psu-id"} {
		for _, connection := range []string{"close, " + name, strings.ToUpper(name), "keep-alive ,\t" + name + " ,x"} {
			newScene(t, qseal.BerlinGroup13()).refused(qseal.ReasonHopByHop,
				header("psu-id", "x"), covering("digest x-request-id psu-id"), header("connection", connection))
		}
	}
	newScene(t, qseal.BerlinGroup13()).refused(qseal.ReasonHopByHop, header("connection", "close", "digest"))
	s := newScene(t, qseal.BerlinGroup13())
	require.NoError(t, s.verify(s.order(header("connection", "close, TE"))))
}

func TestAttack47FieldNames(t *testing.T) {
	for _, name := range []string{"psu\u2212id", "\u212Aey", "x\vy", "a:b", "psu-id\t"} {
		s := newScene(t, qseal.BerlinGroup13().AllowQuirks(qseal.QuirkExtraFields|qseal.QuirkMixedCase))
		s.refused(qseal.ReasonFormat, covering("digest x-request-id "+name))
	}
	// A value may hold what is not UTF-8: it is octets.
	s := newScene(t, qseal.BerlinGroup13())
	require.NoError(t, s.verify(s.order(header("psu-id", "\xff\xfe"), covering("digest x-request-id psu-id"))))
}

func TestAttack48CompressedBodyIsSealedAsItArrives(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	coded := "\x1f\x8b not what it says"
	require.NoError(t, s.verify(s.order(func(f *forged) { f.body = coded }, header("content-encoding", "gzip"))))
}

func TestAttack49BrokenBody(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	s.refused(qseal.ReasonBody, later(func(r *http.Request) {
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(payment), errorReader{}))
	}))
	// A digest in a trailer is none.
	s.refused(qseal.ReasonDigestMissing, later(func(r *http.Request) {
		r.Trailer = http.Header{"Digest": r.Header["Digest"]}
		r.Header.Del("Digest")
	}))
	// More than net/http has announced.
	s.refused(qseal.ReasonBody, later(func(r *http.Request) { r.ContentLength = 0 }))
}

// nothing is a reader that never comes to an end.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAttack50LargeBody(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	for name, row := range map[string]struct {
		declared int64
		read     int
	}{"announced": {5000, 0}, "not announced": {-1, 4097}, "announced smaller": {10, 4097}} {
		t.Run(name, func(t *testing.T) {
			body := &countingBody{Reader: strings.NewReader(strings.Repeat(" ", 5000))}
			r := s.order()
			r.Body, r.ContentLength = body, row.declared
			s.config.Replay = replayMemory(t)
			err := s.verify(r)
			require.ErrorIs(t, err, qseal.ReasonTooLarge)
			assert.LessOrEqual(t, body.n, row.read)
			w := httptest.NewRecorder()
			s.config.Profile.WriteRefusal(w, err)
			assert.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
		})
	}
	s.config.MaxBody = 1 << 20
	for _, size := range []int{0, 1, 100, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1<<20 - 1, 1 << 20} {
		for _, declared := range []int64{-1, int64(size), int64(size / 2), int64(size + 1)} {
			if size == 0 && declared == 0 {
				continue
			}
			body := strings.Repeat("x", size)
			r := s.order(func(f *forged) { f.sealedBody = &body })
			r.Body, r.ContentLength = io.NopCloser(iotest.HalfReader(strings.NewReader(body))), declared
			s.config.Replay = replayMemory(t)
			if declared == 0 || declared > 1<<20 {
				require.Error(t, s.verify(r))
				continue
			}
			require.NoError(t, s.verify(r), "%d of %d", size, declared)
			again, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Len(t, again, size)
		}
	}
	s.config.MaxBody = 4096
	stuck := s.order()
	stuck.Body, stuck.ContentLength = io.NopCloser(nothing{}), -1
	s.config.Replay = replayMemory(t)
	require.ErrorIs(t, s.verify(stuck), qseal.ReasonBody)
	full := strings.Repeat(" ", 4096)
	s.config.Replay = replayMemory(t)
	require.NoError(t, s.verify(s.order(func(f *forged) { f.body = full })))
	// Where the seal is over the body itself, that is read first.
	whole := newScene(t, qseal.OBIE31(qseal.OBIE314))
	for want, content := range map[qseal.Reason]io.Reader{
		qseal.ReasonTooLarge: strings.NewReader(strings.Repeat(" ", 5000)), qseal.ReasonBody: errorReader{},
		qseal.ReasonSignatureMissing: strings.NewReader("x"),
	} {
		r := httptest.NewRequest(http.MethodPost, "/", content)
		r.ContentLength = -1
		require.ErrorIs(t, whole.verify(r), want)
	}
	// The body of a stranger is not even read.
	body := &countingBody{Reader: strings.NewReader(payment)}
	r := s.order(later(func(r *http.Request) { r.Header.Set("X-Request-Id", "other") }))
	r.Body = body
	require.ErrorIs(t, s.verify(r), qseal.ReasonSignatureInvalid)
	assert.Zero(t, body.n)
}

func TestAttack53VerdictInTheMessageIsNone(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	s.config.AllowUnsealed = true
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Seal", tppID)
	called := false
	s.verifier().Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called = true
		_, sealed := qseal.FromContext(r.Context())
		assert.False(t, sealed)
	})).ServeHTTP(httptest.NewRecorder(), r)
	assert.True(t, called)
}

// PEM in the certificate field: refused, and accepted as a quirk.
func TestCertificateFieldForms(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.leaf.Certificate.Raw}))
	plain := base64.StdEncoding.EncodeToString(s.leaf.Certificate.Raw)
	for name, row := range map[string]struct {
		value string
		quirk bool
	}{
		"PEM without line breaks": {strings.ReplaceAll(text, "\n", ""), true},
		"base64 of PEM":           {base64.StdEncoding.EncodeToString([]byte(text)), true},
		"line break":              {plain[:64] + "\n" + plain[64:], false},
		"base64url":               {base64.URLEncoding.EncodeToString(s.leaf.Certificate.Raw), false},
		"no padding":              {strings.TrimRight(plain, "=") + "A", false},
		"trailing letter":         {plain + "!", false},
		"PEM and a letter":        {strings.ReplaceAll(text, "\n", "") + "!", false},
		"base64 of PEM, cut":      {base64.StdEncoding.EncodeToString([]byte(text[:200])), false},
		"empty":                   {"", false},
		"too long":                {strings.Repeat("A", 50<<10), false},
	} {
		t.Run(name, func(t *testing.T) {
			s.config.Profile = qseal.BerlinGroup13()
			s.refused(qseal.ReasonCertificateMalformed, header("tpp-signature-certificate", row.value))
			s.config.Profile = s.config.Profile.AllowQuirks(qseal.QuirkPEMCertificate)
			s.config.Replay = replayMemory(t)
			err := s.verify(s.order(header("tpp-signature-certificate", row.value)))
			if !row.quirk {
				require.ErrorIs(t, err, qseal.ReasonCertificateMalformed)
				return
			}
			require.NoError(t, err)
		})
	}
}

// A seal that brings no certificate is none of Berlin Group's, whoever might know
// it by its keyId.
func TestAttack02ResolverDoesNotReplaceTheCertificate(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	s.config.Resolver = resolverFunc(func(qseal.Hint) (*qseal.Resolved, error) {
		return &qseal.Resolved{Chain: s.leaf.Chain}, nil
	})
	s.refused(qseal.ReasonCertificateMissing, later(func(r *http.Request) { r.Header.Del("Tpp-Signature-Certificate") }))
}

// Each deviation is refused, and accepted and reported where it is allowed; no
// other allowance lets it in.
func TestQuirksAreEachTheirOwn(t *testing.T) {
	object := "{}"
	signature := func(format func(p map[string]string) string) func(f *forged) {
		return func(f *forged) { f.value = format }
	}
	for quirk, row := range map[qseal.Quirk]struct {
		edits []func(f *forged)
		want  qseal.Reason
	}{
		qseal.QuirkExtraFields:       {[]func(*forged){header("accept", "*/*"), covering("digest x-request-id accept")}, qseal.ReasonCoverage},
		qseal.QuirkUncoveredRedirect: {[]func(*forged){header("tpp-redirect-uri", "https://tpp.example")}, qseal.ReasonCoverage},
		qseal.QuirkJavaAlgorithm:     {[]func(*forged){func(f *forged) { f.algorithm = "SHA256withECDSA" }}, qseal.ReasonAlgorithm},
		qseal.QuirkHS2019:            {[]func(*forged){func(f *forged) { f.algorithm = "hs2019" }}, qseal.ReasonAlgorithm},
		qseal.QuirkUnquoted: {[]func(*forged){signature(func(p map[string]string) string {
			return `keyId="` + p["keyId"] + `",algorithm=ecdsa-sha256, headers="` + p["headers"] + `" , signature=` + p["signature"]
		})}, qseal.ReasonFormat},
		qseal.QuirkSerialDecimal: {[]func(*forged){func(f *forged) {
			f.keyID = "SN=" + f.leaf.Certificate.SerialNumber.String() + ",CA=" + f.leaf.Certificate.Issuer.String()
		}}, qseal.ReasonCertificateMismatch},
		qseal.QuirkNoIssuer: {[]func(*forged){func(f *forged) { f.keyID, _, _ = strings.Cut(f.keyID, ",") }}, qseal.ReasonFormat},
		qseal.QuirkPercentKeyID: {
			[]func(*forged){func(f *forged) { f.keyID = strings.ReplaceAll(f.keyID, " ", "%20") }},
			qseal.ReasonCertificateMismatch,
		},
		qseal.QuirkPEMCertificate: {[]func(*forged){func(f *forged) {
			f.header.Set("Tpp-Signature-Certificate", base64.StdEncoding.EncodeToString([]byte(pemOf(f.leaf.Certificate.Raw))))
		}}, qseal.ReasonCertificateMalformed},
		qseal.QuirkEmptyObject: {[]func(*forged){func(f *forged) { f.method, f.body, f.sealedBody = http.MethodGet, "", &object }}, qseal.ReasonDigest},
		qseal.QuirkMixedCase: {[]func(*forged){func(f *forged) {
			f.value = func(p map[string]string) string {
				return `keyId="` + p["keyId"] + `",algorithm="ecdsa-sha256",headers="Digest X-Request-ID",signature="` + p["signature"] + `"`
			}
		}}, qseal.ReasonFormat},
	} {
		t.Run(quirk.String(), func(t *testing.T) {
			p := qseal.BerlinGroup13()
			s := newScene(t, p)
			s.refused(row.want, row.edits...)
			s.config.Profile = p.AllowQuirks(p.KnownQuirks() &^ quirk)
			s.refused(row.want, row.edits...)
			for _, allowed := range []qseal.Quirk{quirk, p.KnownQuirks()} {
				s.config.Profile, s.config.Replay = p.AllowQuirks(allowed), replayMemory(t)
				seal, err := s.verifier().VerifyRequest(t.Context(), s.order(row.edits...), s.at)
				require.NoError(t, err)
				assert.Equal(t, quirk, seal.Quirks)
			}
		})
	}
}

// The pseudo fields of later drafts are not Berlin Group's, whatever is allowed.
func TestPseudoFields(t *testing.T) {
	for _, name := range []string{"(created)", "(expires)"} {
		s := newScene(t, qseal.BerlinGroup13().AllowQuirks(qseal.QuirkExtraFields|qseal.QuirkHS2019))
		s.refused(qseal.ReasonHeader, covering(name+" digest x-request-id"))
		s.refused(qseal.ReasonFieldMissing, covering(name+" digest x-request-id"), func(f *forged) { f.algorithm = "hs2019" })
		s.refused(qseal.ReasonFormat, covering("(target) digest x-request-id"))
	}
}

// 39: a signature has one spelling.
func TestAttack39SpellingsOfTheSignature(t *testing.T) {
	for name, edit := range map[string]func(s string) string{
		"trailing letter":  func(s string) string { return s + "!" },
		"trailing padding": func(s string) string { return s + "=" },
		"blank":            func(s string) string { return s[:8] + " " + s[8:] },
		"line break":       func(s string) string { return s[:8] + "\n" + s[8:] },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, qseal.BerlinGroup13())
			s.refused(qseal.ReasonFormat, func(f *forged) {
				sign := f.signature
				f.signature = func(key crypto.Signer, base []byte) string { return edit(sign(key, base)) }
			})
		})
	}
}

// The grammar of Signature: what is not in it is refused, whatever quirks are
// allowed.
func TestSignatureGrammar(t *testing.T) {
	replace := func(from, to string) func(s string) string {
		return func(s string) string { return strings.Replace(s, from, to, 1) }
	}
	for name, row := range map[string]struct {
		edit func(s string) string
		want qseal.Reason
	}{
		"blanks around commas":      {replace(`",headers`, "\" ,\t headers"), 0},
		"blanks at the beginning":   {func(s string) string { return " \t" + s }, qseal.ReasonFormat},
		"blanks at the end":         {func(s string) string { return s + " " }, qseal.ReasonFormat},
		"semicolon for a comma":     {replace(`",headers`, `";headers`), qseal.ReasonFormat},
		"no comma":                  {replace(`",headers`, `"headers`), qseal.ReasonFormat},
		"comma at the end":          {func(s string) string { return s + "," }, qseal.ReasonFormat},
		"comma at the beginning":    {func(s string) string { return "," + s }, qseal.ReasonFormat},
		"blank before equals":       {replace("headers=", "headers ="), qseal.ReasonFormat},
		"blank after equals":        {replace("headers=", "headers= "), qseal.ReasonFormat},
		"name that is no token":     {replace("headers=", "hea(ers="), qseal.ReasonFormat},
		"no name":                   {replace("headers=", "="), qseal.ReasonFormat},
		"name alone":                {replace(`headers=`, `x,headers=`), qseal.ReasonFormat},
		"no closing quote":          {func(s string) string { return strings.TrimSuffix(s, `"`) }, qseal.ReasonFormat},
		"escaped quote":             {replace(`",headers`, `\",headers`), qseal.ReasonFormat},
		"backslash before a quote":  {replace(`keyId="`, `keyId="\",keyId="`), qseal.ReasonFormat},
		"quote in an unquoted word": {replace(`algorithm="ecdsa-sha256"`, `algorithm=ecdsa"-sha256`), qseal.ReasonFormat},
		"blank in an unquoted word": {replace(`algorithm="ecdsa-sha256"`, `algorithm=ecdsa -sha256`), qseal.ReasonFormat},
		"empty in quotes":           {replace(`algorithm="ecdsa-sha256"`, `algorithm=""`), qseal.ReasonFormat},
		"empty":                     {replace(`algorithm="ecdsa-sha256"`, `algorithm=`), qseal.ReasonFormat},
		"nothing":                   {func(string) string { return "" }, qseal.ReasonFormat},
		"unknown parameter":         {func(s string) string { return s + `,opaque="x"` }, qseal.ReasonFormat},
		"name in other case":        {replace("keyId=", "keyid="), qseal.ReasonFormat},
		"created in quotes":         {func(s string) string { return s + `,created="1"` }, qseal.ReasonFormat},
		"created twice":             {func(s string) string { return s + `,created=1,created=1` }, qseal.ReasonFormat},
		"expires twice":             {func(s string) string { return s + `,expires=1,expires=1` }, qseal.ReasonFormat},
		"headers unquoted":          {replace(`headers="digest x-request-id"`, `headers=digest`), qseal.ReasonCoverage},
		"no keyId":                  {replace(`keyId=`, `x="",keyId=`), qseal.ReasonFormat},
		"33 names":                  {replace(`headers="`, `headers="`+strings.Repeat("x", 1)+manyNames(31)+" "), qseal.ReasonFormat},
		"the scheme of a challenge": {func(s string) string { return "Signature " + s }, qseal.ReasonFormat},
	} {
		t.Run(name, func(t *testing.T) {
			p := qseal.BerlinGroup13()
			for _, quirks := range []qseal.Quirk{0, p.KnownQuirks()} {
				if row.want == qseal.ReasonCoverage && quirks == 0 {
					continue // refused for the quotes
				}
				s := newScene(t, p.AllowQuirks(quirks))
				err := s.verify(s.order(later(func(r *http.Request) {
					r.Header["Signature"] = []string{row.edit(r.Header.Get("Signature"))}
				})))
				require.Equal(t, row.want.String(), qseal.ReasonOf(err).String(), "%v", err)
			}
		})
	}
	for _, name := range []string{"keyId", "signature"} {
		newScene(t, qseal.BerlinGroup13()).refused(qseal.ReasonHeader, func(f *forged) {
			f.value = func(p map[string]string) string {
				delete(p, name)
				value := `headers="` + p["headers"] + `",algorithm="ecdsa-sha256"`
				for _, left := range []string{"keyId", "signature"} {
					if p[left] != "" {
						value += `,` + left + `="` + p[left] + `"`
					}
				}
				return value
			}
		})
	}
}

// manyNames are n names of fields, each its own.
func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" x-" + strings.Repeat("y", i+1))
	}
	return b.String()
}
