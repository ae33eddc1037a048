package sensor

import (
	"encoding/json"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/fspath"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/overlay"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/kernel/auth"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
	"gvisor.dev/gvisor/pkg/usermem"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/scan"
)

// The store of copies is as large as this, whatever the guest does.
const (
	copyBudget = 96 << 20 // bytes of a run
	copyChunk  = 256 << 10
	copyText   = 64 << 10 // of a file that is neither program nor script; larger ones are data, which nothing is asked about
)

// copies sends the content of files that would be gone when a run is over.
type copies struct {
	queue *queue

	mu     sync.Mutex
	left   int64
	number uint64
	known  map[string]bool // SHA-256 of programs that were copied
}

func newCopies(q *queue) *copies {
	return &copies{queue: q, left: copyBudget, known: map[string]bool{}}
}

// first tells whether the program with this hash has not been copied yet.
func (c *copies) first(sha256 string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sha256 == "" || c.known[sha256] {
		return false
	}
	c.known[sha256] = true
	return true
}

// begin takes size bytes of the budget, and a number; ok is false when there is none left.
func (c *copies) begin(size int64) (id uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.number >= event.MaxCopies || size > c.left {
		return 0, false
	}
	c.left -= size
	c.number++
	return c.number, true
}

// send copies what is open as file. It is for regular files; s is as in queue.put.
func (c *copies) send(ctx context.Context, s sleeper, file *vfs.FileDescription, what event.Copy) {
	stat, err := file.Stat(ctx, vfs.StatOptions{Mask: linux.STATX_BASIC_STATS})
	if err != nil || stat.Mode&linux.S_IFMT != linux.S_IFREG || stat.Size == 0 {
		return
	}
	what.Mode, what.UID, what.GID = uint32(stat.Mode)&0o7777, stat.UID, stat.GID
	what.Size = int64(min(stat.Size, 1<<62))
	buf := make([]byte, min(what.Size, copyChunk))
	n := read(ctx, file, buf, 0)
	want := min(what.Size, event.MaxCopy)
	switch kind := scan.Sniff(buf[:min(n, 4096)]); {
	case n == 0:
		return
	case kind == "elf" || kind == "script" || what.Reason == event.CopyExec:
	case what.Size > copyText:
		return
	}
	id, ok := c.begin(want)
	if !ok {
		return
	}
	header, err := json.Marshal(what)
	if err != nil {
		return
	}
	c.queue.raw(frameCopy, id, header, s)
	for done := int64(0); n > 0 && done < want; {
		part := buf[:min(int64(n), want-done)]
		c.queue.raw(frameData, id, part, s)
		done += int64(len(part))
		n = read(ctx, file, buf, done)
	}
	c.queue.raw(frameCopied, id, nil, s)
}

func read(ctx context.Context, file *vfs.FileDescription, buf []byte, offset int64) int {
	n, err := file.PRead(ctx, usermem.BytesIOSequence(buf), offset, vfs.ReadOptions{})
	if err != nil && n <= 0 {
		return 0
	}
	return int(n)
}

// openFile opens the file at an absolute path of the container for reading,
// with all rights; nil when that is impossible or it is no regular file. Links
// at the end are not followed.
func openFile(ctx context.Context, k *kernel.Kernel, root vfs.VirtualDentry, name string) *vfs.FileDescription {
	file, err := k.VFS().OpenAt(ctx, auth.NewRootCredentials(k.RootUserNamespace()), &vfs.PathOperation{
		Root: root, Start: root, Path: fspath.Parse(name),
	}, &vfs.OpenOptions{Flags: linux.O_RDONLY | linux.O_NOFOLLOW | linux.O_NONBLOCK | linux.O_LARGEFILE})
	if err != nil {
		return nil
	}
	return file
}

// ofImage tells whether file is as it came with the image, where it can be read again.
func ofImage(file *vfs.FileDescription) bool {
	return overlay.IsOnLower(file.Dentry()) && !overlay.IsCopiedUp(file.Dentry())
}

// program copies a program that did not come with the image.
func (s *sink) program(t *kernel.Task, p *event.Program) {
	if !p.Drift() || !s.copies.first(p.SHA256) {
		return
	}
	what := event.Copy{Reason: event.CopyExec, Path: p.Path, Time: s.clock.now(t), PID: pidOf(t)}
	if file := s.loaded(t, p); file != nil {
		defer file.DecRef(t)
		s.copies.send(t, t, file, what)
	}
}

// loaded opens the file of a program: by its path or, when it has none any
// more, among the descriptors of the task that ran it.
func (s *sink) loaded(t *kernel.Task, p *event.Program) *vfs.FileDescription {
	if p.Links > 0 && !p.Memfd {
		root := t.MountNamespace().Root(t)
		defer root.DecRef(t)
		return openFile(t, t.Kernel(), root, p.Path)
	}
	var found *vfs.FileDescription
	t.FDTable().ForEach(t, func(_ int32, file *vfs.FileDescription, _ kernel.FDFlags) bool {
		if file.IsReadable() && file.MappedName(t) == p.Path {
			file.IncRef()
			found = file
		}
		return found == nil
	})
	return found
}

func pidOf(t *kernel.Task) int32 { return int32(t.PIDNamespace().IDOfThreadGroup(t.ThreadGroup())) }

// now is the guest's time since the start of the run.
func (c *clock) now(t *kernel.Task) time.Duration {
	return c.since(t.Kernel().RealtimeClock().Now().Nanoseconds())
}
