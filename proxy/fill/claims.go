package fill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/internal/partial"
)

// ErrStored is returned by Open when the blob has come into the store in the
// meantime: it is to be read there.
var ErrStored = errors.New("the blob is in the store by now")

// Claims divide the fetches between the processes that share a store, so that
// one of them fetches a blob and the others follow or wait. They save work and
// protect nothing: what is stored is known by its digest, so a process that
// lost its claim without noticing does no harm when it stores the blob too.
type Claims interface {
	// Take makes the fetch of d this process's if it is nobody's. When another
	// process has it, mine is nil and other is what that one said. An error
	// means that nobody can tell.
	Take(ctx context.Context, d digest.Digest, say Notice) (mine Claim, other Notice, err error)
	// Taken tells whether some process has the fetch of d.
	Taken(ctx context.Context, d digest.Digest) (bool, error)
}

// Claim is a fetch that is this process's until it is released, or until the
// process is so slow or dead that another may take it.
type Claim interface{ Release() }

// Notice is what a process tells the others of its fetch.
type Notice struct {
	Owner string `json:"owner"` // on whose behalf
	File  string `json:"file"`  // name of the growing file in Config.Dir, for those who share that folder
}

const (
	// look is how often a process looks for what another one's fetch brought.
	look = 10 * time.Millisecond
	// ask is how often it asks whether that fetch has ended.
	ask = 200 * time.Millisecond
)

// claim takes the fetch of the blob for this process, or has another one's
// bring it: then done says that nothing is left to do. A claim of nil without
// done means that each fetches for itself.
func (e *Engine) claim(f *fill, name string) (mine Claim, done bool, err error) {
	if e.cfg.Claims == nil {
		return nil, e.stored(f), nil
	}
	patience := time.NewTimer(e.cfg.Wait)
	defer patience.Stop()
	for {
		mine, other, err := e.cfg.Claims.Take(e.ctx, f.req.Digest, Notice{Owner: f.req.Owner, File: name})
		switch {
		case err != nil:
			e.cfg.Log.Debug("fetching without knowing what other replicas do", "digest", f.req.Digest, "error", err)
			return nil, e.stored(f), nil
		case mine != nil:
			if e.stored(f) {
				mine.Release()
				return nil, true, nil
			}
			return mine, false, nil
		case other.Owner != f.req.Owner && !f.req.Proven:
			return nil, false, ErrOther
		}
		over, err := e.attend(f, other, patience.C)
		if err != nil || over != ended {
			return nil, over == stored, err
		}
		if f.received() > 0 {
			// Its readers have bytes of a fetch that broke off: they wait for
			// nobody else.
			mine, _, err := e.cfg.Claims.Take(e.ctx, f.req.Digest, Notice{Owner: f.req.Owner, File: name})
			if err != nil {
				mine = nil
			}
			return mine, false, nil
		}
	}
}

// outcome is how it went with another process's fetch.
type outcome int

const (
	ended   outcome = iota // without bringing the blob
	stored                 // the blob is in the store
	tooLong                // patience is over
)

// attend follows another process's growing file, or where that is not to be
// seen, waits for the blob to come into the store.
func (e *Engine) attend(f *fill, other Notice, patience <-chan time.Time) (outcome, error) {
	var file *os.File
	tick := time.NewTicker(look)
	defer tick.Stop()
	lastAsked := time.Now()
	for {
		select {
		case <-e.ctx.Done():
			return ended, ErrClosed
		case <-patience:
			if file == nil {
				return tooLong, nil
			}
		case <-tick.C:
		}
		if file == nil && partial.Valid(other.File) {
			if g, err := os.Open(filepath.Join(e.cfg.Dir, other.File)); err == nil {
				if fi, err := g.Stat(); err != nil || fi.Size() == 0 {
					g.Close() // its source has not answered yet
				} else {
					file = g
					f.begin(file, nil)
				}
			}
		}
		if file != nil {
			fi, err := file.Stat()
			if err != nil {
				return ended, nil
			}
			f.grown(min(fi.Size(), f.req.Size))
			if !partial.Linked(file) {
				if e.stored(f) {
					return stored, nil
				}
				return ended, nil
			}
		}
		whole := file != nil && f.received() == f.req.Size
		if time.Since(lastAsked) < ask && !whole {
			continue
		}
		lastAsked = time.Now()
		taken, err := e.cfg.Claims.Taken(e.ctx, f.req.Digest)
		if e.stored(f) {
			return stored, nil
		}
		// Without an answer, a file that is locked is one that somebody writes.
		if err == nil && !taken || err != nil && (file == nil || abandoned(file)) {
			return ended, nil
		}
	}
}

// abandoned tells whether no process writes the file any more.
func abandoned(file *os.File) bool {
	f, err := os.Open(file.Name())
	if err != nil {
		return true
	}
	defer f.Close()
	return partial.Lock(f) == nil
}

func (e *Engine) stored(f *fill) bool {
	return f.req.Stored != nil && f.req.Stored(e.ctx)
}

// inherit begins this process's own file with what readers have seen of
// another one's, so that the digest is that of what they got.
func (e *Engine) inherit(f *fill, w io.Writer) (int64, error) {
	seen, n := f.seen()
	if seen == nil {
		return 0, nil
	}
	written, err := io.Copy(w, io.NewSectionReader(seen, 0, n))
	if err == nil && written < n {
		err = fmt.Errorf("the file of another replica became shorter: %w", io.ErrUnexpectedEOF)
	}
	return written, err
}
