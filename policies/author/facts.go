package author

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/builtin"
	"github.com/sallyport-dev/sallyport/policies/custom"
	"github.com/sallyport-dev/sallyport/policies/schema"
)

// Subject is a facts document, and where it comes from.
type Subject struct {
	From  string // the file, or the image
	Facts *policies.Input

	// Overruled are fields of the file that are worked out from others, which
	// say otherwise: somebody changed image.names and not image.tags.
	Overruled []string
}

// ReadFacts reads facts documents from files, each of one or several JSON
// objects; "-" is stdin. They must fit the schema: a field that no fact has is a
// mistake. The error is Faults.
func ReadFacts(files []string, stdin io.Reader) ([]Subject, error) {
	var all []Subject
	var faults Faults
	for _, file := range files {
		var b []byte
		var err error
		name := file
		if file == Stdin {
			name = "standard input"
			b, err = io.ReadAll(io.LimitReader(stdin, maxFile+1))
		} else {
			b, err = readFile(file)
		}
		var some []Subject
		if err == nil {
			some, err = factsOf(name, b)
		}
		if err != nil {
			faults = append(faults, faultsOf(name, err)...)
			continue
		}
		all = append(all, some...)
	}
	return all, faults.err()
}

func factsOf(name string, b []byte) ([]Subject, error) {
	var all []Subject
	d := json.NewDecoder(bytes.NewReader(b))
	for n := 1; ; n++ {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			at := len(b)
			if bad := new(json.SyntaxError); errors.As(err, &bad) {
				at = min(int(bad.Offset), at)
			}
			return nil, Faults{{err.Error(), CodeFacts, Location{File: name, Row: 1 + bytes.Count(b[:at], []byte("\n"))}}}
		}
		if faults := checkFacts(name, raw); len(faults) > 0 {
			return nil, faults
		}
		in := &policies.Input{}
		if err := json.Unmarshal(raw, in); err != nil {
			return nil, Faults{{err.Error(), CodeFacts, Location{File: name}}}
		}
		from := name
		if n > 1 {
			from = fmt.Sprintf("%s (%d)", name, n)
		}
		overruled, err := overruled(raw, in)
		if err != nil {
			return nil, Faults{{err.Error(), CodeFacts, Location{File: name}}}
		}
		all = append(all, Subject{from, in, overruled})
	}
	if len(all) == 0 {
		return nil, Faults{{"holds no facts document: \"sallyport image facts IMAGE\" prints one", CodeFacts, Location{File: name}}}
	}
	return all, nil
}

// worked are the fields of a facts document that are worked out from others.
var worked = []string{"names", "repositories", "registries", "runs_as_root", "full_version", "version_kind", "version_key", "by_id", "summary"}

// overruled lists the fields of raw that say otherwise than in, which was read
// from it, has them worked out.
func overruled(raw []byte, in *policies.Input) ([]string, error) {
	made, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	var given, known any
	if err := errors.Join(json.Unmarshal(raw, &given), json.Unmarshal(made, &known)); err != nil {
		return nil, err
	}
	var all []string
	var compare func(path string, given, known any)
	compare = func(path string, given, known any) {
		switch given := given.(type) {
		case map[string]any:
			known, _ := known.(map[string]any)
			for _, name := range slices.Sorted(maps.Keys(given)) {
				field := strings.TrimPrefix(path+"."+name, ".")
				if !slices.Contains(worked, name) {
					compare(field, given[name], known[name])
				} else if !reflect.DeepEqual(given[name], known[name]) {
					all = append(all, field)
				}
			}
		case []any:
			known, _ := known.([]any)
			for i := range min(len(given), len(known)) {
				compare(fmt.Sprintf("%s[%d]", path, i), given[i], known[i])
			}
		}
	}
	compare("", given, known)
	return all, nil
}

// CodeFacts is of faults in facts documents.
const CodeFacts = "facts_error"

// inputSchema is the published schema of facts documents, compiled once.
var inputSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Input))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("input.schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("input.schema.json")
})

func checkFacts(name string, raw []byte) Faults {
	s, err := inputSchema()
	if err != nil {
		return Faults{{"the published schema: " + err.Error(), CodeFacts, Location{File: name}}}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err == nil {
		err = s.Validate(doc)
	}
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &invalid):
		return Faults{{err.Error(), CodeFacts, Location{File: name}}}
	}
	var faults Faults
	for _, unit := range invalid.BasicOutput().Errors {
		if unit.Error == nil || len(unit.Errors) > 0 {
			continue
		}
		text := unit.Error.String()
		if strings.Contains(text, "validation failed") {
			continue // of what is below
		}
		field := strings.ReplaceAll(strings.TrimPrefix(unit.InstanceLocation, "/"), "/", ".")
		if field != "" {
			text = field + ": " + text
		}
		faults = append(faults, Fault{text, CodeFacts, Location{File: name}})
	}
	if len(faults) == 0 {
		faults = Faults{{err.Error(), CodeFacts, Location{File: name}}}
	}
	return faults.sorted()
}

// WithBuiltIn is docs and the built-in policies that none of them stands in
// for: all that a gate would have in force that has only them.
func WithBuiltIn(docs []policies.Document) ([]policies.Document, error) {
	built, err := builtin.Documents()
	if err != nil {
		return nil, err
	}
	all := slices.Clone(docs)
	for _, b := range built {
		if !slices.ContainsFunc(docs, func(d policies.Document) bool { return d.Name == b.Name }) {
			all = append(all, b)
		}
	}
	return all, nil
}

// CheckFiles are what the custom checks of p are made of, by path beside the
// document, for sending p elsewhere.
func (p Policy) CheckFiles() (map[string]string, error) {
	files := map[string]string{}
	for _, c := range p.Document.CustomChecks {
		if !p.Document.CustomChecksEnabled || c.Path == "" || strings.TrimSpace(c.Snippet) != "" || p.Document.Files == nil {
			continue
		}
		some, err := custom.Files(p.Document.Files, c.Path)
		if err != nil {
			return nil, faultsOf(p.File, fmt.Errorf("policy %q: custom check %q: %w", p.Document.Name, c.Path, err))
		}
		for name, b := range some {
			files[name] = string(b)
		}
	}
	return files, nil
}
