package policies

import "time"

// Check is one control of one policy applied to one image: an element of the
// API's checks_performed. Failed and Skipped exclude each other; neither means passed.
type Check struct {
	PolicyID      int            `json:"policy_id"`
	PolicyName    string         `json:"policy_name"`
	Control       string         `json:"control"` // dta, malware, max_severity, …
	Failed        bool           `json:"failed,omitempty"`
	Exempt        bool           `json:"exempt,omitempty"` // skipped because a person excused the image
	Skipped       bool           `json:"skipped,omitempty"`
	SkippedReason string         `json:"skipped_reason,omitempty"`
	Pending       bool           `json:"pending,omitempty"` // no verdict yet
	Warning       bool           `json:"warning,omitempty"` // says something, fails nothing (inconclusive)
	Blocking      bool           `json:"blocking,omitempty"`
	Message       string         `json:"message,omitempty"` // one line for people
	Facts         map[string]any `json:"facts,omitempty"`   // what decided, by the API's names; in JSON beside the other fields
}

// Failure is a policy that failed, with the controls that made it fail.
type Failure struct {
	PolicyID   int      `json:"policy_id"`
	PolicyName string   `json:"policy_name"`
	Blocking   bool     `json:"blocking"`
	Controls   []string `json:"controls"`
}

// Result is what all policies whose scope includes an image say about it.
type Result struct {
	Generation   string            `json:"generation"` // hash of the Set
	Applicable   []string          `json:"applicable"` // policy names in the Set's order
	Checks       []Check           `json:"checks_performed"`
	Failures     []Failure         `json:"policy_failures"`
	Disallowed   bool              `json:"disallowed"`     // some failing policy blocks
	Block        bool              `json:"block_required"` // the same, under the name that enforcers read
	FailCICD     bool              `json:"fail_cicd"`      // some failing policy fails CI
	Audit        bool              `json:"audit_required"`
	NeedsDTA     bool              `json:"needs_dta"`                    // some applicable policy has the control
	Pending      Pending           `json:"pending,omitempty"`            // some DTA check waits for a verdict (none yet, or too old): what to do meanwhile, the strictest of the policies that wait; empty when nothing waits
	Acknowledged []Acknowledgement `json:"acknowledged,omitempty"`       // risks that were accepted, and not shown to any rule
	Undecided    []string          `json:"not_decidable_here,omitempty"` // policies whose scope reads what is not known here, and was taken as false
	Faults       []string          `json:"faults,omitempty"`             // policies that could not be evaluated: their checks failed; do not cache the result
	Until        time.Time         `json:"until,omitzero"`               // from then on the answer may differ by the passing of time alone; zero: never
}

// Pending says what happens to an image that waits for its verdict.
type Pending string

// The ways to treat a pending image, strictest first.
const (
	PendingBlock Pending = "block" // deny until there is a verdict
	PendingHold  Pending = "hold"  // make the client wait, then tell it to come back (default)
	PendingAllow Pending = "allow" // let it through, with a warning
)
