// Package xmldsig verifies the enveloped XAdES signature of a trusted list and
// reads the octets that were signed. It implements the narrow profile that
// trusted lists use (ETSI TS 119 612, clause 5.7.1 and annex B; EN 319 132-1
// baseline B) and refuses everything else: an allow-list is smaller and safer
// than a general XML Signature implementation.
//
// The package knows nothing of trust: the caller says which certificates may
// have signed. It works in this order, and the order is part of its security:
//
//  1. One pass of a strict tokenizer ([Reader]) over the document writes its
//     exclusive canonical form without the signature and locates the parts of
//     the one signature. The cost is linear in the size of the document,
//     whatever the signature says.
//  2. The signer is chosen among the announced certificates by its DER.
//  3. The signature over SignedInfo is verified.
//  4. Only then are the two references digested, each once.
//
// [Verified.Octets] are the very octets that were digested. Callers parse only
// these: no comment, no signature and nothing unsigned is left in them, so no
// signature wrapping and no difference between two parsers can exist.
//
// The package does no I/O, reads no clock and keeps no state.
package xmldsig
