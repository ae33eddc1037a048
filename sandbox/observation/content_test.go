package observation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// TestRemovedFilesAreKnown: a dropper that deletes itself is in the document,
// with what it was and who wrote it.
func TestRemovedFilesAreKnown(t *testing.T) {
	s := play(t)
	s.start("/bin/sh", "/entrypoint.sh")
	s.spawn(1, 2, "/usr/bin/curl", "-o", "/tmp/x")
	s.write(2, "/tmp/x")
	s.spawn(1, 3, "/bin/sh", "/tmp/x")
	s.add(3, event.Event{Kind: event.Unlink, Path: "/tmp/x"})
	s.spawn(1, 4, "/usr/bin/tee", "/tmp/x")
	s.write(4, "/tmp/x")
	text := "#!/bin/sh\nexec /dev/shm/m stratum+tcp://pool.example:3333 --donate-level 1 -a cryptonight\n"
	gone := event.Copy{Reason: event.CopyUnlink, Path: "/tmp/x", Time: 75 * time.Millisecond, Mode: 0o755, Size: int64(len(text))}
	if err := s.b.AddCopy(gone, true, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	cut := event.Copy{Reason: event.CopyEnd, Path: "/dev/shm/m", Size: 1 << 30}
	if err := s.b.AddCopy(cut, false, strings.NewReader("\x7fELF")); err != nil {
		t.Fatal(err)
	}
	if err := s.b.AddCopy(event.Copy{Reason: event.CopyExec, Path: "/tmp/y"}, true, strings.NewReader("#!x")); err != nil {
		t.Fatal(err)
	}
	o := s.b.Build()
	if len(o.Files.Created) != 2 {
		t.Fatalf("created %+v", o.Files.Created)
	}
	f := o.Files.Created[0]
	if f.Path != "/tmp/x" || !f.Gone || f.Type != "script" || f.Writer != "2.0" || !f.Executed || !strings.Contains(f.Head, "stratum") {
		t.Errorf("the dropper: %+v", f)
	}
	if c := o.Contents[f.SHA256]; c == nil || len(c.Matches) != 1 || c.Matches[0].Rule != "miner" || len(c.Paths) != 1 {
		t.Errorf("its content: %+v", c)
	}
	if m := o.Files.Created[1]; m.Gone || m.SHA256 != "" || m.Size != 1<<30 {
		t.Errorf("what was cut off: %+v", m)
	}
	if p := o.Processes["3.0"]; p.ScriptSHA256 != f.SHA256 || p.ScriptProvenance == "" {
		t.Errorf("who ran it: %+v", p)
	}
}
