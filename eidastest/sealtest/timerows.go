package sealtest

import (
	"strconv"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas/qseal"
)

// timeAttacks are 13 to 16: the times in a seal, and its second use.
func timeAttacks() []group {
	return append([]group{
		{13, cavage, qseal.ReasonHeader, []row{
			{name: "created", edit: parameter("created", "1402170695")},
			{name: "expires", edit: parameter("expires", "4102444800")},
		}},
		{13, stet | ing, qseal.ReasonStale, []row{
			{name: "date is old", edit: dated(-6 * time.Minute), twin: dated(-4 * time.Minute)},
			{name: "date is ahead", edit: dated(2 * time.Minute), twin: dated(30 * time.Second), want: qseal.ReasonIssuedInFuture},
			{name: "date in another form", edit: field("Date", "Mon, 9 May 2022 06:26:01 IST"), want: qseal.ReasonFormat},
			{name: "date is sealed and not there", edit: drop("Date"), want: qseal.ReasonFieldMissing},
		}},
		{13, jades, qseal.ReasonHeader, []row{
			{name: "iat is old", edit: issued("iat", -90*time.Second), twin: issued("iat", -30*time.Second), want: qseal.ReasonStale},
			{name: "iat is ahead", edit: issued("iat", time.Minute), want: qseal.ReasonIssuedInFuture},
			{name: "iat with a fraction, ahead", edit: fraction("iat", time.Minute), twin: fraction("iat", 0), want: qseal.ReasonIssuedInFuture},
			{name: "iat is text", edit: parameter("iat", `"now"`)},
			{name: "sigT and iat", edit: sigT(0)},
			{name: "neither sigT nor iat", edit: without("iat"), twin: both(without("iat"), sigT(0))},
			{name: "exp is over", edit: issued("exp", -time.Second), twin: issued("exp", time.Minute), want: qseal.ReasonExpired},
		}},
		{13, ingJAdES, qseal.ReasonHeader, []row{
			{name: "sigT is old", edit: sigT(-90 * time.Second), twin: sigT(-30 * time.Second), want: qseal.ReasonStale},
			{name: "sigT is ahead", edit: sigT(time.Minute), want: qseal.ReasonIssuedInFuture},
			{name: "sigT with an offset", edit: parameter("sigT", `"2026-11-24T12:00:00+00:00"`)},
			{name: "sigT and iat", edit: issued("iat", 0)},
			{name: "exp is over", edit: issued("exp", -time.Second), twin: issued("exp", time.Minute), want: qseal.ReasonExpired},
		}},
		{13, obie, qseal.ReasonHeader, []row{
			{name: "iat is old", edit: issued(obieNS+"iat", -6*time.Minute), twin: issued(obieNS+"iat", -4*time.Minute), want: qseal.ReasonStale},
			{name: "iat is ahead", edit: issued(obieNS+"iat", time.Minute), want: qseal.ReasonIssuedInFuture},
			{name: "iat with a fraction, ahead", edit: fraction(obieNS+"iat", time.Minute), twin: fraction(obieNS+"iat", 0), want: qseal.ReasonIssuedInFuture},
			{name: "iat is text", edit: parameter(obieNS+"iat", `"now"`)},
		}},
		{13, rfc9421, qseal.ReasonHeader, []row{
			{name: "created is old", edit: issued("created", -90*time.Second), twin: issued("created", -30*time.Second), want: qseal.ReasonStale},
			{name: "created is ahead", edit: issued("created", time.Minute), want: qseal.ReasonIssuedInFuture},
			{name: "created is text", edit: parameter("created", `"1"`), want: qseal.ReasonFormat},
			{name: "no created", edit: without("created")},
			{name: "expires is over", edit: issued("expires", -time.Second), twin: issued("expires", time.Minute), want: qseal.ReasonExpired},
		}},
	}, replayAttacks()...)
}

// dated seals a Date off the clock.
func dated(offset time.Duration) edit {
	return func(d *draft) { d.set("Date", d.at.Add(offset).UTC().Format(dateLayout)) }
}

// issued is a time in seconds, off the clock, and fraction one with a part of a
// second, as real ones have it.
func issued(name string, offset time.Duration) edit {
	return func(d *draft) { d.setParam(name, strconv.FormatInt(d.at.Add(offset).Unix(), 10)) }
}

func fraction(name string, offset time.Duration) edit {
	return func(d *draft) { d.setParam(name, strconv.FormatInt(d.at.Add(offset).Unix(), 10)+".582") }
}

func sigT(offset time.Duration) edit {
	return func(d *draft) { d.setParam("sigT", quoted(d.at.Add(offset).UTC().Format("2006-01-02T15:04:05Z"))) }
}

// replayAttacks are 14 to 16. The twin of the first is the same id of another
// TPP, which is another id.
func replayAttacks() []group {
	elsewhere := target(suffix("/other"))
	put := func(d *draft) { d.msg.Method = "PUT" }
	asOther := both(func(d *draft) { d.msg.Peer = d.k.other }, by(partOther))
	return []group{
		{14, all, qseal.ReasonReplay, []row{
			{name: "the same seal again", again: nothing, twin: asOther, twinAhead: nothing},
			{name: "another order under the same id", ahead: nothing, edit: amount, twin: asOther, twinAhead: nothing, only: all &^ obie &^ ing},
		}},
		{14, berlin | stet, qseal.ReasonFormat, []row{
			{name: "an id that is empty", edit: field("X-Request-ID", "")},
			{name: "an id without end", edit: field("X-Request-ID", strings.Repeat("x", 1000))},
		}},
		// What does not seal the target is stopped by the replay store alone.
		{15, berlin | bodies, qseal.ReasonReplay, []row{
			{name: "the same seal for another path", again: elsewhere, twin: elsewhere},
			{name: "the same seal for another method", again: put, twin: put},
		}},
		{15, stet | ing | fields | rfc9421, qseal.ReasonSignatureInvalid, []row{
			{name: "another path", edit: after(elsewhere), twin: elsewhere},
			{name: "another method", edit: after(put), twin: put},
			{name: "another query", edit: after(target(suffix("?account=2"))), twin: target(suffix("?account=2"))},
		}},
		{16, rfc9421, qseal.ReasonReplay, []row{
			{name: "the nonce of another request", ahead: nothing, edit: both(elsewhere, amount)},
		}},
	}
}
