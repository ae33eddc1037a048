package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/singleflight"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/proxy/evict"
	"github.com/sallyport-dev/sallyport/proxy/fill"
	"github.com/sallyport-dev/sallyport/proxy/lease"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// fetchTimeout bounds fetching one manifest, however slow the upstream is.
const fetchTimeout = 60 * time.Second

// tagsKept bounds the tags whose freshness is remembered; one is about 200 bytes.
const tagsKept = 1 << 16

// referrersKept bounds the lists of referrers whose freshness is remembered; one
// is about 1 KiB, and bounded by upstream.Registry.Referrers.
const referrersKept = 4096

// ErrBlobUnknown is wrapped for a blob that no manifest of the repository
// names. It is not asked upstream.
var ErrBlobUnknown = errors.New("no manifest of the repository names the blob")

// Content is what the upstreams hold, kept in the store: everything of the
// proxy but the front and the gate. It implements inspect.Content, so that the
// gate's inspector reads an image through the same cache that serves it.
//
// It is safe for concurrent use. Errors are of package upstream where an
// upstream failed, wrap ErrBlobUnknown, store.ErrSchema1 or store.ErrInvalid,
// or are faults of the storage.
type Content struct {
	cfg       Config
	upstreams *upstream.List
	store     *store.Store
	evictor   *evict.Evictor
	fills     *fill.Engine
	leases    *lease.Leases // of fills; nil without Redis
	fillDir   string        // removed at the end, when it is ours alone
	tags      *lru.Cache[string, tagged]
	catalog   atomic.Pointer[cataloged]
	proofs    *lru.Cache[string, time.Time] // when a client's credential last proved access to a repository
	absent    *lru.Cache[string, absence]
	referrers *lru.Cache[string, referred]
	searched  *lru.Cache[string, digest.Digest] // by repository: of manifests whose children are all here
	metrics   *contentMetrics

	fetching singleflight.Group
	ctx      context.Context // of what is fetched for several requests at once
	cancel   context.CancelFunc
	mu       sync.Mutex
	closed   bool
	writing  map[string]chan struct{} // what is written behind answers; closed when it is
	wg       sync.WaitGroup
}

var _ inspect.Content = (*Content)(nil)

// NewContent opens the store on driver and prepares the upstreams, none of
// which need be up.
func NewContent(cfg Config, driver storagedriver.StorageDriver) (*Content, error) {
	cfg = cfg.withDefaults()
	upstreams, err := upstream.NewList(cfg.Upstreams, cfg.Default, cfg.Names)
	if err != nil {
		return nil, err
	}
	if cfg.Accounts != nil && cfg.takesCredentials() {
		return nil, errors.New("clients cannot show credentials of the gate's and of an upstream's at once: use accounts, or upstreams that take clients' credentials")
	}
	m := newContentMetrics(cfg.Metrics)
	upstreams.Observe(func(registry string, k upstream.Kind) {
		m.upstreamErrors.WithLabelValues(registry, k.String()).Inc()
	})
	upstreams.UseClock(cfg.now)
	if cfg.Metrics != nil {
		if err := cfg.Metrics.Register(newUpstreamStates(upstreams.States)); err != nil {
			return nil, fmt.Errorf("registering metrics of upstreams: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Content{cfg: cfg, upstreams: upstreams, metrics: m, ctx: ctx, cancel: cancel, writing: map[string]chan struct{}{}}
	var claims fill.Claims
	if cfg.Redis != nil {
		c.leases = lease.New(cfg.Redis, "sallyport:fill:", cfg.claimTTL)
		claims = fillClaims{c.leases}
	}
	if c.store, err = store.New(ctx, driver, cfg.Logger); err == nil {
		c.evictor, err = evict.New(evict.Config{
			Store: c.store, Objects: objects.New(driver), Redis: cfg.Redis, Size: cfg.CacheSize, Keep: cfg.CacheKeep,
			Log: cfg.Logger, Metrics: cfg.Metrics, Now: cfg.now, Settle: c.allWritten,
		})
	}
	if err == nil {
		c.tags, err = lru.New[string, tagged](tagsKept)
	}
	if err == nil {
		c.proofs, err = lru.New[string, time.Time](viewsKept)
	}
	if err == nil {
		c.absent, err = lru.New[string, absence](viewsKept)
	}
	if err == nil {
		c.referrers, err = lru.New[string, referred](referrersKept)
	}
	if err == nil {
		c.searched, err = lru.New[string, digest.Digest](searchedKept)
	}
	if err == nil {
		// Only what is filled where the store lies can be renamed into it.
		dir, room := c.store.FillDir(), c.evictor.MakeRoom
		if dir == "" {
			room = nil
			dir = cfg.FillDir
		}
		if dir == "" {
			// One folder for all processes of this user: what a killed one
			// left is found by the next.
			dir = filepath.Join(os.TempDir(), "sallyport-fill-"+strconv.Itoa(os.Geteuid()))
			c.fillDir = dir
		}
		c.fills, err = fill.New(fill.Config{
			Dir: dir, Limit: cfg.Fills, Log: cfg.Logger, Done: m.filled, Claims: claims, Wait: cfg.ClaimWait, Room: room,
		})
	}
	if err != nil {
		cancel()
		if c.store != nil {
			err = errors.Join(err, c.store.Close())
		}
		return nil, err
	}
	c.wg.Go(func() { c.store.Run(ctx) })
	c.wg.Go(func() { c.evictor.Run(ctx) })
	return c, nil
}

// Close ends the fetches under way and waits for them.
func (c *Content) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), behindClose)
	c.allWritten(ctx)
	cancel()
	c.cancel()
	c.fills.Close()
	c.wg.Wait()
	c.upstreams.Close()
	if c.leases != nil {
		c.leases.Wait()
	}
	if c.fillDir != "" {
		// Fails, as it should, while another process uses it.
		_ = os.Remove(c.fillDir)
	}
	return c.store.Close()
}

// Cache is what steers what is kept.
func (c *Content) Cache() *evict.Evictor { return c.evictor }

// IsUpstream tells whether a normalised registry host is on the closed list:
// the argument of image.Reference.Behind.
func (c *Content) IsUpstream(registry string) bool { return c.upstreams.Has(registry) }

// Manifest implements inspect.Content: by digest from the store, else from
// upstream; by tag as fresh as Config.TagFreshness says.
func (c *Content) Manifest(ctx context.Context, ref image.Reference) (inspect.Manifest, error) {
	m, err := c.manifest(ctx, ref)
	if err != nil {
		return inspect.Manifest{}, err
	}
	return inspect.Manifest{MediaType: m.MediaType, Digest: m.Digest, Raw: m.Raw}, nil
}

func (c *Content) manifest(ctx context.Context, ref image.Reference) (store.Manifest, error) {
	v, err := c.view(ctx, ref)
	if err != nil {
		return store.Manifest{}, err
	}
	if ref.Digest == "" {
		d, err := c.resolve(ctx, v, ref)
		if err != nil {
			return store.Manifest{}, err
		}
		ref.Digest = d
	}
	which := ref.Digest.String()
	repo := c.store.Repository(ref.Name())
	m, err := repo.Manifest(ctx, ref.Digest)
	if errors.Is(err, store.ErrNotFound) && c.written(ctx, ref.Name()+"@"+which) {
		m, err = repo.Manifest(ctx, ref.Digest)
	}
	if err == nil {
		err = v.prove(ctx, which, func(ctx context.Context) error {
			_, err := v.reg.Find(ctx, ref.Repository, which)
			return err
		})
		return m, err
	}
	if errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrSchema1) || ctx.Err() != nil {
		return m, err
	}
	c.faulty(ctx, "reading a manifest", err)
	if err := v.lacks(which); err != nil {
		return store.Manifest{}, err
	}
	return once(ctx, c, "manifest "+v.client+" "+ref.Name()+"@"+which, func(ctx context.Context) (store.Manifest, error) {
		m, err := c.fetch(ctx, v, ref, which)
		return m, v.told(which, err)
	})
}

// fetch gets a manifest by tag or digest from upstream and has it stored.
func (c *Content) fetch(ctx context.Context, v view, ref image.Reference, which string) (store.Manifest, error) {
	got, err := v.reg.Manifest(ctx, ref.Repository, which)
	if err != nil {
		return store.Manifest{}, err
	}
	v.proved()
	m, err := store.Parse(got.ContentType, got.Digest, got.Raw)
	if err != nil {
		return store.Manifest{}, fmt.Errorf("%s: %w", ref, err)
	}
	c.keepManifest(ctx, ref, m)
	return m, nil
}

// faulty notes a fault of the storage, without which pulls go on: what cannot
// be read there is asked upstream, what cannot be stored is not kept.
func (c *Content) faulty(ctx context.Context, doing string, err error) {
	if err == nil || errors.Is(err, store.ErrNotFound) || ctx.Err() != nil {
		return
	}
	c.metrics.storageErrors.Inc()
	c.cfg.Logger.Error("the storage fails; the pull goes on without it", "doing", doing, "error", err)
}

// Blob implements inspect.Content. The blob must be named by a manifest of
// ref's repository that was fetched before, else the error wraps
// ErrBlobUnknown.
func (c *Content) Blob(ctx context.Context, ref image.Reference, d digest.Digest) (io.ReadCloser, error) {
	named, err := c.naming(ctx, ref, d)
	if err != nil {
		return nil, err
	}
	size := named[0].Size
	for _, n := range named {
		if n.Manifest == ref.Digest {
			size = n.Size
		}
	}
	r, _, err := c.open(ctx, ref, store.Descriptor{Digest: d, Size: size})
	return r, err
}

// Referrers implements inspect.Content: what upstream lists, none where it
// keeps no such list.
func (c *Content) Referrers(ctx context.Context, ref image.Reference) ([]inspect.Referrer, error) {
	got, err := c.referrersOf(ctx, ref)
	all := make([]inspect.Referrer, len(got.list))
	for i, r := range got.list {
		all[i] = inspect.Referrer{MediaType: r.MediaType, Digest: r.Digest, ArtifactType: r.ArtifactType}
	}
	return all, err
}

// naming returns the manifests of ref's repository that name the blob, at
// least one, else ErrBlobUnknown.
func (c *Content) naming(ctx context.Context, ref image.Reference, d digest.Digest) ([]store.Named, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %q is no digest: %v", ErrBlobUnknown, d, err)
	}
	v, err := c.view(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := v.prove(ctx, d.String(), func(ctx context.Context) error { return v.reg.HasBlob(ctx, ref.Repository, d) }); err != nil {
		return nil, err
	}
	repo := c.store.Repository(ref.Name())
	named, err := repo.Naming(ctx, d)
	if err == nil && len(named) == 0 {
		if err = c.fetchChildren(ctx, ref, v); err == nil {
			named, err = repo.Naming(ctx, d)
		}
	}
	if err == nil && len(named) == 0 && c.cfg.Shared {
		if err = c.namedElsewhere(ctx, ref, v, d); err == nil {
			named, err = repo.Naming(ctx, d)
		}
	}
	if err == nil && len(named) == 0 {
		err = fmt.Errorf("%w: %s, %s", ErrBlobUnknown, ref.Name(), d)
	}
	return named, err
}

// once runs work for all callers that ask with the same key at the same time.
// It goes on when they leave, and ends when the content is closed.
func once[T any](ctx context.Context, c *Content, key string, work func(context.Context) (T, error)) (T, error) {
	var none T
	ch := c.fetching.DoChan(key, func() (any, error) {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return none, fill.ErrClosed
		}
		c.wg.Add(1)
		c.mu.Unlock()
		defer c.wg.Done()
		ctx, cancel := context.WithTimeout(upstream.Carry(c.ctx, ctx), fetchTimeout)
		defer cancel()
		return work(ctx)
	})
	select {
	case res := <-ch:
		if res.Err != nil {
			return none, res.Err
		}
		return res.Val.(T), nil
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
