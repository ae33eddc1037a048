package judge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func newJudge(t testing.TB, extra ...fstest.MapFS) *judge.Judge {
	t.Helper()
	cfg := judge.Config{Logger: slog.New(slog.DiscardHandler), Timeout: time.Minute}
	for _, e := range extra {
		cfg.Extra = append(cfg.Extra, e)
	}
	j, err := judge.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// run is the observation of a container that does what its events say.
func run(events ...event.Event) *observation.Observation {
	b := observation.New(observation.Image{Digest: "sha256:0000", Entrypoint: []string{"/app"}}, observation.Run{Started: time.Unix(1e9, 0).UTC()})
	all := append([]event.Event{{Kind: event.Start, Exec: &event.Program{Path: "/app", Argv: []string{"/app"}, Lower: true}}}, events...)
	for i, e := range all {
		e.Seq, e.Time = uint64(i+1), time.Duration(i+1)*100*time.Millisecond
		if e.Task.PID == 0 {
			e.Task.PID = 1
		}
		b.Add(e)
	}
	b.End(observation.End{Status: observation.Timeout, Duration: 20 * time.Second, Stdout: "hello\x1b[31m\xff"})
	return b.Build()
}

// reverseShell is the events of a program that gives a shell to somebody.
func reverseShell() []event.Event {
	c2 := &event.Endpoint{Family: "inet", Proto: "tcp", IP: "203.0.113.50", Port: 4444}
	socket := &event.FD{Kind: "socket", Remote: c2}
	return []event.Event{
		{Kind: event.Connect, Remote: c2},
		{Kind: event.Exec, Exec: &event.Program{Path: "/bin/sh", Argv: []string{"/bin/sh", "-i"}, Lower: true, Stdio: [3]*event.FD{socket, socket, socket}}},
	}
}

func mustJudge(t testing.TB, j *judge.Judge, o *observation.Observation) judge.Judgement {
	t.Helper()
	r, err := j.Judge(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reportOf is the report of passes that were judged.
func reportOf(t testing.TB, passes []judge.Pass, m judge.Meta) *report.Report {
	t.Helper()
	all, err := judge.Together(t.Context(), passes)
	if err != nil {
		t.Fatal(err)
	}
	return judge.Report(passes, all, m)
}

func one(o *observation.Observation, j judge.Judgement) []judge.Pass {
	return []judge.Pass{{Observation: o, Judgement: j}}
}

func slugs(r judge.Judgement) []string {
	list := []string{}
	for _, f := range r.Findings {
		list = append(list, f.Slug)
	}
	slices.Sort(list)
	return list
}

func TestVerdicts(t *testing.T) {
	j := newJudge(t)
	for _, c := range []struct {
		name    string
		o       *observation.Observation
		verdict report.Conclusion
		slugs   []string
	}{
		{"nothing happens", run(), report.Clean, []string{}},
		{"reverse shell", run(reverseShell()...), report.Malicious, []string{"reverse-shell"}},
		{"critical events were lost", run(event.Event{Kind: event.LostCritical}), report.Inconclusive, []string{}},
		{"proof although events were lost", run(append(reverseShell(), event.Event{Kind: event.LostCritical})...), report.Malicious, []string{"reverse-shell"}},
		{"nothing ran", observation.New(observation.Image{}, observation.Run{}).Build(), report.Inconclusive, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := mustJudge(t, j, c.o)
			if r.Verdict != c.verdict || !slices.Equal(slugs(r), c.slugs) || r.Malicious != (c.verdict == report.Malicious) {
				t.Errorf("%s %v (%s), want %s %v", r.Verdict, slugs(r), r.Reason, c.verdict, c.slugs)
			}
			if len(r.Faults) > 0 {
				t.Errorf("faults: %v", r.Faults)
			}
			if r.Reason == "" || r.Ruleset != j.Ruleset() {
				t.Errorf("reason %q, ruleset %q", r.Reason, r.Ruleset)
			}
		})
	}
}

func TestReport(t *testing.T) {
	o := run(reverseShell()...)
	rep := reportOf(t, one(o, mustJudge(t, newJudge(t), o)), judge.Meta{ID: "run1", Version: "v1", Runtime: "gvisor"})
	b, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	read, err := report.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("our own report: %v\n%s", err, b)
	}
	f := read.Findings[0]
	if f.Slug != "reverse-shell" || !f.Malicious || f.Evidence[0].Event != 2 || f.Evidence[1].PID != 1 || f.Evidence[1].Dst != "203.0.113.50:4444" ||
		!slices.Equal(f.Evidence[1].Argv, []string{"/bin/sh", "-i"}) || f.FirstSeenMS != 200 {
		t.Errorf("finding: %+v", f)
	}
	if len(read.Categories) != 5 || !read.Categories[0].Malicious || read.Categories[0].Findings != 1 || read.Categories[1].Findings != 0 {
		t.Errorf("tiles: %+v", read.Categories)
	}
	if !strings.Contains(read.Summary, "203.0.113.50:4444") || len(read.Processes) != 2 || len(read.Behash) != 64 {
		t.Errorf("summary %q, %d processes, behash %q", read.Summary, len(read.Processes), read.Behash)
	}
	if read.Run.Exit != nil || !read.Run.Coverage.RanEntrypoint || read.Run.DurationS != 20 || read.DTASeverity != "critical" {
		t.Errorf("run: %+v", read.Run)
	}
}

// Every verdict makes a report that its readers take.
func TestReportsAreValid(t *testing.T) {
	j := newJudge(t)
	for name, o := range map[string]*observation.Observation{
		"clean": run(), "malicious": run(reverseShell()...), "nothing": observation.New(observation.Image{}, observation.Run{}).Build(), "busy": loud(),
	} {
		b, err := json.Marshal(reportOf(t, one(o, mustJudge(t, j, o)), judge.Meta{ID: "x"}))
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > report.MaxSize {
			t.Errorf("%s: %d bytes", name, len(b))
		}
		if _, err := report.Decode(bytes.NewReader(b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// loud is a run that makes as much noise as it can.
func loud() *observation.Observation {
	b := observation.New(observation.Image{Entrypoint: []string{strings.Repeat("e", 1<<20)}}, observation.Run{})
	long := strings.Repeat("\x01", 4096)
	b.Add(event.Event{Seq: 1, Kind: event.Start, Task: event.Task{PID: 1}, Exec: &event.Program{Path: "/app"}})
	var n observation.Network
	for i := range 4000 {
		pid := int32(i + 2)
		b.Add(event.Event{Seq: uint64(i + 2), Kind: event.Exec, Task: event.Task{PID: pid, PPID: 1}, Exec: &event.Program{Path: "/" + long, Argv: []string{long, long, long}}})
		n.Flows = append(n.Flows, observation.Flow{ID: fmt.Sprint(i), Proto: "tcp", DstIP: "203.0.113.9", DstPort: 80, Direct: true, Domain: "x"})
		n.HTTP = append(n.HTTP, observation.HTTP{Flow: fmt.Sprint(i), Host: "x", Method: "GET", Path: "/" + long, Status: 200})
		n.DNS = append(n.DNS, observation.DNSQuery{Name: strings.Repeat("a", 200), Type: "A"})
	}
	b.AddNetwork(n)
	b.End(observation.End{Status: observation.Completed, Stdout: long + long, Unmet: []string{long}})
	return b.Build()
}

func TestSameBehaviourSameHash(t *testing.T) {
	j := newJudge(t)
	hash := func(o *observation.Observation) string {
		return reportOf(t, one(o, mustJudge(t, j, o)), judge.Meta{}).Behash
	}
	a := hash(run(reverseShell()...))
	later := hash(run(append([]event.Event{{Kind: event.Open, Path: "/x"}, {Kind: event.Mkdir, Path: "/y"}}, reverseShell()...)...))
	if a != later {
		t.Error("the same behaviour, later, has another hash")
	}
	if hash(run()) != "" {
		t.Error("no behaviour has a hash")
	}
}

const meta = `# METADATA
# title: Touches the flag
# description: Somebody created /flag.
# custom:
#   severity: medium
#   attack: [{id: T1204}]
`

const flag = meta + `package sallyport.behaviours.weaponization["touch-flag"]

import data.sallyport.lib

finding contains {
	"message": "somebody created the flag",
	"evidence": [lib.file_evidence(e, "created")],
} if {
	some e in input.events.write
	e.path == data.lists.flags.names[_]
}
`

const flagTest = `package sallyport.behaviours.weaponization["touch-flag_test"]

import data.sallyport.behaviours.weaponization["touch-flag"] as rule
import data.sallyport.fixture as f

touch(path) := f.observation({"events": {"write": [f.event(2, "1.0", {"path": path})]}})

test_flag if count(rule.finding) == 1 with input as touch("/flag")

test_not_other if count(rule.finding) == 0 with input as touch("/flags")

test_recorded if count(rule.finding) == 1 with input as data.observations.recorded
`

func author() fstest.MapFS {
	return fstest.MapFS{
		"weaponization/touch-flag.rego":      {Data: []byte(flag)},
		"weaponization/touch-flag_test.rego": {Data: []byte(flagTest)},
		"lists/flags.json":                   {Data: []byte(`{"flags": {"source": "here", "names": ["/flag"]}}`)},
		"observations/recorded.json":         {Data: []byte(`{"events": {"write": [{"seq": 18446744073709551615, "ms": 1, "process": "1.0", "path": "/flag"}]}}`)},
	}
}

var touched = event.Event{Kind: event.Open, Path: "/flag", Flags: 0o101}

func TestAuthorsRule(t *testing.T) {
	j := newJudge(t, author())
	if f := j.Faults(); len(f) > 0 {
		t.Fatal(f)
	}
	r := mustJudge(t, j, run(touched))
	if !slices.Equal(slugs(r), []string{"touch-flag"}) || r.Findings[0].Severity != report.Medium || r.Findings[0].Evidence[0].Path != "/flag" {
		t.Errorf("findings: %+v", r.Findings)
	}
	if len(mustJudge(t, j, run()).Findings) != 0 {
		t.Error("it finds what is not there")
	}
	i := slices.IndexFunc(j.List(), func(b judge.Behaviour) bool { return b.Slug == "touch-flag" })
	if i < 0 || j.List()[i].BuiltIn || j.List()[i].Title != "Touches the flag" {
		t.Errorf("list: %+v", j.List())
	}
	if j.Ruleset() == newJudge(t).Ruleset() {
		t.Error("the ruleset's hash does not know of the author's rule")
	}
}

func TestAuthorsTests(t *testing.T) {
	var out bytes.Buffer
	if err := judge.Test(context.Background(), author(), &out, true); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "PASS: 3/3") {
		t.Errorf("output: %s", out.String())
	}
	broken := author()
	broken["weaponization/touch-flag_test.rego"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(flagTest, `"/flags"`, `"/flag"`))}
	out.Reset()
	if err := judge.Test(context.Background(), broken, &out, false); !errors.Is(err, judge.ErrTestsFailed) || !strings.Contains(out.String(), "test_not_other") {
		t.Errorf("error %v, output %s", err, out.String())
	}
	if err := judge.Test(context.Background(), fstest.MapFS{}, &out, false); err == nil || errors.Is(err, judge.ErrTestsFailed) {
		t.Errorf("a folder without tests: %v", err)
	}
}

// TestBrokenRule: it is named, and stops no other.
func TestBrokenRule(t *testing.T) {
	for _, c := range []struct{ name, rego, says string }{
		{"syntax", meta + `package sallyport.behaviours.weaponization["x"]` + "\nfinding contains {", "rego_parse_error"},
		{"undefined name", meta + `package sallyport.behaviours.weaponization["x"]` + "\nfinding contains y", "var y is unsafe"},
		{"network", meta + `package sallyport.behaviours.weaponization["x"]` + "\n" + `finding contains x if x := http.send({"url": "http://198.18.0.1"})`, "http.send"},
		{"clock", meta + `package sallyport.behaviours.weaponization["x"]` + "\nfinding contains x if x := time.now_ns()", "time.now_ns"},
		{"chance", meta + `package sallyport.behaviours.weaponization["x"]` + "\n" + `finding contains x if x := rand.intn("a", 2)`, "rand.intn"},
		{"environment", meta + `package sallyport.behaviours.weaponization["x"]` + "\nfinding contains x if x := opa.runtime().env", "opa.runtime"},
		{"name server", meta + `package sallyport.behaviours.weaponization["x"]` + "\n" + `finding contains x if x := net.lookup_ip_addr("a")`, "net.lookup_ip_addr"},
		{"no metadata", `package sallyport.behaviours.weaponization["x"]` + "\nfinding contains 1", "METADATA"},
		{"no severity", strings.Replace(meta, "severity: medium", "severity: awful", 1) + `package sallyport.behaviours.weaponization["x"]` + "\nfinding contains 1", "awful"},
		{"no such category", meta + `package sallyport.behaviours.mischief["x"]` + "\nfinding contains 1", "mischief"},
		{"no finding", meta + `package sallyport.behaviours.weaponization["x"]` + "\nfindings contains 1", "finding"},
		{"built-in name", meta + `package sallyport.behaviours.initial_execution["reverse-shell"]` + "\nfinding contains 1", "built in"},
		{"built-in library", "package sallyport.lib\nshells := {}", "built in"},
		{"built-in verdict", "package sallyport.verdict\nresult := 1", "built in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := author()
			fsys["x.rego"] = &fstest.MapFile{Data: []byte(c.rego)}
			j := newJudge(t, fsys)
			f := j.Faults()
			if len(f) != 1 || f[0].Rule != "x.rego" || !strings.Contains(f[0].Err.Error(), c.says) {
				t.Errorf("faults %v, want one of x.rego that says %q", f, c.says)
			}
			r := mustJudge(t, j, run(append(reverseShell(), touched)...))
			if !slices.Equal(slugs(r), []string{"reverse-shell", "touch-flag"}) {
				t.Errorf("the others found %v", slugs(r))
			}
		})
	}
}

// TestFailingRule: what goes wrong while judging is told, and stops no other.
func TestFailingRule(t *testing.T) {
	head := meta + `package sallyport.behaviours.weaponization["x"]` + "\n"
	for _, c := range []struct{ name, rego, says string }{
		{"conflict", "y := n if some n in [1, 2]\nfinding contains y", "conflict"},
		{"endless", "finding contains x if {\n\tsome a in numbers.range(1, 100000)\n\tsome b in numbers.range(1, 100000)\n\ta * b == -1\n\tx := a\n}", "not done after"},
		{"no evidence", `finding contains {"message": "x", "evidence": []}`, "evidence"},
		{"no message", `finding contains {"evidence": [{"event": 1}]}`, "message"},
		{"unknown field", `finding contains {"message": "x", "evidence": [{"event": 1}], "colour": 1}`, "colour"},
		{"wrong severity", `finding contains {"message": "x", "evidence": [{"event": 1}], "severity": "awful"}`, "awful"},
		{"not a set", `finding := 7`, "finding contains"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := author()
			fsys["x.rego"] = &fstest.MapFile{Data: []byte(head + c.rego)}
			timeout := time.Minute
			if c.name == "endless" {
				timeout = 5 * time.Second
			}
			j, err := judge.New(judge.Config{Extra: []fs.FS{fsys}, Timeout: timeout, Logger: slog.New(slog.DiscardHandler)})
			if err != nil || len(j.Faults()) > 0 {
				t.Fatal(err, j.Faults())
			}
			r := mustJudge(t, j, run(append(reverseShell(), touched)...))
			if len(r.Faults) != 1 || r.Faults[0].Rule != "x.rego" || !strings.Contains(r.Faults[0].Err.Error(), c.says) {
				t.Errorf("faults %v, want one of x.rego that says %q", r.Faults, c.says)
			}
			if !slices.Equal(slugs(r), []string{"reverse-shell", "touch-flag"}) {
				t.Errorf("the others found %v", slugs(r))
			}
		})
	}
}

func TestTwoAuthorsOneName(t *testing.T) {
	j := newJudge(t, author(), author())
	if f := j.Faults(); len(f) != 1 || !strings.Contains(f[0].Err.Error(), "already") {
		t.Errorf("faults: %v", f)
	}
}

// Libraries of an author may need each other; a broken one takes only what needs it.
func TestAuthorsLibraries(t *testing.T) {
	fsys := author()
	fsys["lib/a.rego"] = &fstest.MapFile{Data: []byte("package acme.a\n\nimport data.acme.b\n\nname := b.name\n")}
	fsys["lib/b.rego"] = &fstest.MapFile{Data: []byte("package acme.b\n\nname := \"/flag\"\n")}
	fsys["lib/c.rego"] = &fstest.MapFile{Data: []byte("package acme.c\n\nname := http.send({})\n")}
	fsys["lib/lib.rego"] = &fstest.MapFile{Data: []byte("package acme.d\n\nname := 1\n")}
	fsys["y.rego"] = &fstest.MapFile{Data: []byte(meta + `package sallyport.behaviours.weaponization["y"]

import data.acme.a

finding contains {"message": "y", "evidence": [{"event": e.seq}]} if {
	some e in input.events.write
	e.path == a.name
}
`)}
	j := newJudge(t, fsys)
	if f := j.Faults(); len(f) != 1 || f[0].Rule != "lib/c.rego" {
		t.Errorf("faults: %v", f)
	}
	if got := slugs(mustJudge(t, j, run(touched))); !slices.Equal(got, []string{"touch-flag", "y"}) {
		t.Errorf("found %v", got)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := newJudge(t).Judge(ctx, run()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
