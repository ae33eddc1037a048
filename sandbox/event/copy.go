package event

import "time"

// The reasons for which the sensor copies a file out of the guest.
const (
	CopyExec    = "exec"    // a program that did not come with the image was loaded, for the first time
	CopyUnlink  = "unlink"  // it was removed
	CopyReplace = "replace" // another file was renamed over it
	CopyEnd     = "end"     // it lay in memory outside of the writable layer at the end of the run
)

// MaxCopy is the most bytes of one copied file, and MaxCopies the most files of a run.
const (
	MaxCopy   = 48 << 20
	MaxCopies = 2000
)

// Copy describes a file whose content the sensor keeps.
type Copy struct {
	Reason string        `json:"reason"`
	Path   string        `json:"path"` // absolute inside the container
	Time   time.Duration `json:"t"`    // since the start of the run
	PID    int32         `json:"pid,omitempty"`
	Mode   uint32        `json:"mode"` // permission bits
	UID    uint32        `json:"uid"`
	GID    uint32        `json:"gid"`
	Size   int64         `json:"size"` // of the file; the copy may be shorter
}
