package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/sallyport-dev/sallyport/report"
)

// printJSON prints v as people and jq read it.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table prints aligned columns. What is printed may come from inside images, so
// every cell is escaped.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, head ...string) *table {
	t := &table{tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
	if len(head) > 0 {
		t.row(head...)
	}
	return t
}

// row prints one line; an empty cell is a dash, so that columns can be cut out.
func (t *table) row(cells ...string) {
	for i, c := range cells {
		if c = report.Escape(c); c == "" {
			c = "-"
		}
		cells[i] = c
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t *table) flush() error { return t.w.Flush() }

// tableOptions has a report use the width of the terminal that it is printed on.
// A file or a pipe gets its lines whole, but for those that would fill a log.
func tableOptions(w io.Writer) report.TableOptions {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return report.TableOptions{Width: 4000}
	}
	width, _, _ := term.GetSize(int(f.Fd())) // 0 where it cannot be told
	return report.TableOptions{Color: true, Width: max(width, 100)}
}

// day is a time in a table; "" for none.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
