package observation_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestFlowsFindTheirProcess(t *testing.T) {
	s := play(t)
	s.start("/init")
	s.spawn(1, 2, "/usr/bin/curl")
	s.spawn(1, 3, "/usr/bin/wget")
	s.spawn(1, 4, "/usr/sbin/nginx")
	c2 := s.add(2, event.Event{Kind: event.Connect, Local: tcp("10.0.2.15", 40001), Remote: tcp("198.18.0.1", 80)})
	c3 := s.add(3, event.Event{Kind: event.Connect, Local: tcp("10.0.2.15", 40002), Remote: tcp("198.18.0.1", 80)})
	udp := *tcp("10.0.2.2", 53)
	udp.Proto = "udp"
	q := s.add(3, event.Event{Kind: event.Send, Remote: &udp})
	in := s.add(4, event.Event{Kind: event.Accept, Local: tcp("10.0.2.15", 8080), Remote: tcp("10.0.2.2", 555)})
	six := s.add(4, event.Event{Kind: event.Connect, Local: tcp("::ffff:10.0.2.15", 40003), Remote: tcp("::ffff:198.18.0.9", 443)})
	s.b.AddNetwork(observation.Network{
		Flows: []observation.Flow{
			{ID: "b", Proto: "tcp", SrcPort: 40002, DstIP: "198.18.0.1", DstPort: 80, FirstMS: 60},
			{ID: "a", Proto: "tcp", SrcPort: 40001, DstIP: "198.18.0.1", DstPort: 80, FirstMS: 60},
			{ID: "q", Proto: "udp", SrcPort: 5353, DstIP: "10.0.2.2", DstPort: 53, FirstMS: 70},
			{ID: "i", Proto: "tcp", SrcIP: "10.0.2.2", SrcPort: 555, DstIP: "10.0.2.15", DstPort: 8080, Inbound: true},
			{ID: "6", Proto: "tcp", SrcPort: 40003, DstIP: "198.18.0.9", DstPort: 443},
			{ID: "?", Proto: "tcp", SrcPort: 9, DstIP: "198.18.0.1", DstPort: 81},
		},
		HTTP: []observation.HTTP{{Flow: "a", Host: "x"}, {Flow: "none"}},
		DNS:  []observation.DNSQuery{{Flow: "q", Name: "x"}, {Name: "y"}},
	})
	o := s.b.Build()
	want := map[string]struct {
		process string
		event   uint64
		scope   string
	}{
		"a": {"2.0", c2, "public"}, "b": {"3.0", c3, "public"}, "q": {"3.0", q, "private"},
		"i": {"4.0", in, "private"}, "6": {"4.0", six, "public"}, "?": {"", 0, "public"},
	}
	for _, f := range o.Network.Flows {
		if w := want[f.ID]; f.Process != w.process || f.Event != w.event || f.Scope != w.scope {
			t.Errorf("flow %s: process %q event %d scope %q, want %+v", f.ID, f.Process, f.Event, f.Scope, w)
		}
	}
	if h := o.Network.HTTP; h[0].Process != "2.0" || h[0].IP != "198.18.0.1" || h[1].Process != "" {
		t.Errorf("requests: %+v", h)
	}
	if d := o.Network.DNS; d[0].Process != "3.0" || d[1].Process != "" {
		t.Errorf("questions: %+v", d)
	}
	if p := o.Processes["2.0"]; !slices.Equal(p.Flows, []int{1}) || !slices.Equal(p.HTTP, []int{0}) {
		t.Errorf("curl's flows %v and requests %v", p.Flows, p.HTTP)
	}
}

// A local port is used by one connection after the other.
func TestFlowsOfOnePortAreToldByTime(t *testing.T) {
	s := play(t)
	s.start("/init")
	s.spawn(1, 2, "/a")
	s.spawn(1, 3, "/b")
	connect := event.Event{Kind: event.Connect, Local: tcp("10.0.2.15", 40001), Remote: tcp("198.18.0.1", 80)}
	s.add(2, connect) // at 60 ms
	for range 100 {
		s.add(1, event.Event{Kind: event.Open, Path: "/x"})
	}
	s.add(3, connect) // at 1070 ms
	s.b.AddNetwork(observation.Network{Flows: []observation.Flow{
		{ID: "1", Proto: "tcp", SrcPort: 40001, DstIP: "198.18.0.1", DstPort: 80, FirstMS: 58},
		{ID: "2", Proto: "tcp", SrcPort: 40001, DstIP: "198.18.0.1", DstPort: 80, FirstMS: 1072},
	}})
	o := s.b.Build()
	if f := o.Network.Flows; f[0].Process != "2.0" || f[1].Process != "3.0" {
		t.Errorf("flows of %s and %s", f[0].Process, f[1].Process)
	}
}

func hash(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func file(path, content string) observation.Change {
	return observation.Change{
		Path: path, Header: &tar.Header{Typeflag: tar.TypeReg, Name: path, Size: int64(len(content)), Mode: 0o755},
		Content: strings.NewReader(content),
	}
}

const elf = "\x7fELF\x02\x01\x01 program"

func TestProvenance(t *testing.T) {
	s := play(t)
	s.start("/bin/sh", "/entrypoint.sh")
	s.spawn(1, 2, "/usr/bin/wget", "http://198.18.0.1/x")
	s.add(2, event.Event{Kind: event.Connect, Local: tcp("10.0.2.15", 40001), Remote: tcp("198.18.0.1", 80)})
	s.write(2, "/tmp/received")
	s.write(1, "/tmp/served") // by whom does not matter when the bytes are the same
	s.write(1, "/etc/app.conf")
	s.write(1, "/tmp/blob")
	s.spawn(1, 3, "/usr/bin/apt-get", "install", "x")
	s.spawn(3, 4, "/usr/bin/dpkg", "-i")
	s.write(4, "/usr/bin/tool")
	s.fork(1, 5)
	decode := image("/usr/bin/base64", "-d")
	decode.Stdio[1] = &event.FD{Kind: "file", Path: "/tmp/decoded"}
	s.write(5, "/tmp/decoded") // the redirection, before the exec
	s.exec(5, decode)
	s.spawn(1, 6, "/bin/cp", "/bin/true", "/tmp/copy")
	s.write(6, "/tmp/copy")
	s.spawn(1, 7, "/bin/true")
	s.add(2, event.Event{Kind: event.Rename, Path: "/tmp/received", Target: "/tmp/renamed"})
	s.fork(1, 8)
	run := dropped("/tmp/renamed")
	run.SHA256 = hash(elf + "received")
	s.exec(8, run)
	s.spawn(1, 9, "/bin/sh", "/etc/app.conf")
	for _, c := range []observation.Change{
		file("/tmp/renamed", elf+"received"), file("/tmp/served", "#!/bin/sh\necho served\n"), file("/etc/app.conf", "a=b\n"),
		file("/tmp/blob", elf+"blob"), file("/usr/bin/tool", elf+"tool"), file("/tmp/decoded", elf+"decoded"),
		file("/tmp/nobody", "x"),
	} {
		if err := s.b.AddFile(c); err != nil {
			t.Fatal(err)
		}
	}
	s.b.AddNetwork(observation.Network{
		Flows: []observation.Flow{{ID: "a", Proto: "tcp", SrcPort: 40001, DstIP: "198.18.0.1", DstPort: 80, BytesIn: 900}},
		HTTP:  []observation.HTTP{{Flow: "a", Status: 200, SHA256: hash("#!/bin/sh\necho served\n")}},
	})
	o := s.b.Build()
	want := map[string]struct {
		provenance, kind, writer string
		executed                 bool
	}{
		"/tmp/renamed":  {"network", "elf", "2.0", true},
		"/tmp/served":   {"network", "script", "1.0", false},
		"/etc/app.conf": {"config", "text", "1.0", true},
		"/tmp/blob":     {"unknown", "elf", "1.0", false},
		"/usr/bin/tool": {"pkgmgr", "elf", "4.0", false},
		"/tmp/decoded":  {"decoded", "elf", "5.1", false},
		"/tmp/nobody":   {"unknown", "text", "", false},
	}
	for _, f := range o.Files.Created {
		if w := want[f.Path]; f.Provenance != w.provenance || f.Type != w.kind || f.Writer != w.writer || f.Executed != w.executed {
			t.Errorf("%s: %s %s by %q executed %t, want %+v", f.Path, f.Provenance, f.Type, f.Writer, f.Executed, w)
		}
	}
	if p := o.Processes["8.0"]; p.Provenance != "network" {
		t.Errorf("the program from the network is from %s", p.Provenance)
	}
	if p := o.Processes["7.0"]; p.Provenance != "image" {
		t.Errorf("the program of the image is from %s", p.Provenance)
	}
}

// TestProvenanceOfAnEarlierRun: what is started again on what it left has
// fetched and installed nothing this time.
func TestProvenanceOfAnEarlierRun(t *testing.T) {
	earlier := &observation.Observation{Files: observation.Files{
		Created: []observation.File{
			{Path: "/usr/bin/tool", SHA256: hash(elf + "tool"), Provenance: "pkgmgr"}, {Path: "/opt/agent", SHA256: hash(elf + "agent"), Provenance: "network"},
			{Path: "/opt/other", SHA256: hash(elf + "other"), Provenance: "pkgmgr"}, {Path: "/opt/gone", SHA256: hash(elf + "gone"), Provenance: "pkgmgr", Gone: true},
			{Path: "/opt/run.sh", SHA256: hash("#!/bin/sh\n"), Provenance: "config"},
		},
	}}
	s := play(t)
	s.b.Inherit(earlier)
	s.start("/bin/sh", "/entrypoint.sh")
	s.write(1, "/opt/other")
	for i, path := range []string{"/usr/bin/tool", "/opt/agent", "/opt/other", "/opt/gone"} {
		pid := int32(2 + i)
		s.fork(1, pid)
		run := dropped(path)
		run.SHA256 = hash(elf + path[strings.LastIndex(path, "/")+1:])
		s.exec(pid, run)
	}
	s.spawn(1, 6, "/bin/sh", "/opt/run.sh")
	if err := s.b.AddFile(file("/usr/bin/tool", elf+"tool")); err != nil {
		t.Fatal(err)
	}
	o := s.b.Build()
	for id, want := range map[string]string{"2.0": "pkgmgr", "3.0": "network", "4.0": "unknown", "5.0": "unknown"} {
		if p := o.Processes[id]; p.Provenance != want {
			t.Errorf("%s is from %s, want %s", p.Exe, p.Provenance, want)
		}
	}
	if p := o.Processes["6.0"]; !p.ScriptDrift || p.ScriptProvenance != "config" {
		t.Errorf("the script is of the image: %t, from %s", !p.ScriptDrift, p.ScriptProvenance)
	}
	if f := o.Files.Created[0]; f.Provenance != "pkgmgr" {
		t.Errorf("%s is from %s", f.Path, f.Provenance)
	}
}

// What a child received and its parent wrote came from the network.
func TestProvenanceThroughAPipeToTheParent(t *testing.T) {
	s := play(t)
	s.start("/usr/bin/python3", "/app.py")
	s.fork(1, 2)
	curl := image("/usr/bin/curl", "-s", "http://198.18.0.1/")
	curl.Stdio[1] = &event.FD{Kind: "pipe", Inode: 5, Peer: &event.Peer{PID: 1}}
	s.exec(2, curl)
	s.add(2, event.Event{Kind: event.Connect, Local: tcp("10.0.2.15", 40001), Remote: tcp("198.18.0.1", 80)})
	s.write(1, "/tmp/x")
	if err := s.b.AddFile(file("/tmp/x", elf)); err != nil {
		t.Fatal(err)
	}
	s.b.AddNetwork(observation.Network{Flows: []observation.Flow{{ID: "a", Proto: "tcp", SrcPort: 40001, DstIP: "198.18.0.1", DstPort: 80, BytesIn: 900}}})
	if f := s.b.Build().Files.Created[0]; f.Provenance != "network" {
		t.Errorf("provenance %s", f.Provenance)
	}
}

func TestFiles(t *testing.T) {
	b := play(t).b
	link := file("/tmp/link", "")
	link.Header.Typeflag, link.Header.Linkname = tar.TypeLink, "/tmp/../tmp/a"
	symlink := file("/tmp/sym", "")
	symlink.Header.Typeflag, symlink.Header.Linkname = tar.TypeSymlink, "../etc/passwd"
	dir := file("/etc", "")
	dir.Header.Typeflag, dir.InImage = tar.TypeDir, true
	changed := file("/etc/passwd", "root:x:0:0::/:/bin/sh\n")
	changed.InImage = true
	for _, c := range []observation.Change{
		file("/tmp/a", strings.Repeat("\x00", 4096)), link, symlink, dir, changed, {Path: "/bin/ps", Deleted: true},
	} {
		if err := b.AddFile(c); err != nil {
			t.Fatal(err)
		}
	}
	f := b.Build().Files
	var got []string
	for _, c := range f.Created {
		got = append(got, c.Path+" "+c.Type)
	}
	if !slices.Equal(got, []string{"/tmp/a data", "/tmp/link data", "/tmp/sym symlink"}) {
		t.Errorf("created: %v", got)
	}
	if f.Created[0].SHA256 != f.Created[1].SHA256 || f.Created[0].Entropy != 0 || f.Created[0].Size != 4096 {
		t.Errorf("a file and its link: %+v", f.Created[:2])
	}
	if len(f.Modified) != 1 || f.Modified[0].Head != `root:x:0:0::/:/bin/sh\x0a` || !slices.Equal(f.Deleted, []string{"/bin/ps"}) {
		t.Errorf("modified %+v deleted %v", f.Modified, f.Deleted)
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	broken := errors.New("broken")
	c := file("/tmp/x", "")
	c.Content = iotest.ErrReader(broken)
	if err := play(t).b.AddFile(c); !errors.Is(err, broken) || !strings.Contains(err.Error(), "/tmp/x") {
		t.Errorf("error %v", err)
	}
}

// FuzzAddFile: nothing that a tar may hold breaks the builder.
func FuzzAddFile(f *testing.F) {
	f.Add("/tmp/x", "", []byte(elf), byte(tar.TypeReg), false)
	f.Add("../../x", "/proc/self/root/x", []byte("#!/bin/sh"), byte(tar.TypeLink), true)
	f.Add("", strings.Repeat("../", 3000), []byte("\xff\xfe"), byte(tar.TypeSymlink), false)
	f.Fuzz(func(t *testing.T, path, link string, content []byte, kind byte, known bool) {
		b := play(t).b
		for range 2 {
			err := b.AddFile(observation.Change{
				Path: path, Header: &tar.Header{Typeflag: kind, Name: path, Linkname: link, Size: int64(len(content))},
				Content: bytes.NewReader(content), InImage: known,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		o := b.Build()
		for _, x := range append(o.Files.Created, o.Files.Modified...) {
			if x.Entropy < 0 || x.Entropy > 8 || len(x.Path) > event.MaxPath+1 || x.Type == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}
