// Package upper is a sandbox's writable layer: what is put into it before the
// start, and what it differs by in the end.
//
// Files enter and a tar for gVisor leaves; gVisor's tar of the layer enters and
// changes leave. The second comes out of a sandbox and is read as hostile. It
// starts nothing, and touches no file but those that it is given.
package upper

import "io/fs"

// File is put into the sandbox's writable layer. Missing parents are made as
// root's with mode 0755; existing ones keep their owner and mode, and symbolic
// links among them are followed inside the image.
type File struct {
	Path    string      // absolute
	Content []byte      // of a regular file
	Mode    fs.FileMode // permission bits, with fs.ModeDir for a folder, fs.ModeSymlink for a link
	Target  string      // of a symbolic link
	UID     int
	GID     int
}

// UnixMode is the permission bits of m as chmod(2) takes them.
func UnixMode(m fs.FileMode) int64 {
	mode := int64(m.Perm())
	if m&fs.ModeSetuid != 0 {
		mode |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		mode |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		mode |= 0o1000
	}
	return mode
}
