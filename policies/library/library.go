package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/bundle"
)

// Objects is where documents made through the API are kept. It is implemented
// by objects.Store. Get of a missing key returns an error.
type Objects interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, b []byte) error
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, prefix string) ([]string, error)
}

// Bus tells other replicas that something changed. Messages may be lost: the
// library looks for itself every Config.Poll.
type Bus interface {
	// Publish tells all subscribers of topic, on every replica.
	Publish(ctx context.Context, topic string) error
	// Subscribe calls changed after every Publish, and whenever messages may
	// have been missed, until ctx ends; then it returns nil.
	Subscribe(ctx context.Context, topic string, changed func()) error
}

// Topic is what the library publishes on the Bus.
const Topic = "policies"

// Config is the settings of a Library. The zero value holds the built-in
// policies only.
type Config struct {
	Folder     string // of documents; empty: none
	Bundles    []bundle.Config
	Objects    Objects       // nil: Apply and Delete are refused, and bundles are not kept
	Bus        Bus           // nil: there is one replica
	Poll       time.Duration // how often to look without being told; default 30 s
	Debounce   time.Duration // how long a folder must be quiet before it is read; default 200 ms
	Options    policies.Options
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: metrics are not registered
}

// Library is the policies in force. It is safe for concurrent use.
type Library struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time

	current atomic.Pointer[state]
	err     atomic.Pointer[error] // of the last reload

	supplies []*supply // one of each bundle

	mu    sync.Mutex // held by whoever makes the next state
	known map[string]parsed
}

// state is one generation with the places that its documents come from.
type state struct {
	set   *policies.Set
	shelf []Entry // sorted by name
}

// ErrNotFound is returned for a policy that is not there.
var ErrNotFound = errors.New("no such policy")

// ErrReadOnly is returned where a policy cannot be changed here: it comes from
// the folder, or is built in, or nothing is kept.
var ErrReadOnly = errors.New("this policy cannot be changed here")

// Open loads the policies. It fails when they do not load, since there is no
// last good generation yet; a bundle that cannot be had is replaced by the one
// that was kept when it last could.
func Open(ctx context.Context, cfg Config) (*Library, error) {
	l := &Library{cfg: cfg, log: cfg.Logger, metrics: newMetrics(cfg.Registerer), now: cfg.Options.Now, known: map[string]parsed{}}
	if l.log == nil {
		l.log = slog.Default()
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.cfg.Poll <= 0 {
		l.cfg.Poll = 30 * time.Second
	}
	if l.cfg.Debounce <= 0 {
		l.cfg.Debounce = 200 * time.Millisecond
	}
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// Current is the generation in force.
func (l *Library) Current() *policies.Set { return l.current.Load().set }

// Err is why the last reload failed; nil when the generation in force is what
// the shelves hold.
func (l *Library) Err() error {
	if err := l.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Reload reads all shelves and puts what they hold in force. On an error the
// last good generation stays.
func (l *Library) Reload(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reload(ctx)
}

func (l *Library) reload(ctx context.Context) error {
	entries, err := l.read(ctx)
	if err == nil {
		err = l.put(ctx, entries)
	}
	if err != nil && ctx.Err() == nil {
		l.metrics.failures.Inc()
		err = fmt.Errorf("loading policies: %w", err)
	}
	l.err.Store(&err)
	return err
}

// put compiles entries and puts them in force.
func (l *Library) put(ctx context.Context, entries []Entry) error {
	set, err := l.next(ctx, entries)
	if err != nil {
		return err
	}
	last := l.current.Swap(&state{set: set, shelf: entries})
	if last == nil || last.set.Generation() != set.Generation() {
		l.metrics.swapped(len(entries))
		l.log.Info("policies in force", "generation", set.Generation(), "policies", len(entries))
		l.warn(last, set)
	}
	return nil
}

// next is the generation of entries, made from the last one where there is one.
func (l *Library) next(ctx context.Context, entries []Entry) (*policies.Set, error) {
	last := l.current.Load()
	if last == nil {
		docs := make([]policies.Document, len(entries))
		for i, e := range entries {
			docs[i] = e.Document
		}
		return policies.Compile(ctx, docs, l.cfg.Options)
	}
	before := map[string]Entry{}
	for _, e := range last.shelf {
		before[e.Document.Name] = e
	}
	var changed []policies.Document
	for _, e := range entries {
		if was, ok := before[e.Document.Name]; !ok || was.hash != e.hash {
			changed = append(changed, e.Document)
		}
		delete(before, e.Document.Name)
	}
	var removed []string
	for name := range before {
		removed = append(removed, name)
	}
	if len(changed)+len(removed) == 0 {
		return last.set, nil
	}
	return last.set.With(ctx, changed, removed)
}

// warn logs what authors should know, once for each new generation of a document.
func (l *Library) warn(last *state, set *policies.Set) {
	said := map[string]bool{}
	if last != nil {
		for _, p := range last.set.Policies() {
			for _, w := range p.Warnings {
				said[p.Document.Name+"\x00"+w] = true
			}
		}
	}
	for _, p := range set.Policies() {
		for _, w := range p.Warnings {
			if !said[p.Document.Name+"\x00"+w] {
				l.log.Warn("policy", "name", p.Document.Name, "warning", w)
			}
		}
	}
}
