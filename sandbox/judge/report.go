package judge

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// AttackVersion is the version of MITRE ATT&CK in which built-in rules name techniques.
const AttackVersion = "18"

// Meta is what a report tells beside observation and judgement.
type Meta struct {
	ID      string // scan_id
	Version string // of this program
	Runtime string // of gVisor
}

// Caps on what a report repeats of its observation, which keeps more.
const (
	maxProcesses = 2000
	maxFlows     = 2000
	maxFiles     = 2000
	maxURL       = 2048    // bytes of a path with its query
	maxOutput    = 4 << 10 // bytes of each of stdout and stderr
)

// Report is the document of a run: every section of it, from o and j.
func Report(o *observation.Observation, j Judgement, m Meta) *report.Report {
	r := &report.Report{
		SchemaVersion: report.SchemaVersion,
		ID:            m.ID,
		Tool:          report.Tool{Name: "sallyport", Version: m.Version, Ruleset: j.Ruleset, AttackVersion: AttackVersion, Runtime: m.Runtime},
		Image: report.Image{
			Reference: o.Image.Reference.String(), Digest: o.Image.Digest, Platform: o.Image.Platform, ConfigDigest: o.Image.ConfigDigest,
			Entrypoint: shortArgv(o.Image.Entrypoint), Cmd: shortArgv(o.Image.Cmd), User: cut(o.Image.User, maxMessage), Exposed: shortArgv(o.Image.Exposed),
		},
		Run:     runSection(o),
		Verdict: j.Verdict, Malicious: j.Malicious, Severity: j.Severity, Score: j.Score,
		DTASeverity: string(j.Severity),
		Categories:  tiles(j.Findings),
		Findings:    list(j.Findings),
		Processes:   processes(o),
		Network:     networkSection(o.Network),
		Files:       filesSection(o.Files),
		StdoutTail:  tail(o.Run.Stdout), StderrTail: tail(o.Run.Stderr),
		Behash: behash(j.Findings),
	}
	r.Run.Coverage.Omitted = omitted(o)
	r.Summary = summary(j)
	if r.Verdict == report.Inconclusive {
		r.Run.Reason = cmp.Or(r.Run.Reason, j.Reason)
	}
	fit(r)
	return r
}

// fit shortens the long lists until the encoded report is as small as its
// reader wants it. Only runs that make noise on purpose need it.
func fit(r *report.Report) {
	for range 20 { // halves anything
		b, err := json.Marshal(r)
		if err != nil || len(b) <= report.MaxSize {
			return
		}
		cut := &r.Run.Coverage.Omitted
		r.Processes = half(r.Processes, cut)
		r.Network.Edges, r.Network.DNS, r.Network.HTTP = half(r.Network.Edges, cut), half(r.Network.DNS, cut), half(r.Network.HTTP, cut)
		r.Files.Created, r.Files.Modified, r.Files.Deleted = half(r.Files.Created, cut), half(r.Files.Modified, cut), half(r.Files.Deleted, cut)
		r.Findings = r.Findings[:(len(r.Findings)+1)/2] // the worst come first
	}
}

func half[T any](list []T, omitted *int) []T {
	*omitted += len(list) - len(list)/2
	return list[:len(list)/2]
}

// omitted counts what the caps leave out.
func omitted(o *observation.Observation) int {
	n := max(0, len(o.Processes)-maxProcesses)
	for _, l := range []int{len(o.Network.Flows), len(o.Network.DNS), len(o.Network.HTTP)} {
		n += max(0, l-maxFlows)
	}
	for _, l := range []int{len(o.Files.Created), len(o.Files.Modified), len(o.Files.Deleted)} {
		n += max(0, l-maxFiles)
	}
	return n
}

// summary is the verdict in one line, with its worst finding.
func summary(j Judgement) string {
	if len(j.Findings) == 0 || j.Verdict == report.Inconclusive {
		return fmt.Sprintf("%s: %s", j.Verdict, j.Reason)
	}
	s := fmt.Sprintf("%s: %s: %s", j.Verdict, j.Findings[0].Name, j.Findings[0].Message)
	if more := len(j.Findings) - 1; more > 0 {
		s += fmt.Sprintf(" (and %d more)", more)
	}
	return s
}

func runSection(o *observation.Observation) report.Run {
	run := o.Run
	r := report.Run{
		Started: run.Started, Finished: run.Started.Add(run.Duration), DurationS: seconds(run.Duration),
		Profile: run.Profile, NetworkMode: run.Network, Passes: list(run.Passes), Exit: exit(run.Exit),
		Status: cmp.Or(run.Status, observation.Failed), Reason: reason(run),
		Coverage: report.Coverage{
			RanEntrypoint: run.RanEntrypoint, FullWindow: run.Status == observation.Completed || run.Status == observation.Timeout,
			PortsProbed: list(run.PortsProbed), UnmetDownloads: texts(run.Unmet),
			LongestSleepS: seconds(run.LongestSleep), TimeSkippedS: seconds(run.TimeSkipped), Unsupported: texts(run.Unsupported),
			EventsTotal: run.Counts.Total, EventsLost: run.Counts.Lost, CriticalLost: run.Counts.CriticalLost,
		},
	}
	return r
}

// reason is why a run ended as it did, and which limits it met.
func reason(run observation.Run) string {
	if len(run.Limits) == 0 {
		return run.Reason
	}
	met := "it met the sandbox's limit of " + strings.Join(texts(run.Limits), ", ")
	if run.Reason == "" {
		return met
	}
	return run.Reason + "; " + met
}

// tiles sums up the categories, all five of them.
func tiles(findings []report.Finding) []report.Tile {
	var out []report.Tile
	for _, c := range report.Categories() {
		t := report.Tile{Category: c}
		for _, f := range findings {
			if f.Category != c {
				continue
			}
			t.Findings++
			t.Malicious = t.Malicious || f.Malicious
			if f.Severity.Rank() > t.Severity.Rank() {
				t.Severity = f.Severity
			}
		}
		out = append(out, t)
	}
	return out
}

func processes(o *observation.Observation) []report.Process {
	out := []report.Process{}
	for _, p := range o.Sorted() {
		if len(out) == maxProcesses {
			break
		}
		if p.Probe {
			continue
		}
		out = append(out, report.Process{
			ID: p.ID, Parent: p.Parent, PID: p.PID, PPID: p.PPID, StartMS: p.StartMS, EndMS: p.EndMS,
			Exe: p.Exe, SHA256: p.SHA256, Argv: shortArgv(p.Argv), CWD: p.CWD, UID: p.UID, EUID: p.EUID,
			Provenance: p.Provenance, Drift: p.Drift, Exit: exit(p.Exit),
		})
	}
	return out
}

func networkSection(n observation.Network) report.Network {
	r := report.Network{Edges: []report.Edge{}, DNS: []report.DNS{}, HTTP: []report.HTTP{}}
	for _, f := range n.Flows[:min(len(n.Flows), maxFlows)] {
		r.Edges = append(r.Edges, report.Edge{
			ID: f.ID, Process: f.Process, PID: f.PID, Dst: f.DstIP, Port: f.DstPort, Proto: f.Proto, App: f.App, Domain: f.Domain,
			SNI: f.SNI, BytesOut: f.BytesOut, BytesIn: f.BytesIn, FirstMS: f.FirstMS, Probe: f.Probe || f.Inbound, Refused: f.Refused,
		})
	}
	for _, q := range n.DNS[:min(len(n.DNS), maxFlows)] {
		r.DNS = append(r.DNS, report.DNS{PID: q.PID, TimeMS: q.TimeMS, Name: q.Name, Type: q.Type, Answers: q.Answers})
	}
	for _, h := range n.HTTP[:min(len(n.HTTP), maxFlows)] {
		scheme := "http"
		if h.TLS {
			scheme = "https"
		}
		r.HTTP = append(r.HTTP, report.HTTP{
			PID: h.PID, TimeMS: h.TimeMS, Method: cut(h.Method, 64), URL: scheme + "://" + authority(h, scheme) + cut(h.Path, maxURL),
			Status: h.Status, Payload: h.Payload,
		})
	}
	return r
}

// authority is host and port of a request, without the port that goes without saying.
func authority(h observation.HTTP, scheme string) string {
	if h.Port == 0 || scheme == "http" && h.Port == 80 || scheme == "https" && h.Port == 443 {
		return h.Host
	}
	host := h.Host
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s:%d", host, h.Port)
}

func filesSection(f observation.Files) report.Files {
	convert := func(in []observation.File) []report.File {
		out := []report.File{}
		for _, f := range in[:min(len(in), maxFiles)] {
			out = append(out, report.File{
				Path: f.Path, SHA256: f.SHA256, Size: f.Size, Type: f.Type, Mode: f.Mode,
				Entropy: f.Entropy, Provenance: f.Provenance, Executed: f.Executed, Gone: f.Gone,
			})
		}
		return out
	}
	return report.Files{
		Created: convert(f.Created), Modified: convert(f.Modified), Deleted: list(f.Deleted[:min(len(f.Deleted), maxFiles)]),
	}
}

// behash is equal for images that behave alike: it is made of the behaviours
// and what their evidence is about, without numbers that change from run to run.
func behash(findings []report.Finding) string {
	if len(findings) == 0 {
		return ""
	}
	lines := []string{}
	for _, f := range findings {
		for _, e := range f.Evidence {
			lines = append(lines, strings.Join([]string{f.Slug, e.Type, path.Base(e.Exe), e.Path, cmp.Or(e.Domain, e.Dst)}, "\x00"))
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(lines), "\n")))
	return hex.EncodeToString(sum[:])
}

// texts is at most 200 short texts.
func texts(list []string) []string {
	out := []string{}
	for _, s := range list[:min(len(list), 200)] {
		out = append(out, cut(s, maxMessage))
	}
	return out
}

func tail(s string) string {
	if len(s) > maxOutput {
		s = s[len(s)-maxOutput:]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func exit(s *event.Status) *report.Exit {
	if s == nil {
		return nil
	}
	return &report.Exit{Code: int(s.Code), Signal: int(s.Signal)}
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// list makes an empty list of nil: the report's schema knows no null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
