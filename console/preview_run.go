package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
)

const (
	previewParallel = 4 // images at a time: most of the time is storage's
	progressEach    = 100
	// maxFaults is how often a given policy may fail to be evaluated before the
	// preview breaks off: rules without end would take their time for every image.
	maxFaults = 5
)

// preview is one comparison on its way.
type preview struct {
	console       *Console
	before, after *policies.Set
	all           bool
	out           *lines

	mu      sync.Mutex
	summary PreviewSummary
	done    int
	faults  map[string]int // by policy
}

// digests keeps one name for each digest of a repository: it is judged under
// all of its tags at once.
func digests(known []gate.Name, part string) []image.Reference {
	var refs []image.Reference
	seen := map[string]bool{}
	for _, n := range known {
		key := n.Reference.Name() + "@" + n.Reference.Digest.String()
		if !seen[key] && strings.Contains(n.Reference.String(), part) {
			seen[key] = true
			refs = append(refs, n.Reference)
		}
	}
	return refs
}

// run judges refs and writes the stream.
func (p *preview) run(ctx context.Context, refs []image.Reference) error {
	p.faults = map[string]int{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(previewParallel)
	for _, ref := range refs {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := p.judge(ctx, ref); err != nil {
				return err
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.done++; p.done%progressEach == 0 {
				return p.out.write(PreviewLine{Progress: &PreviewProgress{p.done, len(refs)}})
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return p.out.write(PreviewLine{Error: fmt.Sprintf("after %d of %d images: %v", p.done, len(refs), err)})
	}
	return p.out.write(PreviewLine{Done: &p.summary})
}

// judge compares all platforms' images of ref.
func (p *preview) judge(ctx context.Context, ref image.Reference) error {
	images, err := p.console.parts.Gate.Facts(ctx, ref, policies.Context{Kind: "pull"}, false)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.summary.Unjudged++
		return p.out.write(PreviewLine{Unjudged: &Unjudged{ref.String(), err.Error()}})
	}
	for _, f := range images {
		change, faults, err := author.Compare(ctx, p.before, p.after, f.Facts)
		if err != nil {
			return err
		}
		change.Image, change.Digest, change.Platform = ref.String(), f.Reference.Digest.String(), f.Platform.String()
		if f.Permission != nil {
			word := author.Outcome{Action: author.Action(f.Permission.Action), Permission: f.Permission.String(), Applicable: []string{}}
			change.Before, change.After = word, word
		}
		unread := f.Permission == nil && len(p.after.Missing(f.Facts)) > 0
		if err := p.add(change, faults, unread); err != nil {
			return err
		}
	}
	return nil
}

func (p *preview) add(c author.Change, faults []string, unread bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if unread {
		p.summary.Unread++
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(faults))) {
		if p.faults[name]++; p.faults[name] >= maxFaults {
			return fmt.Errorf("policy %q could not be evaluated for %d images, last for %s: %s", name, maxFaults, c.Image, c.After.Message)
		}
	}
	p.summary.Images++
	if c.Flips() {
		p.summary.Flips++
	}
	if c.ToDenied() {
		p.summary.ToDenied++
	}
	if !p.all && !c.Flips() {
		return nil
	}
	return p.out.write(PreviewLine{Change: &c})
}

// lines writes JSON documents, one a line, each sent at once. It is for one
// writer at a time.
type lines struct {
	w       http.ResponseWriter
	encoder *json.Encoder
	begun   bool // something was written
}

func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", "application/x-ndjson")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &lines{w: w, encoder: e}
}

func (l *lines) write(line any) error {
	l.begun = true
	if err := l.encoder.Encode(line); err != nil {
		return err
	}
	return http.NewResponseController(l.w).Flush()
}
