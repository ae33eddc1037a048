package scope_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/policies/scope"
)

var nginx = &scope.Subject{
	Names:        []string{"library/nginx:1.27", "library/nginx:DTA", "nginx:1.27", "nginx:DTA"},
	Repositories: []string{"library/nginx", "nginx"},
	Registries:   []string{"docker.io", "Docker Hub"},
	ImageLabels:  map[string]string{"org.opencontainers.image.vendor": "NGINX Inc", "stage": "prod"},
	Labels:       []string{"DTA", "reviewed"},
}

var inCluster = &scope.Subject{
	Names:          []string{"team/app:v1"},
	Repositories:   []string{"team/app"},
	Registries:     []string{"registry.example:5000"},
	Cluster:        "east",
	Namespace:      "prod-payments",
	WorkloadLabels: map[string]string{"app.kubernetes.io/name": "pay", "tier": "backend"},
}

func TestTermsMatch(t *testing.T) {
	for _, c := range []struct {
		text    string
		subject *scope.Subject
		want    bool
	}{
		{"image.name.*:DTA", nginx, true},
		{"image.name.*:dta", nginx, false}, // case counts
		{"image.name.nginx:1.27", nginx, true},
		{"image.name.library/nginx:1.27", nginx, true},
		{"image.name.nginx", nginx, false}, // the tag is part of the name
		{"image.name.nginx:*", nginx, true},
		{"image.name.*/nginx:*", nginx, true},
		{"image.name.*", nginx, true},
		{"image.name.**", nginx, true},
		{"image.name.lib*nginx*27", nginx, true},
		{"image.name.*n*g*i*n*x*", nginx, true},
		{"image.name.*x*n*", nginx, false}, // parts stand in their order
		{"image.name.ng*ginx:1.27", nginx, false},
		{"image.name.docker.io/library/nginx:1.27", nginx, false}, // no registry in image.name
		{"image.repo.nginx", nginx, true},
		{"image.repo.team/*", inCluster, true},
		{"image.name.?eam/app:v1", inCluster, false}, // only * is special
		{"image.name.team/[a]pp:v1", inCluster, false},
		{"image.name.TEAM/app:v1", inCluster, false},
		{"aqua.registry.docker.io", nginx, true},
		{`aqua.registry."Docker Hub"`, nginx, true},
		{"aqua.registry.Docker*Hub", nginx, true},
		{"aqua.registry.registry.example:5000", inCluster, true},
		{"aqua.label.DTA", nginx, true},
		{"aqua.label.DTA", inCluster, false},
		{"image.label.stage", nginx, true},
		{"image.label.stage=prod", nginx, true},
		{"image.label.stage=p*", nginx, true},
		{"image.label.st*=*d", nginx, true},
		{"image.label.stage=dev", nginx, false},
		{`image.label."stage"."prod"`, nginx, true},
		{`image.label."stage"."*"`, nginx, true},
		{`image.label."*.vendor"."NGINX*"`, nginx, true},
		{`image.label."*.vendor"."prod"`, nginx, false}, // name and value of the same label
		{"kubernetes.namespace.prod-*", inCluster, true},
		{"kubernetes.namespace.prod-*", nginx, false},
		{"kubernetes.namespace.*", nginx, false}, // there is none
		{"kubernetes.cluster.east", inCluster, true},
		{`kubernetes.label."tier"."backend"`, inCluster, true},
		{`kubernetes.label."app.kubernetes.io/name"."p*y"`, inCluster, true},
		{"os.hostname.*", inCluster, false},
		{"function.name.*", nginx, false},
	} {
		t.Run(c.text, func(t *testing.T) {
			if got, _ := match(t, c.text, c.subject); got != c.want {
				t.Errorf("matches: %v, want %v", got, c.want)
			}
		})
	}
}

// In expressions v1 and v2 are true of nginx, v3 and v4 are false.
func TestExpressions(t *testing.T) {
	variables := []scope.Variable{
		{Attribute: "image.name", Value: "*:DTA"}, {Attribute: "aqua.label", Value: "DTA"},
		{Attribute: "image.name", Value: "*:never"}, {Attribute: "aqua.label", Value: "never"},
	}
	for expression, want := range map[string]bool{
		"":                       true,
		"  \n\t":                 true,
		"v1":                     true,
		"v3":                     false,
		"!v3":                    true,
		"!!v1":                   true,
		"! ! ! v1":               false,
		"v1 && v2":               true,
		"v1&&v3":                 false,
		"v3||v1":                 true,
		"(v1) && (v2)":           true,
		"v1 || v2 && v3":         true, // && binds tighter
		"(v1 || v2) && v3":       false,
		"v3 && v4 || v1":         true,
		"v3 && (v4 || v1)":       false,
		"!v3 && v1":              true, // ! binds tightest
		"!(v3 && v1)":            true,
		"!v1 || v2":              true,
		"!(v1 || v2)":            false,
		"v1 || v2 && !v3":        true,
		"(v1 && v2)||(v3 && v4)": true,
		"((((v1))))":             true,
		"v1 && v2 && !v3 && !v4": true,
		"v3 || v4 || !v1 || !v2": false,
		"!(!(v1 && !v3) || v4)":  true,
	} {
		t.Run(expression, func(t *testing.T) {
			m, err := scope.Compile(scope.Scope{Expression: expression, Variables: variables})
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := m.Match(nginx); got != want {
				t.Errorf("includes: %v, want %v", got, want)
			}
		})
	}
}

func TestFaultsAreNamed(t *testing.T) {
	name := scope.Variable{Attribute: "image.name", Value: "x"}
	for _, c := range []struct {
		name  string
		scope scope.Scope
		want  string
	}{
		{"variable out of range", scope.Scope{Expression: "v1 && v2", Variables: []scope.Variable{name}}, "at character 7: v2 is not among the variables: there is only v1"},
		{"no variables", scope.Scope{Expression: "v1"}, "there are none"},
		{"counted from zero", scope.Scope{Expression: "v0", Variables: []scope.Variable{name}}, "v0 is not among"},
		{"huge number", scope.Scope{Expression: "v99999999999999999999", Variables: []scope.Variable{name}}, "v1, v2"},
		{"no number", scope.Scope{Expression: "v", Variables: []scope.Variable{name}}, "a variable is v and its number"},
		{"other operator", scope.Scope{Expression: "v1 & v1", Variables: []scope.Variable{name}}, `found "&" where && or ||`},
		{"words as operators", scope.Scope{Expression: "v1 AND v1", Variables: []scope.Variable{name}}, `found "A"`},
		{"dangling operator", scope.Scope{Expression: "v1 ||", Variables: []scope.Variable{name}}, "it ends where a variable"},
		{"open parenthesis", scope.Scope{Expression: "(v1", Variables: []scope.Variable{name}}, "at character 1: this parenthesis is never closed"},
		{"closed parenthesis", scope.Scope{Expression: "v1)", Variables: []scope.Variable{name}}, `found ")"`},
		{"nothing in parentheses", scope.Scope{Expression: "()", Variables: []scope.Variable{name}}, `found ")"`},
		{"unknown attribute", scope.Scope{Expression: "v1", Variables: []scope.Variable{{Attribute: "image.nam", Value: "x"}}}, `variable v1: unknown attribute "image.nam"; known are image.name, `},
		{"no attribute", scope.Scope{Expression: "v1", Variables: []scope.Variable{{Value: "x"}}}, "has no attribute"},
		{"empty value", scope.Scope{Expression: "v1", Variables: []scope.Variable{{Attribute: "image.name", Value: " "}}}, "image.name has no value; write * for any"},
		{"fault in an unused variable", scope.Scope{Expression: "v1", Variables: []scope.Variable{name, {Attribute: "x", Value: "x"}}}, "variable v2"},
		{"endless nesting", scope.Scope{Expression: strings.Repeat("(", 10_000), Variables: []scope.Variable{name}}, "nested deeper"},
		{"endless negation", scope.Scope{Expression: strings.Repeat("!", 10_000) + "v1", Variables: []scope.Variable{name}}, "nested deeper"},
		{"a megabyte", scope.Scope{Expression: strings.Repeat("v1||", 1<<18) + "v1", Variables: []scope.Variable{name}}, "split the policy"},
		{"too many terms", scope.Scope{Expression: strings.Repeat("v1||", scope.MaxTerms) + "v1", Variables: []scope.Variable{name}}, "more than 4096 terms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := scope.Compile(c.scope)
			var known *scope.Error
			if !errors.As(err, &known) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

// An attribute without a value here makes its term false, and that is said
// where the answer rests on it.
func TestUndecidedHere(t *testing.T) {
	for _, c := range []struct {
		text                string
		included, undecided bool
	}{
		{"kubernetes.namespace.prod", false, true},
		{"NOT kubernetes.namespace.prod", true, true},
		{"image.name.*:DTA OR kubernetes.namespace.prod", true, false},
		{"image.name.*:never OR kubernetes.namespace.prod", false, true},
		{"image.name.*:never AND kubernetes.namespace.prod", false, false},
		{"image.name.*:DTA AND NOT kubernetes.label.a=b", true, true},
		{"image.name.*:DTA", true, false},
		{"aqua.topic.x", false, true},
	} {
		t.Run(c.text, func(t *testing.T) {
			included, undecided := match(t, c.text, nginx)
			if included != c.included || undecided != c.undecided {
				t.Errorf("included %v, undecided %v; want %v, %v", included, undecided, c.included, c.undecided)
			}
		})
	}
}

func TestTextIsWrittenAsItIsRead(t *testing.T) {
	for _, text := range []string{
		"image.name.*:DTA",
		"image.name.*:DTA OR aqua.label.DTA",
		`image.name.* OR kubernetes.namespace.* AND NOT kubernetes.label."k"."true"`,
		"(image.name.a OR image.name.b) AND aqua.label.c",
		"NOT (image.name.a AND image.name.b)",
		"NOT NOT image.name.a",
		`aqua.registry."Docker Hub" AND image.repo."a(b"`,
	} {
		t.Run(text, func(t *testing.T) {
			s, err := scope.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.String(); got != text {
				t.Errorf("written as %s", got)
			}
		})
	}
	if s, err := scope.Parse("image.name.a && !(aqua.label.b || image.name.a)"); err != nil || s.String() != "image.name.a AND NOT (aqua.label.b OR image.name.a)" || len(s.Variables) != 2 {
		t.Errorf("symbols: %q, %v", s, err)
	}
}

func TestTextFaults(t *testing.T) {
	for text, want := range map[string]string{
		"image.name":                      "image.name needs a value",
		"image.name.":                     "image.name needs a value",
		"image.nme.x":                     "begins with no known attribute",
		"image.name.a image.name.b":       "at character 14: AND or OR, or the end should stand here",
		"image.name.a OR OR aqua.label.b": "at character 17: a term (attribute.value), NOT or ( should stand here",
		"image.name.a AND  ":              "at character 19: it ends where a term (attribute.value), NOT or ( should follow",
		"AND":                             "at character 1: a term",
		"not image.name.a":                "at character 1: write NOT in capitals",
		"v1 && v2":                        "at character 1: v1 needs the list of variables",
		"image.name.a b":                  "at character 14: \"b\" is no term (attribute.value); a value with spaces stands in quotes",
		"image.name.a )":                  "at character 14: AND or OR, or the end should stand here",
		`image.name."a`:                   "never ends",
		`image.name."a"."b"`:              "one value, not a name and a value",
		`kubernetes.label."a".`:           "the value",
		`kubernetes.label."a"."b"."c"`:    "follows the value",
		`image.name.a"b"`:                 "quote the whole value",
		strings.Repeat("x", 100_000):      "at most",
		`image.name.a AND (aqua.label.b`:  "at character 18: this parenthesis is never closed",
	} {
		if _, err := scope.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
}

func TestScopeMayBeWrittenAsText(t *testing.T) {
	var s scope.Scope
	if err := json.Unmarshal([]byte(`"image.name.*:DTA OR aqua.label.DTA"`), &s); err != nil {
		t.Fatal(err)
	}
	if s.Expression != "v1 || v2" || len(s.Variables) != 2 {
		t.Errorf("read as %+v", s)
	}
}

func TestContextThatIsRead(t *testing.T) {
	s, err := scope.Parse(`kubernetes.namespace.a OR image.name.b AND kubernetes.label."x"."y"`)
	if err != nil {
		t.Fatal(err)
	}
	// A variable that the expression does not use is not read.
	s.Variables = append(s.Variables, scope.Variable{Attribute: "kubernetes.cluster", Value: "c"})
	m, err := scope.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.Context()); got != "[kubernetes.label kubernetes.namespace]" {
		t.Errorf("reads %s", got)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	s, err := scope.Parse(`image.name.a*b*c:* OR NOT (aqua.label.X AND kubernetes.label."tier"."back*") AND image.label.stage=prod`)
	if err != nil {
		t.Fatal(err)
	}
	m, err := scope.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { m.Match(nginx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func match(t *testing.T, text string, subject *scope.Subject) (included, undecided bool) {
	t.Helper()
	s, err := scope.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := scope.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return m.Match(subject)
}
