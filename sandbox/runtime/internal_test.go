package runtime

import (
	"bytes"
	"errors"
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

// TestPinnedTail: what was written before is not pushed out by what follows.
func TestPinnedTail(t *testing.T) {
	w := newTail(4 * afterPin)
	write := func(c string, n int) {
		if _, err := w.Write([]byte(strings.Repeat(c, n))); err != nil {
			t.Fatal(err)
		}
	}
	write("a", 5*afterPin)
	w.pin()
	write("b", 10)
	write("c", 3*afterPin)
	w.pin()
	write("d", 10)
	got, total := w.result()
	want := strings.Repeat("a", 3*afterPin) + strings.Repeat("c", afterPin-10) + strings.Repeat("d", 10)
	if string(got) != want || total != 8*afterPin+20 {
		t.Errorf("%d of %d bytes: %q", len(got), total, got)
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
		if got := Candidates(tt.p); !slices.Equal(got, tt.want) {
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
