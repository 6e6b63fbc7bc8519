// Package trustlist turns the bytes of EU trusted lists (ETSI TS 119 612) into
// an authentic [eidas.ServiceSet].
//
// Trust starts at the certificates of a notice in the Official Journal
// ([Anchors]). They authenticate the list of trusted lists (LOTL), through its
// pivots where signers have changed since the notice; the LOTL announces the
// signers of each national list. [Load] walks that chain once and gives a
// [Snapshot]; nothing of a list is read before its signature has been verified
// with a signer that was announced for exactly that list, and then only the
// octets that were signed are read.
//
// A national list that cannot be had or is not authentic is reported in
// [Snapshot.Lists] and takes nothing from the others. Only a LOTL that cannot be
// authenticated is an error.
package trustlist
