package runtime

// UnsupportedError says that the machine cannot run sandboxes, and what to change.
type UnsupportedError struct {
	Missing string // e.g. "unprivileged user namespaces"
	Remedy  string // e.g. "sysctl -w kernel.unprivileged_userns_clone=1"
	Err     error
}

func (e *UnsupportedError) Error() string {
	return "this machine cannot run sandboxes: " + e.Missing + ": " + e.Remedy
}

func (e *UnsupportedError) Unwrap() error { return e.Err }
