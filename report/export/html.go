package export

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
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
	Depth int
	Bad   bool // evidence of a finding names it
}

// moment is one line of the timeline.
type moment struct {
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
	bad := map[int32]bool{}
	for _, f := range r.Findings {
		for _, e := range f.Evidence {
			if e.PID != 0 && f.Severity.Rank() >= report.Medium.Rank() {
				bad[e.PID] = true
			}
		}
	}
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
				all = append(all, branch{p, min(depth, treeDeep), bad[p.PID]})
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
				all = append(all, branch{p, 0, bad[p.PID]})
			}
			visit(p.ID, 1)
		}
	}
	return all, more
}

// timeline is everything with a time, in order; findings are never left out.
func timeline(r *report.Report) (all []moment, more int) {
	for _, f := range r.Findings {
		all = append(all, moment{f.FirstSeenMS, "finding", 0, f.Name + ": " + f.Message, f.Malicious || f.Severity.Rank() >= report.High.Rank()})
	}
	must := len(all)
	for _, p := range r.Processes {
		all = append(all, moment{p.StartMS, "process", p.PID, argv(append([]string{p.Exe}, p.Argv[min(1, len(p.Argv)):]...)), false})
	}
	for _, d := range r.Network.DNS {
		all = append(all, moment{d.TimeMS, "dns", d.PID, d.Type + " " + d.Name + " → " + strings.Join(d.Answers, ", "), false})
	}
	for _, h := range r.Network.HTTP {
		all = append(all, moment{h.TimeMS, "http", h.PID, fmt.Sprintf("%s %s → %d", h.Method, h.URL, h.Status), false})
	}
	for _, e := range r.Network.Edges {
		all = append(all, moment{e.FirstMS, "flow", e.PID, target(e), false})
	}
	if rest := all[must:]; len(rest) > pageRows {
		slices.SortStableFunc(rest, func(a, b moment) int { return cmp.Compare(a.MS, b.MS) })
		more = len(rest) - pageRows
		all = all[:must+pageRows]
	}
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.MS, b.MS) })
	return all, more
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
