package fill

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"
)

// resumes is how often in a row a source may break without having given
// anything before the fill fails.
const resumes = 3

// run fetches the blob to its end or failure.
func (e *Engine) run(f *fill) error {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-e.ctx.Done():
		f.begin(nil, ErrClosed)
		return ErrClosed
	}
	file, err := os.CreateTemp(e.cfg.Dir, "*"+suffix)
	if err != nil {
		err = fmt.Errorf("no room for a blob to be fetched: %w", err)
		f.begin(nil, err)
		return err
	}
	// Gone already if it was renamed into the store.
	defer os.Remove(file.Name())
	if err = lock(file); err == nil {
		err = e.fetch(f, file)
	}
	if err != nil {
		if e.ctx.Err() != nil {
			err = errors.Join(ErrClosed, err)
		}
		f.begin(file, err) // the file is closed by the last user
		return err
	}
	f.update(func() { f.verified = true })

	// Readers have everything now; what follows only makes it last.
	if err := file.Sync(); err != nil {
		err = fmt.Errorf("syncing %s: %w", f.req.Digest, err)
		e.cfg.Log.Error("a fetched blob is not kept", "digest", f.req.Digest, "error", err)
		return err
	}
	// What is complete is kept even if the gate is stopping.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), time.Minute)
	defer cancel()
	if err := f.req.Keep(ctx, file.Name()); err != nil {
		e.cfg.Log.Error("a fetched blob is not kept", "digest", f.req.Digest, "error", err)
		return err
	}
	return nil
}

// fetch fills the file, resuming where a source broke, and checks it.
func (e *Engine) fetch(f *fill, file *os.File) error {
	sum := f.req.Digest.Algorithm().Hash()
	var written int64
	for idle := 0; ; {
		before := written
		again, err := e.attempt(f, file, sum, &written)
		if err == nil {
			break
		}
		if !again || e.ctx.Err() != nil {
			return err
		}
		if idle++; written > before {
			idle = 0
		}
		if idle >= resumes {
			return err
		}
		e.cfg.Log.Warn("a blob's connection broke; going on from there", "digest", f.req.Digest, "at", written, "error", err)
		// A source that breaks at once is not asked again at once.
		select {
		case <-time.After(time.Duration(idle) * 200 * time.Millisecond):
		case <-e.ctx.Done():
			return err
		}
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != f.req.Digest.Encoded() {
		return fmt.Errorf("%w: upstream sent bytes of %s:%s for %s", ErrMismatch, f.req.Digest.Algorithm(), got, f.req.Digest)
	}
	return nil
}

// attempt reads one stream to its end. again says that another may go on from
// where this one broke.
func (e *Engine) attempt(f *fill, file *os.File, sum hash.Hash, written *int64) (again bool, err error) {
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	body, at, size, err := f.req.Source(ctx, *written)
	if err != nil {
		return *written > 0, err
	}
	defer body.Close()
	if size >= 0 && size != f.req.Size {
		return false, fmt.Errorf("%w: upstream has %d bytes, the manifest says %d", ErrMismatch, size, f.req.Size)
	}
	if at != 0 && at != *written {
		return false, fmt.Errorf("upstream answered from byte %d instead of %d", at, *written)
	}
	f.begin(file, nil)
	silence := time.AfterFunc(e.cfg.Idle, cancel)
	defer silence.Stop()
	if at < *written {
		if _, err := io.CopyN(io.Discard, body, *written-at); err != nil {
			return true, err
		}
	}
	buf := make([]byte, 128<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			silence.Reset(e.cfg.Idle)
			if *written+int64(n) > f.req.Size {
				return false, fmt.Errorf("%w: upstream sends more than the %d bytes that the manifest says", ErrMismatch, f.req.Size)
			}
			if _, err := file.Write(buf[:n]); err != nil {
				return false, fmt.Errorf("no room for a blob to be fetched: %w", err)
			}
			sum.Write(buf[:n])
			*written += int64(n)
			f.update(func() { f.written = *written })
		}
		switch {
		case err != nil && *written == f.req.Size:
			return false, nil // however it ended: the digest tells
		case err == io.EOF:
			return true, fmt.Errorf("upstream's answer ended after %d of %d bytes: %w", *written, f.req.Size, io.ErrUnexpectedEOF)
		case err != nil && ctx.Err() != nil && e.ctx.Err() == nil:
			return true, fmt.Errorf("upstream sent nothing for %s", e.cfg.Idle)
		case err != nil:
			return true, err
		}
	}
}
