package rootfs

import "fmt"

// LayerError says that a layer is not what the manifest says, or is no tar.
type LayerError struct {
	Layer string // digest
	Err   error
}

func (e *LayerError) Error() string { return fmt.Sprintf("layer %s: %v", e.Layer, e.Err) }
func (e *LayerError) Unwrap() error { return e.Err }

// LimitError says that an image is larger than allowed.
type LimitError struct {
	Layer string // digest
	What  string // e.g. "entries"
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("layer %s: more than %d %s: the limit of the sandbox", e.Layer, e.Limit, e.What)
}
