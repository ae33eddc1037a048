package fill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/internal/partial"
)

var (
	// ErrMismatch is wrapped when a source gave other bytes than the digest or
	// the size say.
	ErrMismatch = errors.New("the blob is not what its digest says")
	// ErrOther is returned by Open when the blob is being fetched on behalf of
	// another owner, whose access proves nothing about the one who asks now.
	ErrOther = errors.New("the blob is being fetched for another repository")
	// ErrClosed is returned when the engine has ended.
	ErrClosed = errors.New("fetching has ended: the gate is stopping")
)

// Source opens the blob for reading from offset on. It may begin at 0
// whatever the offset; at says where it begins. size is the whole blob's, -1
// if not known.
type Source func(ctx context.Context, offset int64) (body io.ReadCloser, at, size int64, err error)

// Keep takes over the file that holds the verified bytes of a blob. It may
// rename the file.
type Keep func(ctx context.Context, file string) error

// Request asks for one blob.
type Request struct {
	Digest digest.Digest
	Size   int64  // bytes, as the manifest says
	Owner  string // on whose behalf
	Proven bool   // the owner is known to have access, so that ErrOther does not apply
	Source Source
	Keep   Keep
	Stored func(context.Context) bool // whether the store has the blob by now; nil for never
}

// Config are the settings of an Engine.
type Config struct {
	Dir   string                           // where files grow; made if missing, and swept of what dead processes left
	Limit int                              // fills at the same time; at least 1
	Idle  time.Duration                    // a source that gives no byte for so long is broken; default 60 s
	Log   *slog.Logger                     // nil for slog.Default()
	Done  func(bytes int64, failure error) // told of the end of each fetch, for metrics; may be nil

	Claims Claims        // of the processes that share the store; nil when there is one only
	Wait   time.Duration // how long a blob is waited for that another process fetches where that cannot be followed; default 15 s, since containerd gives up at 30

	// Room is told that Dir has no room left, and tells whether it made some;
	// nil when nothing can be done about it.
	Room func(ctx context.Context) bool
}

// Engine runs the fills. It is safe for concurrent use.
type Engine struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{}
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	fills  map[key]*fill
}

// key includes the size: a manifest that lies about it must not spoil the blob
// for one that does not.
type key struct {
	digest digest.Digest
	size   int64
}

// New returns an engine, and removes the files of dead ones from its folder.
func New(cfg Config) (*Engine, error) {
	if cfg.Idle <= 0 {
		cfg.Idle = time.Minute
	}
	if cfg.Wait <= 0 {
		cfg.Wait = 15 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Done == nil {
		cfg.Done = func(int64, error) {}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for blobs being fetched: %w", err)
	}
	if err := partial.Sweep(cfg.Dir); err != nil {
		return nil, fmt.Errorf("sweeping %s: %w", cfg.Dir, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Engine{
		cfg: cfg, ctx: ctx, cancel: cancel, slots: make(chan struct{}, max(1, cfg.Limit)),
		fills: map[key]*fill{},
	}, nil
}

// Open returns a reader of the blob that req asks for, joining a fill under
// way or starting one, as soon as the source has begun to answer. The
// source's error is returned as it is; ErrStored and ErrOther say that
// something else is to be done. ctx bounds the wait and the reader, not the
// fill.
func (e *Engine) Open(ctx context.Context, req Request) (*Reader, error) {
	f, err := e.join(req)
	if err != nil {
		return nil, err
	}
	select {
	case <-f.started:
	case <-ctx.Done():
		f.release()
		return nil, ctx.Err()
	}
	if err := f.beginning(); err != nil && !errors.As(err, new(*noRoom)) {
		f.release()
		return nil, err
	}
	return &Reader{ctx: ctx, fill: f, idle: e.cfg.Idle}, nil
}

// join holds the fill for one more user.
func (e *Engine) join(req Request) (*fill, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	k := key{req.Digest, req.Size}
	if f := e.fills[k]; f != nil && f.hold() {
		if f.req.Owner != req.Owner && !req.Proven {
			f.release()
			return nil, ErrOther
		}
		return f, nil
	}
	f := newFill(req)
	e.fills[k] = f
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		defer f.release()
		err := e.run(f)
		e.mu.Lock()
		if e.fills[k] == f {
			delete(e.fills, k)
		}
		e.mu.Unlock()
		if !errors.Is(err, ErrStored) && !errors.Is(err, ErrOther) {
			e.cfg.Done(f.received(), err)
		}
	}()
	return f, nil
}

// Close ends all fills and waits for them. Readers of unfinished ones get an error.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.cancel()
	e.wg.Wait()
}
