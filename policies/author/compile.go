package author

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/sallyport-dev/sallyport/policies/engine"
	"github.com/sallyport-dev/sallyport/policies/schema"
)

// program is all Rego of Sources side by side: the generated packages,
// authors' own, their tests.
type program struct {
	modules map[string]*ast.Module
	store   storage.Store
}

// parse parses all Rego; generated come from Generated. The error is Faults.
func (s *Sources) parse(generated []Module) (*program, error) {
	p := &program{modules: map[string]*ast.Module{}, store: inmem.NewFromObject(s.Data)}
	own, faults := s.written(generated)
	for _, all := range [][]Module{generated, own} {
		for _, m := range all {
			parsed, err := ast.ParseModuleWithOpts(m.File, m.Text, ast.ParserOptions{
				RegoVersion: ast.RegoV1, Capabilities: engine.Capabilities(), ProcessAnnotation: true,
			})
			switch {
			case err != nil:
				faults = append(faults, faultsOf(m.File, err)...)
			case parsed == nil:
				faults = append(faults, Fault{"holds no Rego", ast.ParseErr, Location{File: m.File}})
			default:
				p.modules[m.File] = parsed
			}
		}
	}
	return p, s.placed(faults).sorted().err()
}

// compiler compiles as strictly as what is put in force is compiled: unused
// variables, functions that reach outside and misspelt fields of input are
// errors, and all of them are listed.
func (p *program) compiler(ctx context.Context, txn storage.Transaction) (*ast.Compiler, error) {
	var input any
	if err := json.Unmarshal(schema.Input, &input); err != nil {
		return nil, fmt.Errorf("the schema of input is not JSON: %w", err)
	}
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, input)
	return ast.NewCompiler().
		WithCapabilities(engine.Capabilities()).
		WithDefaultRegoVersion(ast.RegoV1).
		WithSchemas(schemas).
		WithUseTypeCheckAnnotations(true).
		WithStrict(true).
		WithEnablePrintStatements(true).
		WithPathConflictsCheck(storage.NonEmpty(ctx, p.store, txn)).
		SetErrorLimit(0), nil
}

// compile finds what is wrong with the modules together. The error is Faults,
// or why nothing could be found out.
func (p *program) compile(ctx context.Context) error {
	txn, err := p.store.NewTransaction(ctx)
	if err != nil {
		return err
	}
	defer p.store.Abort(ctx, txn)
	c, err := p.compiler(ctx, txn)
	if err != nil {
		return err
	}
	if c.Compile(p.modules); c.Failed() {
		return regoFaults("", c.Errors).sorted()
	}
	return nil
}
