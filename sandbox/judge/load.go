package judge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-dev/sallyport/report"
)

// builtIn begins the names of built-in files, so that an author's never equal them.
const builtIn = "behaviours/"

// maxRuleFile bounds one file of rules or names, in bytes.
const maxRuleFile = 4 << 20

// source is a folder of rules, parsed.
type source struct {
	rules  []*module         // behaviours
	shared []*module         // everything else that is no test
	tests  []*module         // _test.rego
	lists  map[string]any    // data.lists
	cases  map[string]any    // data.observations, for tests
	files  map[string][]byte // what rules and lists consist of
	faults []Fault           // files that could not be read
}

// module is one file of Rego.
type module struct {
	file string
	ast  *ast.Module
}

// load reads all of fsys; names of files get the prefix. The error tells of all files that are broken; what
// could be read is in the source nevertheless.
func load(fsys fs.FS, prefix string) (*source, error) {
	s := &source{lists: map[string]any{}, cases: map[string]any{}, files: map[string][]byte{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != "." && strings.HasPrefix(d.Name(), ".") {
			// Not least those by which Kubernetes replaces mounted files, which would be read twice.
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		if !strings.HasSuffix(name, ".rego") && !strings.HasSuffix(name, ".json") {
			return nil
		}
		if err := s.read(fsys, name, prefix+name); err != nil {
			s.faults = append(s.faults, Fault{prefix + name, err})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var broken []error
	for _, f := range s.faults {
		broken = append(broken, f)
	}
	return s, errors.Join(broken...)
}

func (s *source) read(fsys fs.FS, file, name string) error {
	if info, err := fs.Stat(fsys, file); err != nil {
		return err
	} else if info.Size() > maxRuleFile {
		return fmt.Errorf("larger than %d bytes", maxRuleFile)
	}
	b, err := fs.ReadFile(fsys, file)
	if err != nil {
		return err
	}
	if strings.HasSuffix(name, ".json") {
		return s.readData(name, b)
	}
	m, err := ast.ParseModuleWithOpts(name, string(b), ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
	if err != nil {
		return err
	}
	if m == nil {
		return errors.New("there is no package in it")
	}
	mod := &module{name, m}
	switch _, _, isRule := ruleName(m); {
	case strings.HasSuffix(name, "_test.rego"):
		s.tests = append(s.tests, mod)
		return nil
	case isRule:
		s.rules = append(s.rules, mod)
	default:
		s.shared = append(s.shared, mod)
	}
	s.files[name] = b
	return nil
}

// readData takes names from lists/, and observations for tests from observations/.
func (s *source) readData(name string, b []byte) error {
	switch path.Base(path.Dir(name)) {
	case "lists":
		var lists map[string]any
		if err := unmarshal(b, &lists); err != nil {
			return err
		}
		for key, list := range lists {
			if _, ok := s.lists[key]; ok {
				return fmt.Errorf("the list %q is defined in another file already", key)
			}
			s.lists[key] = list
		}
		s.files[name] = b
	case "observations":
		var o any
		if err := unmarshal(b, &o); err != nil {
			return err
		}
		s.cases[strings.TrimSuffix(path.Base(name), ".json")] = o
	}
	return nil
}

// unmarshal keeps numbers as they are written: hashes of 64 bits do not fit a float.
func unmarshal(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(v)
}

var behavioursRef = ast.MustParseRef("data.sallyport.behaviours")

// ruleName reads category and slug from a behaviour's package.
func ruleName(m *ast.Module) (report.Category, string, bool) {
	p := m.Package.Path
	if !p.HasPrefix(behavioursRef) || len(p) != len(behavioursRef)+2 {
		return "", "", false
	}
	category, ok1 := p[len(p)-2].Value.(ast.String)
	slug, ok2 := p[len(p)-1].Value.(ast.String)
	return report.Category(category), string(slug), ok1 && ok2
}

// describe reads a behaviour's METADATA.
func describe(m *module) (Behaviour, error) {
	category, slug, _ := ruleName(m.ast)
	b := Behaviour{Slug: slug, Category: category, Source: m.file, BuiltIn: strings.HasPrefix(m.file, builtIn)}
	if !slices.Contains(report.Categories(), category) {
		return b, fmt.Errorf("package %s: %q is no category; there are %v", m.ast.Package.Path, category, report.Categories())
	}
	var notes *ast.Annotations
	for _, a := range m.ast.Annotations {
		if a.Scope == "package" {
			notes = a
		}
	}
	if notes == nil {
		return b, errors.New("METADATA above the package is missing: title, description and custom.severity are needed")
	}
	var custom struct {
		Severity      string          `json:"severity"`
		Group         string          `json:"group"`
		AttackVersion string          `json:"attack_version"`
		Attack        []report.Attack `json:"attack"`
		Remediation   string          `json:"remediation"`
	}
	if err := decode(notes.Custom, &custom); err != nil {
		return b, fmt.Errorf("METADATA custom: %w", err)
	}
	severity, err := report.ParseSeverity(custom.Severity)
	if err != nil {
		return b, fmt.Errorf("METADATA custom.severity: %w", err)
	}
	if notes.Title == "" || notes.Description == "" {
		return b, errors.New("METADATA needs a title and a description")
	}
	b.Title, b.Description, b.Severity = notes.Title, strings.TrimSpace(notes.Description), severity
	b.Group, b.Attack, b.AttackVersion = custom.Group, custom.Attack, custom.AttackVersion
	b.Remediation = strings.TrimSpace(custom.Remediation)
	if b.Group == "" {
		b.Group = string(category)
	}
	if b.Attack == nil {
		b.Attack = []report.Attack{}
	}
	for _, r := range m.ast.Rules {
		if r.Head.Reference.String() == "finding" || r.Head.Name == "finding" {
			return b, nil
		}
	}
	return b, errors.New(`there is no rule "finding contains …"`)
}

// Behaviour describes one rule.
type Behaviour struct {
	Slug          string          `json:"slug"`
	Category      report.Category `json:"category"`
	Title         string          `json:"title"`
	Description   string          `json:"description"`
	Severity      report.Severity `json:"severity"` // unless a finding says otherwise
	Group         string          `json:"group"`    // what it is one sign of
	Attack        []report.Attack `json:"attack"`
	AttackVersion string          `json:"attack_version"`
	Remediation   string          `json:"remediation"`
	Source        string          `json:"source"` // file in its folder
	BuiltIn       bool            `json:"built_in"`
}

func (b Behaviour) key() string { return string(b.Category) + "/" + b.Slug }

// sum hashes files by name and content, in order of name.
type sum struct{ h hash.Hash }

func newSum() sum { return sum{sha256.New()} }

func (s sum) add(files map[string][]byte) {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(s.h, "%d %s %d\n", len(name), name, len(files[name]))
		s.h.Write(files[name])
	}
}

func (s sum) String() string { return "sha256:" + hex.EncodeToString(s.h.Sum(nil)) }
