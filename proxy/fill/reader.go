package fill

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// Reader follows one blob while it is fetched: Read waits for bytes to come,
// Seek knows the size from the beginning. It is not safe for concurrent use.
type Reader struct {
	ctx    context.Context
	fill   *fill
	idle   time.Duration
	at     int64
	direct *direct // after the fill ran out of room
	once   sync.Once
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
		var full *noRoom
		if n == 0 && errors.As(err, &full) {
			n, err = r.beyond(p, full)
		}
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

// beyond reads what the fill had no room for.
func (r *Reader) beyond(p []byte, full *noRoom) (n int, err error) {
	if r.direct != nil && r.direct.at > r.at {
		r.direct.close() // sought back
		r.direct = nil
	}
	if r.direct == nil {
		if r.direct, err = newDirect(r.ctx, r.fill, r.idle, full); err != nil {
			return 0, err
		}
	}
	// What lies before is read for the digest's sake.
	var waste []byte
	for r.direct.at < r.at {
		if waste == nil {
			waste = make([]byte, 64<<10)
		}
		if _, err := r.direct.read(waste[:min(int64(len(waste)), r.at-r.direct.at)]); err != nil {
			return 0, err
		}
	}
	return r.direct.read(p)
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
		case errors.As(err, new(*noRoom)):
			if err := check(r.fill.req, r.fill.req.Digest.Algorithm().Hash()); err != nil {
				return err
			}
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
	r.once.Do(func() {
		if r.direct != nil {
			r.direct.close()
		}
		r.fill.release()
	})
	return nil
}
