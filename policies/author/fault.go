package author

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/engine"
)

// Fault is one thing that is wrong with what an author wrote. Its JSON is that
// of an error of "opa check --format json".
type Fault struct {
	Message  string   `json:"message"`
	Code     string   `json:"code"` // of OPA, or one of ours
	Location Location `json:"location,omitzero"`
}

// Location is a place in a file.
type Location struct {
	File   string `json:"file"`
	Row    int    `json:"row,omitempty"` // from 1; 0: the whole file
	Column int    `json:"col,omitempty"` // from 1; 0: the whole row
}

// The codes that OPA has no word for.
const (
	CodeRead     = "read_error"     // of a file
	CodeDocument = "document_error" // in a policy document
	CodeData     = "data_error"     // in a data file
	CodeCheck    = "check_error"    // in a custom check, beside what OPA finds
)

// Error is "file:row: message", so that editors find the place.
func (f Fault) Error() string {
	message := f.Message
	if strings.HasPrefix(f.Code, "rego_") {
		message = f.Code + ": " + message
	}
	switch {
	case f.Location.File == "":
		return message
	case f.Location.Row == 0:
		return f.Location.File + ": " + message
	}
	return fmt.Sprintf("%s:%d: %s", f.Location.File, f.Location.Row, message)
}

// Faults are all that is wrong. As an error they are one line each.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, 0, len(f)+1)
	old := false
	for _, each := range f {
		lines = append(lines, each.Error())
		old = old || engine.BeforeOne(&ast.Error{Code: each.Code, Message: each.Message})
	}
	if old {
		lines = append(lines, engine.FromBeforeOne)
	}
	return strings.Join(lines, "\n")
}

// err is f as an error, nil when nothing is wrong.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// sorted orders f by place and drops what is said twice.
func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Location.File, b.Location.File), cmp.Compare(a.Location.Row, b.Location.Row),
			cmp.Compare(a.Location.Column, b.Location.Column), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(f, func(a, b Fault) bool {
		return a.Location.File == b.Location.File && a.Location.Row == b.Location.Row && a.Message == b.Message
	})
}

// faultsOf takes err apart. What has no place of its own belongs to file.
func faultsOf(file string, err error) Faults {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all Faults
		for _, each := range many.Unwrap() {
			all = append(all, faultsOf(file, each)...)
		}
		return all
	}
	var faults Faults
	var doc *document.Error
	var compiled *engine.Errors
	var parsed ast.Errors
	var one *ast.Error
	var path *fs.PathError
	switch {
	case errors.As(err, &faults):
		return faults
	case errors.As(err, &doc):
		message := doc.Reason
		if doc.Field != "" {
			message = doc.Field + ": " + message
		}
		return Faults{{message, CodeDocument, Location{cmp.Or(doc.File, file), doc.Line, 0}}}
	case errors.As(err, &compiled):
		return regoFaults(file, compiled.All)
	case errors.As(err, &parsed):
		return regoFaults(file, parsed)
	case errors.As(err, &one):
		return regoFaults(file, ast.Errors{one})
	case errors.As(err, &path):
		return Faults{{path.Err.Error(), CodeRead, Location{File: path.Path}}}
	}
	return Faults{{err.Error(), CodeDocument, Location{File: file}}}
}

func regoFaults(file string, all ast.Errors) Faults {
	faults := make(Faults, len(all))
	for i, e := range all {
		message := e.Message
		if e.Details != nil {
			for _, line := range e.Details.Lines() {
				message += "\n\t" + line
			}
		}
		faults[i] = Fault{Message: message, Code: e.Code, Location: Location{File: file}}
		if e.Location != nil {
			faults[i].Location = Location{cmp.Or(e.Location.File, file), e.Location.Row, e.Location.Col}
		}
	}
	return faults
}
