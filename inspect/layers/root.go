package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Layer is one layer of an image.
type Layer struct {
	Digest digest.Digest // for messages
	DiffID digest.Digest // of the unpacked bytes, which must have it
	Open   func(context.Context) (io.ReadCloser, error)
}

// Root is what was kept of an image's file system. It is immutable.
type Root struct{ tree *tree }

// passes is how often layers are read: again when a wanted name turns out to
// lead, by links, to a file that was passed by.
const passes = 3

// Read reads layers, lowest first.
//
// Errors: *LimitError when the image is larger than limits allow; ErrArchive
// is wrapped when a layer is not what its diff id says, or no archive; others
// are those of Layer.Open and of reading what it opened.
func Read(ctx context.Context, layers []Layer, wanted []Wanted, limits Limits) (*Root, error) {
	s := newSelector(wanted)
	for pass := 1; ; pass++ {
		r := &reader{tree: &tree{root: newDir(0)}, wanted: s, limits: limits.withDefaults()}
		for i, l := range layers {
			r.tree.layer, r.layer = i+1, l.Digest.String()
			if err := r.read(ctx, l); err != nil {
				return nil, layerError(ctx, r.layer, err)
			}
		}
		more := r.elsewhere(wanted)
		if len(more) == 0 || pass == passes {
			return &Root{r.tree}, nil
		}
		for _, w := range more {
			s.add(w)
		}
	}
}

func (r *reader) read(ctx context.Context, l Layer) error {
	s, err := r.open(ctx, l)
	if s != nil {
		defer s.close()
	}
	if err == nil {
		err = r.apply(ctx, s)
	}
	if err == nil {
		err = s.verify(l.DiffID)
	}
	var limit *LimitError
	if err == nil || s == nil || s.packed.err != nil || ctx.Err() != nil || errors.As(err, &limit) || errors.Is(err, ErrArchive) {
		return err
	}
	// Its bytes came whole: what is wrong is in them.
	return fmt.Errorf("%w: %w", ErrArchive, err)
}

// layerError says which layer it was, unless err does already.
func layerError(ctx context.Context, layer string, err error) error {
	var limit *LimitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &limit):
		return limit
	}
	return fmt.Errorf("layer %s: %w", layer, err)
}

// elsewhere are the files to which wanted names lead, and which were not asked for.
func (r *reader) elsewhere(wanted []Wanted) []Wanted {
	more := r.linked
	for _, w := range wanted {
		before, rest := fixed(w.Path)
		_, where, err := r.tree.lookup(before, true)
		if err != nil {
			continue // said when it is asked for
		}
		if at := "/" + strings.Join(where, "/") + rest; at != w.Path {
			more = append(more, Wanted{at, w.Limit})
		}
	}
	return slices.DeleteFunc(more, func(w Wanted) bool { return r.wanted.limit(split(w.Path)) >= w.Limit })
}

// File returns the content of the file at the absolute path, following links
// within the image. Errors wrap fs.ErrNotExist, ErrUnread or ErrArchive.
func (r *Root) File(name string) ([]byte, error) {
	n, _, err := r.tree.lookup(name, true)
	switch {
	case err != nil:
		return nil, err
	case n == nil:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case n.mode.IsDir():
		return nil, fmt.Errorf("%w: %s is a folder", ErrArchive, name)
	case !n.kept:
		return nil, fmt.Errorf("%s: %w: %s", name, ErrUnread, n.unread)
	}
	return n.content, nil
}

// Folder returns the names in the folder at the absolute path, of what is
// remembered there, sorted; none when there is no such folder.
func (r *Root) Folder(name string) []string {
	n, _, err := r.tree.lookup(name, true)
	if err != nil || n == nil || !n.mode.IsDir() {
		return nil
	}
	return slices.Sorted(maps.Keys(n.children))
}

// Setuid lists the absolute paths of the files that run with the rights of
// their owner or group, sorted.
func (r *Root) Setuid() []string {
	return r.list(func(n *node) bool { return n.mode&rights != 0 && n.mode&fs.ModeType == 0 })
}

// Capable lists the absolute paths of the files that carry capabilities, sorted.
func (r *Root) Capable() []string { return r.list(func(n *node) bool { return n.capable }) }

func (r *Root) list(is func(*node) bool) []string {
	all := []string{}
	var walk func(at string, n *node)
	walk = func(at string, n *node) {
		for name, c := range n.children {
			p := path.Join(at, name)
			if is(c) {
				all = append(all, p)
			}
			if c.mode.IsDir() {
				walk(p, c)
			}
		}
	}
	walk("/", r.tree.root)
	slices.Sort(all)
	return all
}
