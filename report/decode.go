package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// MaxSize is how large an encoded report may be, in bytes.
const MaxSize = 16 << 20

// ErrInvalid is what Decode's errors wrap when the document is at fault.
var ErrInvalid = errors.New("not a valid report")

//go:embed schema.json
var schemaJSON []byte

// Schema is the JSON Schema (draft 2020-12) of a report.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// schema compiles on first use. It refers to nothing outside of itself.
var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	if err := c.AddResource("report.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("report.json")
})

// nowhere loads no other schema.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: schemas are not fetched", url)
}

// Decode reads a report that somebody else wrote: one document of at most
// MaxSize bytes, valid by Schema and not at odds with itself. Fields that it
// does not know are dropped. The error says what is wrong, and wraps
// ErrInvalid or the reader's error.
func Decode(rd io.Reader) (*Report, error) {
	b, err := io.ReadAll(io.LimitReader(rd, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%w: it is larger than %d MiB", ErrInvalid, MaxSize>>20)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, Escape(err.Error()))
	}
	s, err := schema()
	if err != nil {
		return nil, fmt.Errorf("the schema of reports: %w", err)
	}
	if err := s.Validate(doc); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, firstCause(err))
	}
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, Escape(err.Error()))
	}
	if err := r.consistent(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return &r, nil
}

// firstCause is one line about one thing that is wrong; the whole of it can be
// as long as the document.
func firstCause(err error) string {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return Escape(err.Error())
	}
	for len(v.Causes) > 0 {
		v = v.Causes[0]
	}
	leaf := *v
	text := leaf.Error()
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return Escape(text)
}

// consistent tells whether what the report says in two places is the same.
func (r *Report) consistent() error {
	if r.Malicious != (r.Verdict == Malicious) {
		return fmt.Errorf("malicious is %t, but the verdict is %s", r.Malicious, r.Verdict)
	}
	var worst Severity
	for _, f := range r.Findings {
		if f.Severity.Rank() > worst.Rank() {
			worst = f.Severity
		}
		if f.Malicious && !r.Malicious {
			return fmt.Errorf("the finding %s is malicious, but the verdict is %s", Escape(f.Slug), r.Verdict)
		}
	}
	if worst != r.Severity {
		return fmt.Errorf("severity is %q, but that of the findings is %q", r.Severity, worst)
	}
	return nil
}
