package disguise

import (
	"bytes"
	"reflect"
	"strings"

	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/kernfs"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
)

// opens changes what the files of a process in /proc say. These are made
// whenever they are looked up; so what is opened is changed, before it is read.
func opens(fn kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		fd, control, err := fn(t, nr, args)
		if err == nil {
			reword(t, int32(fd))
		}
		return fd, control, err
	}
}

// reword gives the file that is open as fd another source if it is one of those.
func reword(t *kernel.Task, fd int32) {
	opened := t.GetFile(fd)
	if opened == nil {
		return
	}
	defer opened.DecRef(t)
	var data *vfs.DynamicBytesFileDescriptionImpl
	switch impl := opened.Impl().(type) {
	case *kernfs.DynamicBytesFD:
		data = &impl.DynamicBytesFileDescriptionImpl
	case *kernfs.PollableDynamicBytesFD:
		data = &impl.DynamicBytesFileDescriptionImpl
	default:
		return
	}
	dentry, ok := opened.Dentry().Impl().(*kernfs.Dentry)
	if !ok || dentry.Parent() == nil || opened.Mount().Filesystem().FilesystemType().Name() != "proc" {
		return
	}
	own := sourceOf(dentry.Inode())
	if own == nil {
		return
	}
	name := dentry.FSLocalPath()
	name = name[strings.LastIndexByte(name, '/')+1:]
	if change := words[name]; change != nil {
		data.Init(opened, reworded{own, change, t.UTSNamespace().HostName()})
	}
}

// sourceOf is what an inode of a process says; nil when it is not known. It may
// lie in another that knows whose it is.
func sourceOf(inode kernfs.Inode) vfs.DynamicBytesSource {
	if s, ok := inode.(vfs.DynamicBytesSource); ok {
		return s
	}
	v := reflect.ValueOf(inode)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	inner := v.Elem().FieldByName("Inode")
	if !inner.IsValid() || !inner.CanInterface() {
		return nil
	}
	s, _ := inner.Interface().(vfs.DynamicBytesSource)
	return s
}

// words is what becomes of the files of a process, by their names.
var words = map[string]func(text, host string) string{
	"mounts":     mountTable,
	"mountinfo":  mountInfo,
	"mountstats": mountTable,
	"cgroup":     func(string, string) string { return "0::/\n" },
}

// reworded is a source whose words are changed.
type reworded struct {
	vfs.DynamicBytesSource
	change func(text, host string) string
	host   string
}

// Generate implements vfs.DynamicBytesSource.
func (r reworded) Generate(ctx context.Context, buf *bytes.Buffer) error {
	var own bytes.Buffer
	if err := r.DynamicBytesSource.Generate(ctx, &own); err != nil {
		return err
	}
	buf.WriteString(r.change(own.String(), r.host))
	return nil
}
