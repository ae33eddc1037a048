package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// Source is what a Program is made of.
type Source struct {
	Modules map[string]string // Rego by the name that errors call it
	Data    map[string]any    // what the rules read as data; may be nil
	Schema  []byte            // JSON Schema of input; nil: input is not checked
}

// Program is compiled Rego. It is immutable and safe for concurrent use.
type Program struct {
	modules  map[string]*ast.Module
	compiler *ast.Compiler
	data     map[string]any
}

// Compile compiles a source strictly: unused variables, unknown functions and,
// with a schema, misspelt fields of input are errors. Errors name file and line.
func Compile(src Source) (*Program, error) {
	modules := make(map[string]*ast.Module, len(src.Modules))
	for _, name := range slices.Sorted(maps.Keys(src.Modules)) {
		m, err := ast.ParseModuleWithOpts(name, src.Modules[name], ast.ParserOptions{
			RegoVersion: ast.RegoV1, Capabilities: Capabilities(), ProcessAnnotation: src.Schema != nil,
		})
		if err != nil {
			return nil, explain(err, src.Modules[name])
		}
		if m == nil {
			return nil, fmt.Errorf("%s: holds no Rego", name)
		}
		modules[name] = m
	}
	compiler := ast.NewCompiler().WithCapabilities(Capabilities()).WithStrict(true).WithDefaultRegoVersion(ast.RegoV1)
	if src.Schema != nil {
		schemas, err := schemasOf(src.Schema)
		if err != nil {
			return nil, err
		}
		compiler = compiler.WithSchemas(schemas)
	}
	compiler.Compile(modules)
	if compiler.Failed() {
		return nil, explain(compiler.Errors, "")
	}
	return &Program{modules: modules, compiler: compiler, data: src.Data}, nil
}

// Modules are the parsed modules, by name. Do not change them.
func (p *Program) Modules() map[string]*ast.Module { return p.modules }

// Compiler is what the program was compiled with, for tools.
func (p *Program) Compiler() *ast.Compiler { return p.compiler }

// Prepare makes a query ready, to be asked many times.
func (p *Program) Prepare(ctx context.Context, query string) (*Query, error) {
	options := []func(*rego.Rego){rego.Query(query), rego.Compiler(p.compiler), rego.Capabilities(Capabilities()), rego.StrictBuiltinErrors(true)}
	if p.data != nil {
		options = append(options, rego.Store(inmem.NewFromObject(p.data)))
	}
	prepared, err := rego.New(options...).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	return &Query{prepared: prepared}, nil
}

// Query is a prepared query. It is safe for concurrent use.
type Query struct{ prepared rego.PreparedEvalQuery }

// ErrUndefined is returned when a query has no answer: what it asks for does
// not exist.
var ErrUndefined = errors.New("gives no result")

// Eval asks about an input and returns the variables of the query.
func (q *Query) Eval(ctx context.Context, input ast.Value) (rego.Vars, error) {
	results, err := q.prepared.Eval(ctx, rego.EvalParsedInput(input))
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	if len(results) != 1 {
		return nil, ErrUndefined
	}
	return results[0].Bindings, nil
}

// explain shortens a list of errors, and says what helps where that is known.
func explain(err error, text string) error {
	var all ast.Errors
	if !errors.As(err, &all) {
		return err
	}
	const shown = 10
	lines := make([]string, 0, shown+2)
	for i, e := range all {
		if i == shown {
			lines = append(lines, fmt.Sprintf("and %d more", len(all)-shown))
			break
		}
		lines = append(lines, e.Error())
	}
	if all[0].Code == ast.ParseErr && strings.Contains(all[0].Message, "if` keyword is required") ||
		strings.Contains(all[0].Message, "`contains` keyword is required") {
		lines = append(lines, "this is Rego of before OPA 1.0: \"opa fmt --v0-v1 --write\" turns it into today's")
	}
	return errors.New(strings.Join(lines, "\n"))
}
