package runtime

import (
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// Spec is one run.
type Spec struct {
	Dir      string  // working folder shared by runs; Run makes and removes one folder in it
	Root     string  // EROFS file, see rootfs.Build
	Process  Process // what runs first
	Hostname string  // default "localhost"
	Files    []File  // put into the writable layer before the start
	Link     *Link   // nil: loopback only
	Limits   Limits
	DiffPath string // where to leave the tar of the writable layer; "": none is taken

	// ReadsOf lists absolute path prefixes whose opening for reading is
	// reported too; opening for writing is reported everywhere.
	ReadsOf []string

	// Events receives every event in order of Seq, one call at a time. A slow
	// receiver slows the guest down. May be nil.
	Events func(event.Event)
	// OnStart is called once, when the first process is about to run. May be nil.
	OnStart func()

	Logger *slog.Logger // nil: slog.Default()
}

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

// File is put into the sandbox's writable layer. Missing parents are made as
// root's with mode 0755; existing ones keep their owner and mode.
type File struct {
	Path    string      // absolute, below a parent that is no symbolic link
	Content []byte      // of a regular file
	Mode    fs.FileMode // permission bits, fs.ModeDir for a folder, fs.ModeSymlink for a link
	Target  string      // of a symbolic link
	UID     int
	GID     int
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
	Wall      time.Duration // from start to the pause; default 180 s
	Memory    int64         // bytes of guest memory, tmpfs and writable layer; default 1 GiB
	Disk      int64         // bytes of the writable layer; default 512 MiB
	Processes int           // RLIMIT_NPROC; default 512
	OpenFiles int           // RLIMIT_NOFILE; default 4096
	Tail      int           // bytes kept of each of stdout and stderr; default 16 KiB
	Diff      int64         // bytes of the tar; default 1 GiB
}
