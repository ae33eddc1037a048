// Package protocol is the HTTP interface between whoever wants an image run
// and a sandbox service: the documents both sides exchange.
//
//	GET    /v1/license            License
//	POST   /v1/runs               RunRequest → 202 RunState
//	GET    /v1/runs/{id}          RunState; with Accept: text/event-stream one per change, see Stream
//	GET    /v1/runs/{id}/report   report.Report
//	GET    /v1/runs/{id}/artifacts/{observations|events|pcap|fs-diff}
//	DELETE /v1/runs/{id}          stops it and deletes all traces
//	POST   /v1/judgements         the artifact Observations → Judgement by the rules of now; nothing is run
//
// Every call carries "Authorization: Bearer TOKEN". Errors are an Error
// document with the matching HTTP status. The client treats answers as foreign
// input; the server treats requests so.
package protocol

import (
	"encoding/json"
	"time"

	"github.com/sallyport-dev/sallyport/image"
)

// License tells whether the token is good and what is left of its quota.
type License struct {
	Valid     bool             `json:"valid"`
	Plan      string           `json:"plan"`
	Quota     Quota            `json:"quota"`
	Platforms []image.Platform `json:"platforms"`          // what this service can run
	Networks  []string         `json:"networks,omitempty"` // that a Profile may ask for; none listed: Simulated
	Version   string           `json:"version"`
	Ruleset   string           `json:"ruleset"`
}

// Quota counts runs. Limit 0 means no limit.
type Quota struct {
	Limit    int       `json:"limit"`
	Used     int       `json:"used"`
	Period   string    `json:"period,omitempty"` // e.g. "month"
	ResetsAt time.Time `json:"resets_at,omitzero"`
}

// RunRequest asks for one image to be run.
type RunRequest struct {
	Image   ImageSpec `json:"image"`
	Source  Source    `json:"source"`
	Profile Profile   `json:"profile"`
}

// ImageSpec names one platform's manifest.
type ImageSpec struct {
	Reference string         `json:"ref"`    // for the report; not fetched
	Digest    string         `json:"digest"` // of the platform manifest; what is fetched
	Platform  image.Platform `json:"platform"`
}

// Source is where the digest can be fetched, and with what right.
type Source struct {
	Registry   string `json:"registry"`   // host:port
	Repository string `json:"repository"` // path there
	Token      string `json:"token"`      // bearer, good for this digest only
	Insecure   bool   `json:"insecure"`   // plain HTTP
}

// Profile is how to run. Zero values mean the service's defaults.
type Profile struct {
	Name    string        `json:"name,omitempty"`       // how many passes are made: Standard (the default), Quick or Thorough
	Timeout time.Duration `json:"timeout_ns,omitempty"` // wall time of all passes together; default 180 s, 1 s to 600 s
	Network string        `json:"network,omitempty"`    // what the image finds when it goes online; default Simulated

	RealTime    bool          `json:"real_time,omitempty"`       // the guest's clocks go as ours; else what it waits for is skipped
	ClockOffset time.Duration `json:"clock_offset_ns,omitempty"` // of the guest's date, from the start; up to ten years either way
}

// The networks of a Profile. A service offers the first, and the others when it
// was set up for them; it refuses what it does not offer.
const (
	Simulated = "simulated" // all is made up
	Replay    = "replay"    // as Simulated, but web answers that the service has recorded are given again
	Gateway   = "gateway"   // as Simulated, but web requests to public addresses go out through a proxy
)

// The names of profiles. Whatever the profile, an image that ends asking for
// variables is run again with them.
const (
	Quick    = "quick"    // one pass
	Standard = "standard" // more where the first one gives a reason
	Thorough = "thorough" // all of them
)

// The states of a run, in their order.
const (
	Queued    = "queued"
	Pulling   = "pulling"
	Unpacking = "unpacking"
	Running   = "running"
	Judging   = "judging"
	Done      = "done"
	Failed    = "failed"
)

// RunState is how far a run is.
type RunState struct {
	ID       string        `json:"id"`
	State    string        `json:"state"`
	Position int           `json:"position,omitempty"` // in the queue, from 1
	Elapsed  time.Duration `json:"elapsed_ns"`         // in this state so far
	Limit    time.Duration `json:"limit_ns,omitempty"` // state running: it ends after this time at the latest
	Error    string        `json:"error,omitempty"`    // state failed
}

// Over reports whether the run has come to its end: nothing follows.
func (s RunState) Over() bool { return s.State == Done || s.State == Failed }

// Stream is the media type of a stream of states: server-sent events named
// "state" with a RunState as their data, one at once, one per change, one
// every few seconds while nothing changes. It ends after the last state of the
// run; when it breaks off before that, ask again.
const Stream = "text/event-stream"

// The artifacts of a run.
const (
	Observations = "observations" // application/gzip: what rules judge, each pass as JSON, one a line; at most MaxObservations bytes
	Events       = "events"       // application/gzip: one event.Event as JSON per line; at most MaxEvents bytes
	PCAP         = "pcap"         // application/vnd.tcpdump.pcap
	FSDiff       = "fs-diff"      // application/x-tar: the writable layer, deletions as character device 0:0
)

// MaxEvents is how large the artifact Events is at most, in bytes, compressed.
const MaxEvents = 16 << 20

// MaxObservations is how large the artifact Observations is at most, in bytes,
// compressed. A run that makes more leaves none.
const MaxObservations = 16 << 20

// Judgement is what the rules of now make of an earlier run.
type Judgement struct {
	Report json.RawMessage `json:"report"`           // report.Report; without scan_id
	Faults []string        `json:"faults,omitempty"` // of rules that took no part, since they are broken or failed
}

// Error is the body of every answer that is not a success.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// The codes of an Error, and the HTTP status that each comes with.
const (
	CodeUnauthorized  = "unauthorized"   // 401: the token is missing or wrong
	CodeQuotaExceeded = "quota_exceeded" // 429: no run is left in this period
	CodeInvalid       = "invalid"        // 400: the request cannot be understood or obeyed
	CodeNotFound      = "not_found"      // 404: no such run, report or artifact (yet)
	CodeBusy          = "busy"           // 503: too many runs wait, or the service is going down
	CodeInternal      = "internal"       // 500
)
