package scan

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

func TestSniff(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"nothing", "", "text"},
		{"script", "#!/bin/sh\necho", "script"},
		{"text", "root:x:0:0\n", "text"},
		{"a character cut off", "caf\xc3", "text"},
		{"zero byte", "a\x00b", "data"},
		{"program", "\x7fELF\x02\x01", "elf"},
		{"gzip", "\x1f\x8b\x08\x00", "archive"},
		{"zip", "PK\x03\x04\x00", "archive"},
	} {
		if got := Sniff([]byte(tt.content)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestRead(t *testing.T) {
	f, err := Read(strings.NewReader(strings.Repeat("ab", 4096)))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != "text" || f.Size != 8192 || f.Entropy != 1 || len(f.Head) != MaxHead || f.ELF != nil || len(f.SHA256) != 64 {
		t.Errorf("facts %+v", f)
	}
}

// TestELF looks into what the toolchain makes.
func TestELF(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "main.go")
	if err := os.WriteFile(src, []byte("package main\n\nfunc main() { println(1) }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build := func(arch string, flags ...string) *ELF {
		t.Helper()
		out := filepath.Join(dir, "out")
		cmd := exec.Command("go", append(append([]string{"build", "-o", out}, flags...), src)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=")
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, msg)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Read(bytes.NewReader(b))
		if err != nil || f.ELF == nil {
			t.Fatalf("%+v, %v", f, err)
		}
		return f.ELF
	}
	e := build("amd64")
	if e.Kind != "exec" || e.Arch != "amd64" || e.Bits != 64 || !e.Static || e.Stripped || !e.Go || e.Packer != "" || e.CodeEntropy < 5 || e.CodeEntropy > 7 {
		t.Errorf("amd64: %+v", e)
	}
	if e := build("amd64", "-ldflags=-s -w"); !e.Stripped {
		t.Errorf("stripped: %+v", e)
	}
}

func TestSystemLibrary(t *testing.T) {
	list, _ := filepath.Glob("/lib/*-linux-gnu*/libc.so.6")
	if len(list) == 0 {
		testenv.Missing(t, "there is no C library in /lib to look into")
	}
	b, err := os.ReadFile(list[0])
	if err != nil {
		t.Fatal(err)
	}
	e := readELF(b)
	if e == nil || e.Kind != "dyn" || e.Static || !slices.Contains(e.Exports, "readdir") || !slices.Contains(e.Exports, "accept") {
		t.Errorf("%s: %+v", list[0], e)
	}
	// Without its table of sections it loads all the same.
	broken := slices.Clone(b)
	for i := 40; i < 48; i++ {
		broken[i] = 0xff
	}
	if e := readELF(broken); e == nil || !e.NoSections || e.Kind != "dyn" {
		t.Errorf("with a broken section table: %+v", e)
	}
}

// FuzzRead: every file of a guest comes this way.
func FuzzRead(f *testing.F) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(self[:4096])
	f.Add([]byte("#!/bin/sh\n"))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := Read(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if facts.Type == "" || facts.Size != int64(len(b)) || len(facts.Head) > MaxHead || facts.Entropy < 0 || facts.Entropy > 8 {
			t.Errorf("%+v", facts)
		}
	})
}
