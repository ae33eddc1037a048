package sensor

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

func frame(kind byte, seq uint64, payload string) []byte {
	return appendFrame(nil, kind, seq, []byte(payload))
}

func TestReaderReturnsWhatWasWritten(t *testing.T) {
	want := event.Event{
		Time: time.Second, Kind: event.Exec, Task: event.Task{TID: 7, PID: 7, PPID: 1, Start: 5, UID: 1, Comm: "sh"},
		Exec: &event.Program{
			Path: "/bin/sh", Argv: []string{"sh", "-c", "x\n"}, Env: []string{"A=b"}, SHA256: strings.Repeat("ab", 32),
			Stdio: [3]*event.FD{{Kind: "socket", Remote: &event.Endpoint{Family: "inet", Proto: "tcp", IP: "192.0.2.1", Port: 4444}}, nil, {Kind: "pipe", Inode: 3}},
		},
	}
	sent := want
	q := newQueue()
	q.put(&sent, nil)
	q.sync()
	q.put(&event.Event{Kind: event.Open, Path: "/x"}, nil)
	q.close()
	r := NewReader(bytes.NewReader(q.take()))
	got, err := r.Next()
	want.Seq = 1
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := r.Next(); !errors.Is(err, ErrSynced) {
		t.Errorf("second frame: %v", err)
	}
	if got, err := r.Next(); err != nil || got.Seq != 2 || got.Path != "/x" {
		t.Errorf("third frame: %+v %v", got, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("end: %v", err)
	}
}

func TestReaderRefuses(t *testing.T) {
	huge := frame(frameEvent, 1, "")
	binary.LittleEndian.PutUint32(huge, event.MaxFrame+1)
	for name, stream := range map[string][]byte{
		"a frame that is too long":   huge,
		"an unknown type":            frame('?', 1, ""),
		"a payload where none is":    frame(frameSynced, 0, "x"),
		"a copy without a number":    frame(frameCopy, 0, `{}`),
		"a copy without description": frame(frameCopy, 1, `no`),
		"a copy begun twice":         append(frame(frameCopy, 1, `{}`), frame(frameCopy, 1, `{}`)...),
		"bytes of no copy":           frame(frameData, 7, "x"),
		"the end of no copy":         frame(frameCopied, 7, ""),
		"bytes after the end":        slices.Concat(frame(frameCopy, 1, `{}`), frame(frameCopied, 1, ""), frame(frameData, 1, "x")),
		"no JSON":                    frame(frameEvent, 1, "{"),
		"an unknown kind":            frame(frameEvent, 1, `{"kind":"nonsense"}`),
		"a made-up loss":             frame(frameEvent, 1, `{"kind":"lost_critical"}`),
		"sequence number 0":          frame(frameEvent, 0, `{"kind":"open"}`),
		"a repeated sequence number": append(frame(frameEvent, 1, `{"kind":"open"}`), frame(frameEvent, 1, `{"kind":"open"}`)...),
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(stream))
			var err error
			for err == nil {
				_, err = r.Next()
			}
			var malformed *MalformedError
			if !errors.As(err, &malformed) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestReaderHandsOnCopies(t *testing.T) {
	r := NewReader(bytes.NewReader(slices.Concat(
		frame(frameCopy, 1, `{"reason":"unlink","path":"/tmp/a","mode":33261,"size":3}`), frame(frameData, 1, "ab"),
		frame(frameCopy, 2, `{"reason":"exec","path":"/tmp/b"}`), frame(frameData, 2, "x"), frame(frameData, 1, "c"),
		frame(frameCopied, 1, ""), frame(frameEvent, 1, `{"kind":"open"}`), frame(frameCopied, 2, ""),
	)))
	content, ended := map[uint64]string{}, map[uint64]bool{}
	r.Copies = func(p Piece) error {
		if p.What != nil && p.ID == 1 && (p.What.Path != "/tmp/a" || p.What.Mode != 0o755 || p.What.Reason != event.CopyUnlink) {
			t.Errorf("described as %+v", p.What)
		}
		content[p.ID] += string(p.Data)
		ended[p.ID] = p.End
		return nil
	}
	if ev, err := r.Next(); err != nil || ev.Kind != event.Open {
		t.Errorf("the event between the copies: %+v, %v", ev, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("end: %v", err)
	}
	if content[1] != "abc" || content[2] != "x" || !ended[1] || !ended[2] {
		t.Errorf("copies %v, ended %v", content, ended)
	}
}

func TestReaderEndsWithTheStream(t *testing.T) {
	whole := frame(frameEvent, 1, `{"kind":"open"}`)
	for n := range len(whole) {
		if _, err := NewReader(bytes.NewReader(whole[:n])).Next(); err != io.EOF {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestReaderCutsWhatTheSensorDidNot(t *testing.T) {
	long := strings.Repeat("x", 10000)
	b, err := json.Marshal(event.Event{
		Kind: event.Exec, Path: long, Args: make([]int64, 100), Local: &event.Endpoint{Family: long, IP: long},
		Exec: &event.Program{Path: long, SHA256: "no digest", Argv: []string{long}, Env: make([]string, 1000), Stdio: [3]*event.FD{{Kind: long}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ev, err := NewReader(bytes.NewReader(frame(frameEvent, 1, string(b)))).Next()
	if err != nil {
		t.Fatal(err)
	}
	mustBeCut(t, ev)
}

// mustBeCut checks the caps of package event.
func mustBeCut(t *testing.T, ev event.Event) {
	t.Helper()
	for _, s := range []string{ev.Path, ev.Target, ev.Name, ev.FSType, ev.Task.Comm, ev.Task.CWD} {
		if len(s) > event.MaxPath {
			t.Errorf("a text of %d bytes", len(s))
		}
	}
	for _, e := range []*event.Endpoint{ev.Local, ev.Remote} {
		if e != nil && (len(e.Family) > 16 || len(e.IP) > 64 || len(e.Path) > event.MaxPath) {
			t.Errorf("endpoint %+v", e)
		}
	}
	if len(ev.Args) > 16 {
		t.Errorf("%d numbers", len(ev.Args))
	}
	if p := ev.Exec; p != nil {
		if len(p.Path) > event.MaxPath || len(p.Argv) > event.MaxArgs || len(p.Env) > event.MaxArgs || len(p.SHA256) != 0 && len(p.SHA256) != 64 {
			t.Errorf("program with %d arguments, %d variables, digest %q", len(p.Argv), len(p.Env), p.SHA256)
		}
		for _, s := range append(p.Argv, p.Env...) {
			if len(s) > event.MaxArg {
				t.Errorf("an argument of %d bytes", len(s))
			}
		}
		for _, fd := range p.Stdio {
			if fd != nil && len(fd.Kind) > 16 {
				t.Errorf("descriptor kind of %d bytes", len(fd.Kind))
			}
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(slices.Concat(frame(frameCopy, 1, `{"path":"/x"}`), frame(frameData, 1, "ab"), frame(frameCopied, 1, "")))
	f.Add(frame(frameEvent, 1, `{"kind":"exec","exec":{"argv":["a"],"stdio":[{"kind":"pipe"},null,null]}}`))
	f.Add(append(frame(frameEvent, 1, `{"kind":"lost","args":[5]}`), frame(frameSynced, 0, "")...))
	f.Add(frame(frameEvent, 9, `{"kind":"connect","local":{"family":"inet"},"remote":null}`))
	f.Add([]byte{255, 255, 255, 255, 'E'})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream))
		var last uint64
		for {
			ev, err := r.Next()
			if errors.Is(err, ErrSynced) {
				continue
			}
			if err != nil {
				return
			}
			if ev.Seq <= last {
				t.Fatalf("event %d after %d", ev.Seq, last)
			}
			last = ev.Seq
			mustBeCut(t, ev)
		}
	})
}
