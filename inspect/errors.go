package inspect

import "errors"

// What can be wrong with an image. Errors of this package wrap one of these,
// or the error of Content.
var (
	// ErrSchema1 is of images in Docker's first manifest format.
	ErrSchema1 = errors.New("manifests of Docker schema 1 are not supported: push the image again with a current client")
	// ErrTooLarge is of manifests, configurations and indexes beyond the limits.
	ErrTooLarge = errors.New("larger than an image may be")
	// ErrInvalid is of documents that do not follow their specification.
	ErrInvalid = errors.New("malformed image")
	// ErrMissing is of manifests that the registry does not have: Content wraps
	// it then, so that an index may name platforms that were never pushed.
	ErrMissing = errors.New("not in the registry")
	// ErrMismatch is of bytes that are not what a digest, a size or the list of
	// layers says.
	ErrMismatch = errors.New("content is not what its description says")
)
