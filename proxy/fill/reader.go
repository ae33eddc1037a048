package fill

import (
	"context"
	"errors"
	"io"
	"sync"
)

// Reader follows one blob while it is fetched: Read waits for bytes to come,
// Seek knows the size from the beginning. It is not safe for concurrent use.
type Reader struct {
	ctx  context.Context
	fill *fill
	at   int64
	once sync.Once
}

// Size is the blob's size in bytes.
func (r *Reader) Size() int64 { return r.fill.req.Size }

// Read reads what has come, waiting if nothing has. When the fill fails, the
// error is the fill's; io.EOF comes only after all verified bytes.
func (r *Reader) Read(p []byte) (int, error) {
	for {
		if r.at >= r.Size() {
			return 0, r.verified()
		}
		if len(p) == 0 {
			return 0, nil
		}
		n, changed, err := r.fill.read(p, r.at)
		r.at += int64(n)
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-changed:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
}

// verified waits until the whole blob is known to be right, which only an
// empty one, of which nothing can be kept back, is not when its end is reached.
func (r *Reader) verified() error {
	if r.at > 0 {
		return io.EOF
	}
	for {
		r.fill.mu.Lock()
		ok, err, changed := r.fill.verified, r.fill.err, r.fill.changed
		r.fill.mu.Unlock()
		switch {
		case ok:
			return io.EOF
		case err != nil:
			return err
		}
		select {
		case <-changed:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}

// Seek sets where the next Read begins.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.Size()
	}
	if offset < 0 {
		return r.at, errors.New("seek before the beginning of a blob")
	}
	r.at = offset
	return offset, nil
}

// Close lets go of the blob; the fill goes on.
func (r *Reader) Close() error {
	r.once.Do(r.fill.release)
	return nil
}
