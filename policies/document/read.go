package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/sallyport-dev/sallyport/policies/scope"
)

// Parse reads one document, JSON or YAML. file is what errors call it.
// Every fault that can be told is in the error, each an *Error.
func Parse(file string, b []byte) (Document, error) {
	all, err := ParseAll(file, b)
	if err != nil {
		return Document{}, err
	}
	if len(all) != 1 {
		return Document{}, &Error{File: file, Reason: fmt.Sprintf("holds %d policies where one is expected", len(all))}
	}
	return all[0], nil
}

// ParseAll reads a file of documents: one, a JSON or YAML list, or several YAML
// documents divided by "---". A file that holds none is an error.
func ParseAll(file string, b []byte) ([]Document, error) {
	trees, err := readTrees(file, b)
	if err != nil {
		return nil, err
	}
	if len(trees) == 1 && trees[0].kind == array {
		trees = trees[0].kids
	}
	if len(trees) == 0 {
		return nil, &Error{File: file, Reason: "holds no policy"}
	}
	docs := make([]Document, 0, len(trees))
	var faults []error
	for _, t := range trees {
		d, err := fromTree(file, t)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		docs = append(docs, d)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return docs, nil
}

func readTrees(file string, b []byte) ([]*tree, error) {
	if len(b) > MaxSize {
		return nil, &Error{File: file, Reason: fmt.Sprintf("has %d bytes, at most %d are read", len(b), MaxSize)}
	}
	if !utf8.Valid(b) {
		line := 1
		for i := 0; i < len(b); {
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			if r == '\n' {
				line++
			}
			i += n
		}
		return nil, &Error{File: file, Line: line, Reason: "is not UTF-8 text"}
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if looksLikeJSON(b) {
		t, err := readJSON(file, b)
		if err != nil {
			return nil, err
		}
		return []*tree{t}, nil
	}
	return readYAML(file, b)
}

// fromTree validates and decodes one document.
func fromTree(file string, t *tree) (Document, error) {
	if t.kind != object {
		return Document{}, &Error{File: file, Line: t.line, Reason: "a policy is an object with fields; see the manual for an example"}
	}
	t = t.without(SourceField)
	if faults := validate(file, t); len(faults) > 0 {
		return Document{}, errors.Join(faults...)
	}
	var source bytes.Buffer
	t.appendJSON(&source)
	d, err := decode(source.Bytes())
	if err != nil {
		return Document{}, place(file, t, err)
	}
	if _, err := scope.Compile(d.Scope); err != nil {
		return Document{}, &Error{File: file, Line: t.keyLine([]string{"scope"}), Field: "scope", Reason: err.Error()}
	}
	return d, nil
}

// place gives a decoding error the line of its field.
func place(file string, t *tree, err error) error {
	e := &Error{File: file, Line: t.line, Reason: err.Error()}
	var wrongType *json.UnmarshalTypeError
	var bad *fieldError
	switch {
	case errors.As(err, &wrongType):
		e.Field, e.Reason = wrongType.Field, fmt.Sprintf("%s does not fit %s", wrongType.Value, wrongType.Type)
	case errors.As(err, &bad):
		e.Field, e.Reason = bad.field, bad.err.Error()
		e.Line = t.keyLine([]string{bad.field})
	}
	return e
}

// UnmarshalJSON reads a document as Parse does, without names of files.
func (d *Document) UnmarshalJSON(b []byte) error {
	t, err := readJSON("", b)
	if err != nil {
		return err
	}
	*d, err = fromTree("", t)
	return err
}

// decode reads compact JSON. Unknown fields stay in the source only.
func decode(source []byte) (Document, error) {
	fields, err := splitObject(source)
	if err != nil {
		return Document{}, err
	}
	// encoding/json would take "NAME" for "name": hand it exact names only.
	known := make([]field, 0, len(fields))
	for _, f := range fields {
		if isKnown(f.name) && !bytes.Equal(f.value, []byte("null")) {
			known = append(known, f)
		}
	}
	d := defaults()
	type plain Document
	for _, f := range known {
		one := joinObject([]field{f})
		if err := json.Unmarshal(one, (*plain)(&d)); err != nil {
			return Document{}, &fieldError{f.name, err}
		}
	}
	if d.AssuranceType == "" {
		d.AssuranceType = "image"
	}
	d.source = bytes.Clone(source)
	return d, nil
}

type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// knownFields are the names of the fields of Document.
var knownFields = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, f := range typedFields(defaults()) {
		names[f.name] = true
	}
	names["sallyport"] = true
	return names
})

func isKnown(name string) bool { return knownFields()[name] }
