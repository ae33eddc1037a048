package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// TableOptions says how a table is printed.
type TableOptions struct {
	Color bool // ANSI colours
	Width int  // columns at which lines of untrusted text are cut; 0: they are not
}

// shownEvidence is how much evidence of each finding a table shows; the JSON has all.
const shownEvidence = 3

// Table prints r for a terminal: verdict, the five categories, the findings
// with their first evidence. All text from inside the sandbox is escaped and
// cut to the width; valid reports bound how long it can be. The error is w's.
func Table(w io.Writer, r *Report, o TableOptions) error {
	t := &table{w: bufio.NewWriter(w), o: o}
	t.head(r)
	t.tiles(r.Categories)
	t.findings(r.Findings)
	return t.w.Flush()
}

type table struct {
	w *bufio.Writer
	o TableOptions
}

func (t *table) head(r *Report) {
	name, _, _ := strings.Cut(r.Image.Reference, "@")
	t.line("Image    %s", name)
	t.line("         %s %s", r.Image.Digest, r.Image.Platform)
	t.print("Verdict  %s", t.paint(conclusionColor(r.Verdict), string(r.Verdict)))
	if r.Severity != "" {
		t.print(", %s", t.paint(severityColor(r.Severity), string(r.Severity)))
	}
	t.print(", score %d of 100\n", r.Score)
	if r.DTASkipped {
		t.line("         skipped: %s", r.DTASkippedReason)
		return
	}
	t.paragraph("         ", r.Summary, 3)
	t.line("Run      %s", r.Run.inWords())
	if r.Run.Reason != "" {
		t.line("         %s", r.Run.Reason)
	}
	t.passes(r.Run.Coverage)
}

// passes is why there was more than one, or less than might have been.
func (t *table) passes(c Coverage) {
	for _, p := range c.Passes[min(1, len(c.Passes)):] {
		t.line("Pass     %s: %s after %.1f s, %s", p.Name, p.Status, p.DurationS, p.Verdict)
		t.line("         %s", p.Why)
	}
	for _, s := range c.Skipped {
		t.line("No pass  %s: %s", s.Name, s.Reason)
	}
	if len(c.PortsSilent) > 0 {
		t.line("Silent   ports %s, which the image exposes", strings.Trim(fmt.Sprint(c.PortsSilent), "[]"))
	}
}

// inWords is the run in one line.
func (r Run) inWords() string {
	s := fmt.Sprintf("%s after %.1f s", r.Status, r.DurationS)
	if r.Exit != nil {
		s += fmt.Sprintf(", exit code %d", r.Exit.Code)
		if r.Exit.Signal != 0 {
			s += fmt.Sprintf(" by signal %d", r.Exit.Signal)
		}
	}
	s += fmt.Sprintf("; %d events", r.Coverage.EventsTotal)
	if lost := r.Coverage.EventsLost + r.Coverage.CriticalLost; lost > 0 {
		s += fmt.Sprintf(", %d lost", lost)
	}
	return s
}

func (t *table) tiles(tiles []Tile) {
	t.print("\n")
	for _, c := range tiles {
		mark := ""
		if c.Malicious {
			mark = t.paint(red, "malicious")
		}
		number := "-"
		if c.Findings > 0 {
			number = fmt.Sprint(c.Findings)
		}
		line := fmt.Sprintf("%-26s %3s  %s %s", Escape(c.Category.Title()), number, t.pad(severityColor(c.Severity), string(c.Severity), 8), mark)
		t.print("%s\n", strings.TrimRight(line, " "))
	}
}

func (t *table) findings(findings []Finding) {
	for _, f := range findings {
		mark := ""
		if f.Malicious {
			mark = ", " + t.paint(red, "malicious")
		}
		t.print("\n%s%s  %s (%s)\n", t.paint(severityColor(f.Severity), string(f.Severity)), mark, Escape(f.Name), Escape(f.Slug))
		message := f.Message
		if f.Count > 1 {
			message += fmt.Sprintf(" (%d times)", f.Count)
		}
		t.line("  %s", message)
		for _, e := range f.Evidence[:min(len(f.Evidence), shownEvidence)] {
			t.line("    %s", e.inWords())
		}
		if more := len(f.Evidence) - shownEvidence; more > 0 {
			t.line("    … and %d more", more)
		}
	}
}

// inWords is the evidence in one line.
func (e Evidence) inWords() string {
	parts := []string{fmt.Sprintf("%8.3f s", float64(e.TimeMS)/1000), e.Type}
	if e.PID != 0 {
		parts = append(parts, fmt.Sprintf("pid %d", e.PID))
	}
	switch {
	case len(e.Argv) > 0:
		parts = append(parts, strings.Join(e.Argv, " "))
	case e.Exe != "":
		parts = append(parts, e.Exe)
	}
	for _, s := range []string{e.Path, e.Dst, e.Domain} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	s := strings.Join(parts, "  ")
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Pass != "" {
		s += " (in the pass " + e.Pass + ")"
	}
	return s
}

// line prints one line of untrusted text, escaped and cut to the width.
func (t *table) line(format string, args ...any) {
	s := Escape(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "))
	if t.o.Width > 0 && utf8.RuneCountInString(s) > t.o.Width {
		r := []rune(s)
		s = string(r[:t.o.Width-1]) + "…"
	}
	t.print("%s\n", s)
}

// paragraph prints untrusted text over several lines, at most so many.
func (t *table) paragraph(indent, s string, most int) {
	if t.o.Width <= 0 {
		most = 1
	}
	for width := max(t.o.Width-len(indent), 20); ; most-- {
		r := []rune(Escape(strings.ReplaceAll(s, "\n", " ")))
		if len(r) <= width || most <= 1 {
			t.line("%s%s", indent, s)
			return
		}
		at := strings.LastIndexByte(s[:min(len(s), width)], ' ')
		if at <= 0 {
			t.line("%s%s", indent, s)
			return
		}
		t.line("%s%s", indent, s[:at])
		s = s[at+1:]
	}
}

// print writes text that is ours or escaped. bufio keeps the first error for Flush.
func (t *table) print(format string, args ...any) { fmt.Fprintf(t.w, format, args...) }

// The colours, as ANSI parameters.
const (
	red    = "31;1"
	yellow = "33"
	green  = "32"
	plain  = ""
)

func (t *table) paint(color, s string) string {
	s = Escape(s)
	if !t.o.Color || color == plain || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

// pad paints s and fills up with spaces, which colours must not count for.
func (t *table) pad(color, s string, width int) string {
	return t.paint(color, s) + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func severityColor(s Severity) string {
	switch s {
	case Critical, High:
		return red
	case Medium:
		return yellow
	}
	return plain
}

func conclusionColor(c Conclusion) string {
	switch c {
	case Malicious:
		return red
	case Clean:
		return green
	}
	return yellow
}
