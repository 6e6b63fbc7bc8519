package xmldsig

import (
	"errors"
	"io"
)

const (
	dsigNamespace  = "http://www.w3.org/2000/09/xmldsig#"
	xadesNamespace = "http://uri.etsi.org/01903/v1.3.2#"
	listNamespace  = "http://uri.etsi.org/02231/v2#"
)

// maxIDs bounds the identifiers that are kept to find out whether a referenced
// one is unique. Real lists have at most a few per service, some thousands.
const maxIDs = 1 << 16

// maxSignatureText bounds the base64 text of a signature value or a certificate.
// A certificate of a list operator has 2 to 6 KB.
const maxSignatureText = 128 << 10

func ds(local string) Name    { return Name{dsigNamespace, local} }
func xades(local string) Name { return Name{xadesNamespace, local} }

// scanned is what one pass over a document gives: its canonical form without
// the signature, and where the parts of the signature are. Nothing in it has
// been authenticated.
type scanned struct {
	root      Name
	rootID    string
	octets    []byte
	ids       []string
	signature *signature
}

// signature holds the parts of the one ds:Signature of a document.
type signature struct {
	id          string
	signedInfo  *fragment
	value       []byte // base64
	certificate []byte // base64, the first X509Certificate of KeyInfo
	qualifying  int    // number of QualifyingProperties
	target      string // their Target
	targeted    bool   // Target is there
	properties  *fragment
}

// scanner reads a document once.
type scanner struct {
	r      *Reader
	out    scanned
	xml    []inherited // xml: attributes in force, from the root down to here
	sealed bool        // inside ds:Signature
}

// scan reads doc and writes its exclusive canonical form with the ds:Signature
// left out, which is what the transforms of the list's reference ask for.
func scan(doc []byte) (*scanned, error) {
	s := scanner{r: NewReader(doc)}
	if s.r.err != nil {
		return nil, s.r.err
	}
	c := canonicalizer{limit: sizeLimit(len(doc)), out: make([]byte, 0, len(doc)+len(doc)/16+1<<10)}
	for {
		kind, err := s.next()
		if errors.Is(err, io.EOF) {
			s.out.octets = c.out
			return &s.out, nil
		}
		if err == nil && kind == StartElement && s.r.Depth() == 1 {
			err = s.readRoot()
		}
		if err != nil {
			return nil, err
		}
		if kind == StartElement && s.r.name == ds("Signature") {
			err = s.readSignature()
		} else {
			err = c.token(s.r, kind)
		}
		if err != nil {
			return nil, err
		}
	}
}

// next advances the reader. It keeps every identifier of the document and
// refuses a ds:Signature anywhere but once as a child of the root.
func (s *scanner) next() (Kind, error) {
	kind, err := s.r.Next()
	if err != nil || kind != StartElement {
		return kind, err
	}
	for i := range s.r.attrs {
		if a := &s.r.attrs[i]; a.name.id {
			if len(s.out.ids) == maxIDs {
				return kind, refuse(CodeLimit, "more than %d identifiers", maxIDs)
			}
			s.out.ids = append(s.out.ids, string(a.value))
		}
	}
	if s.r.name != ds("Signature") {
		return kind, nil
	}
	switch {
	case s.sealed || s.out.signature != nil:
		return kind, refuse(CodeSignatureMultiple, "at byte %d", s.r.start)
	case s.r.Depth() != 2:
		return kind, refuse(CodeSignaturePosition, "depth %d", s.r.Depth())
	}
	return kind, nil
}

// readRoot keeps what the signature may depend on from the root's start tag.
func (s *scanner) readRoot() error {
	s.out.root = s.r.Name()
	if s.out.root != (Name{listNamespace, "TrustServiceStatusList"}) {
		return refuse(CodeRoot, "root is %q", s.out.root)
	}
	s.out.rootID, _ = s.r.Attr("", "Id")
	s.inherit()
	return nil
}

// inherit adds the xml: attributes of the current start tag to those in force.
func (s *scanner) inherit() {
	for i := range s.r.attrs {
		a := &s.r.attrs[i]
		if a.space != xmlNamespace {
			continue
		}
		// The nearest ancestor wins (C14N 1.0, 2.4).
		next := make([]inherited, 0, len(s.xml)+1)
		for _, x := range s.xml {
			if x.local != a.name.local {
				next = append(next, x)
			}
		}
		s.xml = append(next, inherited{a.name.local, string(a.value)})
	}
}

// children calls visit for every child element of the current element and skips
// what visit leaves unread. Text between children is not looked at: it is either
// signed with its parent or means nothing.
func (s *scanner) children(visit func(Name) error) error {
	depth := s.r.Depth()
	for {
		kind, err := s.next()
		if err != nil {
			return unexpectedEnd(err)
		}
		if kind == EndElement && s.r.Depth() == depth {
			return nil
		}
		if kind != StartElement {
			continue
		}
		if err := visit(s.r.Name()); err != nil {
			return err
		}
		if err := s.leave(depth + 1); err != nil {
			return err
		}
	}
}

// leave reads to the end tag of the open element at depth, unless it is there.
func (s *scanner) leave(depth int) error {
	for s.r.kind != EndElement || s.r.Depth() != depth {
		if _, err := s.next(); err != nil {
			return unexpectedEnd(err)
		}
	}
	return nil
}

// fragment reads the current element to its end tag and returns it.
func (s *scanner) fragment() (*fragment, error) {
	f := &fragment{scope: s.r.inScope(), inherited: s.xml}
	f.id, _ = s.r.Attr("", "Id")
	start := s.r.start
	if err := s.leave(s.r.Depth()); err != nil {
		return nil, err
	}
	f.octets = s.r.doc[start:s.r.pos]
	return f, nil
}

// base64Text returns the text of the current element, which has no children.
func (s *scanner) base64Text() ([]byte, error) {
	name := s.r.Name()
	var text []byte
	for {
		kind, err := s.next()
		if err != nil {
			return nil, unexpectedEnd(err)
		}
		switch {
		case kind == EndElement:
			return text, nil
		case kind == StartElement:
			return nil, refuse(CodeSignatureMalformed, "%s has children", name.Local)
		case len(s.r.Text()) > maxSignatureText:
			return nil, refuse(CodeLimit, "%s of %d bytes", name.Local, len(s.r.Text()))
		}
		text = append(text, s.r.Text()...)
	}
}

// readSignature reads the current ds:Signature: SignedInfo, SignatureValue,
// KeyInfo, any number of Objects, in this order (XML Signature 1.1, 4.2).
func (s *scanner) readSignature() error {
	sig := &signature{}
	s.sealed = true
	sig.id, _ = s.r.Attr("", "Id")
	outer := s.xml
	s.inherit()
	stage := 0
	err := s.children(func(name Name) error {
		var next int
		var err error
		switch name {
		case ds("SignedInfo"):
			next = 1
			sig.signedInfo, err = s.fragment()
		case ds("SignatureValue"):
			next = 2
			sig.value, err = s.base64Text()
		case ds("KeyInfo"):
			next = 3
			err = s.readKeyInfo(sig)
		case ds("Object"):
			next = max(stage, 3) + 1
			err = s.readObject(sig)
		}
		if err == nil && next != stage+1 {
			err = refuse(CodeSignatureMalformed, "unexpected element %q", name)
		}
		stage = next
		return err
	})
	s.xml, s.sealed = outer, false
	if err == nil && stage < 3 {
		err = refuse(CodeSignatureMalformed, "SignedInfo, SignatureValue or KeyInfo is missing")
	}
	s.out.signature = sig
	return err
}

// readKeyInfo keeps the first certificate of the current ds:KeyInfo.
func (s *scanner) readKeyInfo(sig *signature) error {
	return s.children(func(name Name) error {
		if name != ds("X509Data") {
			return nil
		}
		return s.children(func(name Name) error {
			if name != ds("X509Certificate") || sig.certificate != nil {
				return nil
			}
			text, err := s.base64Text()
			sig.certificate = text
			return err
		})
	})
}

// readObject looks for QualifyingProperties in the current ds:Object. What else
// an Object holds is not signed and not looked at.
func (s *scanner) readObject(sig *signature) error {
	outer := s.xml
	s.inherit()
	err := s.children(func(name Name) error {
		if name != xades("QualifyingProperties") {
			return nil
		}
		if sig.qualifying++; sig.qualifying > 1 {
			return refuse(CodeProperties, "more than one QualifyingProperties")
		}
		sig.target, sig.targeted = s.r.Attr("", "Target")
		return s.readQualifying(sig)
	})
	s.xml = outer
	return err
}

func (s *scanner) readQualifying(sig *signature) error {
	outer := s.xml
	s.inherit()
	err := s.children(func(name Name) error {
		if name != xades("SignedProperties") {
			return nil
		}
		if sig.properties != nil {
			return refuse(CodeProperties, "more than one SignedProperties")
		}
		var err error
		sig.properties, err = s.fragment()
		return err
	})
	s.xml = outer
	return err
}

// unexpectedEnd turns the end of the document into an error. The Reader reports
// io.EOF only outside the root, so this cannot be met; it fails closed.
func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return refuse(CodeMalformed, "unexpected end of document")
	}
	return err
}
