package xmldsig

import (
	"errors"
	"fmt"
)

// Code is the closed set of causes for which a document or its signature is
// refused. It is an error, so that callers match it with errors.Is. The zero
// Code is never returned.
type Code uint8

// The codes, in the order in which [Verify] can find them.
const (
	CodeMalformed          Code = iota + 1 // not well-formed XML 1.0 with namespaces
	CodeEncoding                           // not UTF-8, or declared to be something else
	CodeForbidden                          // DOCTYPE, entity or processing instruction
	CodeLimit                              // a limit of this package is exceeded
	CodeRoot                               // the root is not a TrustServiceStatusList
	CodeSignatureMissing                   // no ds:Signature
	CodeSignatureMultiple                  // more than one ds:Signature
	CodeSignaturePosition                  // the ds:Signature is not a child of the root
	CodeSignatureMalformed                 // the ds:Signature breaks its schema or this profile
	CodeSignerUnknown                      // KeyInfo names none of the announced certificates
	CodeSignerKey                          // the signer's certificate or key is unusable or too weak
	CodeAlgorithm                          // an algorithm that is not on the allow-list
	CodeTransform                          // a canonicalisation or transform that is not on the allow-list
	CodeReference                          // the references are not the list and its signed properties
	CodeDuplicateID                        // a referenced Id occurs more than once
	CodeSignatureInvalid                   // the signature value does not verify
	CodeDigest                             // a reference's digest differs
	CodeProperties                         // the signed properties are missing or malformed
	CodeSigningCertificate                 // the signed properties name another signing certificate
	CodeSigningTime                        // SigningTime is outside the validity of the certificate
	codeEnd                                // one past the last
)

type codeInfo struct{ code, text string }

// codeTable is indexed by Code; a test holds it complete and its codes unique.
var codeTable = [...]codeInfo{
	0:                      {"", ""},
	CodeMalformed:          {"malformed", "document is not well-formed"},
	CodeEncoding:           {"encoding", "document is not UTF-8"},
	CodeForbidden:          {"forbidden", "document holds a forbidden construct"},
	CodeLimit:              {"limit", "document exceeds a limit"},
	CodeRoot:               {"root", "root element is not a trusted list"},
	CodeSignatureMissing:   {"signature_missing", "document is not signed"},
	CodeSignatureMultiple:  {"signature_multiple", "document holds more than one signature"},
	CodeSignaturePosition:  {"signature_position", "signature is not a child of the root element"},
	CodeSignatureMalformed: {"signature_malformed", "signature is malformed"},
	CodeSignerUnknown:      {"signer_unknown", "signer is not an announced certificate"},
	CodeSignerKey:          {"signer_key", "signer's certificate or key is unusable"},
	CodeAlgorithm:          {"algorithm", "algorithm is not allowed"},
	CodeTransform:          {"transform", "transform is not allowed"},
	CodeReference:          {"reference", "signature does not cover the list as it must"},
	CodeDuplicateID:        {"duplicate_id", "referenced identifier is not unique"},
	CodeSignatureInvalid:   {"signature_invalid", "signature does not verify"},
	CodeDigest:             {"digest", "signed content was changed"},
	CodeProperties:         {"properties", "signed properties are missing or malformed"},
	CodeSigningCertificate: {"signing_certificate", "signed properties name another certificate"},
	CodeSigningTime:        {"signing_time", "signing time is outside the certificate's validity"},
}

// Codes returns every code, in order.
func Codes() []Code {
	all := make([]Code, 0, codeEnd-1)
	for c := Code(1); c < codeEnd; c++ {
		all = append(all, c)
	}
	return all
}

// String returns the stable code, such as "signer_unknown".
func (c Code) String() string {
	if int(c) < len(codeTable) && codeTable[c].code != "" {
		return codeTable[c].code
	}
	return fmt.Sprintf("code(%d)", uint8(c))
}

// Error returns a sentence for people. It makes Code a target for errors.Is.
func (c Code) Error() string {
	if int(c) < len(codeTable) && codeTable[c].text != "" {
		return codeTable[c].text
	}
	return c.String()
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Error is a refusal. errors.Is matches its Code. It is immutable and safe for
// concurrent use.
type Error struct {
	Code Code  // never zero
	Err  error // the detail, nil when Code says it all
}

// Error gives the code's sentence and the detail.
func (e *Error) Error() string {
	if e.Err == nil {
		return "xmldsig: " + e.Code.Error()
	}
	return "xmldsig: " + e.Code.Error() + ": " + e.Err.Error()
}

// Unwrap returns the code and the detail, for errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Err}
}

// CodeOf returns the Code of an error of this package, 0 for any other.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func refuse(c Code, format string, args ...any) error {
	return &Error{Code: c, Err: fmt.Errorf(format, args...)}
}
