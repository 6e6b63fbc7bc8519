// Package eidastest is the testkit for code that accepts qualified certificates
// of the EU: what net/http/httptest is for handlers, this is for QWACs.
//
// [Start] makes a [World]: a small EU in one process, with a list of trusted
// lists behind a pivot, national lists that are really signed, trust service
// providers on them, and OCSP responders and CRLs on the loopback interface. Nothing else
// of the network is touched and nothing sleeps. The anchors are random, so that
// nothing of a world can be trusted by anybody who was not given them; they
// stand under the EU's trust profile, so that code under test runs as it does in
// production.
//
//	world := eidastest.Start(t, eidastest.Options{})
//	tpp := world.QWAC("LT", "PSDLT-BL-LB000001", eidas.RoleAI)
//	client := world.Client(tpp)          // presents the certificate
//	url := world.Serve(bank)             // the server under test
//
// What can be wrong in the field can be made wrong here: certificates by the
// fields of [Request], lists by the methods of [List] and by [HostileRows],
// responders and CRLs by [Fault], hosts of lists by [Trickle], delegated
// responders by [Delegate], what CRLs are about by [PointOptions], and whole
// providers by [World.Impostor].
//
// [NewWorld] is Start for programs that are no tests. The package does not link
// package testing.
package eidastest
