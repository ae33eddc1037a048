package evict

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/proxy/store"
)

// plan is what the store holds and what keeps what, while it is decided what
// goes.
type plan struct {
	store.Survey
	names   []names // of Manifests, by index
	broken  []bool  // links without a manifest
	roots   []root  // the images, least recently used first
	keepers map[int]int
	at      map[held]int // index in Manifests
	pinned  map[int]bool // manifests, with all that they name
	gone    map[int]bool

	blobs  map[digest.Digest]int  // how many manifests name it, or are it
	layers map[heldLayer]int      // the same within one repository
	freed  map[digest.Digest]bool // that nobody names any more
	bytes  int64                  // of freed
	unlink map[heldLayer]bool
}

type heldLayer struct {
	repository string
	digest     digest.Digest
}

// names are what a manifest names; a fact of its digest.
type names struct {
	mediaType string
	children  []digest.Digest
	blobs     []digest.Digest // each once
}

// root is a manifest that no other one of its repository names.
type root struct {
	manifest int
	members  []int // itself and its children that are held
	used     time.Time
}

// look is read for people, who expect to see what they just pulled.
func (e *Evictor) look(ctx context.Context) (*plan, error) {
	e.settle(ctx)
	return e.read(ctx)
}

// settle must not be called by who holds what others wait for to store something.
func (e *Evictor) settle(ctx context.Context) {
	if e.cfg.Settle != nil {
		e.cfg.Settle(ctx)
	}
}

// read surveys the store. What manifests name is remembered from the last time.
func (e *Evictor) read(ctx context.Context) (*plan, error) {
	survey, err := e.cfg.Store.Survey(ctx)
	if err != nil {
		return nil, err
	}
	p := &plan{
		Survey: survey, names: make([]names, len(survey.Manifests)), broken: make([]bool, len(survey.Manifests)),
		keepers: map[int]int{}, pinned: map[int]bool{}, gone: map[int]bool{},
		blobs: map[digest.Digest]int{}, layers: map[heldLayer]int{}, freed: map[digest.Digest]bool{},
		at: map[held]int{}, unlink: map[heldLayer]bool{},
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, m := range survey.Manifests {
		if n, ok := e.names.Get(m.Digest); ok {
			_, there := survey.Blobs[m.Digest]
			p.names[i], p.broken[i] = n, !there
			continue
		}
		g.Go(func() error {
			parsed, err := e.cfg.Store.ReadManifest(gctx, m.Digest)
			if errors.Is(err, store.ErrNotFound) {
				p.broken[i] = true
				return nil
			}
			if err != nil {
				// What cannot be read may name anything: nothing can be deleted.
				return err
			}
			p.names[i] = namesOf(parsed)
			e.names.Add(m.Digest, p.names[i])
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("reading what is cached: %w", err)
	}
	p.build(e.cfg.Now())
	return p, nil
}

func namesOf(m store.Manifest) names {
	n := names{mediaType: m.MediaType}
	for _, c := range m.Children {
		n.children = append(n.children, c.Digest)
	}
	for _, b := range m.Blobs {
		if !slices.Contains(n.blobs, b.Digest) {
			n.blobs = append(n.blobs, b.Digest)
		}
	}
	return n
}

func (p *plan) build(now time.Time) {
	for i, m := range p.Manifests {
		p.at[held{m.Repository, m.Digest}] = i
		p.blobs[m.Digest]++
		for _, b := range p.names[i].blobs {
			p.blobs[b]++
			p.layers[heldLayer{m.Repository, b}]++
		}
	}
	child := map[int]bool{}
	for i := range p.Manifests {
		for _, j := range p.children(i) {
			child[j] = true
		}
	}
	for i := range p.Manifests {
		if child[i] {
			continue
		}
		r := root{manifest: i}
		seen := map[int]bool{}
		var visit func(int)
		visit = func(j int) {
			if seen[j] {
				return
			}
			seen[j] = true
			r.members = append(r.members, j)
			p.keepers[j]++
			used := p.Manifests[j].Used
			if used.After(now.Add(grace)) {
				// Stored under a clock that was ahead: as good as used just
				// before what must not be touched.
				used = now.Add(-grace)
			}
			if used.After(r.used) {
				r.used = used
			}
			for _, c := range p.children(j) {
				visit(c)
			}
		}
		visit(i)
		p.roots = append(p.roots, r)
	}
	slices.SortStableFunc(p.roots, func(a, b root) int {
		return cmp.Or(a.used.Compare(b.used), cmp.Compare(p.Manifests[a.manifest].Digest, p.Manifests[b.manifest].Digest))
	})
}

// children are the manifests that one names and its repository holds.
func (p *plan) children(i int) (list []int) {
	for _, c := range p.names[i].children {
		if j, ok := p.at[held{p.Manifests[i].Repository, c}]; ok && j != i {
			list = append(list, j)
		}
	}
	return list
}

// pin keeps a manifest with all that it names.
func (p *plan) pin(i int) {
	if p.pinned[i] {
		return
	}
	p.pinned[i] = true
	for _, j := range p.children(i) {
		p.pin(j)
	}
}

// drop takes an image away: those of its manifests that no other image keeps.
func (p *plan) drop(r root) {
	for _, i := range r.members {
		if p.keepers[i]--; p.keepers[i] > 0 || p.pinned[i] || p.gone[i] {
			continue
		}
		p.gone[i] = true
		m := p.Manifests[i]
		p.release(m.Digest)
		for _, b := range p.names[i].blobs {
			p.release(b)
			l := heldLayer{m.Repository, b}
			if p.layers[l]--; p.layers[l] == 0 {
				p.unlink[l] = true
			}
		}
	}
}

// restore takes back that an image was dropped. What it shares with others that
// were dropped stays too.
func (p *plan) restore(r root) {
	for _, i := range r.members {
		p.keepers[i]++
		if !p.gone[i] {
			continue
		}
		delete(p.gone, i)
		m := p.Manifests[i]
		p.regain(m.Digest)
		for _, b := range p.names[i].blobs {
			p.regain(b)
			l := heldLayer{m.Repository, b}
			p.layers[l]++
			delete(p.unlink, l)
		}
	}
}

func (p *plan) regain(d digest.Digest) {
	p.blobs[d]++
	if p.freed[d] {
		delete(p.freed, d)
		p.bytes -= p.Blobs[d].Size
	}
}

func (p *plan) release(d digest.Digest) {
	if p.blobs[d]--; p.blobs[d] > 0 {
		return
	}
	p.free(d)
}

func (p *plan) free(d digest.Digest) {
	if b, ok := p.Blobs[d]; ok && !p.freed[d] {
		p.freed[d] = true
		p.bytes += b.Size
	}
}

// total is the size of all blobs.
func (p *plan) total() (bytes int64) {
	for _, b := range p.Blobs {
		bytes += b.Size
	}
	return bytes
}

// strays frees what a stopped pass or a broken pull left: blobs and layer links
// that nobody names, links without a manifest.
func (p *plan) strays(before time.Time) {
	for d, b := range p.Blobs {
		if p.blobs[d] == 0 && b.Changed.Before(before) {
			p.free(d)
		}
	}
	for repository, layers := range p.Layers {
		for _, d := range layers {
			if l := (heldLayer{repository, d}); p.layers[l] == 0 {
				p.unlink[l] = true
			}
		}
	}
	for i, m := range p.Manifests {
		if p.broken[i] && !p.gone[i] && m.Used.Before(before) {
			p.gone[i] = true
			p.release(m.Digest)
		}
	}
}
