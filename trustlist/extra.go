package trustlist

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/seed-b953571c/eidas"
)

// Extra are CAs that no list names and that an operator trusts nevertheless,
// under a profile of their own: UK Open Banking, a sandbox, a test provider. They
// can never pass for the EU's, since the profile is part of the identity and a
// policy accepts one profile only.
type Extra struct {
	Profile eidas.Profile // not ProfileEU
	Name    string        // of the provider; required
	// Certificates are the CA certificates, DER. They must be readable.
	Certificates [][]byte
}

// extraSince is when the services of Extra begin: with the Regulation, so that
// they are judged by its rules.
var extraSince = time.Date(2016, 7, 1, 0, 0, 0, 0, time.UTC)

// service returns the CAs as one service that issues every kind of certificate.
// Whether these are qualified is not for a list of the EU to say; under this
// profile they count as such, or nothing could be judged.
func (x *Extra) service() (*eidas.Service, error) {
	if x.Profile == "" || x.Profile == eidas.ProfileEU {
		return nil, fmt.Errorf("trustlist: extra anchors %q cannot be of profile %q", x.Name, x.Profile)
	}
	if x.Name == "" || len(x.Certificates) == 0 {
		return nil, fmt.Errorf("trustlist: extra anchors of profile %q lack a name or certificates", x.Profile)
	}
	names := []eidas.Name{{Lang: "en", Value: x.Name}}
	s := &eidas.Service{Provider: &eidas.Provider{Names: names}, Periods: []eidas.Period{{
		Type: uriCAQC, Names: names, Status: uriGranted, Start: extraSince,
		AdditionalInfo: []string{uriForSignatures, uriForSeals, uriForWebSiteAuth},
		Qualifications: []eidas.Qualification{{
			Qualifiers: []string{uriQCStatement}, Criteria: eidas.Criteria{Assert: eidas.AssertAll},
		}},
	}}}
	h := sha256.New()
	for i, der := range x.Certificates {
		a, err := eidas.ParseAnchor(der)
		if err != nil {
			return nil, fmt.Errorf("trustlist: extra anchors %q: certificate %d: %w", x.Name, i, err)
		}
		s.Anchors = append(s.Anchors, a)
		h.Write(der)
	}
	s.List = &eidas.List{Profile: x.Profile}
	h.Sum(s.List.SHA256[:0])
	return s, nil
}

// extra returns the services of Config.Extra.
func (c *Config) extra() ([]*eidas.Service, error) {
	var all []*eidas.Service
	for i := range c.Extra {
		s, err := c.Extra[i].service()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}
