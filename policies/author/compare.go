package author

import (
	"cmp"
	"context"

	"github.com/sallyport-dev/sallyport/policies"
)

// Action is what a gate would do with an image.
type Action string

// The actions, in the words of a gate.
const (
	Allow Action = "allow"
	Wait  Action = "wait" // until dynamic analysis has a verdict
	Deny  Action = "deny"
)

// Outcome is what one generation makes of an image, and the check that decides.
type Outcome struct {
	Action     Action   `json:"action"`
	Policy     string   `json:"policy,omitempty"`
	Control    string   `json:"control,omitempty"`
	Message    string   `json:"message,omitempty"`
	Permission string   `json:"permission,omitempty"` // a person's word that decides instead
	Applicable []string `json:"applicable"`           // policies that include the image
	Warnings   int      `json:"warnings,omitempty"`   // checks that warn, or fail without blocking
}

// OutcomeOf draws the action from a result, as a gate does.
func OutcomeOf(r policies.Result) Outcome {
	o := Outcome{Action: Allow, Applicable: r.Applicable}
	decide := func(action Action, c policies.Check) {
		if o.Action != Deny {
			o.Action, o.Policy, o.Control, o.Message = action, c.PolicyName, c.Control, c.Message
		}
	}
	for _, c := range r.Checks {
		switch {
		case c.Failed && c.Blocking:
			decide(Deny, c)
		case c.Failed, c.Warning:
			o.Warnings++
		}
	}
	for _, c := range r.Checks {
		if !c.Pending || o.Action != Allow {
			continue
		}
		switch r.Pending {
		case policies.PendingBlock:
			decide(Deny, c)
		case policies.PendingHold:
			decide(Wait, c)
		}
	}
	return o
}

// Change is one image before two generations.
type Change struct {
	Image    string  `json:"image"` // as people know it
	Digest   string  `json:"digest,omitempty"`
	Platform string  `json:"platform,omitempty"`
	Before   Outcome `json:"before"`
	After    Outcome `json:"after"`
}

// Flips tells whether the gate would do something else.
func (c Change) Flips() bool { return c.Before.Action != c.After.Action }

// ToDenied tells whether an image that is let in, or waits, would be denied.
func (c Change) ToDenied() bool { return c.Flips() && c.After.Action == Deny }

// Compare judges an image by two generations. faults are the policies of either
// that could not be evaluated. The error is not nil only when ctx ends, or the
// facts cannot be represented.
func Compare(ctx context.Context, before, after *policies.Set, in *policies.Input) (c Change, faults []string, err error) {
	facts, err := before.Prepare(in) // means the same to all generations
	if err != nil {
		return Change{}, nil, err
	}
	was, err := before.Judge(ctx, facts)
	if err != nil {
		return Change{}, nil, err
	}
	is, err := after.Judge(ctx, facts)
	if err != nil {
		return Change{}, nil, err
	}
	i := in.Image
	name := cmp.Or(i.Repository, "an image without a name")
	if i.Registry != "" {
		name = i.Registry + "/" + name
	}
	switch {
	case len(i.Tags) > 0:
		name += ":" + i.Tags[0]
	case i.Digest != "":
		name += "@" + i.Digest
	}
	return Change{
		Image: name, Digest: i.Digest, Platform: platformOf(i), Before: OutcomeOf(was), After: OutcomeOf(is),
	}, append(was.Faults, is.Faults...), nil
}

func platformOf(i policies.Image) string {
	if i.OS == "" {
		return ""
	}
	p := i.OS + "/" + i.Architecture
	if i.Variant != "" {
		p += "/" + i.Variant
	}
	return p
}
