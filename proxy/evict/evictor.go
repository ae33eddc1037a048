package evict

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"

	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/proxy/lease"
	"github.com/sallyport-dev/sallyport/proxy/store"
)

const (
	// grace is how long an image is safe after its last use, whatever the size:
	// longer than the 20 minutes for which the drivers' redirects are valid, and
	// than the 5 between two records of its use.
	grace = 30 * time.Minute
	// strayAfter is how old must be what nobody names.
	strayAfter = time.Hour
	// low is the share of the limit that is left by a pass.
	low = 0.9
	// flushEvery is how often uses and sizes are written down.
	flushEvery = 5 * time.Second
	// surveyEvery is how often the whole cache is counted anew.
	surveyEvery = time.Hour
	// namesKept bounds the manifests whose contents are remembered.
	namesKept = 1 << 17
)

// Config are the settings of an Evictor.
type Config struct {
	Store   *store.Store
	Objects *objects.Store        // where pins are kept
	Redis   redis.UniversalClient // in which replicas share the size and take turns; nil when there is one process only
	Size    int64                 // bytes of blobs above which images are evicted, down to nine tenths; 0 for no limit
	Keep    time.Duration         // images unused for so long are evicted whatever the size; 0 for never

	Log     *slog.Logger
	Metrics prometheus.Registerer // nil to register nothing
	Now     func() time.Time      // nil for time.Now

	Settle func(ctx context.Context) // waits for what this process is about to store; nil where nothing is
}

// Evictor keeps the cache within its bounds. It is safe for concurrent use.
type Evictor struct {
	cfg     Config
	uses    *Uses
	names   *lru.Cache[digest.Digest, names]
	leases  *lease.Leases
	metrics *metrics

	added atomic.Int64 // bytes stored here that are not in the shared size yet
	size  atomic.Int64 // of the cache, as far as known

	passing sync.Mutex // one pass at a time in this process
	room    singleflight.Group
	mu      sync.Mutex
	futile  time.Time // until when no room is looked for
	wall    time.Time // of the last pass, for clocks that jump
	steady  time.Duration
	elapsed func() time.Duration // by a clock that nobody sets
}

// New returns the evictor of a store.
func New(cfg Config) (*Evictor, error) {
	if cfg.Store == nil || cfg.Objects == nil {
		return nil, errors.New("eviction needs a store and objects")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	uses, err := newUses(cfg.Now)
	if err != nil {
		return nil, err
	}
	known, err := lru.New[digest.Digest, names](namesKept)
	if err != nil {
		return nil, err
	}
	e := &Evictor{cfg: cfg, uses: uses, names: known, metrics: newMetrics(cfg.Metrics)}
	start := time.Now()
	e.elapsed = func() time.Duration { return time.Since(start) }
	if cfg.Redis != nil {
		e.leases = lease.New(cfg.Redis, "sallyport:cache:", 30*time.Second)
	}
	return e, nil
}

// Uses is where the proxy says what it serves.
func (e *Evictor) Uses() *Uses { return e.uses }

// Stored says that so many bytes came into the store.
func (e *Evictor) Stored(bytes int64) { e.added.Add(bytes) }

// Run records uses, and evicts when there is a reason, until ctx ends.
func (e *Evictor) Run(ctx context.Context) {
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	survey := time.NewTicker(surveyEvery)
	defer survey.Stop()
	e.pass(ctx)
	for {
		select {
		case <-flush.C:
			if e.flush(ctx) {
				e.pass(ctx)
			}
		case <-survey.C:
			e.pass(ctx)
		case <-ctx.Done():
			// What was used last is not forgotten.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushEvery)
			defer cancel()
			e.flush(ctx)
			if e.leases != nil {
				e.leases.Wait()
			}
			return
		}
	}
}

const sizeKey = "sallyport:cache:size"

// flush writes down uses and bytes, and tells whether the cache has outgrown
// its limit.
func (e *Evictor) flush(ctx context.Context) (over bool) {
	if err := e.uses.record(ctx, e.cfg.Store); err != nil && ctx.Err() == nil {
		e.cfg.Log.Warn("when images were last used is not recorded", "error", err)
	}
	added := e.added.Swap(0)
	size := e.size.Add(added)
	if e.cfg.Redis != nil && added != 0 {
		ask, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		shared, err := e.cfg.Redis.IncrBy(ask, sizeKey, added).Result()
		switch {
		case err != nil:
			// Redis is away: what this process knows has to do.
		case shared == added && size > added:
			return true // the size was lost with Redis: measure
		default:
			size = shared
			e.size.Store(shared)
		}
	}
	return e.cfg.Size > 0 && size > e.cfg.Size
}

// pass surveys the cache and evicts what must go, unless another replica does.
func (e *Evictor) pass(ctx context.Context) {
	if e.leases != nil {
		mine, _, err := e.leases.Take(ctx, "pass", "")
		if err == nil && mine == nil {
			return
		}
		if mine != nil {
			defer mine.Release()
		}
	}
	if err := e.Pass(ctx); err != nil && ctx.Err() == nil {
		e.cfg.Log.Error("the cache could not be kept within its bounds", "error", err)
	}
}

// Pass evicts what must go now: strays, images unused for longer than Keep, and
// while the size is above the limit, those used longest ago.
func (e *Evictor) Pass(ctx context.Context) error {
	e.passing.Lock()
	defer e.passing.Unlock()
	p, err := e.read(ctx)
	if err != nil {
		return err
	}
	if _, err := e.pins(ctx, p); err != nil {
		return err
	}
	now := e.cfg.Now()
	p.strays(now.Add(-strayAfter))
	before := p.total()
	target := before
	if e.cfg.Size > 0 && before-p.bytes > e.cfg.Size {
		target = int64(low * float64(e.cfg.Size))
	}
	trusted := e.clockIsSteady(now)
	chosen := e.choose(p, now, false, func(r root, unused time.Duration) bool {
		old := e.cfg.Keep > 0 && unused > e.cfg.Keep && trusted
		return unused > grace && (old || before-p.bytes > target)
	})
	done, err := e.apply(ctx, p, chosen, false)
	e.measure(ctx, p)
	if err == nil && e.cfg.Size > 0 && before-done.bytes > e.cfg.Size {
		e.cfg.Log.Warn("the cache is larger than proxy.cache.size, but all of it is pinned or was used in the last minutes",
			"bytes", before-done.bytes, "limit", e.cfg.Size)
	}
	return err
}

// choose drops the images that want says, least recently used first, and
// returns them. Pinned ones and those read here stay.
func (e *Evictor) choose(p *plan, now time.Time, urgent bool, want func(r root, unused time.Duration) bool) (chosen []root) {
	for _, r := range p.roots {
		if p.pinned[r.manifest] || p.gone[r.manifest] || e.inUse(p, r, urgent) || !want(r, now.Sub(r.used)) {
			continue
		}
		p.drop(r)
		chosen = append(chosen, r)
	}
	return chosen
}

// inUse tells whether the image is being read here; unless it is urgent, also
// whether it was a moment ago.
func (e *Evictor) inUse(p *plan, r root, urgent bool) bool {
	for _, i := range r.members {
		m := p.Manifests[i]
		now, lately := e.uses.reading(held{m.Repository, m.Digest})
		if now || lately && !urgent {
			return true
		}
	}
	return false
}

// clockIsSteady tells whether the clock was not set since the last pass. Ages
// are not believed in the pass after it was.
func (e *Evictor) clockIsSteady(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	last, lastSteady := e.wall, e.steady
	e.wall, e.steady = now.Round(0), e.elapsed()
	if last.IsZero() {
		return true
	}
	jump := e.wall.Sub(last) - (e.steady - lastSteady)
	if jump.Abs() > time.Minute {
		e.cfg.Log.Warn("the clock was set: no image is evicted for its age this time", "by", jump)
		return false
	}
	return true
}

// done is what was really deleted.
type done struct {
	bytes  int64
	blobs  int
	images int
	inUse  []root // chosen, but used since they were surveyed
}

// apply deletes what p says is gone: links first, then bytes.
func (e *Evictor) apply(ctx context.Context, p *plan, chosen []root, urgent bool) (d done, err error) {
	s := e.cfg.Store
	for _, r := range chosen {
		if e.inUse(p, r, urgent) || e.usedSince(ctx, p, r) {
			p.restore(r)
			d.inUse = append(d.inUse, r)
			continue
		}
		d.images++
	}
	left := map[string][]digest.Digest{}
	for i := range p.gone {
		m := p.Manifests[i]
		left[m.Repository] = append(left[m.Repository], m.Digest)
	}
	if urgent { // else nobody has used them for longer than a pull takes
		e.tell(ctx, left)
	}
	for i := range p.gone {
		m := p.Manifests[i]
		if err := s.Repository(m.Repository).Remove(ctx, m); err != nil {
			return d, err
		}
	}
	for l := range p.unlink {
		if err := s.Repository(l.repository).RemoveLayer(ctx, l.digest); err != nil {
			return d, err
		}
	}
	for b := range p.freed {
		removed, err := s.RemoveBlob(ctx, b, p.Blobs[b])
		if err != nil {
			return d, err
		}
		if removed {
			d.blobs++
			d.bytes += p.Blobs[b].Size
			delete(p.Blobs, b)
		}
	}
	if d.images > 0 || d.blobs > 0 {
		e.metrics.images.Add(float64(d.images))
		e.metrics.evicted.Add(float64(d.bytes))
		e.cfg.Log.Info("evicted from the cache", "images", d.images, "blobs", d.blobs, "bytes", d.bytes)
	}
	return d, nil
}

// usedSince tells whether any replica recorded a use of the image since the survey.
func (e *Evictor) usedSince(ctx context.Context, p *plan, r root) bool {
	for _, i := range r.members {
		m := p.Manifests[i]
		if used, err := e.cfg.Store.Repository(m.Repository).Used(ctx, m.Digest); err == nil && used.After(m.Used) {
			return true
		}
	}
	return false
}

// MakeRoom evicts until a tenth of the file system is free, because it is full.
// It tells whether anything was deleted. Nothing is held back but what is
// pinned and what is being read here.
func (e *Evictor) MakeRoom(ctx context.Context) bool {
	v, err, _ := e.room.Do("", func() (any, error) {
		e.mu.Lock()
		futile := time.Now().Before(e.futile)
		e.mu.Unlock()
		if futile {
			return false, nil
		}
		freed, err := e.makeRoom(ctx)
		if freed == 0 {
			e.mu.Lock()
			e.futile = time.Now().Add(10 * time.Second)
			e.mu.Unlock()
		}
		return freed > 0, err
	})
	if err != nil {
		e.cfg.Log.Error("no room could be made in the cache", "error", err)
	}
	return v.(bool)
}

func (e *Evictor) makeRoom(ctx context.Context) (freed int64, err error) {
	size, free, err := e.cfg.Store.Room()
	if err != nil {
		return 0, err
	}
	e.passing.Lock()
	defer e.passing.Unlock()
	p, err := e.read(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := e.pins(ctx, p); err != nil {
		return 0, err
	}
	now := e.cfg.Now()
	p.strays(now.Add(-grace))
	need := size/10 - free
	chosen := e.choose(p, now, true, func(root, time.Duration) bool { return p.bytes < need })
	e.cfg.Log.Warn("the cache's file system is full: evicting", "bytes", p.bytes, "images", len(chosen))
	done, err := e.apply(ctx, p, chosen, true)
	e.measure(ctx, p)
	return done.bytes, err
}

// measure notes how full the cache is after a pass.
func (e *Evictor) measure(ctx context.Context, p *plan) {
	size := p.total()
	e.metrics.bytes.Set(float64(size))
	e.metrics.blobs.Set(float64(len(p.Blobs)))
	e.size.Store(size)
	if e.cfg.Redis != nil {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		// Lost when Redis is away; the next pass measures again.
		_ = e.cfg.Redis.Set(ctx, sizeKey, size, 0).Err()
	}
}
