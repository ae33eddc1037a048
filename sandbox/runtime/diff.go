package runtime

import (
	"archive/tar"
	"errors"
	"io"
)

// Change is one path of the writable layer.
type Change struct {
	Path    string      // absolute
	Deleted bool        // a file of the image was removed here
	Header  *tar.Header // nil when Deleted
	Content io.Reader   // of a regular file; valid until the next call
}

// ReadDiff calls fn for every change in the tar that Run left at
// Spec.DiffPath, without the files in injected that are still as they were.
func ReadDiff(r io.Reader, injected []File, fn func(Change) error) error {
	return errors.ErrUnsupported
}
