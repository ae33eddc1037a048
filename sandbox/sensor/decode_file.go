package sensor

import (
	"cmp"
	"encoding/binary"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// pathCall decodes a system call on one path: dir is the argument that holds
// the folder's descriptor, or -1; name is the argument that holds the path.
func pathCall(kind event.Kind, dir, name int, more func(*call, *event.Event)) decoder {
	return func(c *call) *event.Event {
		ev := &event.Event{Kind: kind}
		if dir < 0 {
			ev.Path = c.path(name)
		} else {
			ev.Path = c.pathAt(c.int(dir), name)
		}
		if more != nil {
			more(c, ev)
		}
		return ev
	}
}

// fdCall decodes a system call on what is open as the first argument.
func fdCall(kind event.Kind, more func(*call, *event.Event)) decoder {
	return func(c *call) *event.Event {
		ev := &event.Event{Kind: kind, Path: c.fdPath(c.int(0)), FD: c.int(0)}
		if more != nil {
			more(c, ev)
		}
		return ev
	}
}

func flagsFrom(i int) func(*call, *event.Event) {
	return func(c *call, ev *event.Event) { ev.Flags = c.args[i] }
}

func modeFrom(i int) func(*call, *event.Event) {
	return func(c *call, ev *event.Event) { ev.Mode = uint32(c.args[i]) }
}

// ownersFrom puts the new user and group into Args; -1 keeps the old one.
func ownersFrom(i int) func(*call, *event.Event) {
	return func(c *call, ev *event.Event) {
		ev.Args = []int64{int64(c.int(i)), int64(c.int(i + 1))}
	}
}

func nodeFrom(i int) func(*call, *event.Event) {
	return func(c *call, ev *event.Event) {
		ev.Mode, ev.Device = uint32(c.args[i]), c.args[i+1]
	}
}

func sizeFrom(i int) func(*call, *event.Event) {
	return func(c *call, ev *event.Event) { ev.Args = []int64{int64(c.args[i])} }
}

// attributeFrom takes name and value, which are at the same places in all of them.
func attributeFrom() func(*call, *event.Event) {
	return func(c *call, ev *event.Event) {
		ev.Name = c.text(1, 256)
		ev.Data = printable(c.bytes(2, int(min(c.args[3], 128))))
	}
}

// open decodes open(2) and its like. Reading is of interest below some paths
// only, so that an ordinary program's thousands of reads cost one string each.
func open(c *call, dirfd int32, name int, flags, mode uint64) *event.Event {
	write := flags&(linux.O_WRONLY|linux.O_RDWR|linux.O_CREAT|linux.O_TRUNC) != 0 && flags&unix.O_PATH == 0
	ev := &event.Event{Kind: event.Open, Flags: flags, FD: -1}
	ev.Path = c.pathAt(dirfd, name)
	if c.errno == 0 && c.result >= 0 {
		ev.FD = int32(c.result)
		if real := c.fdPath(ev.FD); real != "" {
			if real != ev.Path {
				ev.Target = ev.Path // the link that led there
			}
			ev.Path = real
		}
	}
	foreign := c.foreign(ev.Path) || c.foreign(ev.Target)
	if foreign && ev.FD >= 0 {
		c.opened.add(c.pid(), ev.FD, cmp.Or(ev.Target, ev.Path))
	}
	if !write && !foreign && !c.readsOf.has(ev.Path) && !c.readsOf.has(ev.Target) {
		return nil
	}
	if flags&(linux.O_CREAT|unix.O_TMPFILE) != 0 {
		ev.Mode = uint32(mode)
	}
	return ev
}

func decodeOpenat(c *call) *event.Event {
	return open(c, c.int(0), 1, uint64(uint32(c.args[2])), c.args[3])
}

// decodeOpenat2 reads struct open_how: flags, mode and resolve, 8 bytes each.
func decodeOpenat2(c *call) *event.Event {
	how := c.bytes(2, 16)
	if how == nil {
		return nil
	}
	return open(c, c.int(0), 1, binary.NativeEndian.Uint64(how), binary.NativeEndian.Uint64(how[8:]))
}

func decodeRenameat(c *call) *event.Event {
	return &event.Event{Kind: event.Rename, Path: c.pathAt(c.int(0), 1), Target: c.pathAt(c.int(2), 3)}
}

func decodeRenameat2(c *call) *event.Event {
	ev := decodeRenameat(c)
	ev.Flags = c.args[4]
	return ev
}

// decodeLinkat: with AT_EMPTY_PATH the old path is what is open as the descriptor.
func decodeLinkat(c *call) *event.Event {
	return &event.Event{Kind: event.Link, Path: c.pathAt(c.int(2), 3), Target: c.pathAt(c.int(0), 1), Flags: c.args[4]}
}

func decodeSymlinkat(c *call) *event.Event {
	return &event.Event{Kind: event.Symlink, Path: c.pathAt(c.int(1), 2), Target: c.text(0, linux.PATH_MAX)}
}

func decodeMemfd(c *call) *event.Event {
	ev := &event.Event{Kind: event.MemfdMake, Name: c.text(0, 256), Flags: c.args[1], FD: -1}
	if c.errno == 0 {
		ev.FD = int32(c.result)
	}
	return ev
}

// decodeReadlink tells who looks at what other processes run and have open.
func decodeReadlink(dir, name int) decoder {
	return func(c *call) *event.Event {
		ev := &event.Event{Kind: event.Readlink}
		if dir < 0 {
			ev.Path = c.path(name)
		} else {
			ev.Path = c.pathAt(c.int(dir), name)
		}
		if !c.foreign(ev.Path) {
			return nil
		}
		return ev
	}
}

// decodeUtimensat: without a path it is about what is open.
func decodeUtimensat(c *call) *event.Event {
	ev := &event.Event{Kind: event.Utimes, FD: c.int(0)}
	if c.args[1] == 0 {
		ev.Path = c.fdPath(c.int(0))
	} else {
		ev.Path = c.pathAt(c.int(0), 1)
	}
	ev.Args = c.times(2, true)
	return ev
}

func decodeUtimes(dir, name int) decoder {
	return pathCall(event.Utimes, dir, name, func(c *call, ev *event.Event) { ev.Args = c.times(name+1, false) })
}

// decodeUtime reads struct utimbuf: two times in seconds.
func decodeUtime(c *call) *event.Event {
	ev := &event.Event{Kind: event.Utimes, Path: c.path(0), Args: []int64{0, 0}}
	if b := c.bytes(1, 16); c.args[1] != 0 && b != nil {
		ev.Args = []int64{int64(binary.NativeEndian.Uint64(b)), int64(binary.NativeEndian.Uint64(b[8:]))}
	}
	return ev
}

// times reads two times of seconds and a fraction at argument i; 0 stands for now.
func (c *call) times(i int, nano bool) []int64 {
	list := []int64{0, 0}
	b := c.bytes(i, 32)
	if c.args[i] == 0 || b == nil {
		return list
	}
	for n := range list {
		fraction := int64(binary.NativeEndian.Uint64(b[16*n+8:]))
		if nano && fraction == linux.UTIME_NOW {
			continue
		}
		list[n] = int64(binary.NativeEndian.Uint64(b[16*n:]))
		if nano && fraction == linux.UTIME_OMIT {
			list[n] = -1
		}
	}
	return list
}
