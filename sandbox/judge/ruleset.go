package judge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// ruleset is behaviours that were compiled together.
type ruleset struct {
	behaviours []Behaviour
	compiler   *ast.Compiler
	store      storage.Store
	all        rego.PreparedEvalQuery // findings of all, sharing what lib works out
	each       []rego.PreparedEvalQuery
}

// compile makes a ruleset of rules, with the shared modules and lists of s.
func (s *source) compile(shared []*module, rules ...*module) (*ruleset, error) {
	return s.compileWith(s.lists, shared, rules...)
}

func (s *source) compileWith(lists map[string]any, shared []*module, rules ...*module) (*ruleset, error) {
	r := &ruleset{store: inmem.NewFromObjectWithOpts(map[string]any{"lists": lists}, inmem.OptReturnASTValuesOnRead(true))}
	modules := map[string]*ast.Module{}
	for _, m := range append(slices.Clone(shared), rules...) {
		modules[m.file] = m.ast.Copy() // compiling rewrites
	}
	for _, m := range rules {
		b, err := describe(m)
		if err != nil {
			return nil, Fault{m.file, err}
		}
		r.behaviours = append(r.behaviours, b)
	}
	r.compiler = ast.NewCompiler().WithCapabilities(capabilities()).WithStrict(true).WithDefaultRegoVersion(ast.RegoV1)
	if r.compiler.Compile(modules); r.compiler.Failed() {
		return nil, r.compiler.Errors
	}
	var parts []string
	for i, b := range r.behaviours {
		ref := fmt.Sprintf("data.sallyport.behaviours[%q][%q].finding", b.Category, b.Slug)
		q, err := r.prepare(ref)
		if err != nil {
			return nil, Fault{rules[i].file, err}
		}
		r.each = append(r.each, q)
		parts = append(parts, fmt.Sprintf("%q: %s", b.key(), ref))
	}
	var err error
	r.all, err = r.prepare("{" + strings.Join(parts, ", ") + "}")
	return r, err
}

func (r *ruleset) prepare(query string) (rego.PreparedEvalQuery, error) {
	return rego.New(
		rego.Compiler(r.compiler), rego.Store(r.store), rego.Query(query),
		rego.Capabilities(capabilities()), rego.StrictBuiltinErrors(false),
	).PrepareForEval(context.Background())
}

// findings evaluates the rules and adds what they find to found. It yields the
// rules that failed. All are asked in one query first; when that fails, each
// is asked alone, so that one failure takes only itself.
func (r *ruleset) findings(ctx context.Context, timeout time.Duration, input ast.Value, found *collection) iter.Seq2[Behaviour, error] {
	return func(yield func(Behaviour, error) bool) {
		if len(r.behaviours) == 0 {
			return
		}
		answers, err := ask(ctx, timeout, r.all, input)
		together, _ := answers.(map[string]any)
		alone := err != nil || together == nil
		for i, b := range r.behaviours {
			answer := together[b.key()]
			if alone {
				if answer, err = ask(ctx, timeout/time.Duration(len(r.behaviours)), r.each[i], input); err != nil {
					if !yield(b, err) {
						return
					}
					continue
				}
			}
			if err := found.add(b, answer); err != nil && !yield(b, err) {
				return
			}
		}
	}
}

var errUndefined = errors.New("finding is not defined; write \"finding contains …\"")

// ask evaluates one query.
func ask(ctx context.Context, timeout time.Duration, q rego.PreparedEvalQuery, input ast.Value) (any, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	rs, err := q.Eval(limited, rego.EvalParsedInput(input))
	switch {
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		return nil, fmt.Errorf("not done after %v: %w", timeout, limited.Err())
	case err != nil:
		return nil, err
	case len(rs) == 0:
		return nil, errUndefined
	}
	return rs[0].Expressions[0].Value, nil
}

// compileExtra makes one ruleset per behaviour of an author's folder. base
// gives the library; what is built in cannot be replaced.
func compileExtra(base *source, fsys fs.FS) (rules []*ruleset, used map[string][]byte, faults []Fault) {
	s, err := load(fsys, "")
	if s == nil {
		return nil, nil, []Fault{{".", err}}
	}
	faults = s.faults
	used = map[string][]byte{}
	lists := maps.Clone(base.lists)
	for name, list := range s.lists {
		if _, ok := base.lists[name]; ok {
			faults = append(faults, Fault{"lists", fmt.Errorf("the list %q is built in; choose another name", name)})
			continue
		}
		lists[name] = list
	}
	taken := map[string]bool{}
	for _, m := range append(slices.Clone(base.shared), base.rules...) {
		taken[m.ast.Package.Path.String()] = true
	}
	free := func(m *module) bool {
		if taken[m.ast.Package.Path.String()] {
			faults = append(faults, Fault{m.file, fmt.Errorf("%s is built in; choose another name", m.ast.Package)})
			return false
		}
		return true
	}
	shared, broken := grow(base, lists, slices.DeleteFunc(s.shared, func(m *module) bool { return !free(m) }))
	faults = append(faults, broken...)
	for _, m := range s.rules {
		if !free(m) {
			continue
		}
		r, err := base.compileWith(lists, shared, m)
		if err != nil {
			faults = append(faults, Fault{m.file, err})
			continue
		}
		rules = append(rules, r)
		used[m.file] = s.files[m.file]
	}
	for _, m := range shared {
		if b, ok := s.files[m.file]; ok {
			used[m.file] = b
		}
	}
	for name, b := range s.files {
		if strings.HasSuffix(name, ".json") {
			used[name] = b
		}
	}
	return rules, used, faults
}

// grow adds an author's shared modules to the library as long as they compile.
func grow(base *source, lists map[string]any, candidates []*module) (shared []*module, faults []Fault) {
	shared = slices.Clone(base.shared)
	for progress := true; progress; {
		progress = false
		faults = nil
		var rest []*module
		for _, m := range candidates {
			if _, err := base.compileWith(lists, append(slices.Clone(shared), m)); err != nil {
				faults = append(faults, Fault{m.file, err})
				rest = append(rest, m)
				continue
			}
			shared = append(shared, m)
			progress = true
		}
		candidates = rest
	}
	return shared, faults
}
