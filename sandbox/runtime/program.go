package runtime

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/upper"
)

// defaultPath is what gVisor searches when the environment has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// firstProgram describes the file that the first process will run. The Sentry
// reports programs when they are loaded by execve, and the first one is not. It
// is nil when it cannot be found; the start then says why.
func firstProgram(image *rootfs.Root, spec *Spec) (*event.Program, error) {
	for _, candidate := range Candidates(spec.Process) {
		left, there, err := layerProgram(spec.Layer, candidate)
		if left != nil || err != nil {
			return left, err
		}
		if !there {
			continue
		}
		for _, f := range spec.Files {
			if path.Clean(f.Path) == candidate && f.Mode.IsRegular() {
				sum := sha256.Sum256(f.Content)
				return &event.Program{
					Path: candidate, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(f.Content)),
					Mode: unix.S_IFREG | uint32(upper.UnixMode(f.Mode)), Links: 1, Upper: true,
				}, nil
			}
		}
		e, err := image.Stat(candidate)
		if err != nil || !e.Mode.IsRegular() {
			continue
		}
		sum, err := image.SHA256(candidate)
		if err != nil {
			return nil, fmt.Errorf("reading %s in the image: %w", candidate, err)
		}
		return &event.Program{
			Path: e.Path, SHA256: sum, Size: e.Size,
			Mode: unix.S_IFREG | uint32(upper.UnixMode(e.Mode)), Links: 1, Lower: true,
		}, nil
	}
	return nil, nil
}

// layerProgram is the program that an earlier run's guest left at name. there is
// false when it removed one.
func layerProgram(l *Layer, name string) (p *event.Program, there bool, err error) {
	if l == nil {
		return nil, true, nil
	}
	f, err := os.Open(l.Path)
	if err != nil {
		return nil, true, err
	}
	defer f.Close()
	there = true
	err = ReadDiff(f, l.Injected, func(c Change) error {
		switch {
		case c.Path != name:
		case c.Deleted:
			there = false
		case c.Header.Typeflag == tar.TypeReg:
			sum := sha256.New()
			n, err := io.Copy(sum, c.Content)
			if err != nil {
				return err
			}
			p = &event.Program{
				Path: name, SHA256: hex.EncodeToString(sum.Sum(nil)), Size: n,
				Mode: unix.S_IFREG | uint32(c.Header.Mode&0o7777), Links: 1, Upper: true,
			}
		}
		return nil
	})
	return p, there, err
}

// Candidates is the absolute paths at which the kernel looks for the first
// program of p, in order.
func Candidates(p Process) []string {
	name := p.Args[0]
	if strings.Contains(name, "/") {
		if !path.IsAbs(name) {
			name = path.Join("/", p.Cwd, name)
		}
		return []string{path.Clean(name)}
	}
	search := defaultPath
	for _, e := range p.Env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			search = v
		}
	}
	var list []string
	for dir := range strings.SplitSeq(search, ":") {
		if path.IsAbs(dir) {
			list = append(list, path.Join(dir, name))
		}
	}
	return list
}

// complete adds what is known of the first program to its Start event. Its
// standard input is empty and its output goes to us.
func complete(p, known *event.Program) {
	if p == nil || known == nil {
		return
	}
	argv, env := p.Argv, p.Env
	*p = *known
	p.Argv, p.Env = argv, env
	p.Stdio = [3]*event.FD{{Kind: "other", Path: "/dev/null"}, {Kind: "pipe"}, {Kind: "pipe"}}
}

// exitStatus translates a wait status.
func exitStatus(ws uint32) *event.Status {
	w := unix.WaitStatus(ws)
	if w.Signaled() {
		return &event.Status{Signal: int32(w.Signal())}
	}
	return &event.Status{Code: int32(w.ExitStatus())}
}
