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

// Report is the document of a run: every section of it, from its passes in
// their order, of which there is at least one, and what they amount to.
func Report(passes []Pass, j Judgement, m Meta) *report.Report {
	main := speaks(passes).Observation
	r := &report.Report{
		SchemaVersion: report.SchemaVersion,
		ID:            m.ID,
		Tool:          report.Tool{Name: "sallyport", Version: m.Version, Ruleset: j.Ruleset, AttackVersion: AttackVersion, Runtime: m.Runtime},
		Image: report.Image{
			Reference: main.Image.Reference.String(), Digest: main.Image.Digest, Platform: main.Image.Platform, ConfigDigest: main.Image.ConfigDigest,
			Entrypoint: shortArgv(main.Image.Entrypoint), Cmd: shortArgv(main.Image.Cmd), User: cut(main.Image.User, maxMessage), Exposed: shortArgv(main.Image.Exposed),
		},
		Run:     runSection(passes),
		Verdict: j.Verdict, Malicious: j.Malicious, Severity: j.Severity, Score: j.Score,
		DTASeverity: string(j.Severity),
		Categories:  tiles(j.Findings),
		Findings:    list(j.Findings),
		Processes:   []report.Process{},
		Network:     report.Network{Edges: []report.Edge{}, DNS: []report.DNS{}, HTTP: []report.HTTP{}},
		Files:       report.Files{Created: []report.File{}, Modified: []report.File{}, Deleted: []string{}},
		StdoutTail:  tail(main.Run.Stdout), StderrTail: tail(main.Run.Stderr),
		Behash: behash(j.Findings),
	}
	for _, p := range passes {
		r.Run.Coverage.Omitted += addProcesses(r, p) + addNetwork(r, p) + addFiles(r, p)
	}
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

// summary is the verdict in one line, with its worst finding; where no finding
// alone is the proof, with what is.
func summary(j Judgement) string {
	if len(j.Findings) == 0 || j.Verdict == report.Inconclusive {
		return fmt.Sprintf("%s: %s", j.Verdict, j.Reason)
	}
	s := fmt.Sprintf("%s: %s: %s", j.Verdict, j.Findings[0].Name, j.Findings[0].Message)
	if j.Malicious && !j.Findings[0].Malicious {
		s += "; " + cut(j.Reason, maxMessage)
	}
	if more := len(j.Findings) - 1; more > 0 {
		s += fmt.Sprintf(" (and %d more)", more)
	}
	return s
}

// runSection tells of the whole run as the pass that stands for the image
// went, and of each pass by itself. What was counted is of all passes.
func runSection(passes []Pass) report.Run {
	first, main := passes[0].Observation.Run, speaks(passes).Observation.Run
	r := report.Run{
		Started: first.Started, Profile: first.Profile, NetworkMode: first.Network, Passes: []string{}, Exit: exit(main.Exit),
		Status: cmp.Or(main.Status, observation.Failed), Reason: reason(main),
		Coverage: report.Coverage{
			RanEntrypoint: main.RanEntrypoint, FullWindow: main.Early == "" && (main.Status == observation.Completed || main.Status == observation.Timeout),
			PortsProbed: []int{}, UnmetDownloads: []string{}, Unsupported: []string{}, Passes: []report.Pass{},
		},
	}
	c, total := &r.Coverage, time.Duration(0)
	if s := passes[0].Observation.Image.Search; s != nil {
		c.Search = &report.Search{Programs: s.Programs, Bytes: s.Bytes, LeftOut: s.LeftOut}
	}
	for _, p := range passes {
		run := p.Observation.Run
		total += run.Duration
		c.PortsProbed = append(c.PortsProbed, run.PortsProbed...)
		c.UnmetDownloads = append(c.UnmetDownloads, texts(run.Unmet)...)
		c.Unsupported = append(c.Unsupported, texts(run.Unsupported)...)
		c.LongestSleepS = max(c.LongestSleepS, seconds(run.LongestSleep))
		c.TimeSkippedS += seconds(run.TimeSkipped)
		c.ClockJumps += run.ClockJumps
		c.TimersPending += run.TimersPending
		c.LongestTimerS = max(c.LongestTimerS, seconds(run.LongestTimer))
		c.ClockReason = cmp.Or(c.ClockReason, cut(run.ClockReason, maxMessage))
		c.EventsTotal += run.Counts.Total
		c.EventsLost += run.Counts.Lost
		c.CriticalLost += run.Counts.CriticalLost
		if run.Status == "" || run.Status == observation.Failed && !run.RanEntrypoint && len(passes) == 1 {
			continue // nothing ran
		}
		r.Passes = append(r.Passes, p.name())
		c.Passes = append(c.Passes, report.Pass{
			Name: p.name(), Why: cut(run.Why, maxMessage), DurationS: seconds(run.Duration), Status: run.Status,
			Reason: cut(reason(run), maxMessage), Exit: exit(run.Exit), Verdict: p.Judgement.Verdict,
		})
	}
	r.Finished, r.DurationS = first.Started.Add(total), seconds(total)
	for _, l := range []*[]string{&c.UnmetDownloads, &c.Unsupported} {
		slices.Sort(*l)
		*l = texts(slices.Compact(*l))
	}
	slices.Sort(c.PortsProbed)
	c.PortsProbed = slices.Compact(c.PortsProbed)
	for _, port := range main.PortsSilent {
		if !slices.Contains(c.PortsProbed, port) {
			c.PortsSilent = append(c.PortsSilent, port)
		}
	}
	for _, s := range first.Skipped {
		c.Skipped = append(c.Skipped, report.SkippedPass{Name: s.Pass, Reason: cut(s.Reason, maxMessage)})
	}
	return r
}

// reason is why a run ended as it did, and which limits it met.
func reason(run observation.Run) string {
	parts := []string{run.Reason}
	if run.Early != "" {
		parts = append(parts, "ended early: "+run.Early)
	}
	if len(run.Limits) > 0 {
		parts = append(parts, "it met the sandbox's limit of "+strings.Join(texts(run.Limits), ", "))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
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

// addProcesses lists the processes of a pass, and returns how many there was no
// room for; so do addNetwork and addFiles.
func addProcesses(r *report.Report, of Pass) (omitted int) {
	for _, p := range of.Observation.Sorted() {
		if p.Probe {
			continue
		}
		if len(r.Processes) == maxProcesses {
			omitted++
			continue
		}
		r.Processes = append(r.Processes, report.Process{
			ID: of.id(p.ID), Parent: of.id(p.Parent), Pass: of.spoken(), PID: p.PID, PPID: p.PPID, StartMS: p.StartMS, EndMS: p.EndMS,
			Exe: p.Exe, SHA256: p.SHA256, Argv: shortArgv(p.Argv), CWD: p.CWD, UID: p.UID, EUID: p.EUID,
			Provenance: p.Provenance, Drift: p.Drift, Exit: exit(p.Exit),
		})
	}
	return omitted
}

// room is as much of list as a section that has n entries can still take, and
// how much is left out.
func room[T any](list []T, n, most int) ([]T, int) {
	fits := min(len(list), most-n)
	return list[:fits], len(list) - fits
}

func addNetwork(r *report.Report, of Pass) (omitted int) {
	n, to := of.Observation.Network, &r.Network
	flows, a := room(n.Flows, len(to.Edges), maxFlows)
	for _, f := range flows {
		to.Edges = append(to.Edges, report.Edge{
			ID: of.id(f.ID), Process: of.id(f.Process), Pass: of.spoken(), PID: f.PID, Dst: f.DstIP, Port: f.DstPort, Proto: f.Proto, App: f.App, Domain: f.Domain,
			SNI: f.SNI, JA3: f.JA3, JA4: f.JA4, BytesOut: f.BytesOut, BytesIn: f.BytesIn, FirstMS: f.FirstMS, Probe: f.Probe || f.Inbound, Refused: f.Refused,
		})
	}
	questions, b := room(n.DNS, len(to.DNS), maxFlows)
	for _, q := range questions {
		to.DNS = append(to.DNS, report.DNS{Pass: of.spoken(), PID: q.PID, TimeMS: q.TimeMS, Name: q.Name, Type: q.Type, Answers: q.Answers})
	}
	requests, c := room(n.HTTP, len(to.HTTP), maxFlows)
	for _, h := range requests {
		scheme := "http"
		if h.TLS {
			scheme = "https"
		}
		to.HTTP = append(to.HTTP, report.HTTP{
			Pass: of.spoken(), PID: h.PID, TimeMS: h.TimeMS, Method: cut(h.Method, 64), URL: scheme + "://" + authority(h, scheme) + cut(h.Path, maxURL),
			Status: h.Status, Payload: h.Payload, Source: h.Source,
		})
	}
	return a + b + c
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

// addFiles lists what changed on disk, once where passes changed the same.
func addFiles(r *report.Report, of Pass) (omitted int) {
	add := func(to *[]report.File, from []observation.File) {
		have := map[string]bool{}
		for _, f := range *to {
			have[f.Path+"\x00"+f.SHA256] = true
		}
		from = slices.DeleteFunc(slices.Clone(from), func(f observation.File) bool { return have[f.Path+"\x00"+f.SHA256] })
		fits, over := room(from, len(*to), maxFiles)
		omitted += over
		for _, f := range fits {
			*to = append(*to, report.File{
				Pass: of.spoken(), Path: f.Path, SHA256: f.SHA256, Size: f.Size, Type: f.Type, Mode: f.Mode,
				Entropy: f.Entropy, Provenance: f.Provenance, Executed: f.Executed, Gone: f.Gone,
			})
		}
	}
	f, to := of.Observation.Files, &r.Files
	add(&to.Created, f.Created)
	add(&to.Modified, f.Modified)
	gone := slices.DeleteFunc(slices.Clone(f.Deleted), func(p string) bool { return slices.Contains(to.Deleted, p) })
	gone, over := room(gone, len(to.Deleted), maxFiles)
	to.Deleted = append(to.Deleted, gone...)
	return omitted + over
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
