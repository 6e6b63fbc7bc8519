package qseal

import (
	"errors"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
)

// policyQNCPWGen is the policy of a 2-QWAC, QNCP-w-gen (TS 119 411-5, annex A).
const policyQNCPWGen = "0.4.0.194112.1.6"

// Qualify decides whether the 2-QWAC that signed the binding is a qualified
// certificate for website authentication, at its issuance and at a time, by the
// services of authentic trusted lists (ETSI TS 119 615). It is pure: it does not
// ask whether the certificate is revoked, and looks at no policy of the caller.
// A Validator refuses these certificates for each of its uses, as it should:
// they are for neither TLS clients nor seals.
//
// The error is an *Error with ReasonCertificate, and the cause in it an
// *[eidas.Error]. Only without an error may the subject be shown to anybody.
func (b *Binding) Qualify(set *eidas.ServiceSet, at time.Time) (eidas.Qualified, error) {
	q, refusal := b.qualify(set, at)
	if refusal != nil {
		return q, &Error{Reason: ReasonCertificate, Err: refusal}
	}
	return q, nil
}

func (b *Binding) qualify(set *eidas.ServiceSet, at time.Time) (eidas.Qualified, error) {
	if len(b.Chain) == 0 {
		return eidas.Qualified{}, &eidas.Error{Reason: eidas.ReasonCertificateMissing}
	}
	leaf := b.Chain[0]
	claims, err := eidas.ParseClaims(leaf)
	if err != nil {
		return eidas.Qualified{}, err
	}
	services, err := eidas.FindServices(set, b.Chain, at)
	if err != nil {
		return eidas.Qualified{}, err
	}
	q := eidas.Qualify(leaf, claims, services, at)
	for _, side := range [...]*eidas.QualifiedAt{&q.AtIssuance, &q.AtTime} {
		if side.Reason != 0 {
			return q, &eidas.Error{Reason: side.Reason, Err: errors.New(side.Conclusion())}
		}
	}
	if !q.Qualified || q.Type != eidas.TypeWeb {
		return q, &eidas.Error{Reason: eidas.ReasonWrongType, Err: errors.New(q.Conclusion())}
	}
	if !slices.Contains(claims.Policies, policyQNCPWGen) {
		return q, &eidas.Error{Reason: eidas.ReasonNotQualified, Err: errors.New("no policy QNCP-w-gen")}
	}
	return q, nil
}
