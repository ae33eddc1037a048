package rootfs

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// maxLinks is how many symbolic links one lookup follows, as in Linux.
const maxLinks = 40

// maxName is the longest file name that Linux takes.
const maxName = 255

// node is one file of the image that is being put together.
type node struct {
	name     string
	mode     fs.FileMode
	uid, gid uint32
	mtime    time.Time
	device   uint32
	target   string // of a symbolic link
	offset   int64  // in the image's file, of what a file, folder or link holds
	size     int64
	program  bool // by its first bytes
	layer    int  // that set it last; decides what a whiteout hides
	swept    int  // layer up to which lower layers' files in here are known to be gone
	children map[string]*node
	nid      uint64 // number of its inode
}

func newDir(name string, layer int) *node {
	return &node{name: name, mode: fs.ModeDir | 0o755, mtime: time.Unix(0, 0), layer: layer, children: map[string]*node{}}
}

// tree is the image's file system, built from the bottom layer up. No path of
// it is ever a path of the host.
type tree struct {
	root  *node
	layer int
	made  int // folders that no entry names
}

func newTree() *tree { return &tree{root: newDir("", 0)} }

// dir finds the folder at the absolute path p, following symbolic links within
// the tree, and makes what is missing, as extracting into a root does.
func (t *tree) dir(p string) (*node, error) {
	links := 0
	stack := []*node{t.root}
	parts := split(p)
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		here := stack[len(stack)-1]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
			}
			continue
		}
		if len(part) > maxName {
			return nil, fmt.Errorf("%s: a name is longer than %d bytes", shorten(p), maxName)
		}
		child := here.children[part]
		switch {
		case child == nil:
			child = newDir(part, t.layer)
			here.children[part] = child
			t.made++
			stack = append(stack, child)
		case child.mode.IsDir():
			stack = append(stack, child)
		case child.mode&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return nil, fmt.Errorf("%s: too many symbolic links", shorten(p))
			}
			if path.IsAbs(child.target) {
				stack = stack[:1]
			}
			parts = append(split(child.target), parts...)
		default:
			return nil, fmt.Errorf("%s: %s is not a directory", shorten(p), part)
		}
	}
	return stack[len(stack)-1], nil
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

// lookup finds what is at the absolute path p itself, following links on the
// way but not at the end.
func (t *tree) lookup(p string) *node {
	links := 0
	stack := []*node{t.root}
	parts := split(p)
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		here := stack[len(stack)-1]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
			}
			continue
		}
		child := here.children[part]
		if child == nil {
			return nil
		}
		if child.mode&fs.ModeSymlink != 0 && len(parts) > 0 {
			if links++; links > maxLinks {
				return nil
			}
			if path.IsAbs(child.target) {
				stack = stack[:1]
			}
			parts = append(split(child.target), parts...)
			continue
		}
		stack = append(stack, child)
	}
	return stack[len(stack)-1]
}

func split(p string) []string { return strings.Split(strings.Trim(p, "/"), "/") }

func shorten(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}
