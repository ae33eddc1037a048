package sensor

import (
	"bufio"
	"cmp"
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

	// Copies receives the files that the sensor keeps; nil: they are read and forgotten.
	Copies func(Piece) error
	open   map[uint64]int64 // bytes so far of the copies under way
	copies uint64
}

// Piece is a part of a file that the sensor copies. The pieces of different
// files may alternate.
type Piece struct {
	ID   uint64
	What *event.Copy // of the first piece
	Data []byte      // valid until the call returns
	End  bool        // it was the last
}

// NewReader reads from r, which is the socket's reading side.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10)}
}

// errPiece says that a piece of a copy was read, and no event.
var errPiece = errors.New("sensor: a piece of a copy")

// Next returns the next event. Errors: io.EOF at the end of the stream,
// ErrSynced (go on reading), *MalformedError, and those of Copies.
func (r *Reader) Next() (event.Event, error) {
	for {
		ev, err := r.next()
		if err != errPiece { //nolint:errorlint // our own, never wrapped
			return ev, err
		}
	}
}

// piece takes a part of a copy.
func (r *Reader) piece(kind byte, id uint64, payload []byte) error {
	p := Piece{ID: id}
	size, known := r.open[id]
	switch kind {
	case frameCopy:
		if r.copies++; known || r.copies > event.MaxCopies || id == 0 {
			return &MalformedError{fmt.Sprintf("copy %d of %d", id, r.copies)}
		}
		p.What = &event.Copy{}
		if err := json.Unmarshal(payload, p.What); err != nil {
			return &MalformedError{err.Error()}
		}
		p.What.Path = cutText(p.What.Path, event.MaxPath)
		p.What.Reason = cutText(p.What.Reason, 16)
		p.What.Mode &= 0o7777
		if r.open == nil {
			r.open = map[uint64]int64{}
		}
		r.open[id] = 0
	case frameData:
		if size += int64(len(payload)); !known || size > event.MaxCopy {
			return &MalformedError{fmt.Sprintf("%d bytes of copy %d", size, id)}
		}
		r.open[id] = size
		p.Data = payload
	case frameCopied:
		if !known {
			return &MalformedError{fmt.Sprintf("the end of copy %d", id)}
		}
		delete(r.open, id)
		p.End = true
	}
	if r.Copies == nil {
		return nil
	}
	return r.Copies(p)
}

func (r *Reader) next() (event.Event, error) {
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
	if (kind == frameSynced || kind == frameCopied) && size != 0 {
		return event.Event{}, &MalformedError{"payload in a frame that has none"}
	}
	if cap(r.buf) < int(size) {
		r.buf = make([]byte, size)
	}
	payload := r.buf[:size]
	if _, err := io.ReadFull(r.r, payload); err != nil {
		return event.Event{}, io.EOF
	}
	switch kind {
	case frameSynced:
		return event.Event{}, ErrSynced
	case frameEvent:
	case frameCopy, frameData, frameCopied:
		return event.Event{}, cmp.Or(r.piece(kind, seq, payload), errPiece)
	default:
		return event.Event{}, &MalformedError{fmt.Sprintf("frame type %#x", kind)}
	}
	if seq <= r.seq {
		return event.Event{}, &MalformedError{fmt.Sprintf("event %d after %d", seq, r.seq)}
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
		event.Kill, event.Name, event.MapExec, event.WXMemory, event.Readlink, event.Utimes, event.Sockopt, event.Ioctl, event.Payload, event.Memory, event.Limit,
		event.Syscall, event.ClockJump, event.ClockRest, event.Lost:
		return true
	}
	return false
}

// Release lets the container's first process end, see the package comment.
func Release(w io.Writer) error {
	_, err := w.Write([]byte{commandRelease})
	return err
}

// Collect asks the sensor to tell what is left of a run: files in memory, and
// what is in the memory of processes. A Sync behind it tells when all was sent.
func Collect(w io.Writer) error {
	_, err := w.Write([]byte{commandCollect})
	return err
}

// Sync asks the sensor to answer with ErrSynced once everything before is sent.
func Sync(w io.Writer) error {
	_, err := w.Write([]byte{commandSync})
	return err
}
