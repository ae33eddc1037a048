package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Source is what a Program is made of.
type Source struct {
	Modules map[string]string // Rego by the name that errors call it
	Data    map[string]any    // what the rules read as data; may be nil
	Schema  []byte            // JSON Schema of input; nil: input is not checked

	// Lean compiles what this program wrote itself, and proved well before: what
	// only people read, and places for errors, are dropped, and only the
	// built-ins that the program uses are known. It takes half the memory.
	Lean  bool
	Words *Words // that lean programs share; may be nil
}

// Program is compiled Rego. It is immutable and safe for concurrent use.
type Program struct {
	modules  map[string]*ast.Module
	compiler *ast.Compiler
	data     map[string]any
	lean     bool
}

// Compile compiles a source strictly: unused variables, unknown functions and,
// with a schema, misspelt fields of input are errors. Errors name file and line.
func Compile(src Source) (*Program, error) {
	capabilities := Capabilities()
	if src.Lean {
		capabilities = leanCapabilities()
	}
	modules := make(map[string]*ast.Module, len(src.Modules))
	for _, name := range slices.Sorted(maps.Keys(src.Modules)) {
		text := src.Modules[name]
		if src.Lean {
			text = comments.ReplaceAllString(text, "")
		}
		m, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{
			RegoVersion: ast.RegoV1, Capabilities: capabilities, ProcessAnnotation: src.Schema != nil,
		})
		if err != nil {
			return nil, explain(err)
		}
		if m == nil {
			return nil, fmt.Errorf("%s: holds no Rego", name)
		}
		if src.Lean {
			slim(m, src.Words)
		}
		modules[name] = m
	}
	compiler := ast.NewCompiler().WithCapabilities(capabilities).WithStrict(!src.Lean).WithDefaultRegoVersion(ast.RegoV1)
	if src.Lean {
		compiler = compiler.WithSkipStages(proven...)
	}
	if src.Schema != nil {
		schemas, err := schemasOf(src.Schema)
		if err != nil {
			return nil, err
		}
		compiler = compiler.WithSchemas(schemas)
	}
	compiler.Compile(modules)
	if compiler.Failed() {
		return nil, explain(compiler.Errors)
	}
	if src.Lean {
		finish(compiler)
	}
	return &Program{modules: modules, compiler: compiler, data: src.Data, lean: src.Lean}, nil
}

// Modules are the parsed modules, by name. Do not change them.
func (p *Program) Modules() map[string]*ast.Module { return p.modules }

// Compiler is what the program was compiled with, for tools.
func (p *Program) Compiler() *ast.Compiler { return p.compiler }

// Errors are all faults of Rego text. Error shows the first ones, and says what
// helps where that is known.
type Errors struct {
	All ast.Errors // in the order of files and lines
}

func (e *Errors) Error() string {
	const shown = 10
	lines := make([]string, 0, shown+2)
	for i, each := range e.All {
		if i == shown {
			lines = append(lines, fmt.Sprintf("and %d more", len(e.All)-shown))
			break
		}
		lines = append(lines, each.Error())
	}
	if slices.ContainsFunc(e.All, BeforeOne) {
		lines = append(lines, FromBeforeOne)
	}
	return strings.Join(lines, "\n")
}

// BeforeOne tells whether e is about Rego that was written for OPA before 1.0.
func BeforeOne(e *ast.Error) bool {
	return e.Code == ast.ParseErr && (strings.Contains(e.Message, "if` keyword is required") || strings.Contains(e.Message, "`contains` keyword is required"))
}

// FromBeforeOne says what helps with errors that are BeforeOne.
const FromBeforeOne = "this is Rego of before OPA 1.0: \"opa fmt --v0-v1 --write\" turns it into today's"

func explain(err error) error {
	var all ast.Errors
	if !errors.As(err, &all) {
		return err
	}
	return &Errors{all}
}
