package runtime_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
	"github.com/sallyport-dev/sallyport/sandbox/scan"
)

// TestCopies: what a guest removed, replaced or left in memory is kept.
func TestCopies(t *testing.T) {
	spec := newSpec(t, "guest", "vanish")
	spec.CopiesDir = filepath.Join(t.TempDir(), "copies")
	s := run(t, spec)
	if s.Exit == nil || *s.Exit != (event.Status{}) {
		t.Fatalf("exit %+v, stderr %q", s.Exit, s.Stderr)
	}
	kept := map[string]runtime.Copied{}
	for _, c := range s.Copies {
		kept[c.Reason+" "+c.Path] = c
	}
	facts := func(c runtime.Copied) scan.Facts {
		t.Helper()
		f, err := os.Open(c.File)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		facts, err := scan.Read(f)
		if err != nil || facts.Size != c.Size || !c.Whole {
			t.Errorf("%+v holds %d bytes, %v", c, facts.Size, err)
		}
		return facts
	}
	program := s.events[0].Exec
	for _, name := range []string{"exec /tmp/once", "unlink /tmp/once"} {
		if c, ok := kept[name]; !ok || facts(c).SHA256 != program.SHA256 || c.Mode != 0o755 || c.PID != 1 && c.Reason == event.CopyUnlink {
			t.Errorf("%s: %+v, kept %v", name, c, s.Copies)
		}
	}
	if c, ok := kept["replace /tmp/job"]; !ok || !strings.Contains(string(facts(c).Head), "root /tmp/once") {
		t.Errorf("what was replaced: %+v", c)
	}
	if c, ok := kept["end /dev/shm/.kept"]; !ok || facts(c).Type != "script" {
		t.Errorf("what lay in memory: %+v", c)
	}
	for name := range kept {
		if strings.HasSuffix(name, "/tmp/large") || strings.HasSuffix(name, "/etc/hostname") {
			t.Errorf("%s was copied, although it is data or the image's", name)
		}
	}
}

// TestMemoryAtTheEnd: what a program unpacked into its memory is looked at.
func TestMemoryAtTheEnd(t *testing.T) {
	spec := newSpec(t, "guest", "miner")
	stop := make(chan struct{})
	spec.Stop = stop
	s := runUntil(t, spec, func(ev event.Event) bool { return ev.Kind == event.Open && ev.Path == "/tmp/unpacked" }, func() { close(stop) })
	ev := s.one(t, event.Memory, func(ev event.Event) bool { return ev.Name == "miner" })
	if ev.Task.PID != 1 || !strings.Contains(ev.Data, "donate-level") {
		t.Errorf("memory %+v", ev)
	}
}

func TestPayloads(t *testing.T) {
	s := run(t, newSpec(t, "guest", "talk"))
	for _, tt := range []struct {
		name, data, proto string
		port              uint16
	}{
		{"sent", "hello there", "tcp", 4444},
		{"received", "echo hello there", "tcp", 4444},
		{"sent", "question one", "udp", 5353},
	} {
		s.one(t, event.Payload, func(ev event.Event) bool {
			return ev.Name == tt.name && ev.Data == tt.data && ev.Remote != nil && ev.Remote.Port == tt.port && ev.Remote.Proto == tt.proto &&
				ev.Local != nil && ev.Local.Port != 0
		})
	}
}
