package policies_test

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/scope"
	"github.com/sallyport-dev/sallyport/policies/translate"
)

// Peers of the benchmarks, on the same documents and facts, so that ratios can
// be read where the machine is not the one of the targets: package rego, with
// one compiler and one prepared query for each policy, and scopes of regular
// expressions that are compiled once.

// peer is a policy as package rego prepares it.
type peer struct {
	includes func(*scope.Subject) bool
	query    rego.PreparedEvalQuery
}

func peers(tb testing.TB, docs []policies.Document) []peer {
	tb.Helper()
	all := make([]peer, len(docs))
	for i, d := range docs {
		pkg, err := translate.Document(d)
		if err != nil {
			tb.Fatal(err)
		}
		all[i].includes = naive(tb, d.Scope)
		all[i].query, err = rego.New(rego.Query(pkg.Query(pkg.Path)), rego.Module(pkg.File, pkg.Rego)).PrepareForEval(context.Background())
		if err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

// naive is a scope whose every term is a regular expression.
func naive(tb testing.TB, s scope.Scope) func(*scope.Subject) bool {
	tb.Helper()
	if s.Everything() {
		return func(*scope.Subject) bool { return true }
	}
	var alternatives [][]func(*scope.Subject) bool
	for alternative := range strings.SplitSeq(s.Expression, "||") {
		var terms []func(*scope.Subject) bool
		for t := range strings.SplitSeq(alternative, "&&") {
			t = strings.TrimSpace(t)
			t, negated := strings.CutPrefix(t, "!")
			v := s.Variables[t[1]-'1']
			pattern := regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(v.Value), `\*`, ".*") + "$")
			values := map[string]func(*scope.Subject) []string{
				"image.name": func(s *scope.Subject) []string { return s.Names },
				"image.repo": func(s *scope.Subject) []string { return s.Repositories },
				"aqua.label": func(s *scope.Subject) []string { return s.Labels },
			}[v.Attribute]
			terms = append(terms, func(s *scope.Subject) bool {
				for _, value := range values(s) {
					if pattern.MatchString(value) {
						return !negated
					}
				}
				return negated
			})
		}
		alternatives = append(alternatives, terms)
	}
	return func(s *scope.Subject) bool {
	next:
		for _, terms := range alternatives {
			for _, t := range terms {
				if !t(s) {
					continue next
				}
			}
			return true
		}
		return false
	}
}

func benchmarkPeers(b *testing.B, applicable int, docs ...policies.Document) {
	all := peers(b, docs)
	in := typicalImage()
	text, err := json.Marshal(in)
	if err != nil {
		b.Fatal(err)
	}
	input, err := ast.ValueFromReader(bytes.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	subject, ctx := subjectOf(in), context.Background()
	runtime.GC()
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		n := 0
		for i := range all {
			if !all[i].includes(subject) {
				continue
			}
			n++
			if results, err := all[i].query.Eval(ctx, rego.EvalParsedInput(input)); err != nil || len(results) != 1 {
				b.Fatal(results, err)
			}
		}
		if n != applicable {
			b.Fatal(n)
		}
	}
}

func BenchmarkDecideOnePolicyPeer(b *testing.B)        { benchmarkPeers(b, 1, eightControls("one")) }
func BenchmarkDecideTwelveOfThousandPeer(b *testing.B) { benchmarkPeers(b, 12, thousand()...) }

func BenchmarkChooseAmongThousandScopesPeer(b *testing.B) {
	subject := subjectOf(typicalImage())
	var all []func(*scope.Subject) bool
	for _, d := range thousand() {
		all = append(all, naive(b, d.Scope))
	}
	runtime.GC()
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		n := 0
		for _, includes := range all {
			if includes(subject) {
				n++
			}
		}
		if n != 12 {
			b.Fatal(n)
		}
	}
}

// BenchmarkPrepareFactsPeer converts the facts by way of JSON text.
func BenchmarkPrepareFactsPeer(b *testing.B) {
	text, err := json.Marshal(typicalImage())
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if _, err := ast.ValueFromReader(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

func subjectOf(in *policies.Input) *scope.Subject {
	return &scope.Subject{Names: in.Image.Names(), Repositories: in.Image.Repositories(), Registries: in.Image.Registries(), Labels: in.Image.AquaLabels, ImageLabels: in.Image.Labels}
}
