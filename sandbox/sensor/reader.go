package sensor

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// ErrSynced is what Reader.Next returns, once, for every Sync that was
// answered: all events from before the Sync have been read.
var ErrSynced = errors.New("sensor: synced")

// MalformedError says that the stream is not what a sensor writes. The Sentry
// may be owned by the guest: nothing that follows can be trusted.
type MalformedError struct{ Reason string }

func (e *MalformedError) Error() string { return "malformed sensor stream: " + e.Reason }

// Reader reads a sensor's events. It treats the stream as hostile: lengths are
// checked before anything is allocated, texts are cut to the caps of package
// event, the order is verified. It is not safe for concurrent use.
type Reader struct {
	r   *bufio.Reader
	seq uint64
	buf []byte
}

// NewReader reads from r, which is the socket's reading side.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the next event. Errors: io.EOF at the end of the stream,
// ErrSynced (go on reading), *MalformedError.
func (r *Reader) Next() (event.Event, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r.r, header[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF // the sandbox died while writing
		}
		return event.Event{}, err
	}
	size := binary.LittleEndian.Uint32(header[:4])
	kind := header[4]
	seq := binary.LittleEndian.Uint64(header[5:])
	if size > event.MaxFrame {
		return event.Event{}, &MalformedError{fmt.Sprintf("frame of %d bytes", size)}
	}
	if kind != frameEvent && size != 0 {
		return event.Event{}, &MalformedError{"payload in a frame that has none"}
	}
	switch kind {
	case frameSynced:
		return event.Event{}, ErrSynced
	case frameEvent:
	default:
		return event.Event{}, &MalformedError{fmt.Sprintf("frame type %#x", kind)}
	}
	if seq <= r.seq {
		return event.Event{}, &MalformedError{fmt.Sprintf("event %d after %d", seq, r.seq)}
	}
	if cap(r.buf) < int(size) {
		r.buf = make([]byte, size)
	}
	payload := r.buf[:size]
	if _, err := io.ReadFull(r.r, payload); err != nil {
		return event.Event{}, io.EOF
	}
	var ev event.Event
	if err := json.Unmarshal(payload, &ev); err != nil {
		return event.Event{}, &MalformedError{err.Error()}
	}
	if !known(ev.Kind) {
		return event.Event{}, &MalformedError{fmt.Sprintf("event kind %.32q", string(ev.Kind))}
	}
	ev.Seq, r.seq = seq, seq
	clean(&ev)
	return ev, nil
}

// clean cuts what the sensor should have cut, and drops what no event carries.
func clean(ev *event.Event) {
	cut(ev)
	if len(ev.Args) > 16 {
		ev.Args = ev.Args[:16]
	}
	for _, e := range []*event.Endpoint{ev.Local, ev.Remote} {
		cleanEndpoint(e)
	}
	p := ev.Exec
	if p == nil {
		return
	}
	if len(p.SHA256) != 64 || strings.Trim(p.SHA256, "0123456789abcdef") != "" {
		p.SHA256 = ""
	}
	for _, fd := range p.Stdio {
		if fd == nil {
			continue
		}
		fd.Kind = cutText(fd.Kind, 16)
		cleanEndpoint(fd.Local)
		cleanEndpoint(fd.Remote)
	}
}

func cleanEndpoint(e *event.Endpoint) {
	if e == nil {
		return
	}
	e.Family = cutText(e.Family, 16)
	e.Proto = cutText(e.Proto, 16)
	e.IP = cutText(e.IP, 64)
	e.Path = cutText(e.Path, event.MaxPath)
}

func known(k event.Kind) bool {
	switch k {
	case event.Start, event.Exec, event.ExecTry, event.Clone, event.Exit, event.Open, event.Unlink,
		event.Rename, event.Link, event.Symlink, event.Mkdir, event.Chmod, event.Chown, event.Truncate,
		event.Setxattr, event.Mknod, event.Mount, event.Umount, event.PivotRoot, event.Chroot,
		event.MemfdMake, event.Socket, event.Connect, event.Bind, event.Listen, event.Accept, event.Send,
		event.Setuid, event.Ptrace, event.Setns, event.Unshare, event.Module, event.BPF, event.ProcessVM,
		event.Kill, event.Name, event.MapExec, event.WXMemory, event.Readlink, event.Utimes, event.Sockopt, event.Ioctl,
		event.Syscall, event.Lost:
		return true
	}
	return false
}

// Release lets the container's first process end, see the package comment.
func Release(w io.Writer) error {
	_, err := w.Write([]byte{commandRelease})
	return err
}

// Sync asks the sensor to answer with ErrSynced once everything before is sent.
func Sync(w io.Writer) error {
	_, err := w.Write([]byte{commandSync})
	return err
}
