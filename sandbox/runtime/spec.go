package runtime

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/lure"
)

// Spec is one run.
type Spec struct {
	Dir      string  // working folder shared by runs; Run makes and removes one folder in it
	Root     string  // EROFS file, see rootfs.Build
	Process  Process // what runs first
	Hostname string  // default "localhost"
	Files    []File  // put into the writable layer before the start
	Layer    *Layer  // what an earlier run left; nil: the writable layer begins empty
	Link     *Link   // nil: loopback only
	Limits   Limits
	DiffPath string // where to leave the tar of the writable layer, see ReadDiff; "": none is taken

	// CopiesDir is a folder that gets copies of files which would be gone
	// after the run: programs that did not come with the image, what was removed
	// or replaced, what lay in memory. It is made, and is the caller's. "": none are kept.
	CopiesDir string

	// ReadsOf lists files whose opening for reading is reported too, as
	// sensor.Config takes them; opening for writing is reported everywhere.
	ReadsOf []string

	// Lure is put into the guest's world: sockets of engines, disks.
	Lure Lure

	// Time is what the guest's clocks may do; the zero value leaves them alone.
	Time Time

	// Blind leaves all but the start unwatched: for measuring what watching costs.
	Blind bool

	// Events receives every event in order of Seq, one call at a time, from
	// another goroutine than Run's. A slow receiver slows the guest down. May be nil.
	Events func(event.Event)
	// OnStart is called once, when the first process has begun. May be nil.
	OnStart func()
	// Load is told, about twice a second, how much CPU time the sandbox and the
	// guest in it have used since their start, and for how long their threads of
	// now were ready to run and had no processor. It must not block. May be nil.
	Load func(cpu, delayed time.Duration)
	// HangUp, when it gets a value, has SIGHUP sent to the first process if that
	// has a handler for it. May be nil.
	HangUp <-chan struct{}
	// Pin, when it gets a value, has the output so far kept; of what follows only
	// the last KiB is. May be nil.
	Pin <-chan struct{}
	// Stop, when closed, ends the run as Limits.Wall does: with its events and
	// its difference. Cancelling the context ends it without. May be nil.
	Stop <-chan struct{}

	Logger *slog.Logger // nil: slog.Default()
}

// Layer is the writable layer of an earlier run of the same image, as its
// difference. Spec.Files are put into it where the guest of that run left them
// alone.
type Layer struct {
	Path     string // of the tar: that run's Spec.DiffPath
	Injected []File // that run's Spec.Files
}

// Lure is sockets that lead to the network, and disks without content.
type Lure = lure.Config

// LureSocket is a Unix socket that leads to an address.
type LureSocket = lure.Socket

// LureDisk is a block device.
type LureDisk = lure.Disk

// Process is the container's first process.
type Process struct {
	Args   []string
	Env    []string
	Cwd    string // default "/"
	UID    uint32
	GID    uint32
	Groups []uint32
	// Capabilities as "CAP_…"; nil means DefaultCapabilities.
	Capabilities []string
}

// Link is the sandbox's only network card: one end of a SOCK_SEQPACKET
// socketpair that carries Ethernet frames, and the guest's addresses on it.
// Run does not close File.
type Link struct {
	File      *os.File
	MAC       [6]byte
	MTU       int            // default 1500
	Addresses []netip.Prefix // of the guest, IPv4 and IPv6
	Gateway4  netip.Addr     // default route; invalid: none
	Gateway6  netip.Addr
}

// Limits bounds a run. A zero field means the default.
type Limits struct {
	Wall      time.Duration // from the start of the first process; default 180 s
	Memory    int64         // bytes of guest memory, tmpfs and writable layer; default 1 GiB
	Disk      int64         // bytes of the writable layer; default 512 MiB
	Processes int           // RLIMIT_NPROC; default 512
	OpenFiles int           // RLIMIT_NOFILE; default 4096
	Tail      int           // bytes kept of each of stdout and stderr; default 16 KiB
	Diff      int64         // bytes of the difference's tar; default 1 GiB
}

func (s Spec) withDefaults() (Spec, error) {
	switch {
	case !filepath.IsAbs(s.Dir):
		return s, fmt.Errorf("runtime: Spec.Dir %q is not an absolute path", s.Dir)
	case !filepath.IsAbs(s.Root):
		return s, fmt.Errorf("runtime: Spec.Root %q is not an absolute path", s.Root)
	case s.DiffPath != "" && !filepath.IsAbs(s.DiffPath):
		return s, fmt.Errorf("runtime: Spec.DiffPath %q is not an absolute path", s.DiffPath)
	case s.Layer != nil && !filepath.IsAbs(s.Layer.Path):
		return s, fmt.Errorf("runtime: Spec.Layer.Path %q is not an absolute path", s.Layer.Path)
	case s.CopiesDir != "" && !filepath.IsAbs(s.CopiesDir):
		return s, fmt.Errorf("runtime: Spec.CopiesDir %q is not an absolute path", s.CopiesDir)
	case len(s.Process.Args) == 0 || s.Process.Args[0] == "":
		return s, &StartError{Detail: "the image names no program to run"}
	case s.Link != nil && s.Link.File == nil:
		return s, errors.New("runtime: a Link without a File")
	}
	if s.Hostname == "" {
		s.Hostname = "localhost"
	}
	if s.Process.Cwd == "" {
		s.Process.Cwd = "/"
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	l := &s.Limits
	setDefault(&l.Wall, 180*time.Second)
	setDefault(&l.Memory, 1<<30)
	setDefault(&l.Disk, 512<<20)
	setDefault(&l.Processes, 512)
	setDefault(&l.OpenFiles, 4096)
	setDefault(&l.Tail, 16<<10)
	setDefault(&l.Diff, 1<<30)
	s.Time = s.Time.withDefaults()
	return s, nil
}

func setDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
