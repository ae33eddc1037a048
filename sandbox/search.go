package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/scan"
)

// How much of an image's programs is searched, and how many that match are told of.
const (
	maxSearched = 512 << 20 // bytes
	maxDormant  = 100
)

// search looks for what byte rules know in the programs of an image, beside
// its detonations.
type search struct {
	stop  context.CancelFunc
	done  chan struct{}
	found observation.Search
	err   error
}

// startSearch begins a search of at most so many bytes. It must be ended before root is closed.
func startSearch(ctx context.Context, root *rootfs.Root, most int64) *search {
	ctx, stop := context.WithCancel(ctx)
	s := &search{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = s.programs(ctx, root, most)
	}()
	return s
}

// end stops the search and waits for its end.
func (s *search) end() {
	s.stop()
	<-s.done
}

// programs searches those of root.
func (s *search) programs(ctx context.Context, root *rootfs.Root, most int64) error {
	list, more := root.Programs()
	s.found.LeftOut = more
	buf := make([]byte, 256<<10)
	for _, p := range list {
		if s.found.Bytes+p.Size > most || len(s.found.Dormant) >= maxDormant {
			s.found.LeftOut++
			continue
		}
		find := scan.Builtin().Begin()
		if err := copyUntil(ctx, find, root.OpenProgram(p), buf); err != nil {
			return fmt.Errorf("searching %s in the image: %w", p.Path, err)
		}
		s.found.Programs++
		s.found.Bytes += p.Size
		if len(find.Matches()) == 0 {
			continue
		}
		facts, err := scan.Read(root.OpenProgram(p))
		if err != nil {
			return fmt.Errorf("reading %s in the image: %w", p.Path, err)
		}
		d := observation.Dormant{Path: p.Path, SHA256: facts.SHA256, Size: facts.Size, Type: facts.Type, Matches: facts.Matches}
		if facts.ELF != nil {
			d.Words = facts.ELF.Words
		}
		s.found.Dormant = append(s.found.Dormant, d)
	}
	return nil
}

// copyUntil copies r to w until ctx ends.
func copyUntil(ctx context.Context, w io.Writer, r io.Reader, buf []byte) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buf)
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// result waits for the end of the search and leaves out what is no longer
// dormant: content that ran or was written in one of the passes.
func (s *search) result(passes []*pass) (*observation.Search, error) {
	<-s.done
	s.found.Dormant = slices.DeleteFunc(s.found.Dormant, func(d observation.Dormant) bool {
		return slices.ContainsFunc(passes, func(p *pass) bool { return p.seen.Contents[d.SHA256] != nil })
	})
	return &s.found, s.err
}
