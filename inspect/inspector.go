package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/singleflight"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
)

const (
	// remembered is how many digests' facts are kept in memory. Decisions are
	// remembered apart: facts are asked for when one is made anew.
	remembered = 1024
	// rememberedNames is how many images are known to be entered.
	rememberedNames = 4096
	// rememberedFindings is the same of findings, which may be some 100 KB each.
	rememberedFindings = 512
	// patience bounds one inspection, which goes on when who asked first leaves.
	patience = 2 * time.Minute
)

// Inspector gives facts. It is safe for concurrent use; of many who ask about
// one digest at once, one reads it.
type Inspector struct {
	content Content
	objects *objects.Store
	log     *slog.Logger
	memory  *lru.Cache[digest.Digest, Facts]
	flights singleflight.Group

	chains   *Chains
	sources  []Source
	findings *lru.Cache[string, *Finding]
	slots    map[string]chan struct{} // of looks, by source

	ctx     context.Context // of looks, which go on when who asked first leaves
	cancel  context.CancelFunc
	wait    sync.WaitGroup
	mu      sync.Mutex
	looking map[string]chan struct{} // looks under way
}

// Option changes an Inspector.
type Option func(*Inspector)

// Log has the Inspector write to log what it could not keep.
func Log(log *slog.Logger) Option { return func(i *Inspector) { i.log = log } }

// With adds sources to those that look into images: Bytes, Chains and
// Attached, which come first.
func With(sources ...Source) Option {
	return func(i *Inspector) { i.sources = append(i.sources, sources...) }
}

// New returns an Inspector that reads content, and keeps in store what it found.
// Close ends it.
func New(content Content, store *objects.Store, options ...Option) (*Inspector, error) {
	if content == nil || store == nil {
		return nil, errors.New("an inspector needs content and objects")
	}
	memory, err := lru.New[digest.Digest, Facts](remembered)
	if err != nil {
		return nil, err
	}
	i := &Inspector{
		content: content, objects: store, log: slog.Default(), memory: memory,
		slots: map[string]chan struct{}{}, looking: map[string]chan struct{}{},
	}
	i.ctx, i.cancel = context.WithCancel(context.Background())
	if i.findings, err = lru.New[string, *Finding](rememberedFindings); err != nil {
		return nil, err
	}
	entered, err := lru.New[string, struct{}](rememberedNames)
	if err != nil {
		return nil, err
	}
	i.chains = &Chains{objects: store, entered: entered, known: i.Facts}
	i.sources = []Source{Bytes{}, i.chains, Attached{}}
	for _, o := range options {
		o(i)
	}
	for _, source := range i.sources {
		i.slots[source.Name()] = make(chan struct{}, gatherAtOnce)
	}
	return i, nil
}

// Facts says what is true of ref, whose Digest is set. Errors wrap one of this
// package's, or Content's.
func (i *Inspector) Facts(ctx context.Context, ref image.Reference) (Facts, error) {
	if err := ref.Digest.Validate(); err != nil {
		return Facts{}, fmt.Errorf("%w: %s has no digest to inspect: %v", ErrInvalid, ref, err)
	}
	if f, ok := i.memory.Get(ref.Digest); ok {
		i.enter(ctx, ref, f)
		return f, nil
	}
	select {
	case <-ctx.Done():
		return Facts{}, fmt.Errorf("inspecting %s: %w", ref, context.Cause(ctx))
	case r := <-i.flight(ctx, ref):
		if r.Err != nil {
			return Facts{}, r.Err
		}
		return r.Val.(Facts), nil
	}
}

// flight is the one look at ref that is under way, or begins.
func (i *Inspector) flight(ctx context.Context, ref image.Reference) <-chan singleflight.Result {
	// Registry and repository are part of the key: who may not read one
	// repository must not fail those who may read another.
	return i.flights.DoChan(ref.Name()+"@"+ref.Digest.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		f, err := i.look(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("inspecting %s: %w", ref, err)
		}
		i.memory.Add(ref.Digest, f)
		i.enter(ctx, ref, f)
		return f, nil
	})
}

// enter remembers the image as one that others may be built upon.
func (i *Inspector) enter(ctx context.Context, ref image.Reference, f Facts) {
	if err := i.chains.enter(ctx, ref, f); err != nil {
		i.log.WarnContext(ctx, "an image is not remembered as a base of others", "image", ref.String(), "error", err)
	}
}

// look finds the facts among objects, or makes them.
func (i *Inspector) look(ctx context.Context, ref image.Reference) (Facts, error) {
	if f, ok := i.kept(ctx, ref); ok {
		return f, nil
	}
	f, err := i.read(ctx, ref)
	if err != nil {
		return Facts{}, err
	}
	if err := i.objects.PutJSON(ctx, factsKey(ref), f); err != nil {
		i.log.WarnContext(ctx, "storing facts", "key", factsKey(ref), "error", err)
	}
	return f, nil
}

func factsKey(ref image.Reference) string {
	return objects.Key("facts", fmt.Sprintf("v%d", Version), ref.Digest.Algorithm().String(), ref.Digest.Encoded())
}

// kept finds the facts among objects.
func (i *Inspector) kept(ctx context.Context, ref image.Reference) (f Facts, ok bool) {
	err := i.objects.GetJSON(ctx, factsKey(ref), &f)
	if err != nil && !errors.Is(err, objects.ErrNotFound) {
		// Facts can be made again; nothing else depends on the stored ones.
		i.log.WarnContext(ctx, "reading stored facts", "key", factsKey(ref), "error", err)
	}
	return f, err == nil && f.Version == Version && f.Digest == ref.Digest
}

// manifest reads the manifest, and what it alone tells.
func (i *Inspector) manifest(ctx context.Context, ref image.Reference) (document, Facts, error) {
	m, err := i.content.Manifest(ctx, image.Reference{Registry: ref.Registry, Repository: ref.Repository, Digest: ref.Digest})
	if err != nil {
		return document{}, Facts{}, err
	}
	if ref.Digest.Algorithm().FromBytes(m.Raw) != ref.Digest {
		return document{}, Facts{}, fmt.Errorf("%w: the manifest has another digest", ErrMismatch)
	}
	doc, err := parseManifest(m.MediaType, m.Raw)
	f := Facts{Version: Version, Digest: ref.Digest, MediaType: doc.MediaType, Size: int64(len(m.Raw))}
	if doc.Subject != nil {
		f.Subject = doc.Subject.Digest
	}
	return doc, f, err
}

// read makes the facts from the bytes.
func (i *Inspector) read(ctx context.Context, ref image.Reference) (Facts, error) {
	doc, f, err := i.manifest(ctx, ref)
	if err != nil {
		return Facts{}, err
	}
	switch {
	case doc.isIndex():
		f.Kind, f.Children = Index, doc.children()
		return f, nil
	case doc.MediaType == artifactRetired:
		return f.artifact(doc), nil
	}
	config, runnable, err := i.config(ctx, ref, doc)
	if err != nil {
		return Facts{}, err
	}
	if runnable && doc.documentsOnly() {
		if runnable, err = i.archives(ctx, ref, doc); err != nil {
			return Facts{}, err
		}
	}
	if !runnable {
		return f.artifact(doc), nil
	}
	f.Kind = Image
	f.Config, err = config.facts(doc)
	return f, err
}

// config reads the configuration, and tells whether an engine would take it for one of an image.
func (i *Inspector) config(ctx context.Context, ref image.Reference, doc document) (configuration, bool, error) {
	raw, err := i.blob(ctx, ref, *doc.Config, maxConfig)
	if err != nil {
		return configuration{}, false, fmt.Errorf("configuration: %w", err)
	}
	c, err := parseConfig(raw)
	if !imageConfig(doc.Config.MediaType) {
		return c, err == nil && len(c.RootFS.DiffIDs) > 0, nil
	}
	return c, true, err
}

// archives tells whether one of the layers, none of which says so, could be unpacked.
func (i *Inspector) archives(ctx context.Context, ref image.Reference, doc document) (bool, error) {
	for _, l := range doc.Layers {
		b, err := i.blob(ctx, ref, l, maxDocument)
		if err != nil {
			return false, fmt.Errorf("layer: %w", err)
		}
		if !inert(b) {
			return true, nil
		}
	}
	return false, nil
}

func (i *Inspector) blob(ctx context.Context, ref image.Reference, d descriptor, limit int64) ([]byte, error) {
	return readBlob(ctx, i.content, ref, d, limit)
}

func readBlob(ctx context.Context, content Content, ref image.Reference, d descriptor, limit int64) ([]byte, error) {
	if d.Size > limit {
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d are read", ErrTooLarge, d.Digest, d.Size, limit)
	}
	r, err := content.Blob(ctx, ref, d.Digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, d.Size+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.Digest, err)
	}
	if int64(len(b)) != d.Size || d.Digest.Algorithm().FromBytes(b) != d.Digest {
		return nil, fmt.Errorf("%w: %s", ErrMismatch, d.Digest)
	}
	return b, nil
}

func (f Facts) artifact(doc document) Facts {
	f.Kind = Artifact
	f.ArtifactType = doc.artifactType()
	f.Artifact = doc.artifactWord()
	return f
}
