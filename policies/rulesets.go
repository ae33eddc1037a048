package policies

import (
	"crypto/sha256"
	"sync"

	"github.com/sallyport-dev/sallyport/policies/engine"
	"github.com/sallyport-dev/sallyport/policies/translate"
)

// ruleset is what a generated package is without its name and scope. Policies
// that ask the same of different images share one.
type ruleset struct {
	key   [sha256.Size]byte
	once  sync.Once
	query *engine.Query
	err   error
}

// rulesets are those that a compilation knows. It is safe for concurrent use.
type rulesets struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]*ruleset

	words engine.Words
}

// newRulesets begins with those of a Set; nil for none.
func newRulesets(previous *Set) *rulesets {
	r := &rulesets{all: map[[sha256.Size]byte]*ruleset{}}
	if previous != nil {
		for _, p := range previous.active {
			if p.rules != nil {
				r.all[p.rules.key] = p.rules
			}
		}
	}
	return r
}

// of compiles the rules of a package, unless others have the same ones. A
// package that says nothing has none, and needs none.
func (r *rulesets) of(pkg translate.Package) (*ruleset, error) {
	if len(pkg.Sets) == 0 {
		return nil, nil
	}
	key := sha256.Sum256([]byte(pkg.Controlling))
	r.mu.Lock()
	rules := r.all[key]
	if rules == nil {
		rules = &ruleset{key: key}
		r.all[key] = rules
	}
	r.mu.Unlock()
	rules.once.Do(func() { rules.query, rules.err = prepare(pkg, &r.words) })
	return rules, rules.err
}

// prepare compiles the rules of a package with a compiler of their own: a fault
// stays in its policy, and a changed policy costs one compilation.
func prepare(pkg translate.Package, words *engine.Words) (*engine.Query, error) {
	program, err := engine.Compile(engine.Source{
		Modules: map[string]string{pkg.File: "package assurance.rules\n\n" + pkg.Controlling},
		Lean:    true,
		Words:   words,
	})
	if err != nil {
		return nil, err
	}
	return program.Prepare(pkg.Query("data.assurance.rules"))
}
