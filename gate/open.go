package gate

import (
	"context"
	"errors"
	"slices"

	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/report"
)

// ofTheImage are faults that lie in the image itself: whoever makes one must
// not pass by it.
var ofTheImage = []error{ErrIndex, inspect.ErrInvalid, inspect.ErrSchema1, inspect.ErrTooLarge, inspect.ErrMismatch, inspect.ErrMissing}

// open is the decision about an image that could not be judged because of
// fault: that error, unless the policies say that faults open.
func (a *asking) open(ctx context.Context, d Decision, fault error) (Decision, error) {
	of := func(e error) bool { return errors.Is(fault, e) }
	if !a.unblocked || ctx.Err() != nil || slices.ContainsFunc(ofTheImage, of) || !a.policies.FaultsOpen() {
		return d, fault
	}
	if v, _, err := a.dta(ctx, a.req.Reference.Digest); err == nil && v != nil && v.Conclusion == report.Malicious {
		return d, fault
	}
	a.gate.cfg.Log.WarnContext(ctx, "an image passes without having been judged, as the policies say", "image", d.Reference.String(), "error", fault)
	d.Action, d.Judged = Allow, []Judged{}
	d.Policy, d.Control, d.Finding, d.Reason, d.State, d.RetryAfter = "", "", nil, "", "", 0
	d.Warnings = append(d.Warnings, "not judged: the gate is at fault, and the policies let images pass then")
	a.transient = true
	return d, nil
}
