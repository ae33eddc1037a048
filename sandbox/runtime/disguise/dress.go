package disguise

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/fspath"
	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/kernfs"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/kernel/auth"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
	"gvisor.dev/gvisor/pkg/usermem"
)

// dressAll dresses what is mounted in a container from the start.
func dressAll(t *kernel.Task) {
	for _, at := range []string{"/proc", "/sys"} {
		if err := dress(t, at); err != nil {
			log.Warningf("disguise: %s: %v", at, err)
		}
	}
	if err := devices(t); err != nil {
		log.Warningf("disguise: /dev: %v", err)
	}
}

// devices makes what Docker has in /dev besides.
func devices(t *kernel.Task) error {
	root := t.FSContext().RootDirectory()
	defer root.DecRef(t)
	fs, creds := t.Kernel().VFS(), auth.NewRootCredentials(t.Kernel().RootUserNamespace())
	at := func(name string) *vfs.PathOperation {
		return &vfs.PathOperation{Root: root, Start: root, Path: fspath.Parse(name)}
	}
	return errors.Join(
		fs.MkdirAt(t, creds, at("/dev/mqueue"), &vfs.MkdirOptions{Mode: linux.S_ISVTX | 0o777}),
		fs.SymlinkAt(t, creds, at("/dev/core"), "/proc/kcore"),
	)
}

// mounts dresses what the guest mounts itself.
func mounts(fn kernel.SyscallFn) kernel.SyscallFn {
	return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
		result, control, err := fn(t, nr, args)
		if err != nil {
			return result, control, err
		}
		if at, readErr := t.CopyInString(args[1].Pointer(), linux.PATH_MAX); readErr == nil {
			if dressErr := dress(t, at); dressErr != nil {
				log.Warningf("disguise: %s: %v", at, dressErr)
			}
		}
		return result, control, nil
	}
}

// dress changes the /proc or /sys that is mounted at a path of t's; all else it
// leaves alone.
func dress(t *kernel.Task, at string) error {
	root := t.FSContext().RootDirectory()
	defer root.DecRef(t)
	start := root
	if !path.IsAbs(at) {
		start = t.FSContext().WorkingDirectory()
		defer start.DecRef(t)
	}
	creds := auth.CredentialsFromContext(t)
	vd, err := t.Kernel().VFS().GetDentryAt(t, creds, &vfs.PathOperation{
		Root: root, Start: start, Path: fspath.Parse(at), FollowFinalSymlink: true,
	}, &vfs.GetDentryOptions{})
	if err != nil {
		return nil // the image has no such folder
	}
	defer vd.DecRef(t)
	dentry, ok := vd.Dentry().Impl().(*kernfs.Dentry)
	if !ok || dentry.Parent() != nil {
		return nil
	}
	fs := vd.Mount().Filesystem()
	d := dresser{ctx: t, k: t.Kernel(), root: auth.NewRootCredentials(creds.UserNamespace), fs: fs}
	switch fs.FilesystemType().Name() {
	case "proc":
		return d.proc(dentry.Inode())
	case "sysfs":
		return d.sys(dentry.Inode())
	}
	return nil
}

// dresser changes one file system.
type dresser struct {
	ctx  context.Context
	k    *kernel.Kernel
	root *auth.Credentials
	fs   *vfs.Filesystem
	dev  uint32 // minor number
}

// folder is what kernfs' folders have.
type folder interface {
	kernfs.Inode
	ForEachChild(fn func(string, kernfs.Inode))
	Insert(name string, child kernfs.Inode) error
}

// numbers is what a file system of kernfs has.
type numbers interface{ NextIno() uint64 }

func (d *dresser) ino() uint64 {
	if n, ok := d.fs.Impl().(numbers); ok {
		return n.NextIno()
	}
	return 0
}

// put makes a file, and the folders on its way that are missing. A file that is
// there says something else from now on.
func (d *dresser) put(in kernfs.Inode, name string, mode linux.FileMode, text source) error {
	dir, ok := in.(folder)
	if !ok {
		return fmt.Errorf("%T is no folder", in)
	}
	first, rest, deeper := strings.Cut(name, "/")
	child := lookUp(dir, first)
	if deeper {
		if child == nil {
			child = kernfs.NewStaticDir(d.ctx, d.root, linux.UNNAMED_MAJOR, d.dev, d.ino(), 0o555, nil, kernfs.GenericDirectoryFDOptions{SeekEnd: kernfs.SeekEndZero})
			if err := dir.Insert(first, child); err != nil {
				return fmt.Errorf("%s: %w", first, err)
			}
		}
		if err := d.put(child, rest, mode, text); err != nil {
			return fmt.Errorf("%s/%w", first, err)
		}
		return nil
	}
	if child == nil {
		f := &file{source: text}
		f.Init(d.ctx, d.root, linux.UNNAMED_MAJOR, d.dev, d.ino(), f, mode)
		return dir.Insert(first, f)
	}
	known, ok := child.(interface {
		SetDataSourceProvider(kernfs.DataSourceProvider)
	})
	if !ok {
		return fmt.Errorf("%s: %T takes no other content", first, child)
	}
	known.SetDataSourceProvider(text)
	return nil
}

func lookUp(dir folder, name string) (found kernfs.Inode) {
	dir.ForEachChild(func(n string, child kernfs.Inode) {
		if n == name {
			found = child
		}
	})
	return found
}

// source makes the content of a file whenever it is read.
type source func(ctx context.Context) string

// text is a source that does not change.
func text(s string) source { return func(context.Context) string { return s } }

// Generate implements vfs.DynamicBytesSource.
func (s source) Generate(ctx context.Context, buf *bytes.Buffer) error {
	buf.WriteString(s(ctx))
	return nil
}

// DataSource implements kernfs.DataSourceProvider.
func (s source) DataSource(context.Context) (vfs.DynamicBytesSource, error) { return s, nil }

// file is one that gVisor does not have.
type file struct {
	kernfs.DynamicBytesFile
	source source
}

// Generate implements vfs.DynamicBytesSource.
func (f *file) Generate(ctx context.Context, buf *bytes.Buffer) error {
	return f.source.Generate(ctx, buf)
}

// StatFS implements kernfs.Inode.
func (*file) StatFS(context.Context, *vfs.Filesystem) (linux.Statfs, error) {
	return vfs.GenericStatFS(linux.PROC_SUPER_MAGIC), nil
}

// setting is a file that those with enough rights can write to. Nothing comes of it.
type setting struct {
	file
	mu    sync.Mutex
	value string
}

var _ vfs.WritableDynamicBytesSource = (*setting)(nil)

// Generate implements vfs.DynamicBytesSource.
func (s *setting) Generate(_ context.Context, buf *bytes.Buffer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	buf.WriteString(s.value)
	return nil
}

// maxSetting bounds what is kept of what is written, in bytes.
const maxSetting = 4 << 10

// Write implements vfs.WritableDynamicBytesSource. In a container without
// rights on the machine, these files are on a mount that is read-only.
func (s *setting) Write(ctx context.Context, _ *vfs.FileDescription, src usermem.IOSequence, _ int64) (int64, error) {
	if !auth.CredentialsFromContext(ctx).HasRootCapability(linux.CAP_SYS_ADMIN) {
		return 0, linuxerr.EROFS
	}
	b := make([]byte, min(src.NumBytes(), maxSetting))
	n, err := src.CopyIn(ctx, b)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = strings.TrimRight(string(b[:n]), "\n") + "\n"
	return src.NumBytes(), nil
}

// settings puts files that can be written to.
func (d *dresser) settings(in kernfs.Inode, files map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		s := &setting{value: files[name]}
		s.Init(d.ctx, d.root, linux.UNNAMED_MAJOR, d.dev, d.ino(), s, 0o644)
		dir := in
		for part := range strings.SplitSeq(path.Dir(name), "/") {
			f, ok := dir.(folder)
			if !ok {
				return fmt.Errorf("%s: no such folder", name)
			}
			dir = lookUp(f, part)
		}
		if f, ok := dir.(folder); !ok || f.Insert(path.Base(name), s) != nil {
			return fmt.Errorf("%s cannot be put there", name)
		}
	}
	return nil
}

// all puts many files, each with the folder that it lies in.
func (d *dresser) all(in kernfs.Inode, files map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := d.put(in, name, 0o444, text(files[name])); err != nil {
			return err
		}
	}
	return nil
}
