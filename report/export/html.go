package export

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/sallyport-dev/sallyport/report"
)

//go:embed page.html
var pageText string

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"esc": clean, "argv": argv, "seconds": func(ms int64) string { return fmt.Sprintf("%.3f", float64(ms)/1000) }, "stamp": timestamp, "short": short, "text": text,
	}).Parse(pageText))
})

// Bounds of what one page shows of each kind; it says how much it leaves out.
const (
	pageRows  = 1000
	pageBytes = 512 // bytes of one text from inside the sandbox
	mapNodes  = 60  // destinations of the network map
	treeDeep  = 64  // levels of the process tree
)

// page is what the template shows.
type page struct {
	*report.Report
	Tree     []branch
	TreeMore int
	Map      netmap
	Times    []moment
	TimeMore int
	Rows     int
}

// branch is a process and those that it started, flattened with their depth.
type branch struct {
	report.Process
	Head  string // of the pass that begins here, when there are several
	Depth int
	Bad   bool // evidence of a finding names it
}

// moment is one line of the timeline.
type moment struct {
	Head string // as that of a branch
	Pass string
	MS   int64
	Kind string // finding, process, dns, http, flow
	PID  int32
	Text string
	Bad  bool
}

// netmap is the drawing of who talked to whom: processes left, destinations right.
type netmap struct {
	Height      int
	Left, Right []mapNode
	Lines       []mapLine
	More        int
}

type mapNode struct {
	Y    int
	Text string
}

type mapLine struct {
	From, To int
	Title    string
	Refused  bool
}

// HTML writes r as one page that needs nothing else: no script, no address that
// a browser would ask. What comes from inside the sandbox is escaped and cut.
// The error is w's.
func HTML(w io.Writer, r *report.Report) error {
	p := page{Report: r, Rows: pageRows, Map: mapOf(r)}
	p.Tree, p.TreeMore = tree(r)
	p.Times, p.TimeMore = timeline(r)
	return pageTemplate().Execute(w, p)
}

// tree orders the processes as they started each other. Parents come from a
// foreign document: who is his own ancestor is shown where he comes.
func tree(r *report.Report) (all []branch, more int) {
	type process struct {
		pass string
		pid  int32
		exe  string
	}
	named := map[process]bool{}
	for _, f := range r.Findings {
		for _, e := range f.Evidence {
			if e.PID != 0 && f.Severity.Rank() >= report.Medium.Rank() {
				named[process{e.Pass, e.PID, e.Exe}] = true
			}
		}
	}
	bad := func(p report.Process) bool { return named[process{p.Pass, p.PID, p.Exe}] }
	children, known := map[string][]report.Process{}, map[string]bool{}
	for _, p := range r.Processes {
		known[p.ID] = true
	}
	for _, p := range r.Processes {
		parent := p.Parent
		if !known[parent] || parent == p.ID {
			parent = ""
		}
		children[parent] = append(children[parent], p)
	}
	shown := map[string]bool{}
	var visit func(parent string, depth int)
	visit = func(parent string, depth int) {
		for _, p := range children[parent] {
			if shown[p.ID] {
				continue
			}
			shown[p.ID] = true
			if len(all) >= pageRows {
				more++
			} else {
				all = append(all, branch{Process: p, Depth: min(depth, treeDeep), Bad: bad(p)})
			}
			visit(p.ID, depth+1)
		}
	}
	visit("", 0)
	for _, p := range r.Processes { // of circles
		if !shown[p.ID] {
			shown[p.ID] = true
			if len(all) >= pageRows {
				more++
			} else {
				all = append(all, branch{Process: p, Bad: bad(p)})
			}
			visit(p.ID, 1)
		}
	}
	order := passes(r)
	slices.SortStableFunc(all, func(a, b branch) int { return cmp.Compare(order[a.Pass], order[b.Pass]) })
	for i := range all {
		if len(order) > 1 && (i == 0 || all[i].Pass != all[i-1].Pass) {
			all[i].Head = head(r, all[i].Pass)
		}
	}
	return all, more
}

// passes numbers the passes of a report; "" is the first one.
func passes(r *report.Report) map[string]int {
	order := map[string]int{"": 0}
	for _, p := range r.Processes {
		if _, ok := order[p.Pass]; !ok {
			order[p.Pass] = len(order)
		}
	}
	return order
}

// head is what stands above the rows of a pass.
func head(r *report.Report, pass string) string {
	name := cmp.Or(pass, "default")
	for _, p := range r.Run.Coverage.Passes {
		if p.Name == name && p.Why != "" {
			return "Pass " + name + ": " + p.Why
		}
	}
	return "Pass " + name
}

// timeline is everything with a time, in order, pass by pass, each of which has
// a time of its own; findings are never left out.
func timeline(r *report.Report) (all []moment, more int) {
	for _, f := range r.Findings {
		pass, at := firstSeen(f)
		all = append(all, moment{Pass: pass, MS: at, Kind: "finding", Text: f.Name + ": " + f.Message, Bad: f.Malicious || f.Severity.Rank() >= report.High.Rank()})
	}
	must := len(all)
	for _, p := range r.Processes {
		all = append(all, moment{Pass: p.Pass, MS: p.StartMS, Kind: "process", PID: p.PID, Text: argv(command(p))})
	}
	for _, d := range r.Network.DNS {
		all = append(all, moment{Pass: d.Pass, MS: d.TimeMS, Kind: "dns", PID: d.PID, Text: d.Type + " " + d.Name + " → " + strings.Join(d.Answers, ", ")})
	}
	for _, h := range r.Network.HTTP {
		all = append(all, moment{Pass: h.Pass, MS: h.TimeMS, Kind: "http", PID: h.PID, Text: fmt.Sprintf("%s %s → %d", h.Method, h.URL, h.Status)})
	}
	for _, e := range r.Network.Edges {
		all = append(all, moment{Pass: e.Pass, MS: e.FirstMS, Kind: "flow", PID: e.PID, Text: target(e)})
	}
	order := passes(r)
	later := func(a, b moment) int {
		return cmp.Or(cmp.Compare(order[a.Pass], order[b.Pass]), cmp.Compare(a.MS, b.MS))
	}
	if rest := all[must:]; len(rest) > pageRows {
		slices.SortStableFunc(rest, later)
		more = len(rest) - pageRows
		all = all[:must+pageRows]
	}
	slices.SortStableFunc(all, later)
	for i := range all {
		if len(order) > 1 && (i == 0 || all[i].Pass != all[i-1].Pass) {
			all[i].Head = head(r, all[i].Pass)
		}
	}
	return all, more
}

// command is a program with its arguments; what it was called by, where that is
// another name.
func command(p report.Process) []string {
	if len(p.Argv) > 0 && path.Base(p.Argv[0]) == path.Base(p.Exe) {
		return append([]string{p.Exe}, p.Argv[1:]...)
	}
	return append([]string{p.Exe}, p.Argv...)
}

// firstSeen is the pass in which a finding was made first, and when in it.
func firstSeen(f report.Finding) (pass string, ms int64) {
	if len(f.Evidence) == 0 {
		return "", f.FirstSeenMS
	}
	pass, ms = f.Evidence[0].Pass, f.Evidence[0].TimeMS
	for _, e := range f.Evidence {
		if e.Pass == pass {
			ms = min(ms, e.TimeMS)
		}
	}
	return pass, ms
}

func target(e report.Edge) string {
	at := fmt.Sprintf("%s %s:%d", e.Proto, e.Dst, e.Port)
	if name := cmp.Or(e.SNI, e.Domain); name != "" {
		at += " (" + name + ")"
	}
	if e.Refused {
		at += ", refused"
	}
	return at
}

// mapOf draws outgoing flows, and what came in as such.
func mapOf(r *report.Report) netmap {
	const step, top = 22, 16
	var m netmap
	left, right := map[string]int{}, map[string]int{}
	place := func(nodes *[]mapNode, at map[string]int, text string) (int, bool) {
		if y, ok := at[text]; ok {
			return y, true
		}
		if len(*nodes) >= mapNodes {
			return 0, false
		}
		y := top + step*len(*nodes)
		at[text] = y
		*nodes = append(*nodes, mapNode{y, text})
		return y, true
	}
	exe := map[string]string{}
	for _, p := range r.Processes {
		exe[p.ID] = p.Exe
	}
	lines := map[[2]int]bool{}
	for _, e := range r.Network.Edges {
		who := cmp.Or(exe[e.Process], "?")
		if e.Probe {
			who = "our probes"
		}
		to := fmt.Sprintf("%s:%d %s", cmp.Or(e.SNI, e.Domain, e.Dst), e.Port, cmp.Or(e.App, e.Proto))
		from, ok := place(&m.Left, left, who)
		at, ok2 := place(&m.Right, right, to)
		if !ok || !ok2 {
			m.More++
			continue
		}
		if k := [2]int{from, at}; !lines[k] {
			lines[k] = true
			m.Lines = append(m.Lines, mapLine{from, at, fmt.Sprintf("%s, %d bytes out, %d in", target(e), e.BytesOut, e.BytesIn), e.Refused})
		}
	}
	m.Height = top + step*max(len(m.Left), len(m.Right))
	return m
}

// clean makes text from inside the sandbox one visible, bounded line.
func clean(s string) string {
	if len(s) > pageBytes {
		return report.Escape(strings.ToValidUTF8(s[:pageBytes], "")) + "…"
	}
	return report.Escape(s)
}

// text makes several lines of it visible.
func text(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = report.Escape(strings.TrimSuffix(l, "\r"))
	}
	return strings.Join(lines, "\n")
}

func argv(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if a == "" || strings.ContainsAny(a, " \t\"'") {
			words[i] = fmt.Sprintf("%q", a)
		}
	}
	return clean(strings.Join(words, " "))
}

func short(digest string) string {
	_, hex, ok := strings.Cut(digest, ":")
	if !ok {
		hex = digest
	}
	return hex[:min(len(hex), 12)]
}
