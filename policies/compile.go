package policies

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

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
	rules    *ruleset       // that the controls were translated to; nil when they say nothing, and unless the policy is active
	checks   []*customCheck // of the control custom_checks
	needs    []Part         // parts of the facts that its controls and checks read
	config   bool           // its controls or checks read the image's configuration
	labelled bool           // its scope reads labels of the image's configuration
	context  []string       // attributes of the context that its scope reads
	enforced time.Time      // until then failures do not block
}

// active tells whether the policy judges images.
func (p *policy) active() bool { return p.doc.Enabled && p.doc.AssuranceType == "image" }

func (p *policy) describe() Policy {
	text := p.pkg.Rego
	if text == "" {
		text, _ = Translate(p.doc) // it did when p was compiled
	}
	return Policy{
		Document: p.doc,
		Scope:    p.doc.Scope.String(),
		Rego:     text,
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
	rules := newRulesets(previous)
	compiled := make([]*policy, len(docs))
	faults := make([]error, len(docs))
	hashes := make([][sha256.Size]byte, len(docs))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, d := range docs {
		files, err := filesOf(d)
		if err == nil {
			hashes[i], err = hashOf(d, files)
		}
		if err != nil {
			faults[i] = fmt.Errorf("policy %q: %w", d.Name, err)
			continue
		}
		if p, ok := known[hashes[i]]; ok {
			compiled[i] = p
			continue
		}
		group.Go(func() error {
			p, err := compile(ctx, d, files, rules)
			if err != nil {
				faults[i] = fmt.Errorf("policy %q: %w", d.Name, err)
				return nil
			}
			p.identify(hashes[i], p.pkg.Rego)
			p.pkg.Rego, p.pkg.Controlling = "", "" // written anew for those who ask
			compiled[i] = p
			return nil
		})
	}
	_ = group.Wait() // faults are collected, so that all are named
	return compiled, errors.Join(faults...)
}

// identify makes the hashes of p, whose package is text.
func (p *policy) identify(hash [sha256.Size]byte, text string) {
	p.hash = hash
	p.identity = sha256.Sum256(append(hash[:], text...))
}

func compile(ctx context.Context, d Document, files checkFiles, rules *rulesets) (*policy, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := document.CheckName(d.Name); err != nil {
		return nil, err
	}
	m, err := scope.Compile(d.Scope)
	if err != nil {
		return nil, fmt.Errorf("scope: %w", err)
	}
	pkg, err := translate.Document(d)
	if err != nil {
		return nil, err
	}
	p := &policy{doc: d, matcher: m, pkg: pkg, context: m.Context(), enforced: enforcedFrom(d)}
	if !p.active() {
		return p, nil
	}
	if p.rules, err = rules.of(pkg); err != nil {
		return nil, fmt.Errorf("the generated package does not compile: %w", err)
	}
	if p.checks, err = compileChecks(d, files); err != nil {
		return nil, err
	}
	p.needs, p.config, p.labelled = p.needsOf(), p.readsConfig(), m.ReadsImageLabels()
	return p, nil
}

// hashOf is over the document and the files that its custom checks come from.
func hashOf(d Document, files checkFiles) ([sha256.Size]byte, error) {
	b, err := d.MarshalJSON()
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	h := sha256.New()
	h.Write(b)
	for _, f := range files {
		for _, name := range slices.Sorted(maps.Keys(f)) {
			fmt.Fprintf(h, "\x00%d %s %d\n%s", len(name), name, len(f[name]), f[name])
		}
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
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
