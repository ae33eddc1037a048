package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies/library"
	"github.com/sallyport-dev/sallyport/verdict"
)

// statusError is an error that knows its HTTP status.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func problem(status int, format string, args ...any) error {
	return &statusError{status, fmt.Errorf(format, args...)}
}

// statuses are those of other packages' errors.
var statuses = []struct {
	err    error
	status int
}{
	{token.ErrInvalid, http.StatusUnauthorized},
	{token.ErrUnknown, http.StatusNotFound},
	{token.ErrName, http.StatusBadRequest},
	{image.ErrReference, http.StatusBadRequest},
	{label.ErrTarget, http.StatusBadRequest},
	{label.ErrWord, http.StatusBadRequest},
	{gate.ErrUnknownDecision, http.StatusNotFound},
	{gate.ErrPermission, http.StatusBadRequest},
	{gate.ErrRisk, http.StatusBadRequest},
	{gate.ErrUnknownRisk, http.StatusNotFound},
	{library.ErrNotFound, http.StatusNotFound},
	{library.ErrReadOnly, http.StatusConflict},
	{cache.ErrNotCached, http.StatusNotFound},
	{cache.ErrNotPinned, http.StatusNotFound},
	{cache.ErrPurge, http.StatusBadRequest},
	{inspect.ErrMissing, http.StatusNotFound},
	{analysis.ErrUnavailable, http.StatusServiceUnavailable},
	{verdict.ErrNone, http.StatusNotFound},
	{context.DeadlineExceeded, http.StatusGatewayTimeout},
}

// statusOf is the one place that turns errors into HTTP statuses.
func statusOf(err error) int {
	if known := new(statusError); errors.As(err, &known) {
		return known.status
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status
		}
	}
	return http.StatusInternalServerError
}
