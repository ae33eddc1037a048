package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Query is a compiled query. It is safe for concurrent use. It speaks to the
// evaluator itself: package rego around it would cost a fifth of the time of a
// small policy and a tenth of its memory.
type Query struct {
	body     ast.Body
	compiler *ast.Compiler
	store    storage.Store
}

// noData is the store of programs that read no data.
var noData = sync.OnceValue(inmem.New)

// Prepare compiles a query, to be asked many times. Its variables are written
// "name = data.path". A lean program prepares one query.
func (p *Program) Prepare(query string) (*Query, error) {
	body, err := ast.ParseBodyWithOpts(query, ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: p.compiler.Capabilities()})
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", query, err)
	}
	q := &Query{compiler: p.compiler, store: noData()}
	if p.data != nil {
		q.store = inmem.NewFromObject(p.data)
	}
	if q.body, err = p.compiler.QueryCompiler().Compile(body); err != nil {
		return nil, fmt.Errorf("query %s: %w", query, err)
	}
	if p.lean {
		p.compiler.TypeEnv = nil // asked for by "with" alone, which lean programs do not use
	}
	return q, nil
}

// ErrUndefined is returned when a query has no answer: what it asks for does
// not exist.
var ErrUndefined = errors.New("gives no result")

// Eval asks about an input and returns the variables of the query. When ctx
// ends, so does the evaluation, with the cause of ctx.
func (q *Query) Eval(ctx context.Context, input ast.Value) (map[ast.Var]*ast.Term, error) {
	txn, err := q.store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	defer q.store.Abort(ctx, txn)
	cancel := topdown.NewCancel()
	stop := context.AfterFunc(ctx, cancel.Cancel)
	defer stop()
	var found topdown.QueryResult
	err = topdown.NewQuery(q.body).
		WithCompiler(q.compiler).
		WithStore(q.store).
		WithTransaction(txn).
		WithCancel(cancel).
		WithInput(ast.NewTerm(input)).
		WithStrictBuiltinErrors(true).
		Iter(ctx, func(r topdown.QueryResult) error {
			found = r
			return nil
		})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case found == nil:
		return nil, ErrUndefined
	}
	return found, nil
}
