package engine

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
)

// generated are the built-ins that generated packages use. Each compiler keeps
// a table of all that it knows.
var generated = []string{
	"and", "array.slice", "assign", "concat", "contains", "count", "endswith", "eq", "equal", "gt", "gte", "internal.member_2", "internal.member_3",
	"lower", "lt", "lte", "max", "minus", "neq", "object.get", "object.keys", "or", "regex.match", "sort", "sprintf", "startswith", "time.parse_rfc3339_ns",
}

var leanCapabilities = sync.OnceValue(func() *ast.Capabilities {
	c := *Capabilities()
	c.Builtins = slices.DeleteFunc(slices.Clone(c.Builtins), func(b *ast.Builtin) bool { return !slices.Contains(generated, b.Name) })
	return &c
})

// comments are lines of their own in generated packages, and no text in them
// holds a line break.
var comments = regexp.MustCompile(`(?m)^#.*\n`)

// proven are the stages of compilation that only look for faults, which
// generated packages are tested not to have.
var proven = []ast.StageID{
	ast.StageCheckUnusedImports, ast.StageCheckKeywordOverrides, ast.StageCheckDuplicateImports, ast.StageCheckVoidCalls,
	ast.StageParseMetadataBlocks, ast.StageSetAnnotationSet, ast.StageSetGraph, ast.StageCheckRuleConflicts, ast.StageCheckUndefinedFuncs,
	ast.StageCheckRecursion, ast.StageCheckTypes, ast.StageCheckUnsafeBuiltins, ast.StageCheckDeprecatedBuiltins, ast.StageBuildRequiredCapabilities,
}

// finish drops what a compiler needs only while it compiles. Evaluation reads
// the tree of rules and its indices.
func finish(c *ast.Compiler) {
	for _, m := range c.Modules {
		ast.WalkExprs(m, func(x *ast.Expr) bool {
			// What it was before it was rewritten is known to unexported fields only.
			*x = ast.Expr{With: x.With, Terms: x.Terms, Index: x.Index, Generated: x.Generated, Negated: x.Negated, Location: x.Location}
			return false
		})
	}
	c.Modules, c.ModuleTree, c.RewrittenVars, c.Required = nil, nil, nil, nil
}

// Words shares between programs the words that they are made of, which are
// mostly the same. It is safe for concurrent use; nil shares within a program.
type Words struct{ all sync.Map } // ast.Value → ast.Value

// of is v in its one form. Words of a program as it was read are parts of its
// text, and would keep all of it.
func (w *Words) of(v ast.Value) ast.Value {
	switch word := v.(type) {
	case ast.String:
		v = ast.String(strings.Clone(string(word)))
	case ast.Var:
		v = ast.Var(strings.Clone(string(word)))
	case ast.Number:
		v = ast.Number(strings.Clone(string(word)))
	default:
		return v // not a word
	}
	if known, loaded := w.all.LoadOrStore(v, v); loaded {
		return known.(ast.Value)
	}
	return v
}

// slim drops from m what evaluation does not need.
func slim(m *ast.Module, words *Words) {
	m.Comments, m.Annotations = nil, nil
	if words == nil {
		words = new(Words)
	}
	// One place stands for all. Each node would keep its own, and with it the text.
	place := &ast.Location{File: m.Package.Location.File, Row: 1, Col: 1}
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Package:
			x.Location = place
		case *ast.Rule:
			x.Location, x.Annotations = place, nil
		case *ast.Head:
			x.Location, x.Name = place, words.of(x.Name).(ast.Var)
			for _, t := range x.Reference {
				t.Location, t.Value = place, words.of(t.Value)
			}
		case *ast.Expr:
			x.Location = place
		case *ast.Term:
			x.Location = place
			x.Value = words.of(x.Value)
		case *ast.With:
			x.Location = place
		case *ast.SomeDecl:
			x.Location = place
		case *ast.Every:
			x.Location = place
		}
		return false
	}).Walk(m)
}
