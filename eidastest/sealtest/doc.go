// Package sealtest attacks a bank's own verifier of seals: it sends sealed HTTP
// requests over mutual TLS, each with one rule broken and sealed anew with a
// genuine key, and beside each a near twin that must pass.
//
// A published test vector with a flipped bit proves little: its signature is
// wrong, so that a verifier which forgets every other check refuses it as well.
// Here nothing is wrong but what the name says.
//
//	world := eidastest.Start(t, eidastest.Options{})
//	kit := sealtest.Start(t, world.World, sealtest.Options{})
//	kit.Run(t, qseal.BerlinGroup13(), bank) // bank is an *http.Server
//
// [Kit.Attacks] are the attacks of a profile, by the numbers 1 to 53 of a list
// whose items [Title] names; [Exclusions] says which of them a profile cannot
// have, and why, and [Kit.Exclusions] which attacks its quirks lift. [Kit.Bindings] are those on TLS certificate bindings
// (ETSI TS 119 411-5), which are no requests. The bank is an ordinary one: its
// validator trusts the world's lists, requires one of the roles of
// [Options].Roles, and its verifier finds in [Kit.Files] the certificates that
// messages only name.
//
// The generators share no code with package qseal, whose signer refuses to seal
// what is wrong.
package sealtest
