package scope_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/policies/scope"
)

// An index finds what asking each scope finds, in the same order.
func TestIndexFindsWhatEachScopeSays(t *testing.T) {
	terms := []string{
		"image.name.*:DTA", "image.name.nginx:1.27", "image.name.library/*", "image.name.*ngin*", "image.name.l*x:*7", "image.name.*n*g*", "image.name.*", "image.repo.team/*", "image.repo.*/app",
		"image.repo.nginx", "aqua.label.DTA", "aqua.label.rev*", "aqua.registry.docker.io", "aqua.registry.*:5000", "image.label.stage=prod", `image.label."stage"."p*"`,
		"kubernetes.namespace.prod-*", "kubernetes.cluster.east", `kubernetes.label."tier"."backend"`, "os.type.*", "image.name.never:*", "aqua.label.never", "image.repo.x*",
	}
	dice := rand.New(rand.NewPCG(7, 7))
	var draw func(depth int) string
	draw = func(depth int) string {
		switch n := dice.IntN(6); {
		case depth == 0 || n < 2:
			return terms[dice.IntN(len(terms))]
		case n == 2:
			return "NOT (" + draw(depth-1) + ")"
		case n < 5:
			return "(" + draw(depth-1) + ") AND (" + draw(depth-1) + ")"
		default:
			return "(" + draw(depth-1) + ") OR (" + draw(depth-1) + ")"
		}
	}
	matchers := []*scope.Matcher{compiled(t, "")}
	for range 500 {
		matchers = append(matchers, compiled(t, draw(3)))
	}
	index := scope.NewIndex(matchers)
	for n, subject := range []*scope.Subject{nginx, inCluster, {}, {Names: []string{"x:1"}, Repositories: []string{"x"}}} {
		var want, got []string
		for i, m := range matchers {
			if included, undecided := m.Match(subject); included || undecided {
				want = append(want, fmt.Sprint(i, included, undecided))
			}
		}
		index.Match(subject, func(i int, included, undecided bool) bool {
			got = append(got, fmt.Sprint(i, included, undecided))
			return true
		})
		if !slices.Equal(got, want) {
			t.Errorf("subject %d: found %v\nwant %v", n, got, want)
		}
		if len(want) == 0 || len(want) == len(matchers) {
			t.Errorf("subject %d shows nothing: %d of %d", n, len(want), len(matchers))
		}
	}
}

func TestIndexStopsWhenTold(t *testing.T) {
	index := scope.NewIndex([]*scope.Matcher{compiled(t, ""), compiled(t, "image.name.*"), compiled(t, "")})
	n := 0
	index.Match(nginx, func(int, bool, bool) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("called %d times", n)
	}
	scope.NewIndex(nil).Match(nginx, func(int, bool, bool) bool { t.Error("found in nothing"); return true })
}

func TestIndexDoesNotAllocate(t *testing.T) {
	var matchers []*scope.Matcher
	for i := range 200 {
		matchers = append(matchers, compiled(t, fmt.Sprintf("image.repo.team-%d/* OR aqua.label.x%d OR image.name.*:v%d", i, i, i)))
	}
	index := scope.NewIndex(append(matchers, compiled(t, "aqua.label.DTA")))
	found := 0
	if n := testing.AllocsPerRun(100, func() {
		index.Match(nginx, func(int, bool, bool) bool { found++; return true })
	}); n >= 1 || found == 0 {
		t.Errorf("%v allocations, found %d", n, found)
	}
}

func compiled(t *testing.T, text string) *scope.Matcher {
	t.Helper()
	s, err := scope.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := scope.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
