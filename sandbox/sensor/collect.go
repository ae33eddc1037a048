package sensor

import (
	"bytes"
	"path"
	"strconv"
	"strings"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/fspath"
	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/kernel/auth"
	"gvisor.dev/gvisor/pkg/sentry/mm"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
	"gvisor.dev/gvisor/pkg/usermem"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/scan"
)

// memoryFolders are file systems in memory that a container has beside its
// writable layer: what lies there is in no difference.
var memoryFolders = []string{"/dev"}

// Limits on what is looked at when a run ends.
const (
	maxFound    = 1000     // files below memoryFolders
	maxDepth    = 16       // folders below each other
	maxRegion   = 32 << 20 // bytes of one region of memory
	maxMemory   = 64 << 20 // bytes of one process' memory
	memoryTotal = 192 << 20
)

// collect tells what is left when a run ends: files in memory, and what byte
// rules find in the memory of the processes that still live.
func (s *sink) collect() {
	k := s.kernel.Load()
	if k == nil {
		return
	}
	ctx := k.SupervisorContext()
	if init := k.GlobalInit(); init != nil {
		s.collectFiles(ctx, k, init.Leader())
	}
	left := memoryTotal
	for _, tg := range k.RootPIDNamespace().ThreadGroups() {
		if tg == k.GlobalInit() && s.ended.Load() {
			continue // it had its last look
		}
		if leader := tg.Leader(); leader != nil && left > 0 {
			left -= s.scanMemory(ctx, leader, min(left, maxMemory))
		}
	}
}

func (s *sink) collectFiles(ctx context.Context, k *kernel.Kernel, init *kernel.Task) {
	if init == nil {
		return
	}
	ns := init.GetMountNamespace()
	if ns == nil {
		return
	}
	defer ns.DecRef(ctx)
	root := ns.Root(ctx)
	defer root.DecRef(ctx)
	left := maxFound
	for _, folder := range memoryFolders {
		s.walk(ctx, k, root, folder, maxDepth, &left)
	}
}

func (s *sink) walk(ctx context.Context, k *kernel.Kernel, root vfs.VirtualDentry, folder string, depth int, left *int) {
	dir, err := k.VFS().OpenAt(ctx, auth.NewRootCredentials(k.RootUserNamespace()), &vfs.PathOperation{
		Root: root, Start: root, Path: fspath.Parse(folder),
	}, &vfs.OpenOptions{Flags: linux.O_RDONLY | linux.O_DIRECTORY | linux.O_NOFOLLOW})
	if err != nil {
		return
	}
	defer dir.DecRef(ctx)
	var files, folders []string
	_ = dir.IterDirents(ctx, vfs.IterDirentsCallbackFunc(func(d vfs.Dirent) error {
		switch {
		case d.Name == "." || d.Name == "..":
		case d.Type == linux.DT_REG && len(files) < *left:
			files = append(files, path.Join(folder, d.Name))
		case d.Type == linux.DT_DIR && len(folders) < *left:
			folders = append(folders, path.Join(folder, d.Name))
		}
		return nil
	}))
	*left -= len(files)
	for _, name := range files {
		if file := openFile(ctx, k, root, name); file != nil {
			s.copies.send(ctx, awake{}, file, event.Copy{Reason: event.CopyEnd, Path: name})
			file.DecRef(ctx)
		}
	}
	if depth > 1 {
		for _, name := range folders {
			s.walk(ctx, k, root, name, depth-1, left)
		}
	}
}

// scanMemory looks for byte rules in what a process has in memory without the
// image having it in a file, and tells those that match. It returns the number
// of bytes that it read.
func (s *sink) scanMemory(ctx context.Context, t *kernel.Task, limit int) int {
	var m *mm.MemoryManager
	t.WithMuLocked(func(t *kernel.Task) { m = t.MemoryManager() })
	if m == nil || !m.IncUsers() {
		return 0
	}
	defer m.DecUsers(ctx)
	var maps bytes.Buffer
	m.ReadSmapsDataInto(ctx, &maps)
	find := scan.Builtin().Begin()
	buf := make([]byte, 256<<10)
	done := 0
	for _, r := range regions(&maps) {
		// What was never touched would come to be by reading it. Memory is mostly
		// filled from its beginning, so this reads little that is not there.
		end := min(r.end, r.start+hostarch.Addr(min(r.resident+1<<20, maxRegion)))
		for at := r.start; at < end && done < limit; {
			n, err := m.CopyIn(ctx, at, buf[:min(int(end-at), len(buf))], usermem.IOOpts{IgnorePermissions: true})
			_, _ = find.Write(buf[:n])
			done += n
			at += hostarch.Addr(n)
			if err != nil || n == 0 {
				break
			}
		}
	}
	for _, match := range find.Matches() {
		ev := &event.Event{Kind: event.Memory, Name: match.Rule, Data: printable([]byte(match.Text()))}
		s.emitFor(t, ev)
	}
	return done
}

// region is a part of a process' memory.
type region struct {
	start, end hostarch.Addr
	resident   uint64 // bytes that were touched
}

// regions reads /proc/PID/smaps and picks those that hold something of the
// process' own: no file of a file system is behind them.
func regions(smaps *bytes.Buffer) []region {
	var list []region
	own := false
	for line := range strings.Lines(smaps.String()) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "Rss:" && own {
			n, _ := strconv.ParseUint(fields[1], 10, 40)
			list[len(list)-1].resident = n << 10
			if n == 0 {
				list = list[:len(list)-1]
			}
			own = false
			continue
		}
		if len(fields) < 5 || strings.HasSuffix(fields[0], ":") {
			continue
		}
		from, to, ok := strings.Cut(fields[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if !ok || err1 != nil || err2 != nil {
			continue
		}
		name := strings.Join(fields[5:], " ")
		own = name == "" || name == "[heap]" || strings.HasPrefix(name, "[anon") || strings.HasPrefix(name, "/memfd:")
		if own {
			list = append(list, region{start: hostarch.Addr(start), end: hostarch.Addr(end)})
		}
	}
	return list
}

// emitFor is emit for a task that is not the caller's own.
func (s *sink) emitFor(t *kernel.Task, ev *event.Event) {
	ev.Time = s.clock.now(t)
	ns := t.Kernel().RootPIDNamespace()
	creds := t.Credentials()
	ev.Task = event.Task{
		TID: int32(ns.IDOfTask(t)), PID: int32(ns.IDOfThreadGroup(t.ThreadGroup())), Start: t.ThreadGroup().Leader().StartTime().Nanoseconds(),
		UID: uint32(creds.RealKUID), EUID: uint32(creds.EffectiveKUID), Comm: t.Name(),
	}
	s.queue.put(ev, nil)
}
