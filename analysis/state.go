package analysis

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/verdict"
)

// Job is one platform's image to be run.
type Job struct {
	Reference image.Reference `json:"reference"` // as it was asked for; registry and repository are where it is fetched
	Platform  image.Platform  `json:"platform"`
	Subject   verdict.Subject `json:"subject"` // the platform manifest
}

// Phase is where a digest is on its way to a verdict.
type Phase string

// The phases, in their order; Off and Unsupported are instead of all others.
const (
	None        Phase = ""            // not queued
	Queued      Phase = "queued"      // waits for its turn or for the sandbox
	Pulling     Phase = "pulling"     // the sandbox fetches it
	Unpacking   Phase = "unpacking"   //
	Running     Phase = "running"     //
	Judging     Phase = "judging"     //
	Done        Phase = "done"        // there is a verdict
	Off         Phase = "off"         // analysis is switched off
	Unsupported Phase = "unsupported" // the sandbox does not run this platform
)

// State is how far the analysis of one digest is.
type State struct {
	Digest   digest.Digest `json:"digest"`
	Phase    Phase         `json:"phase"`
	Position int           `json:"position,omitempty"`   // in the queue, from 1; 0 when not known
	Started  time.Time     `json:"started,omitzero"`     // of this try
	Elapsed  time.Duration `json:"elapsed_ns,omitempty"` // since Started
	Tries    int           `json:"tries,omitempty"`      // that failed
	Reason   string        `json:"reason,omitempty"`     // of the last failure, or why it is off or unsupported
}

// String is the state in words: "queued, position 2", "running for 40 s".
func (s State) String() string {
	var text string
	switch s.Phase {
	case None:
		text = "not queued"
	case Queued:
		text = "queued"
		if s.Position > 0 {
			text = fmt.Sprintf("queued, position %d", s.Position)
		}
	case Off:
		text = "switched off"
	case Pulling, Unpacking, Running, Judging:
		text = string(s.Phase)
		if s.Elapsed > 0 {
			text += " for " + s.Elapsed.Round(time.Second).String()
		}
	default:
		text = string(s.Phase)
	}
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	return text
}
