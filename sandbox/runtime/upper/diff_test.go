package upper

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

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

func TestRead(t *testing.T) {
	injected := []File{
		{Path: "/etc/same", Content: []byte("x"), Mode: 0o644},
		{Path: "/etc/content", Content: []byte("before"), Mode: 0o644},
		{Path: "/etc/mode", Content: []byte("x"), Mode: 0o644},
		{Path: "/etc/gone", Content: []byte("x"), Mode: 0o644},
		{Path: "/etc/link", Mode: fs.ModeSymlink | 0o777, Target: "to"},
		{Path: "/home/new", Mode: fs.ModeDir | 0o700},
		{Path: "/home/missing", Content: []byte("x"), Mode: 0o644},
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
	err := Read(bytes.NewReader(b), injected, []string{"/proc"}, func(c Change) error {
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
		"/etc/content": "after!", "/etc/mode": "x", "/etc/gone": "deleted", "/etc/also-gone": "deleted", "/home/missing": "deleted",
		"/etc/alias": "to /etc/mode", "/escape": "x",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	stop := errors.New("enough")
	if err := Read(bytes.NewReader(b), nil, nil, func(Change) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

// TestSparseFilesAreRefused: some kilobytes can stand for an endless file.
func TestSparseFilesAreRefused(t *testing.T) {
	var h [512]byte // an old header of GNU tar: a file of 8 GiB less one byte, of which nothing is there
	copy(h[:], "./huge")
	copy(h[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00        S")
	copy(h[257:], "ustar  \x00")
	copy(h[483:], "77777777777")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	err := Read(bytes.NewReader(h[:]), nil, nil, func(c Change) error {
		t.Errorf("%s is reported with %d bytes", c.Path, c.Header.Size)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "sparse") {
		t.Errorf("error %v", err)
	}
}

// FuzzRead: the tar comes out of the sandbox.
func FuzzRead(f *testing.F) {
	f.Add(diffTar(f, entry{name: "./a", content: "x", kind: tar.TypeReg}, entry{name: "./b", kind: tar.TypeChar}, entry{name: "./c", kind: tar.TypeLink, link: "./b"}))
	f.Add(diffTar(f, entry{name: "../../x", kind: tar.TypeSymlink, link: "/y"}))
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = Read(bytes.NewReader(b), []File{{Path: "/a", Content: []byte("x"), Mode: 0o644}}, nil, func(c Change) error {
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
