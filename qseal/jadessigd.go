package qseal

import (
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"strings"
)

// The mechanisms of sigD that TS 119 182-1 v1.2.1, 5.2.8 defines.
const (
	sigDHTTPHeaders = "http://uri.etsi.org/19182/HttpHeaders"
	sigDByURI       = "http://uri.etsi.org/19182/ObjectIdByURI"
	sigDByURIHash   = "http://uri.etsi.org/19182/ObjectIdByURIHash"
)

// maxReferences bounds the objects that one sigD names: documents, or the TLS
// certificates of a site, which has one per algorithm and host.
const maxReferences = 64

// sigDHashes is a sigD of the mechanism ObjectIdByURIHash.
type sigDHashes struct {
	pars  []string
	hashM string
	hashV [][]byte
}

// readHashes reads pars, hashM and hashV, and ctys if there are any: lists of
// one length (5.2.8.1).
func readHashes(sigD jsonValue) (*sigDHashes, *Error) {
	d := &sigDHashes{}
	var refusal *Error
	if d.pars, refusal = readPars(sigD); refusal != nil {
		return nil, refusal
	}
	d.hashM, _ = sigD.member("hashM").str()
	h := sigDHash(d.hashM)
	if h == nil {
		return nil, reject(ReasonHeader, "sigD hashM %.60q is none of S256, S384, S512", d.hashM)
	}
	texts := sigD.member("hashV").strs()
	if len(texts) != len(d.pars) {
		return nil, reject(ReasonHeader, "sigD hashV is not a list of strings as long as pars")
	}
	for _, text := range texts {
		v, err := decodeBase64URL(text)
		if err != nil {
			return nil, reject(ReasonFormat, "sigD hashV: %w", err)
		}
		if len(v) != h.Size() {
			return nil, reject(ReasonHeader, "sigD hashV of %d bytes, %s has %d", len(v), d.hashM, h.Size())
		}
		d.hashV = append(d.hashV, v)
	}
	return d, nil
}

// readPars reads pars, and ctys if it is there (5.2.8.1).
func readPars(sigD jsonValue) ([]string, *Error) {
	pars := sigD.member("pars").strs()
	if len(pars) == 0 || len(pars) > maxReferences {
		return nil, reject(ReasonHeader, "sigD pars is not a list of 1 to %d strings", maxReferences)
	}
	if ctys := sigD.member("ctys"); ctys.exists() {
		if len(ctys.strs()) != len(pars) {
			return nil, reject(ReasonHeader, "sigD ctys is not a list of strings as long as pars")
		}
	}
	return pars, nil
}

// Document is an object that a detached JAdES signature refers to by its URI.
type Document struct {
	URI  string
	Data []byte
}

// orderDocuments returns the documents in the order of pars. Each is named once:
// a document that nothing names is not signed, and its caller believes it is.
func orderDocuments(pars []string, docs []Document) ([]Document, *Error) {
	if len(pars) != len(docs) {
		return nil, reject(ReasonCoverage, "sigD names %d documents, there are %d", len(pars), len(docs))
	}
	out := make([]Document, 0, len(docs))
	used := make([]bool, len(docs))
	for _, par := range pars {
		i := findDocument(par, docs, used)
		if i < 0 {
			return nil, reject(ReasonCoverage, "sigD names %.80q, which is not there", par)
		}
		used[i] = true
		out = append(out, docs[i])
	}
	return out, nil
}

// findDocument finds the document that an element of pars names; signers
// percent-encode URIs in it.
func findDocument(par string, docs []Document, used []bool) int {
	plain := par
	if strings.Contains(par, "%") {
		if s, err := url.PathUnescape(par); err == nil {
			plain = s
		}
	}
	for i, d := range docs {
		if !used[i] && (d.URI == par || d.URI == plain) {
			return i
		}
	}
	return -1
}

// checkHashes compares the digests of a sigD with documents: of their base64url
// text, or of themselves when b64 is false (5.2.8.3.3).
func (d *sigDHashes) checkHashes(docs []Document, encoded bool) *Error {
	ordered, refusal := orderDocuments(d.pars, docs)
	if refusal != nil {
		return refusal
	}
	for i, doc := range ordered {
		h := sigDHash(d.hashM)
		if encoded {
			h.Write(base64.RawURLEncoding.AppendEncode(nil, doc.Data))
		} else {
			h.Write(doc.Data)
		}
		if subtle.ConstantTimeCompare(h.Sum(nil), d.hashV[i]) != 1 {
			return reject(ReasonDigest, "document %.80q differs from its digest", doc.URI)
		}
	}
	return nil
}
