package gate

import (
	"time"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/verdict"
)

// Request asks about one image in one context.
type Request struct {
	Reference image.Reference  // Digest is set: of an image or of an index
	Context   policies.Context // Kind says who asks
	Client    string           // for the audit log: user, address or service account
	Audit     string           // for the audit log: what the front calls this request
	DryRun    bool             // decide without a trace: queue no analysis, remember no name, write no audit record
	// PoliciesOnly, of a DryRun, leaves out what people said of the image: what the
	// policies say of what somebody allowed or blocked.
	PoliciesOnly bool
	Pending      policies.Pending // what happens to an image that waits for its verdict; "" for what the policies say
}

// Action is what the gate answers.
type Action string

// The answers. A fault is an error, never an Allow.
const (
	Allow Action = "allow"
	Deny  Action = "deny"
	Wait  Action = "wait"
)

// Decision is the gate's answer about one image or index, and what the audit
// log keeps of it.
type Decision struct {
	ID         string           `json:"decision_id"`
	Time       time.Time        `json:"time"`
	Action     Action           `json:"action"`
	Reference  image.Reference  `json:"image"`
	Message    string           `json:"message"` // one line for people, without line breaks
	Warnings   []string         `json:"warnings,omitempty"`
	Policy     string           `json:"policy,omitempty"`         // the first that denied or holds
	Control    string           `json:"control,omitempty"`        // of that policy
	Finding    *verdict.Finding `json:"finding,omitempty"`        // the worst, when DTA decided
	Reason     string           `json:"reason,omitempty"`         // with Deny, in words
	Judged     []Judged         `json:"judged"`                   // one per platform's image; several for an index
	Generation string           `json:"generation"`               // of the policies
	RetryAfter time.Duration    `json:"retry_after_ns,omitempty"` // with Wait
	State      string           `json:"state,omitempty"`          // with Wait: queued (2nd), running (40 s) …
	Degraded   bool             `json:"degraded,omitempty"`       // Redis was away
	Passed     string           `json:"passed,omitempty"`         // why it was not judged: signature, sbom, attestation …
	Permission string           `json:"permission,omitempty"`     // explicit permission that decided

	gathering <-chan struct{} // with Wait: closed when facts that are missing have come
}

// Judged is one platform's image with all checks.
type Judged struct {
	Digest   string           `json:"digest"`
	Platform image.Platform   `json:"platform"`
	Result   policies.Result  `json:"result"`
	Verdict  *verdict.Verdict `json:"verdict,omitempty"`
}
