// Package protocol is the HTTP interface between whoever wants an image run
// and a sandbox service: the documents both sides exchange.
//
//	GET    /v1/license            License
//	POST   /v1/runs               RunRequest → 202 RunState
//	GET    /v1/runs/{id}          RunState; with Accept: text/event-stream one per change
//	GET    /v1/runs/{id}/report   report.Report
//	GET    /v1/runs/{id}/artifacts/{events|pcap|fs-diff}
//	DELETE /v1/runs/{id}          stops it and deletes all traces
//
// Every call carries "Authorization: Bearer TOKEN". Errors are an Error
// document with the matching HTTP status. The client treats answers as foreign
// input; the server treats requests so.
package protocol

import (
	"time"

	"github.com/sallyport-dev/sallyport/image"
)

// License tells whether the token is good and what is left of its quota.
type License struct {
	Valid     bool             `json:"valid"`
	Plan      string           `json:"plan"`
	Quota     Quota            `json:"quota"`
	Platforms []image.Platform `json:"platforms"` // what this service can run
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
	Name    string        `json:"name,omitempty"`
	Timeout time.Duration `json:"timeout_ns,omitempty"` // wall time of the detonation; default 180 s, 1 s to 600 s
}

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
	Elapsed  time.Duration `json:"elapsed_ns"`
	Limit    time.Duration `json:"limit_ns,omitempty"`
	Error    string        `json:"error,omitempty"` // state failed
}

// Error is the body of every answer that is not a success.
type Error struct {
	Code    string `json:"code"` // unauthorized, quota_exceeded, invalid, not_found, busy, internal
	Message string `json:"message"`
}
