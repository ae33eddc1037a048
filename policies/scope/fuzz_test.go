package scope_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/sallyport-dev/sallyport/policies/scope"
)

// FuzzParse: whatever parses compiles or says why, and means the same after it
// was written and read again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"image.name.*:DTA OR aqua.label.DTA", "NOT (image.name.a AND image.repo.b) OR kubernetes.label.\"k\".\"v\"",
		"((image.name.a))", "image.label.\"a b\"", "AND OR NOT", "image.name.\"\\n\"", "!image.name.a&&aqua.label.b", "image.name.a)", "image.name.AND",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := scope.Parse(text)
		if err != nil {
			return
		}
		m, err := scope.Compile(s)
		if err != nil {
			return
		}
		again, err := scope.Parse(s.String())
		if err != nil {
			t.Fatalf("%q is written as %q, which does not parse: %v", text, s, err)
		}
		if again.String() != s.String() {
			t.Fatalf("%q is written as %q, then as %q", text, s, again)
		}
		m2, err := scope.Compile(again)
		if err != nil {
			t.Fatal(err)
		}
		for _, subject := range []*scope.Subject{nginx, inCluster} {
			a, ua := m.Match(subject)
			b, ub := m2.Match(subject)
			if a != b || ua != ub {
				t.Fatalf("%q and %q differ", text, s)
			}
		}
	})
}

// FuzzExpression: no expression crashes, and no accepted one reads a variable
// that is not there.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{"v1", "v1 && (v2 || !v3)", "!!v1", "((v1", "v1 &", "v01", "v4", "vv", strings.Repeat("(", 300), strings.Repeat("!", 300) + "v1"} {
		f.Add(seed)
	}
	variables := []scope.Variable{{Attribute: "image.name", Value: "*"}, {Attribute: "aqua.label", Value: "x"}, {Attribute: "kubernetes.namespace", Value: "*"}}
	f.Fuzz(func(t *testing.T, expression string) {
		s := scope.Scope{Expression: expression, Variables: variables}
		m, err := scope.Compile(s)
		if err != nil {
			if !utf8.ValidString(err.Error()) && utf8.ValidString(expression) {
				t.Fatalf("message %q", err)
			}
			return
		}
		m.Match(nginx)
		m.Match(&scope.Subject{})
	})
}

// FuzzRegoAgrees: the generated rule is formatted, and answers as the matcher does.
func FuzzRegoAgrees(f *testing.F) {
	for _, seed := range [][3]string{
		{"v1 || v2 && !v3", "*:DTA", "DTA"}, {"!(v1 && !(v2 || v3))", "a*b", "*"}, {"!!!v1 && !!v2", "nginx:*", "x\"y"},
		{"v4 || v5 || v6", "stage=prod", "stage"}, {"!v7 && v6", "*pay*", "p*o*d*"}, {"v1", "library/nginx:1.27", "a+b(c"}, {"v4", "a\nb*c", "\u2028"},
		{"(v1 || v2) && (v3 || v4) && !(v5 && v6)", "*", "*"}, {"", "a", "b"}, {"v8", "*", "a"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, expression, one, two string) {
		if len(expression) > 200 || !utf8.ValidString(one) || !utf8.ValidString(two) {
			return
		}
		s := scope.Scope{Expression: expression, Variables: []scope.Variable{
			{Attribute: "image.name", Value: one}, {Attribute: "aqua.label", Value: two}, {Attribute: "kubernetes.namespace", Value: one},
			{Attribute: "image.label", Value: one}, {Attribute: "image.label", Name: two, Value: one}, {Attribute: "kubernetes.label", Name: "tier", Value: two},
			{Attribute: "image.repo", Value: two}, {Attribute: "os.type", Value: one},
		}}
		m, err := scope.Compile(s)
		if err != nil {
			return
		}
		text := "package assurance.fuzz\n\n" + m.Rego()
		formatted, err := format.Source("fuzz.rego", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if string(formatted) != text {
			t.Fatalf("not formatted:\n%s\nwant:\n%s", text, formatted)
		}
		ctx := context.Background()
		query, err := rego.New(rego.Query("x = data.assurance.fuzz.in_scope"), rego.Module("fuzz.rego", text), rego.Strict(true)).PrepareForEval(ctx)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		touched := &scope.Subject{Names: []string{one, two}, Repositories: []string{two}, ImageLabels: map[string]string{one: two, two: one}, Labels: []string{one}, Namespace: two, WorkloadLabels: map[string]string{"tier": one}}
		for _, subject := range []*scope.Subject{nginx, inCluster, touched, {}} {
			results, err := query.Eval(ctx, rego.EvalInput(inputOf(subject)))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			want, _ := m.Match(subject)
			if got := len(results) == 1 && results[0].Bindings["x"] == true; got != want {
				t.Fatalf("rule says %v, matcher %v for %+v\n%s", got, want, subject, text)
			}
		}
	})
}

// inputOf is the part of the facts document that scopes read.
func inputOf(s *scope.Subject) any {
	b, err := json.Marshal(map[string]any{
		"image": map[string]any{"names": list(s.Names), "repositories": list(s.Repositories), "registries": list(s.Registries),
			"labels": set(s.ImageLabels), "aqua_labels": list(s.Labels)},
		"context": map[string]any{"cluster": s.Cluster, "namespace": s.Namespace, "labels": set(s.WorkloadLabels)},
	})
	if err != nil {
		panic(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		panic(err)
	}
	return v
}

func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

func set(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
