package fill

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// noRoom ends a fill whose file system is full. What was written until then
// stays readable for those who follow it; from there on each of them goes on
// from the source.
type noRoom struct {
	at    int64     // bytes in the file
	sum   hash.Hash // of them
	cause error
}

func (n *noRoom) Error() string {
	return fmt.Sprintf("no room after %d bytes: %v", n.at, n.cause)
}

func (n *noRoom) Unwrap() error { return n.cause }

// overflow is the end of a fill that could not even write what its readers
// have seen in another process's file.
func (e *Engine) overflow(f *fill, cause error) error {
	sum := f.req.Digest.Algorithm().Hash()
	if _, err := e.inherit(f, sum); err != nil {
		return err
	}
	return &noRoom{at: f.received(), sum: sum, cause: cause}
}

// direct is one reader's own stream from the source. It knows the sum of what
// comes before, so that it gives the last byte of the right blob only.
type direct struct {
	ctx    context.Context
	cancel context.CancelFunc
	req    Request
	idle   time.Duration
	sum    hash.Hash
	at     int64 // bytes summed
	body   io.ReadCloser
	silent *time.Timer
	broken int // in a row
}

func newDirect(ctx context.Context, f *fill, idle time.Duration, after *noRoom) (*direct, error) {
	cloner, ok := after.sum.(hash.Cloner)
	if !ok {
		return nil, fmt.Errorf("a sum of %s cannot be continued: %w", f.req.Digest.Algorithm(), after)
	}
	sum, err := cloner.Clone()
	if err != nil {
		return nil, errors.Join(after, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	return &direct{ctx: ctx, cancel: cancel, req: f.req, idle: idle, sum: sum, at: after.at}, nil
}

// read reads what follows at, resuming where the source broke.
func (d *direct) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if left := d.req.Size - d.at; left > 1 {
		p = p[:min(int64(len(p)), left-1)]
	} else {
		p = p[:1] // given out only when the digest is right
	}
	for {
		n, err := d.next(p)
		if n > 0 {
			d.sum.Write(p[:n])
			if d.at += int64(n); d.at < d.req.Size {
				return n, nil
			}
			if err := check(d.req, d.sum); err != nil {
				return 0, err
			}
			return n, nil
		}
		if err == nil {
			continue
		}
		d.drop()
		if d.broken++; d.broken >= resumes || d.ctx.Err() != nil || errors.Is(err, ErrMismatch) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
}

func (d *direct) next(p []byte) (int, error) {
	if d.body == nil {
		ctx, cancel := context.WithCancel(d.ctx)
		body, err := openAt(ctx, d.req, d.at)
		if err != nil {
			cancel()
			return 0, err
		}
		d.body = skipping{body, both{body, cancel}}
		d.silent = time.AfterFunc(d.idle, cancel)
	}
	d.silent.Reset(d.idle)
	n, err := d.body.Read(p)
	d.silent.Stop() // it is the source's silence that counts, not the reader's
	if n > 0 {
		d.broken = 0
	}
	return n, err
}

// both closes a body and ends its request.
type both struct {
	io.Closer
	end context.CancelFunc
}

func (b both) Close() error {
	b.end()
	return b.Closer.Close()
}

func (d *direct) drop() {
	if d.body != nil {
		d.silent.Stop()
		_ = d.body.Close()
		d.body = nil
	}
}

func (d *direct) close() {
	d.drop()
	d.cancel()
}
