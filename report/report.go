// Package report is the document that one sandbox run leaves: what was run,
// what it did, what that amounts to.
//
// The sandbox writes it; the gate stores it; people and tools read it. It is
// plain data with its validation and its printed forms, and imports nothing of
// this module but the words of package image.
package report

import (
	"time"

	"github.com/sallyport-dev/sallyport/image"
)

// MediaType is the artifact type under which a report is attached to its image
// as an OCI referrer.
const MediaType = "application/vnd.sallyport.report.v1+json"

// SchemaVersion is the version of the format that this package writes.
const SchemaVersion = 1

// Category groups behaviours as the analysis tab shows them.
type Category string

// The five categories, in the order in which they are shown.
const (
	InitialExecution Category = "initial_execution"
	Weaponization    Category = "weaponization"
	Propagation      Category = "propagation"
	Communication    Category = "communication"
	Exfiltration     Category = "collection_exfiltration"
)

// Categories lists all categories in the order of display.
func Categories() []Category {
	return []Category{InitialExecution, Weaponization, Propagation, Communication, Exfiltration}
}

// Title is the category as people read it.
func (c Category) Title() string {
	switch c {
	case InitialExecution:
		return "Initial Execution"
	case Weaponization:
		return "Weaponization"
	case Propagation:
		return "Propagation"
	case Communication:
		return "Communication"
	case Exfiltration:
		return "Collection & Exfiltration"
	}
	return string(c)
}

// Severity is how bad a finding is: info < low < medium < high < critical.
type Severity string

// The severities.
const (
	Info     Severity = "info"
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Rank orders severities from 0 (none or unknown) to 5 (critical).
func (s Severity) Rank() int {
	switch s {
	case Info:
		return 1
	case Low:
		return 2
	case Medium:
		return 3
	case High:
		return 4
	case Critical:
		return 5
	}
	return 0
}

// Conclusion is what a run, or the lack of one, proves about an image.
type Conclusion string

// The conclusions.
const (
	Malicious    Conclusion = "malicious"    // proved: protocol content, a primitive without benign use, or two independent high signals in one lineage
	Suspicious   Conclusion = "suspicious"   // a high finding, or three medium ones over two categories
	Clean        Conclusion = "clean"        // ran, and nothing of the kind was seen
	Inconclusive Conclusion = "inconclusive" // did not run well enough to say
	Skipped      Conclusion = "skipped"      // not run, with a reason
)

// Report is one run of one image. Everything that comes from inside the
// sandbox is untrusted text, to be escaped by whoever shows it.
type Report struct {
	SchemaVersion    int        `json:"schema_version"`
	ID               string     `json:"scan_id"`
	Tool             Tool       `json:"tool"`
	Image            Image      `json:"image"`
	Run              Run        `json:"run"`
	Verdict          Conclusion `json:"verdict"`
	Malicious        bool       `json:"malicious"`
	Severity         Severity   `json:"severity,omitempty"` // highest of the findings; empty without findings
	Score            int        `json:"score"`              // 0 to 100
	Summary          string     `json:"summary"`            // one line
	DTASkipped       bool       `json:"dta_skipped"`
	DTASkippedReason string     `json:"dta_skipped_reason,omitempty"`
	DTASeverity      string     `json:"dta_severity_score,omitempty"`
	Categories       []Tile     `json:"categories"`
	Findings         []Finding  `json:"findings"`
	Processes        []Process  `json:"processes"`
	Network          Network    `json:"network"`
	Files            Files      `json:"files"`
	StdoutTail       string     `json:"stdout_tail"` // last 4 KiB
	StderrTail       string     `json:"stderr_tail"`
	Behash           string     `json:"behash"` // hash of what was found; equal for images that behave alike
}

// Tool is what made the report.
type Tool struct {
	Name          string `json:"name"`
	Version       string `json:"version"`
	Ruleset       string `json:"ruleset"` // hash of the behaviour rules
	AttackVersion string `json:"attack_version"`
	Runtime       string `json:"runsc"`
}

// Image is what was run.
type Image struct {
	Reference    string         `json:"ref"`
	Digest       string         `json:"digest"`
	Platform     image.Platform `json:"platform"`
	ConfigDigest string         `json:"config_digest"`
	Entrypoint   []string       `json:"entrypoint"`
	Cmd          []string       `json:"cmd"`
	User         string         `json:"user"`
	Exposed      []string       `json:"exposed"`
}

// Run is how it was run.
type Run struct {
	Started     time.Time `json:"started"`
	Finished    time.Time `json:"finished"`
	DurationS   float64   `json:"duration_s"`
	Profile     string    `json:"profile"`
	NetworkMode string    `json:"network_mode"`
	Passes      []string  `json:"passes"`
	Exit        *Exit     `json:"exit,omitempty"` // nil when it still ran at the end of its time
	Status      string    `json:"status"`         // completed, timeout, failed
	Reason      string    `json:"reason,omitempty"`
	Coverage    Coverage  `json:"coverage"`
}

// Exit is how the entrypoint ended.
type Exit struct {
	Code   int `json:"code"`
	Signal int `json:"signal,omitempty"`
}

// Coverage says how far the run can be trusted to have seen everything.
type Coverage struct {
	RanEntrypoint  bool          `json:"ran_entrypoint"`
	FullWindow     bool          `json:"full_window"`      // ran to its own end or for the whole time
	Passes         []Pass        `json:"passes,omitempty"` // in their order; what is above is said of the first, or of the one in which the image got what it asked for
	Skipped        []SkippedPass `json:"skipped_passes,omitempty"`
	PortsProbed    []int         `json:"ports_probed"`                // that took a connection of ours
	PortsSilent    []int         `json:"ports_silent,omitempty"`      // that the image exposes, and nothing answered on
	UnmetDownloads []string      `json:"unmet_downloads"`             // addresses from which something was wanted that we do not have
	LongestSleepS  float64       `json:"longest_sleep_s"`             // that was seen or is still pending
	TimeSkippedS   float64       `json:"time_skipped_s"`              // of the guest's time: what it waited for was not waited for here
	ClockJumps     int           `json:"clock_jumps,omitempty"`       // in which that was skipped
	TimersPending  int           `json:"timers_unexplored,omitempty"` // waits whose end was not seen
	LongestTimerS  float64       `json:"longest_timer_s,omitempty"`   // what is left of the longest of them
	ClockReason    string        `json:"clock_reason,omitempty"`      // why no more was skipped
	Unsupported    []string      `json:"unsupported_syscalls"`
	EventsTotal    uint64        `json:"events_total"`
	EventsLost     uint64        `json:"events_lost"`
	CriticalLost   uint64        `json:"critical_lost"`
	Omitted        int           `json:"omitted"` // processes, flows and files that were seen, and too many for this document
	Search         *Search       `json:"search,omitempty"`
}

// Search is how many of the image's programs (ELF files, scripts, PHP pages)
// were searched for what byte rules know, whether they ran or not.
type Search struct {
	Programs int   `json:"programs"`
	Bytes    int64 `json:"bytes"`
	LeftOut  int   `json:"left_out"` // programs beyond the sandbox's limits
}

// Pass is one of the detonations that a run consists of: default, completion
// (with variables that the image had asked for), restart (on what it had left on
// disk), persistence (what it left to be run later) or bait (among more tempting
// surroundings). What the report lists carries the name of its pass, unless
// that is default.
type Pass struct {
	Name      string     `json:"name"`
	Why       string     `json:"why,omitempty"` // it was made, and how it differs from the first
	DurationS float64    `json:"duration_s"`
	Status    string     `json:"status"` // completed, timeout, failed
	Reason    string     `json:"reason,omitempty"`
	Exit      *Exit      `json:"exit,omitempty"`
	Verdict   Conclusion `json:"verdict"` // of this pass alone
}

// SkippedPass is a pass that was not made.
type SkippedPass struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Tile sums up one category.
type Tile struct {
	Category  Category `json:"category"`
	Findings  int      `json:"findings"`
	Severity  Severity `json:"severity,omitempty"`
	Malicious bool     `json:"malicious"`
}

// Finding is one behaviour that was seen.
type Finding struct {
	ID          string     `json:"id"`
	Slug        string     `json:"slug"`
	Name        string     `json:"name"`
	Category    Category   `json:"category"`
	Severity    Severity   `json:"severity"`
	Malicious   bool       `json:"malicious"`
	Confidence  int        `json:"confidence"` // 0 to 100
	Attack      []Attack   `json:"attack"`
	FirstSeenMS int64      `json:"first_seen_ms"`
	Count       int        `json:"count"`
	Lineage     string     `json:"lineage_id"`
	Message     string     `json:"message"` // one line: what happened here
	Description string     `json:"description"`
	Remediation string     `json:"remediation"`
	Evidence    []Evidence `json:"evidence"` // at least one
}

// Attack is a technique of MITRE ATT&CK.
type Attack struct {
	ID     string `json:"id"` // T1059.004
	Name   string `json:"name,omitempty"`
	Tactic string `json:"tactic,omitempty"`
}

// Evidence is one thing that proves a finding.
type Evidence struct {
	Type   string   `json:"type"` // process, file, network, dns, http, syscall, memory, config
	Pass   string   `json:"pass,omitempty"`
	Event  uint64   `json:"event_id"`
	TimeMS int64    `json:"ts_ms"`
	PID    int32    `json:"pid,omitempty"`
	Exe    string   `json:"exe,omitempty"`
	SHA256 string   `json:"sha256,omitempty"`
	Argv   []string `json:"argv,omitempty"`
	Path   string   `json:"path,omitempty"`
	Dst    string   `json:"dst,omitempty"` // address:port
	Domain string   `json:"domain,omitempty"`
	Data   string   `json:"data_excerpt,omitempty"` // at most 512 bytes, escaped
	Detail string   `json:"detail,omitempty"`
}

// Process is one program that ran.
type Process struct {
	ID         string   `json:"id"`
	Parent     string   `json:"parent,omitempty"`
	Pass       string   `json:"pass,omitempty"`
	PID        int32    `json:"pid"`
	PPID       int32    `json:"ppid"`
	StartMS    int64    `json:"start_ms"`
	EndMS      int64    `json:"end_ms,omitempty"`
	Exe        string   `json:"exe"`
	SHA256     string   `json:"sha256,omitempty"`
	Argv       []string `json:"argv"`
	CWD        string   `json:"cwd,omitempty"`
	UID        uint32   `json:"uid"`
	EUID       uint32   `json:"euid"`
	Provenance string   `json:"provenance"`
	Drift      bool     `json:"drift,omitempty"`
	Exit       *Exit    `json:"exit,omitempty"`
}

// Network is what it talked to.
type Network struct {
	Edges []Edge `json:"edges"`
	DNS   []DNS  `json:"dns"`
	HTTP  []HTTP `json:"http"`
}

// Edge is one flow.
type Edge struct {
	ID       string `json:"id"`
	Process  string `json:"process,omitempty"`
	Pass     string `json:"pass,omitempty"`
	PID      int32  `json:"pid,omitempty"`
	Dst      string `json:"dst"`
	Port     uint16 `json:"port"`
	Proto    string `json:"proto"`
	App      string `json:"app,omitempty"`
	Domain   string `json:"domain,omitempty"`
	SNI      string `json:"sni,omitempty"`
	JA3      string `json:"ja3,omitempty"` // fingerprints of how the image's program begins TLS
	JA4      string `json:"ja4,omitempty"`
	BytesOut int64  `json:"bytes_out"`
	BytesIn  int64  `json:"bytes_in"`
	FirstMS  int64  `json:"first_ms"`
	Probe    bool   `json:"probe,omitempty"`
	Refused  bool   `json:"refused,omitempty"`
}

// DNS is one question.
type DNS struct {
	Pass    string   `json:"pass,omitempty"`
	PID     int32    `json:"pid,omitempty"`
	TimeMS  int64    `json:"ms"`
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Answers []string `json:"answers,omitempty"`
}

// HTTP is one request.
type HTTP struct {
	Pass    string `json:"pass,omitempty"`
	PID     int32  `json:"pid,omitempty"`
	TimeMS  int64  `json:"ms"`
	Method  string `json:"method"`
	URL     string `json:"url"`
	Status  int    `json:"status"`
	Payload string `json:"payload,omitempty"` // script or elf: the answer was a marker
	Source  string `json:"source,omitempty"`  // where the answer was from: recording, internet; absent when it was made up
}

// Files is what changed on disk.
type Files struct {
	Created  []File   `json:"created"`
	Modified []File   `json:"modified"`
	Deleted  []string `json:"deleted"`
}

// File is one file.
type File struct {
	Pass       string  `json:"pass,omitempty"`
	Path       string  `json:"path"`
	SHA256     string  `json:"sha256,omitempty"`
	Size       int64   `json:"size"`
	Type       string  `json:"type"`
	Mode       uint32  `json:"mode,omitempty"`
	Entropy    float64 `json:"entropy,omitempty"`
	Provenance string  `json:"provenance"`
	Executed   bool    `json:"executed,omitempty"`
	Gone       bool    `json:"gone,omitempty"` // removed or replaced before the end of the run
}
