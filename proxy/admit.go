package proxy

import (
	"context"
	"errors"
	"net/http"

	"github.com/distribution/distribution/v3/registry/api/errcode"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
	"github.com/sallyport-dev/sallyport/verdict"
)

// decisionHeader carries the decision's id on every answer that the gate
// decided, so that it can be looked up from a HEAD's too.
const decisionHeader = "Sallyport-Decision"

// denial is the detail of a refusal that the gate decided.
type denial struct {
	Decision string           `json:"decision_id"`
	Image    string           `json:"image"`
	Policy   string           `json:"policy,omitempty"`
	Control  string           `json:"control,omitempty"`
	Finding  *verdict.Finding `json:"finding,omitempty"`
	State    string           `json:"state,omitempty"` // of the analysis that is waited for
	Checks   []policies.Check `json:"checks,omitempty"`
}

// decide asks the gate about a manifest. A fault of the gate is a refusal.
func (p *Proxy) decide(r *http.Request, ref image.Reference, who requester) (gate.Decision, error) {
	d, err := p.gate.Decide(r.Context(), question(r, ref, who))
	if err != nil {
		return d, closed(ref, err)
	}
	return d, nil
}

// await waits for the gate to decide, as long as the configuration lets a
// client wait.
func (p *Proxy) await(r *http.Request, ref image.Reference, who requester, d gate.Decision) (gate.Decision, error) {
	if p.content.cfg.Hold < 0 {
		return d, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), p.content.cfg.Hold)
	defer cancel()
	defer context.AfterFunc(p.draining, cancel)()
	later, err := p.gate.Await(ctx, question(r, ref, who))
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		return d, nil // the time was over before it could even answer Wait
	}
	if err != nil {
		return d, closed(ref, err)
	}
	return later, nil
}

func question(r *http.Request, ref image.Reference, who requester) gate.Request {
	return gate.Request{
		Reference: ref,
		Context:   policies.Context{Kind: "pull"},
		Client:    who.String(),
		Audit:     r.Method + " " + r.URL.Path,
	}
}

// closed is the answer when the gate cannot decide: no.
func closed(ref image.Reference, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	// An upstream that fails while the image is inspected is an upstream that
	// fails; one that lacks a part of the image leaves the gate undecided.
	if kind, ok := upstream.KindOf(err); ok && (kind == upstream.Fault || kind == upstream.Limited) {
		return err
	}
	r := refuse(errcode.ErrorCodeUnavailable, "the gate cannot decide about %s and stays closed: %s", ref, withoutAddresses(oneLine(err.Error())))
	r.header = http.Header{"Retry-After": {"5"}}
	return faulted{r, err}
}

// faulted is a refusal whose cause is for the log.
type faulted struct {
	refusal
	cause error
}

func (f faulted) Unwrap() []error { return []error{f.refusal, f.cause} }

// verdictOn turns a decision into the refusal that the client gets; nil lets pass.
func verdictOn(d gate.Decision) error {
	if d.Action == gate.Allow {
		return nil
	}
	r := refusal{message: oneLine(d.Message), header: http.Header{}}
	if d.ID != "" {
		r.header.Set(decisionHeader, d.ID)
	}
	warn(r.header, d.Warnings)
	detail := denial{Decision: d.ID, Image: d.Reference.String(), Policy: d.Policy, Control: d.Control, Finding: d.Finding, State: d.State}
	for _, j := range d.Judged {
		for _, c := range j.Result.Checks {
			if c.Failed || c.Pending {
				detail.Checks = append(detail.Checks, c)
			}
		}
	}
	r.detail = detail
	switch d.Action {
	case gate.Wait:
		r.code = errcode.ErrorCodeTooManyRequests
		r.header.Set("Retry-After", retryAfter(d.RetryAfter))
	default:
		// An action that is not known here lets nothing pass.
		r.code = errcode.ErrorCodeDenied
	}
	if r.message == "" {
		r.message = string(d.Action) + " " + d.Reference.String()
	}
	return r
}
