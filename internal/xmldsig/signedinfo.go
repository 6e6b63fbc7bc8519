package xmldsig

import (
	"cmp"
	"crypto"
	"errors"
	"io"
)

// signedProperties is the Type of the reference to SignedProperties
// (ETSI EN 319 132-1, 4.3.2 and XAdES 1.3.2, 6.3.1).
const (
	typeProperties = "http://uri.etsi.org/01903#SignedProperties"
	typeManifest   = "http://www.w3.org/2000/09/xmldsig#Manifest"
)

// signedInfo is a ds:SignedInfo as read from its canonical octets.
type signedInfo struct {
	octets    []byte
	algorithm signatureAlgorithm
	list      reference // the reference to the list
	signed    reference // the reference to the signed properties
	inclusive bool      // how those are canonicalised
}

// reference is a ds:Reference.
type reference struct {
	uri, kind  string
	transforms []string
	method     string // DigestMethod
	hash       crypto.Hash
	digest     []byte
}

// readSignedInfo canonicalises the ds:SignedInfo and reads the result, so that
// what is believed is what the signature value covers.
func readSignedInfo(f *fragment) (*signedInfo, error) {
	method, err := canonicalizationMethod(f)
	if err != nil {
		return nil, err
	}
	inclusive, err := isInclusive(method)
	if err != nil {
		return nil, err
	}
	info := &signedInfo{}
	if info.octets, err = f.canonical(inclusive); err != nil {
		return nil, err
	}
	var references []reference
	r := reader{NewReader(info.octets)}
	var stage sequence
	err = r.root(func(name Name) error {
		switch name {
		case ds("CanonicalizationMethod"):
			_, err = r.algorithm(CodeTransform)
			return cmp.Or(err, stage.enter(1, name))
		case ds("SignatureMethod"):
			info.algorithm, err = r.signatureMethod()
			return cmp.Or(err, stage.enter(2, name))
		case ds("Reference"):
			if len(references) == 2 {
				return refuse(CodeReference, "more than two references")
			}
			ref, err := r.reference()
			references = append(references, ref)
			return cmp.Or(err, stage.enter(2+len(references), name))
		}
		return refuse(CodeSignatureMalformed, "unexpected element %q", name)
	})
	if err != nil {
		return nil, err
	}
	if info.algorithm.uri == "" {
		return nil, refuse(CodeSignatureMalformed, "no SignatureMethod")
	}
	return info, info.assign(references)
}

// assign tells the reference to the list from the one to the signed properties.
func (info *signedInfo) assign(references []reference) error {
	if len(references) != 2 {
		return refuse(CodeReference, "%d references, not two", len(references))
	}
	info.list, info.signed = references[0], references[1]
	if info.list.kind == typeProperties {
		info.list, info.signed = info.signed, info.list
	}
	if info.signed.kind != typeProperties {
		return refuse(CodeReference, "no reference to SignedProperties")
	}
	if info.list.kind == typeProperties || info.list.kind == typeManifest {
		return refuse(CodeReference, "no reference to the list")
	}
	return nil
}

// canonicalizationMethod reads the first child of a ds:SignedInfo. It alone must
// be known before the canonical octets are; they are then checked as a whole by
// the signature.
func canonicalizationMethod(f *fragment) (string, error) {
	r, err := f.reader()
	if err != nil {
		return "", err
	}
	for {
		kind, err := r.Next()
		switch {
		case err != nil:
			return "", unexpectedEnd(err)
		case kind == Text:
		case kind == StartElement && r.Name() == ds("CanonicalizationMethod"):
			method, _ := r.Attr("", "Algorithm")
			return method, nil
		default:
			return "", refuse(CodeSignatureMalformed, "SignedInfo does not begin with CanonicalizationMethod")
		}
	}
}

func isInclusive(method string) (bool, error) {
	switch method {
	case algExclusive:
		return false, nil
	case algInclusive:
		return true, nil
	}
	return false, refuse(CodeTransform, "canonicalization method %q", method)
}

// reader reads the small structures of a signature from their canonical octets.
type reader struct{ *Reader }

// root visits the children of the root of a document.
func (r reader) root(visit func(Name) error) error {
	if _, err := r.Next(); err != nil {
		return unexpectedEnd(err)
	}
	if err := r.children(visit); err != nil {
		return err
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return refuse(CodeMalformed, "content after the end of a fragment")
	}
	return nil
}

// children visits the children of the current element and skips what visit
// leaves unread. Text beside them must be white space.
func (r reader) children(visit func(Name) error) error {
	depth := r.Depth()
	for {
		kind, err := r.Next()
		if err != nil {
			return unexpectedEnd(err)
		}
		switch kind {
		case EndElement:
			return nil
		case Text:
			for _, b := range r.Text() {
				if !isSpace(b) {
					return refuse(CodeSignatureMalformed, "text between elements")
				}
			}
		case StartElement:
			if err := visit(r.Name()); err != nil {
				return err
			}
			for r.kind != EndElement || r.Depth() != depth+1 {
				if _, err := r.Next(); err != nil {
					return unexpectedEnd(err)
				}
			}
		}
	}
}

// content returns the text of the current element, which must have no children.
func (r reader) content() (string, error) {
	text := ""
	for {
		kind, err := r.Next()
		if err != nil {
			return "", unexpectedEnd(err)
		}
		switch kind {
		case EndElement:
			return text, nil
		case Text:
			text = string(r.Text())
		case StartElement:
			return "", refuse(CodeSignatureMalformed, "unexpected element %q", r.Name())
		}
	}
}

// algorithm returns the Algorithm of the current element, which must have no
// children: a parameter such as InclusiveNamespaces, XPath or HMACOutputLength
// is outside the profile and refused with code.
func (r reader) algorithm(code Code) (string, error) {
	uri, _ := r.Attr("", "Algorithm")
	err := r.children(func(name Name) error {
		return refuse(code, "parameter %q of %q", name, uri)
	})
	return uri, err
}

func (r reader) signatureMethod() (signatureAlgorithm, error) {
	uri, err := r.algorithm(CodeAlgorithm)
	if err != nil {
		return signatureAlgorithm{}, err
	}
	return signatureAlgorithmOf(uri)
}

// reference reads the current ds:Reference (XML Signature 1.1, 4.4.3).
func (r reader) reference() (reference, error) {
	uri, ok := r.Attr("", "URI")
	if !ok {
		return reference{}, refuse(CodeReference, "reference without URI")
	}
	ref := reference{uri: uri}
	ref.kind, _ = r.Attr("", "Type")
	var stage sequence
	err := r.children(func(name Name) error {
		var err error
		switch name {
		case ds("Transforms"):
			ref.transforms, err = r.transforms()
			return cmp.Or(err, stage.enter(1, name))
		case ds("DigestMethod"):
			ref.method, err = r.algorithm(CodeAlgorithm)
			if err == nil {
				ref.hash, err = hashOf(ref.method)
			}
			return cmp.Or(err, stage.enter(2, name))
		case ds("DigestValue"):
			ref.digest, err = r.base64()
			return cmp.Or(err, stage.enter(3, name))
		}
		return refuse(CodeSignatureMalformed, "unexpected element %q", name)
	})
	if err == nil && (ref.hash == 0 || len(ref.digest) == 0) {
		err = refuse(CodeSignatureMalformed, "reference without DigestMethod or DigestValue")
	}
	return ref, err
}

// sequence holds children to the order of their schema, each at most once.
type sequence int

// enter notes the child at a place, counted from 1.
func (q *sequence) enter(place int, name Name) error {
	if place <= int(*q) {
		return refuse(CodeSignatureMalformed, "unexpected element %q", name)
	}
	*q = sequence(place)
	return nil
}

func (r reader) transforms() ([]string, error) {
	var all []string
	err := r.children(func(name Name) error {
		if name != ds("Transform") {
			return refuse(CodeTransform, "unexpected element %q", name)
		}
		uri, err := r.algorithm(CodeTransform)
		all = append(all, uri)
		return err
	})
	return all, err
}

func (r reader) base64() ([]byte, error) {
	text, err := r.content()
	if err != nil {
		return nil, err
	}
	raw, err := decodeBase64([]byte(text))
	if err != nil {
		return nil, refuse(CodeSignatureMalformed, "base64: %w", err)
	}
	return raw, nil
}
