package policies

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/engine"
	"github.com/sallyport-dev/sallyport/policies/scope"
	"github.com/sallyport-dev/sallyport/policies/translate"
)

// Document is an assurance policy as its users write it.
type Document = document.Document

// Translate writes a document as the Rego package that decides for it.
func Translate(d Document) (string, error) {
	p, err := translate.Document(d)
	return p.Rego, err
}

// Set is one immutable generation of policies, ready to judge. It is safe for
// concurrent use.
type Set struct {
	generation string
	policies   []*policy     // sorted by name
	active     []*policy     // those that judge images
	index      *scope.Index  // of the scopes of active
	context    []string      // attributes of the context that some scope of active reads, sorted
	allContext bool          // a custom check reads the context, by whatever attribute
	bounds     engine.Bounds // of custom checks
	now        func() time.Time
}

// Options are the settings of Compile. The zero value is usable.
type Options struct {
	// Previous is a Set whose unchanged policies are taken over instead of
	// being compiled again.
	Previous *Set
	// CheckTime and CheckMemory bound each custom check; zero means
	// engine.DefaultTime and engine.DefaultMemory.
	CheckTime   time.Duration
	CheckMemory uint64
	// Now is the clock for inputs that say no time; default time.Now.
	Now func() time.Time
}

// Compile makes a Set of documents. Disabled documents, and those about other
// things than images, are checked and kept but judge nothing. All faulty
// documents are named in the error, not only the first.
func Compile(ctx context.Context, docs []Document, opts Options) (*Set, error) {
	s := &Set{now: opts.Now, bounds: boundsOf(opts)}
	if s.now == nil {
		s.now = time.Now
	}
	compiled, err := compileAll(ctx, docs, opts.Previous)
	if err != nil {
		return nil, err
	}
	return s.assemble(compiled)
}

// With is the generation after s in which the documents changed stand beside
// or in the place of those of the same name, and removed are gone. It costs
// what the changed documents cost to compile.
func (s *Set) With(ctx context.Context, changed []Document, removed []string) (*Set, error) {
	compiled, err := compileAll(ctx, changed, s)
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	for _, name := range removed {
		gone[name] = true
	}
	for _, p := range compiled {
		gone[p.doc.Name] = true
	}
	for _, p := range s.policies {
		if !gone[p.doc.Name] {
			compiled = append(compiled, p)
		}
	}
	return (&Set{now: s.now, bounds: s.bounds}).assemble(compiled)
}

// assemble fills s with policies.
func (s *Set) assemble(all []*policy) (*Set, error) {
	s.policies = all
	slices.SortStableFunc(s.policies, func(a, b *policy) int { return strings.Compare(a.doc.Name, b.doc.Name) })
	for i, p := range s.policies {
		if i > 0 && p.doc.Name == s.policies[i-1].doc.Name {
			return nil, fmt.Errorf("two policies are named %q: rename or delete one", p.doc.Name)
		}
		if p.active() {
			s.active = append(s.active, p)
		}
	}
	matchers := make([]*scope.Matcher, len(s.active))
	for i, p := range s.active {
		matchers[i] = p.matcher
		s.context = append(s.context, p.context...)
		s.allContext = s.allContext || p.readsContext()
	}
	slices.Sort(s.context)
	s.context = slices.Compact(s.context)
	s.index = scope.NewIndex(matchers)
	s.generation = generationOf(s.policies)
	return s, nil
}

// Generation identifies the policies: equal for equal documents under the same
// version of this program, on every replica.
func (s *Set) Generation() string { return s.generation }

// Policy is one policy of a Set, for those who show it.
type Policy struct {
	Document Document
	Scope    string   // in textual form; empty: every image
	Rego     string   // the generated package
	Controls []string // that are enabled, in the order of evaluation
	Warnings []string // what the author should know: unknown fields, unread settings
}

// Policies lists all policies, sorted by name.
func (s *Set) Policies() []Policy {
	all := make([]Policy, len(s.policies))
	for i, p := range s.policies {
		all[i] = p.describe()
	}
	return all
}

// Policy returns the policy called name.
func (s *Set) Policy(name string) (Policy, bool) {
	i, ok := slices.BinarySearchFunc(s.policies, name, func(p *policy, n string) int { return strings.Compare(p.doc.Name, n) })
	if !ok {
		return Policy{}, false
	}
	return s.policies[i].describe(), true
}

// FaultsOpen tells whether an image that cannot be judged at all may pass: some
// policy says that faults open, and no policy that blocks says otherwise.
func (s *Set) FaultsOpen() bool {
	open := false
	for _, p := range s.active {
		if p.doc.FaultMode() == document.FaultOpen {
			open = true
		} else if p.doc.BlockFailed {
			return false
		}
	}
	return open
}

// ContextKey is the part of c that decisions of this Set can depend on: equal
// keys give equal results for the same image, facts and verdict.
func (s *Set) ContextKey(c Context) string {
	if s.allContext {
		return fmt.Sprintf("kind=%q;cluster=%q;namespace=%q;labels=%q", c.Kind, c.Cluster, c.Namespace, sortedPairs(c.Labels))
	}
	var b strings.Builder
	for _, a := range s.context {
		switch a {
		case "kubernetes.cluster":
			fmt.Fprintf(&b, "cluster=%q;", c.Cluster)
		case "kubernetes.namespace":
			fmt.Fprintf(&b, "namespace=%q;", c.Namespace)
		case "kubernetes.label":
			fmt.Fprintf(&b, "labels=%q;", sortedPairs(c.Labels))
		}
	}
	return b.String()
}

func sortedPairs(m map[string]string) []string {
	pairs := make([]string, 0, len(m))
	for k, v := range m {
		pairs = append(pairs, k+"="+v)
	}
	slices.Sort(pairs)
	return pairs
}
