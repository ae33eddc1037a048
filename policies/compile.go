package policies

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/scope"
	"github.com/sallyport-dev/sallyport/policies/translate"
)

// policy is one compiled document.
type policy struct {
	doc      Document
	hash     [sha256.Size]byte // of the document
	identity [sha256.Size]byte // of the document and what it is translated to
	matcher  *scope.Matcher
	pkg      translate.Package
	query    rego.PreparedEvalQuery // prepared only when the policy is active
	context  []string               // attributes of the context that its scope reads
	enforced time.Time              // until then failures do not block
}

// active tells whether the policy judges images.
func (p *policy) active() bool { return p.doc.Enabled && p.doc.AssuranceType == "image" }

func (p *policy) describe() Policy {
	return Policy{
		Document: p.doc,
		Scope:    p.doc.Scope.String(),
		Rego:     p.pkg.Rego,
		Controls: p.pkg.Controls,
		Warnings: p.doc.Warnings(),
	}
}

// compileAll compiles docs, taking over from previous what has not changed.
func compileAll(ctx context.Context, docs []Document, previous *Set) ([]*policy, error) {
	known := map[[sha256.Size]byte]*policy{}
	if previous != nil {
		for _, p := range previous.policies {
			known[p.hash] = p
		}
	}
	compiled := make([]*policy, len(docs))
	faults := make([]error, len(docs))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, d := range docs {
		hash, err := hashOf(d)
		if err != nil {
			faults[i] = fmt.Errorf("policy %q: %w", d.Name, err)
			continue
		}
		if p, ok := known[hash]; ok {
			compiled[i] = p
			continue
		}
		group.Go(func() error {
			if compiled[i], faults[i] = compile(ctx, d); faults[i] != nil {
				faults[i] = fmt.Errorf("policy %q: %w", d.Name, faults[i])
				return nil
			}
			compiled[i].identify(hash)
			return nil
		})
	}
	_ = group.Wait() // faults are collected, so that all are named
	return compiled, errors.Join(faults...)
}

func (p *policy) identify(hash [sha256.Size]byte) {
	p.hash = hash
	p.identity = sha256.Sum256(append(hash[:], p.pkg.Rego...))
}

func compile(ctx context.Context, d Document) (*policy, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := document.CheckName(d.Name); err != nil {
		return nil, err
	}
	m, err := scope.Compile(d.Scope)
	if err != nil {
		return nil, err
	}
	pkg, err := translate.Document(d)
	if err != nil {
		return nil, err
	}
	p := &policy{doc: d, matcher: m, pkg: pkg, context: m.Context(), enforced: enforcedFrom(d)}
	if !p.active() {
		return p, nil
	}
	p.query, err = prepare(ctx, pkg)
	if err != nil {
		return nil, fmt.Errorf("the generated package does not compile: %w", err)
	}
	return p, nil
}

// prepare compiles one package with a compiler of its own: a fault stays in
// its policy, and a changed policy costs one compilation.
func prepare(ctx context.Context, pkg translate.Package) (rego.PreparedEvalQuery, error) {
	module, err := ast.ParseModuleWithOpts(pkg.File, pkg.Rego, ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: Capabilities()})
	if err != nil {
		return rego.PreparedEvalQuery{}, err
	}
	compiler := ast.NewCompiler().WithCapabilities(Capabilities()).WithStrict(true).WithDefaultRegoVersion(ast.RegoV1)
	compiler.Compile(map[string]*ast.Module{pkg.File: module})
	if compiler.Failed() {
		return rego.PreparedEvalQuery{}, compiler.Errors
	}
	return rego.New(
		rego.Query(pkg.Query),
		rego.Compiler(compiler),
		rego.Capabilities(Capabilities()),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
}

func hashOf(d Document) ([sha256.Size]byte, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	return sha256.Sum256(b), nil
}

// generationOf hashes documents and what they are translated to, so that a new
// version of the translation is a new generation too.
func generationOf(policies []*policy) string {
	h := sha256.New()
	for _, p := range policies {
		h.Write(p.identity[:])
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
