package report

import (
	"errors"
	"io"
)

// TableOptions says how a table is printed.
type TableOptions struct {
	Color bool // ANSI colours
	Width int  // columns; 0 means 100
}

// Table prints r for a terminal: verdict, the five categories, the findings
// with their best evidence. All text from inside the sandbox is escaped.
func Table(w io.Writer, r *Report, o TableOptions) error { return errors.ErrUnsupported }

// Decode reads a report that somebody else wrote: at most MaxSize bytes, valid
// by Schema. The error says what is wrong with it, and wraps ErrInvalid or
// the reader's error.
func Decode(rd io.Reader) (*Report, error) { return nil, errors.ErrUnsupported }

// ErrInvalid is what Decode's errors wrap when the document is at fault.
var ErrInvalid = errors.New("not a valid report")

// MaxSize is how large an encoded report may be, in bytes.
const MaxSize = 16 << 20

// Schema is the JSON Schema (draft 2020-12) of a report.
func Schema() []byte { return nil }

// Escape makes untrusted text fit for a terminal or a log: control and format
// characters and broken UTF-8 become visible escapes.
func Escape(s string) string { return s }

