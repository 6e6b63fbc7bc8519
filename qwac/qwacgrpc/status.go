package qwacgrpc

import (
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// Domain is the domain of the ErrorInfo in the status of a refusal. Its reason is
// the code of an eidas.Reason in capitals (REVOKED, ROLE_MISSING), MISDIRECTED,
// TOO_EARLY, or METHOD_CLOSED for a method that Config.Authorizers leaves out; its
// metadata has the cause of an eidas.Reason (tpp, us, third_party).
const Domain = "github.com/seed-b953571c/eidas"

// The reasons that are no eidas.Reason.
const (
	reasonMisdirected = "MISDIRECTED"
	reasonEarly       = "TOO_EARLY"
	reasonClosed      = "METHOD_CLOSED"
)

// statusOf is the answer to a refused call. It says the reason and not the
// detail: that may speak of our network.
func statusOf(err error) error {
	switch {
	case errors.Is(err, qwac.ErrMisdirected):
		return withInfo(codes.FailedPrecondition, "authority is not the server name of the handshake", &errdetails.ErrorInfo{Reason: reasonMisdirected})
	case errors.Is(err, qwac.ErrEarly):
		return withInfo(codes.Unauthenticated, "handshake is not complete", &errdetails.ErrorInfo{Reason: reasonEarly})
	case errors.Is(err, errClosed):
		return withInfo(codes.PermissionDenied, errClosed.Error(), &errdetails.ErrorInfo{
			Reason: reasonClosed, Metadata: map[string]string{"cause": eidas.CauseSelf.String()},
		})
	}
	reason := eidas.ReasonOf(err)
	return withInfo(codeOf(reason), reason.Error(), &errdetails.ErrorInfo{
		Reason:   strings.ToUpper(reason.String()), // google.rpc.ErrorInfo asks for capitals
		Metadata: map[string]string{"cause": reason.Cause().String()},
	})
}

func withInfo(code codes.Code, message string, info *errdetails.ErrorInfo) error {
	info.Domain = Domain
	plain := status.New(code, message)
	detailed, err := plain.WithDetails(info)
	if err != nil { // cannot be: the code is none of success, the detail marshals
		return plain.Err()
	}
	return detailed.Err()
}

func codeOf(reason eidas.Reason) codes.Code {
	switch reason { //nolint:exhaustive // the others go by their cause
	case eidas.ReasonRoleMissing, eidas.ReasonIdentityDenied, eidas.ReasonCountryDenied,
		eidas.ReasonAuthorityDenied, eidas.ReasonNotAuthorized, eidas.ReasonHeld:
		return codes.PermissionDenied
	}
	if reason.Cause() == eidas.CauseTPP {
		return codes.Unauthenticated
	}
	return codes.Unavailable
}

// endsConnection reports whether dialling again may help: where the TPP is at
// fault. Elsewhere it would only cost a handshake.
func endsConnection(err error) bool {
	refusal, ok := errors.AsType[*eidas.Error](err)
	return ok && refusal.Reason.Cause() == eidas.CauseTPP && !errors.Is(err, errClosed)
}
