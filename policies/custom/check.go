package custom

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-dev/sallyport/policies/engine"
)

// Source is one check as its author wrote it.
type Source struct {
	Name     string            // what results call it
	Modules  map[string]string // Rego by file name
	Data     map[string]any    // of data files beside it
	Schema   []byte            // of the facts document; nil: fields are not checked
	Severity string            // of its failures; may be empty
}

// Check is a compiled Source. It is safe for concurrent use.
type Check struct {
	Name     string
	Severity string

	query *engine.Query
	sets  map[string]string // variable of the query → set
	reads Reads
}

// Reads says what of the facts document, besides the image, a check looks at.
type Reads struct {
	Context bool     // who asks, and from where
	Now     bool     // the time
	Config  bool     // the image's configuration: its user, labels, command, layers …
	Parts   []string // that somebody must find out: account, os_release, packages, setuid, base_images, vulnerabilities, malware, secrets; sorted
}

// Finding is one element of a set.
type Finding struct {
	Warn    bool // of warn; else of deny or violation
	Message string
	Details map[string]any // what else the object says
	More    int            // how many more there are that are left out; of the last one only, which has nothing else to say
}

// Limits of what one check may say.
const (
	maxFindings = 200
	maxMessage  = 2000 // bytes
)

var setName = regexp.MustCompile(`^(deny|violation|warn)(_[a-zA-Z0-9_]+)?$`)

// Compile compiles a check. Errors name file and line.
func Compile(src Source) (*Check, error) {
	program, err := engine.Compile(engine.Source{Modules: src.Modules, Data: src.Data, Schema: src.Schema})
	if err != nil {
		return nil, err
	}
	for _, m := range program.Modules() {
		// In a bundle it would become a part of the policy of that name.
		if at := m.Package.Path; len(at) > 1 && at[1].Equal(ast.InternedTerm("assurance")) {
			return nil, fmt.Errorf("%s: %s is kept for what documents are translated to; choose another name, such as package checks.mine", m.Package.Location, m.Package)
		}
	}
	c := &Check{Name: src.Name, Severity: src.Severity, sets: map[string]string{}}
	refs, err := findSets(program)
	if err != nil {
		return nil, err
	}
	var asked []string
	for i, ref := range refs {
		variable := fmt.Sprintf("set%d", i)
		c.sets[variable] = string(ref[len(ref)-1].Value.(ast.String))
		asked = append(asked, variable+" = "+ref.String())
	}
	c.query, err = program.Prepare(strings.Join(asked, "; "))
	if err != nil {
		return nil, err
	}
	c.reads = readsOf(program)
	return c, nil
}

// findSets lists the sets that the modules define.
func findSets(p *engine.Program) ([]ast.Ref, error) {
	var refs []ast.Ref
	for _, m := range p.Modules() {
		for _, r := range m.Rules {
			name := string(r.Head.Name)
			if !setName.MatchString(name) {
				continue
			}
			if r.Head.RuleKind() != ast.MultiValue || len(r.Head.Ref()) != 1 {
				return nil, fmt.Errorf("%s: %s is not a set: write \"%s contains msg if { … }\"", r.Location, name, name)
			}
			ref := slices.Clone(m.Package.Path).Append(ast.StringTerm(name))
			if !slices.ContainsFunc(refs, func(r ast.Ref) bool { return r.Equal(ref) }) {
				refs = append(refs, ref)
			}
		}
	}
	if len(refs) == 0 {
		return nil, errors.New("defines none of the sets deny, violation and warn, so it could never fail")
	}
	slices.SortFunc(refs, func(a, b ast.Ref) int { return ast.Compare(a, b) })
	return refs, nil
}

// readsOf looks at every reference to input.
func readsOf(p *engine.Program) Reads {
	var reads Reads
	for _, m := range p.Compiler().Modules {
		ast.WalkRefs(m, func(ref ast.Ref) bool {
			if !ref[0].Equal(ast.InputRootDocument) {
				return false
			}
			field := step(ref, 1)
			// All of input, or a field that is not known before it runs, is everything.
			reads.Context = reads.Context || field == "" || field == "context"
			reads.Now = reads.Now || field == "" || field == "now"
			reads.Config = reads.Config || field == "" || field == "image" && !slices.Contains(named, step(ref, 2))
			reads.Parts = append(reads.Parts, partsOf(field, step(ref, 2))...)
			return false
		})
	}
	slices.Sort(reads.Parts)
	reads.Parts = slices.Compact(reads.Parts)
	return reads
}

// step is the field that ref names at i; "" when it ends before, or names it by a variable.
func step(ref ast.Ref, i int) string {
	if len(ref) > i {
		if s, ok := ref[i].Value.(ast.String); ok {
			return string(s)
		}
	}
	return ""
}

var (
	listed  = []string{"malware", "packages", "secrets", "vulnerabilities"}
	inImage = []string{"account", "base_images", "os_release", "setuid"}
	// named are the fields of input.image that its reference and people give.
	named = []string{"registry", "registry_name", "registries", "repository", "repositories", "tags", "names", "digest", "aqua_labels"}
)

// partsOf are the parts that a reference to input.field.next reads.
func partsOf(field, next string) []string {
	switch field {
	case "":
		return slices.Concat(listed, inImage)
	case "summary":
		if slices.Contains(listed, next) {
			return []string{next}
		}
		return listed
	case "image":
		switch next {
		case "":
			return inImage
		case "uid", "gid", "runs_as_root":
			return []string{"account"}
		case "file_capabilities":
			return []string{"setuid"}
		}
		if slices.Contains(inImage, next) {
			return []string{next}
		}
	}
	if slices.Contains(listed, field) {
		return []string{field}
	}
	return nil
}

// Reads says what the check looks at.
func (c *Check) Reads() Reads { return c.reads }

// Eval runs the check on a facts document within bounds.
func (c *Check) Eval(ctx context.Context, bounds engine.Bounds, input ast.Value) ([]Finding, error) {
	ctx, release := bounds.Within(ctx)
	defer release()
	bindings, err := c.query.Eval(ctx, input)
	if err != nil {
		return nil, err
	}
	var all []Finding
	for variable, set := range c.sets {
		elements, ok := bindings[ast.Var(variable)].Value.(ast.Set)
		if !ok {
			return nil, fmt.Errorf("%s is not a set", set)
		}
		err := elements.Iter(func(e *ast.Term) error {
			f, err := finding(e.Value)
			f.Warn = strings.HasPrefix(set, "warn")
			all = append(all, f)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set, err)
		}
	}
	slices.SortFunc(all, compare)
	if len(all) > maxFindings {
		more := len(all) - maxFindings
		all = append(all[:maxFindings], Finding{Message: fmt.Sprintf("and %d more", more), More: more, Warn: all[maxFindings].Warn})
	}
	return all, nil
}

// compare puts failures before warnings, in an order that does not depend on
// the evaluation.
func compare(a, b Finding) int {
	switch {
	case a.Warn == b.Warn:
		return strings.Compare(a.Message, b.Message)
	case b.Warn:
		return -1
	}
	return 1
}

func finding(e ast.Value) (Finding, error) {
	plain, err := ast.JSON(e)
	if err != nil {
		return Finding{}, err
	}
	switch plain := plain.(type) {
	case string:
		return Finding{Message: cut(plain)}, nil
	case map[string]any:
		msg, ok := plain["msg"].(string)
		if !ok {
			return Finding{}, errors.New("an object has no msg")
		}
		delete(plain, "msg")
		return Finding{Message: cut(msg), Details: plain}, nil
	}
	return Finding{}, fmt.Errorf("an element is neither a string nor an object with msg: %v", e)
}

func cut(s string) string {
	if len(s) > maxMessage {
		return strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}
