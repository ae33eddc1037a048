package fill

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/sallyport-dev/sallyport/proxy/internal/partial"
)

// resumes is how often in a row a source may break without having given
// anything before the fill fails.
const resumes = 3

// run brings the blob, or leaves why it cannot.
func (e *Engine) run(f *fill) error {
	name := partial.Name()
	claim, done, err := e.claim(f, name)
	switch {
	case err != nil:
		f.begin(nil, err)
		return err
	case done && f.received() > 0:
		// Another process fetched and verified what readers here follow.
		f.update(func() { f.written, f.verified = f.req.Size, true })
		return ErrStored
	case done:
		f.begin(nil, ErrStored)
		return ErrStored
	}
	if claim != nil {
		defer claim.Release()
	}
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-e.ctx.Done():
		f.begin(nil, ErrClosed)
		return ErrClosed
	}
	return e.obtain(f, name)
}

// obtain fetches the blob in this process and has it kept.
func (e *Engine) obtain(f *fill, name string) error {
	file, err := partial.Create(e.cfg.Dir, name)
	if partial.Full(err) && e.room() {
		file, err = partial.Create(e.cfg.Dir, name)
	}
	sum := f.req.Digest.Algorithm().Hash()
	switch {
	case err != nil:
		// Whatever the folder's fault is, it is no reason to fail the pull.
		err = e.overflow(f, fmt.Errorf("no file can be made for a blob to be fetched: %w", err))
	default:
		// Gone already if it was renamed into the store.
		defer os.Remove(file.Name())
		err = e.fetch(f, file, sum)
	}
	if err != nil {
		if e.ctx.Err() != nil {
			err = errors.Join(ErrClosed, err)
		}
		if errors.As(err, new(*noRoom)) {
			e.cfg.Log.Warn("no room for a blob: its clients get it from upstream, and it is not kept", "digest", f.req.Digest, "folder", e.cfg.Dir, "error", err)
		}
		if seen, _ := f.seen(); file != nil && file != seen {
			file.Close() // else the last user closes it
		}
		f.begin(nil, err)
		return err
	}
	f.update(func() { f.verified = true })

	// Readers have everything now; what follows only makes it last. It is not
	// synced: the store verifies after an unclean stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), time.Minute) // what is complete is kept even if the gate is stopping
	defer cancel()
	err = f.req.Keep(ctx, file.Name())
	if partial.Full(err) && e.room() {
		err = f.req.Keep(ctx, file.Name())
	}
	if err != nil {
		e.cfg.Log.Error("a fetched blob is not kept", "digest", f.req.Digest, "error", err)
	}
	return err
}

func (e *Engine) room() bool { return e.cfg.Room != nil && e.cfg.Room(e.ctx) }

// fetch fills the file, resuming where a source broke, and checks it.
func (e *Engine) fetch(f *fill, file *os.File, sum hash.Hash) error {
	written, err := e.inherit(f, io.MultiWriter(file, sum))
	if partial.Full(err) {
		return e.overflow(f, err)
	}
	if err != nil {
		return fmt.Errorf("taking over what another replica began to fetch: %w", err)
	}
	if written > 0 {
		f.begin(file, nil)
	}
	for idle := 0; written < f.req.Size || written == 0; {
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
	return check(f.req, sum)
}

// check tells whether the sum of all bytes is the blob's digest.
func check(req Request, sum hash.Hash) error {
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != req.Digest.Encoded() {
		return fmt.Errorf("%w: upstream sent bytes of %s:%s for %s", ErrMismatch, req.Digest.Algorithm(), got, req.Digest)
	}
	return nil
}

// attempt reads one stream to its end. again says that another may go on from
// where this one broke.
func (e *Engine) attempt(f *fill, file *os.File, sum hash.Hash, written *int64) (again bool, err error) {
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	body, err := openAt(ctx, f.req, *written)
	if err != nil {
		return *written > 0 && !errors.Is(err, ErrMismatch), err
	}
	defer body.Close()
	f.begin(file, nil)
	silence := time.AfterFunc(e.cfg.Idle, cancel)
	defer silence.Stop()
	buf := make([]byte, 128<<10)
	for {
		n, err := body.Read(buf)
		if err == nil {
			silence.Reset(e.cfg.Idle) // also for bytes that were known already
		}
		if n > 0 {
			if *written+int64(n) > f.req.Size {
				return false, fmt.Errorf("%w: upstream sends more than the %d bytes that the manifest says", ErrMismatch, f.req.Size)
			}
			if err := e.write(f, file, buf[:n], sum, written); err != nil {
				return false, err
			}
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

// write appends p to the file and the sum. What the file system has no room
// for is written again after some was made, else the error is a *noRoom.
func (e *Engine) write(f *fill, file *os.File, p []byte, sum hash.Hash, written *int64) error {
	for tried := false; ; tried = true {
		n, err := file.Write(p)
		sum.Write(p[:n])
		*written += int64(n)
		p = p[n:]
		switch {
		case err == nil:
			return nil
		case !partial.Full(err):
			return fmt.Errorf("writing %s while it is fetched: %w", f.req.Digest, err)
		case tried && n == 0 || !e.room():
			f.update(func() { f.written = *written })
			return &noRoom{at: *written, sum: sum, cause: err}
		}
	}
}

// openAt opens the source, which may begin anywhere, to be read from offset on.
func openAt(ctx context.Context, req Request, offset int64) (io.ReadCloser, error) {
	body, at, size, err := req.Source(ctx, offset)
	if err != nil && offset > 0 && ctx.Err() == nil {
		// Some registries refuse ranges that they should know.
		body, at, size, err = req.Source(ctx, 0)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case size >= 0 && size != req.Size:
		err = fmt.Errorf("%w: upstream has %d bytes, the manifest says %d", ErrMismatch, size, req.Size)
	case at != 0 && at != offset:
		err = fmt.Errorf("upstream answered from byte %d instead of %d", at, offset)
	default:
		if at == offset {
			return body, nil
		}
		return skipping{io.MultiReader(&skip{from: body, left: offset - at}, body), body}, nil
	}
	body.Close()
	return nil, err
}

// skipping is a body of which the beginning is known already.
type skipping struct {
	io.Reader
	io.Closer
}

// skip reads so many bytes away and gives none.
type skip struct {
	from io.Reader
	left int64
}

func (s *skip) Read(p []byte) (int, error) {
	for s.left > 0 {
		n, err := s.from.Read(p[:min(int64(len(p)), s.left)])
		if s.left -= int64(n); err != nil {
			return 0, err
		}
		if s.left > 0 && n > 0 {
			return 0, nil // the caller learns that something comes
		}
	}
	return 0, io.EOF
}
