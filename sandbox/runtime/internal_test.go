package runtime

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTail(t *testing.T) {
	for _, size := range []int{1, 7, 64} {
		for _, piece := range []int{1, 3, 10, 200} {
			w := newTail(size)
			var all []byte
			for i := 0; len(all) < 1000; i++ {
				p := bytes.Repeat([]byte{byte('a' + i%26)}, piece)
				all = append(all, p...)
				if n, err := w.Write(p); n != len(p) || err != nil {
					t.Fatal(n, err)
				}
				got, total := w.result()
				if want := all[max(0, len(all)-size):]; !bytes.Equal(got, want) || total != int64(len(all)) {
					t.Fatalf("size %d, pieces of %d: %q of %d, want %q", size, piece, got, total, want)
				}
			}
		}
	}
}

func TestDiagnosis(t *testing.T) {
	tests := []struct {
		name    string
		sysctls map[string]string
		err     error
		remedy  string // "" for an error that is none of these
	}{
		{"Debian's switch", map[string]string{"kernel.unprivileged_userns_clone": "0"}, unix.EPERM, "kernel.unprivileged_userns_clone=1"},
		{"no user namespaces", map[string]string{"user.max_user_namespaces": "0"}, unix.ENOSPC, "user.max_user_namespaces=15000"},
		{"Ubuntu's AppArmor", map[string]string{"kernel.apparmor_restrict_unprivileged_userns": "1"}, unix.EACCES, "apparmor_restrict_unprivileged_userns=0"},
		{"too many", map[string]string{"user.max_user_namespaces": "5"}, unix.ENOSPC, "raise user.max_user_namespaces, which is 5"},
		{"seccomp in a container", nil, unix.EPERM, "seccomp profile"},
		{"mount refused by the probe", nil, errors.New("mounting in a user namespace: permission denied"), "seccomp profile"},
		{"anything else", nil, unix.ENOMEM, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := diagnose(func(name string) string { return tt.sysctls[name] }, tt.err)
			var unsupported *UnsupportedError
			if got := errors.As(err, &unsupported); got != (tt.remedy != "") {
				t.Fatalf("error %v", err)
			}
			if !strings.Contains(err.Error(), tt.remedy) || !errors.Is(err, tt.err) {
				t.Errorf("error %q does not say %q", err, tt.remedy)
			}
		})
	}
}

func TestCandidates(t *testing.T) {
	tests := []struct {
		name string
		p    Process
		want []string
	}{
		{"absolute", Process{Args: []string{"/bin/x"}}, []string{"/bin/x"}},
		{"relative", Process{Args: []string{"./x"}, Cwd: "/srv"}, []string{"/srv/x"}},
		{"on the PATH", Process{Args: []string{"x"}, Env: []string{"PATH=/a:/b::rel"}}, []string{"/a/x", "/b/x"}},
		{"last PATH counts", Process{Args: []string{"x"}, Env: []string{"PATH=/a", "PATH=/b"}}, []string{"/b/x"}},
	}
	for _, tt := range tests {
		if got := candidates(tt.p); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSpecIsChecked(t *testing.T) {
	good := Spec{Dir: "/d", Root: "/r", Process: Process{Args: []string{"x"}}}
	for name, spoil := range map[string]func(*Spec){
		"relative folder":     func(s *Spec) { s.Dir = "d" },
		"relative image":      func(s *Spec) { s.Root = "r" },
		"relative difference": func(s *Spec) { s.DiffPath = "x" },
		"no program":          func(s *Spec) { s.Process.Args = nil },
		"card without a file": func(s *Spec) { s.Link = &Link{} },
	} {
		s := good
		spoil(&s)
		if _, err := s.withDefaults(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	s, err := good.withDefaults()
	if err != nil || s.Process.Cwd != "/" || s.Limits.Wall == 0 || s.Limits.Tail == 0 || s.Hostname == "" {
		t.Errorf("%+v %v", s, err)
	}
}

type entry struct {
	name, content, link string
	kind                byte
	mode                int64
}

func diffTar(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(&tar.Header{Typeflag: e.kind, Name: e.name, Linkname: e.link, Size: int64(len(e.content)), Mode: e.mode}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, e.content)
	}
	w.Close()
	return b.Bytes()
}

func TestReadDiff(t *testing.T) {
	injected := []File{
		{Path: "/etc/same", Content: []byte("x"), Mode: 0o644},
		{Path: "/etc/content", Content: []byte("before"), Mode: 0o644},
		{Path: "/etc/mode", Content: []byte("x"), Mode: 0o644},
		{Path: "/etc/gone", Content: []byte("x"), Mode: 0o644},
		{Path: "/etc/link", Mode: fs.ModeSymlink | 0o777, Target: "to"},
		{Path: "/home/new", Mode: fs.ModeDir | 0o700},
	}
	b := diffTar(t,
		entry{name: "./", kind: tar.TypeDir, mode: 0o755},
		entry{name: "./etc/", kind: tar.TypeDir, mode: 0o755},
		entry{name: "./etc/same", content: "x", kind: tar.TypeReg, mode: 0o644},
		entry{name: "./etc/content", content: "after!", kind: tar.TypeReg, mode: 0o644},
		entry{name: "./etc/mode", content: "x", kind: tar.TypeReg, mode: 0o4755},
		entry{name: "./etc/gone", kind: tar.TypeChar},
		entry{name: "./etc/alias", kind: tar.TypeLink, link: "./etc/mode"},
		entry{name: "./etc/also-gone", kind: tar.TypeLink, link: "./etc/gone"},
		entry{name: "./etc/link", kind: tar.TypeSymlink, link: "to", mode: 0o777},
		entry{name: "./home/", kind: tar.TypeDir, mode: 0o755},
		entry{name: "./home/new/", kind: tar.TypeDir, mode: 0o700},
		entry{name: "./proc/", kind: tar.TypeDir, mode: 0o755},
		entry{name: "./tmp/.X11-unix/", kind: tar.TypeDir, mode: 0o1777},
		entry{name: "./../escape", content: "x", kind: tar.TypeReg, mode: 0o644},
	)
	got := map[string]string{}
	err := ReadDiff(bytes.NewReader(b), injected, func(c Change) error {
		switch {
		case c.Deleted:
			got[c.Path] = "deleted"
		case c.Header.Typeflag == tar.TypeReg:
			content, err := io.ReadAll(c.Content)
			got[c.Path] = string(content)
			return err
		default:
			got[c.Path] = "to " + c.Header.Linkname
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"/etc/content": "after!", "/etc/mode": "x", "/etc/gone": "deleted", "/etc/also-gone": "deleted",
		"/etc/alias": "to /etc/mode", "/escape": "x",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	stop := errors.New("enough")
	if err := ReadDiff(bytes.NewReader(b), nil, func(Change) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

// FuzzReadDiff: the tar comes out of the sandbox.
func FuzzReadDiff(f *testing.F) {
	f.Add(diffTar(f, entry{name: "./a", content: "x", kind: tar.TypeReg}, entry{name: "./b", kind: tar.TypeChar}, entry{name: "./c", kind: tar.TypeLink, link: "./b"}))
	f.Add(diffTar(f, entry{name: "../../x", kind: tar.TypeSymlink, link: "/y"}))
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = ReadDiff(bytes.NewReader(b), []File{{Path: "/a", Content: []byte("x"), Mode: 0o644}}, func(c Change) error {
			if !filepath.IsAbs(c.Path) || filepath.Clean(c.Path) != c.Path || c.Deleted == (c.Header != nil) {
				t.Errorf("change %+v", c)
			}
			if c.Content != nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(c.Content, 1<<20))
			}
			return nil
		})
	})
}
