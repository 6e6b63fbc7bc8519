package main

import (
	"strings"
	"time"
)

// noSigner returns the fingerprint of a certificate that signed nothing here.
func noSigner() string { return strings.Repeat("1", 64) }

// base is a run for TLS at the world's time that asks nobody about revocation.
func base(name string, flags []string) testCase {
	return testCase{
		Name: name, Use: "tls", At: now(), Flags: append([]string{"--revocation", "off"}, flags...),
		// The anchors of the world are not those of the Official Journal.
		Identity: tpp, Profile: "test", Roles: []string{"PSP_PI", "PSP_AI"},
	}
}

func accepted(name string, flags ...string) testCase {
	c := base(name, flags)
	c.Decision = "accept"
	return c
}

// denied is refused after the claims were read.
func denied(name, reason string, flags ...string) testCase {
	c := base(name, flags)
	c.Decision, c.Reason = "refuse", reason
	return c
}

// unread is refused before the claims were read.
func unread(name, reason string, flags ...string) testCase {
	return denied(name, reason, flags...).nothingRead()
}

func (c testCase) nothingRead() testCase { return c.noIdentity().withRoles() }

func (c testCase) noIdentity() testCase {
	c.Identity, c.Profile = "", ""
	return c
}

func (c testCase) on(at time.Time) testCase {
	c.At = at
	return c
}

func (c testCase) forSeal() testCase {
	c.Use = "seal"
	return c
}

func (c testCase) withRoles(names ...string) testCase {
	c.Roles = append([]string{}, names...)
	return c
}

// asking is a run that does ask about revocation.
func (c testCase) asking() testCase {
	c.Flags = c.Flags[2:]
	return c
}
