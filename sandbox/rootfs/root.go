package rootfs

import (
	"context"
	"errors"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Root is an image's file system in one EROFS file. Its methods look files up
// as a process inside the image would: relative to the image's root, symbolic
// links followed, never leaving the image. They may be called concurrently.
type Root struct {
	Path    string // of the EROFS file
	Size    int64  // bytes of the EROFS file
	Entries int    // files and directories in it
}

// Build squashes the layers of img into the EROFS file dst, which it creates
// (or replaces) and removes again when it fails.
//
// Errors: *LayerError when a layer is not what its digest or diff ID says or
// is no tar; *LimitError when the image is larger than limits allow.
func Build(ctx context.Context, img v1.Image, dst string, limits Limits) (*Root, error) {
	return nil, errors.ErrUnsupported
}

// Open returns the Root of an EROFS file that Build made earlier.
func Open(path string) (*Root, error) { return nil, errors.ErrUnsupported }

// Close releases the file; it does not remove it.
func (r *Root) Close() error { return nil }

// Stat describes the file at name, symbolic links followed.
func (r *Root) Stat(name string) (Entry, error) { return Entry{}, errors.ErrUnsupported }

// Exists tells whether name leads to a file or directory.
func (r *Root) Exists(name string) bool { return false }

// ReadFile returns the content of the regular file at name, at most max bytes.
// A larger file is an error.
func (r *Root) ReadFile(name string, max int64) ([]byte, error) { return nil, errors.ErrUnsupported }

// ReadDir lists the names in the directory at name, sorted.
func (r *Root) ReadDir(name string) ([]string, error) { return nil, errors.ErrUnsupported }

// SHA256 returns the hex digest of the regular file at name.
func (r *Root) SHA256(name string) (string, error) { return "", errors.ErrUnsupported }

// Entry describes one file of the image.
type Entry struct {
	Path   string // absolute, after symbolic links
	Mode   fs.FileMode
	Size   int64
	UID    uint32
	GID    uint32
	Device uint64
}
