package layers

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

const (
	maxLinks = 40  // symbolic links that one lookup follows, as in Linux
	maxName  = 255 // bytes of a file name, as in Linux
	maxDepth = 2048
)

// node is a remembered file. Files that are neither wanted, nor links, nor
// carry rights have none, and folders only when something remembered is in them.
type node struct {
	mode     fs.FileMode
	target   string // of a symbolic link
	content  []byte
	kept     bool   // content is that of the file
	unread   string // why it is not, when it was wanted
	capable  bool   // carries capabilities
	layer    int    // that set it last; decides what a whiteout hides
	swept    int    // layer up to which lower layers' files in here are known to be gone
	children map[string]*node
}

func newDir(layer int) *node {
	return &node{mode: fs.ModeDir | 0o755, layer: layer, children: map[string]*node{}}
}

// tree is what is remembered of the image's file system, from the bottom layer up.
type tree struct {
	root  *node
	layer int
	nodes int // ever made
	names int // bytes of their names and of what links lead to
}

// place is where an absolute path leads: existing folders, and below the last
// of them names of folders of which nothing is remembered.
type place struct {
	nodes []*node  // from the root on
	names []string // of nodes[1:], then those of which nothing is remembered
}

// resolve follows the folders named by parts, and symbolic links among them.
func (t *tree) resolve(parts []string) (place, error) {
	p := place{nodes: []*node{t.root}}
	links := 0
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(p.names) == len(p.nodes)-1 && len(p.names) > 0 {
				p.nodes = p.nodes[:len(p.nodes)-1]
			}
			if len(p.names) > 0 {
				p.names = p.names[:len(p.names)-1]
			}
			continue
		}
		if len(part) > maxName {
			return p, fmt.Errorf("%w: a name is longer than %d bytes", ErrArchive, maxName)
		}
		if len(p.names) >= maxDepth {
			return p, fmt.Errorf("%w: folders are more than %d deep", ErrArchive, maxDepth)
		}
		var child *node
		if len(p.names) == len(p.nodes)-1 {
			child = p.nodes[len(p.nodes)-1].children[part]
		}
		switch {
		case child == nil:
			p.names = append(p.names, part)
		case child.mode.IsDir():
			p.nodes, p.names = append(p.nodes, child), append(p.names, part)
		case child.mode&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return p, fmt.Errorf("%w: too many symbolic links on the way to a file", ErrArchive)
			}
			if path.IsAbs(child.target) {
				p = place{nodes: p.nodes[:1]}
			}
			parts = append(split(child.target), parts...)
		default:
			return p, fmt.Errorf("%w: %s is a file and a folder", ErrArchive, shorten(part))
		}
	}
	return p, nil
}

// folder returns the folder at p, nil when nothing is remembered of it.
func (p place) folder() *node {
	if len(p.names) == len(p.nodes)-1 {
		return p.nodes[len(p.nodes)-1]
	}
	return nil
}

// make returns the folder at p, which it makes where it is missing.
func (t *tree) make(p place) *node {
	here := p.nodes[len(p.nodes)-1]
	for _, name := range p.names[len(p.nodes)-1:] {
		child := newDir(t.layer)
		t.nodes++
		t.names += len(name)
		here.children[strings.Clone(name)] = child
		here = child
	}
	return here
}

// hide removes what lower layers left at name in dir. What the present layer
// brought stays: a whiteout reaches down only, in whichever order a tar has them.
func (t *tree) hide(dir *node, name string) {
	if n := dir.children[name]; n != nil && t.hideBelow(n) {
		delete(dir.children, name)
	}
}

// hideAll is what an opaque marker in dir does.
func (t *tree) hideAll(dir *node) {
	for name := range dir.children {
		t.hide(dir, name)
	}
}

// hideBelow removes lower layers' files in n and tells whether nothing is left
// of it. It looks at a folder once per layer, however many markers name it.
func (t *tree) hideBelow(n *node) bool {
	if n.swept == t.layer {
		return n.layer < t.layer && len(n.children) == 0
	}
	for name, c := range n.children {
		if t.hideBelow(c) {
			delete(n.children, name)
		}
	}
	n.swept = t.layer
	return n.layer < t.layer && len(n.children) == 0
}

// lookup finds what is remembered at the absolute path, following links on the
// way and, when follow is set, at the end. where is the path without links.
func (t *tree) lookup(name string, follow bool) (n *node, where []string, err error) {
	for range maxLinks {
		dir, base := path.Split(path.Clean("/" + name))
		p, err := t.resolve(split(dir))
		if err != nil {
			return nil, nil, err
		}
		where = append(append([]string{}, p.names...), base)
		if base == "" {
			return t.root, nil, nil
		}
		folder := p.folder()
		if folder == nil {
			return nil, where, nil
		}
		n = folder.children[base]
		if n == nil || !follow || n.mode&fs.ModeSymlink == 0 {
			return n, where, nil
		}
		name = n.target
		if !path.IsAbs(name) {
			name = "/" + strings.Join(p.names, "/") + "/" + name
		}
	}
	return nil, nil, fmt.Errorf("%w: too many symbolic links on the way to %s", ErrArchive, shorten(name))
}

func split(p string) []string {
	p = strings.Trim(p, "/")
	if p == "" {
		return nil
	}
	return strings.Split(p, "/")
}

func shorten(s string) string {
	if len(s) > 120 {
		return strings.ToValidUTF8(s[:120], "") + "…"
	}
	return s
}
