package runtime

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/upper"
)

// File is put into the sandbox's writable layer.
type File = upper.File

// Change is one path of the writable layer.
type Change = upper.Change

// UnixMode is the permission bits of m as chmod(2) takes them.
func UnixMode(m fs.FileMode) int64 { return upper.UnixMode(m) }

// Placed returns files under the paths at which they come to lie in image.
func Placed(image *rootfs.Root, files []File) []File { return upper.Placed(image, files) }

// ReadDiff calls fn for every change in the tar that Run left at
// Spec.DiffPath, in the order of the tar. Left out is what Run put there: the
// files in injected, which are Spec.Files as they were Placed, that still are as they were, their
// parent folders, and mount points. It ends with the first error of fn.
func ReadDiff(r io.Reader, injected []File, fn func(Change) error) error {
	return upper.Read(r, injected, mountPoints(), fn)
}

// mountPoints are where the runtime makes folders if there are none.
func mountPoints() []string {
	var points []string
	for _, m := range mounts() {
		points = append(points, m.Destination)
	}
	return points
}

// errDiffTooLarge says that a difference was cut off.
var errDiffTooLarge = errors.New("the file system's difference is larger than its limit")

// save copies r to the file name, which it creates or replaces.
func save(name string, r io.Reader, limit int64) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = errDiffTooLarge
	}
	return errors.Join(err, f.Close())
}
