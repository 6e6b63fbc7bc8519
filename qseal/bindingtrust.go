package qseal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
)

// policyQNCPWGen is the policy of a 2-QWAC, QNCP-w-gen (TS 119 411-5, annex A).
const policyQNCPWGen = "0.4.0.194112.1.6"

// Qualify decides whether the 2-QWAC that signed the binding is a qualified
// certificate for website authentication, at its issuance and at a time, by the
// services of authentic trusted lists (ETSI TS 119 615). It is pure: whether the
// certificate is revoked is for CheckStatus, and it looks at no policy of the caller.
// A Validator refuses these certificates for each of its uses, as it should:
// they are for neither TLS clients nor seals.
//
// The error is an *Error with ReasonCertificate, and the cause in it an
// *[eidas.Error]. Only without an error here and in CheckStatus may the subject be shown
// to anybody.
func (b *Binding) Qualify(set *eidas.ServiceSet, at time.Time) (eidas.Qualified, error) {
	q, refusal := b.qualify(set, at)
	if refusal != nil {
		return q, &Error{Reason: ReasonCertificate, Err: refusal}
	}
	return q, nil
}

// CheckStatus asks whether the 2-QWAC, or a CA between it and the trusted lists,
// is revoked, and returns the answers, the 2-QWAC's first. The Use of the
// questions is [eidas.UseTLS]: it is a certificate for website authentication,
// though it signs a JWS. No question leaves before the path to a listed CA is
// proved. A checker lets nothing pass but what its own configuration allows:
// [eidas.StatusAnswer] says so.
//
// The error is an *Error with ReasonCertificate, and the cause in it an
// *[eidas.Error]. It honours ctx, as far as the checker does.
func (b *Binding) CheckStatus(ctx context.Context, checker eidas.StatusChecker, set *eidas.ServiceSet, at time.Time) ([]eidas.StatusAnswer, error) {
	answers, err := b.askStatus(ctx, checker, set, at)
	if err != nil {
		return nil, &Error{Reason: ReasonCertificate, Err: asRefusal(err)}
	}
	return answers, nil
}

func (b *Binding) askStatus(ctx context.Context, checker eidas.StatusChecker, set *eidas.ServiceSet, at time.Time) (_ []eidas.StatusAnswer, err error) {
	defer func() {
		if p := recover(); p != nil { // of the checker, which is somebody else's
			err = internal("panic: %q", fmt.Sprint(p))
		}
	}()
	queries, err := eidas.StatusQueries(set, b.Chain, eidas.UseTLS, at)
	if err != nil {
		return nil, err
	}
	if checker == nil {
		return nil, internal("no StatusChecker")
	}
	answers := make([]eidas.StatusAnswer, 0, len(queries))
	for i := range queries {
		a, err := checker.CheckStatus(ctx, queries[i])
		switch {
		case err != nil:
			return nil, err
		case a.Status == eidas.StatusRevoked:
			return nil, refuse(eidas.ReasonRevoked, "since %s, reason code %d", a.RevokedAt.UTC().Format(time.RFC3339), a.Code)
		case a.Status == eidas.StatusGood, a.Status == eidas.StatusNotOwed, a.Unchecked:
			answers = append(answers, a)
		default:
			return nil, &eidas.Error{Reason: eidas.ReasonRevocationUnknown}
		}
	}
	return answers, nil
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
