package layers_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/inspect/layers"
)

// archive writes a tar of entries.
func archive(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		content := h.Linkname
		if h.Typeflag == 0 || h.Typeflag == tar.TypeReg {
			h.Typeflag, h.Linkname, h.Size = tar.TypeReg, "", int64(len(content))
		} else {
			content = ""
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name, content string) tar.Header { return tar.Header{Name: name, Linkname: content} }
func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
}
func hard(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}
}
func dir(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}
}
func setuid(name string) tar.Header { return tar.Header{Name: name, Linkname: "x", Mode: 0o4755} }

func layer(packed, plain []byte) layers.Layer {
	return layers.Layer{
		Digest: digest.FromBytes(packed), DiffID: digest.FromBytes(plain),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed)), nil },
	}
}

func plain(t testing.TB, entries ...tar.Header) layers.Layer {
	b := archive(t, entries...)
	return layer(b, b)
}

var wanted = []layers.Wanted{{"/etc/passwd", 1000}, {"/var/lib/dpkg/status", 1000}, {"/var/lib/dpkg/status.d/*", 1000}, {"/usr/share/doc/*/copyright", 1000}}

func TestRead(t *testing.T) {
	type want map[string]string // content by path; "-": no such file, "!": not read
	for _, c := range []struct {
		name   string
		layers [][]tar.Header
		want   want
		setuid []string
	}{
		{"a file", [][]tar.Header{{dir("etc"), file("etc/passwd", "a")}}, want{"/etc/passwd": "a"}, nil},
		{"folders are not listed", [][]tar.Header{{file("./etc/passwd", "a")}}, want{"/etc/passwd": "a"}, nil},
		{"what is not wanted", [][]tar.Header{{file("etc/shadow", "a")}}, want{"/etc/shadow": "-"}, nil},
		{"the upper layer wins", [][]tar.Header{{file("etc/passwd", "a")}, {file("etc/passwd", "b")}}, want{"/etc/passwd": "b"}, nil},
		{"a whiteout", [][]tar.Header{{file("etc/passwd", "a")}, {file("etc/.wh.passwd", "")}}, want{"/etc/passwd": "-"}, nil},
		{"a whiteout reaches down only", [][]tar.Header{{file("etc/passwd", "b"), file("etc/.wh.passwd", "")}}, want{"/etc/passwd": "b"}, nil},
		{"a whiteout of a folder", [][]tar.Header{{file("var/lib/dpkg/status", "a"), setuid("var/x")}, {file(".wh.var", "")}}, want{"/var/lib/dpkg/status": "-"}, nil},
		{"an opaque folder hides lower layers", [][]tar.Header{{file("etc/passwd", "a"), setuid("etc/s")}, {file("etc/.wh..wh..opq", ""), setuid("etc/u")}}, want{"/etc/passwd": "-"}, []string{"/etc/u"}},
		{"an opaque folder keeps its own", [][]tar.Header{{file("etc/passwd", "a")}, {file("etc/passwd", "b"), file("etc/.wh..wh..opq", "")}}, want{"/etc/passwd": "b"}, nil},
		{"AUFS's own files mean nothing", [][]tar.Header{{file("etc/passwd", "a")}, {file("etc/.wh..wh.plnk", "")}}, want{"/etc/passwd": "a"}, nil},
		{"a folder replaces a file", [][]tar.Header{{file("etc/passwd", "a")}, {dir("etc/passwd")}}, want{"/etc/passwd": "-"}, nil},
		{"a file replaces a folder", [][]tar.Header{{file("var/lib/dpkg/status", "a")}, {file("var", "x")}}, want{"/var/lib/dpkg/status": "-"}, nil},
		{"a device replaces a file", [][]tar.Header{{file("etc/passwd", "a")}, {{Typeflag: tar.TypeChar, Name: "etc/passwd"}}}, want{"/etc/passwd": "-"}, nil},
		{"below a link to a folder", [][]tar.Header{{dir("usr/lib"), link("lib", "usr/lib"), setuid("lib/s")}}, nil, []string{"/usr/lib/s"}},
		{"a folder that is a link in a lower layer", [][]tar.Header{{link("var/lib/dpkg", "../../data")}, {file("var/lib/dpkg/status", "a")}}, want{"/var/lib/dpkg/status": "a"}, nil},
		{"a database behind a link", [][]tar.Header{{file("data/status", "a")}, {link("var/lib/dpkg", "/data")}}, want{"/var/lib/dpkg/status": "a"}, nil},
		{"a folder of records behind a link", [][]tar.Header{{file("data/base", "a"), link("var/lib/dpkg/status.d", "/data")}}, want{"/var/lib/dpkg/status.d/base": "a"}, nil},
		{"a file behind a link", [][]tar.Header{{file("data/users", "a"), link("etc/passwd", "../data/users")}}, want{"/etc/passwd": "a"}, nil},
		{"links do not lead out", [][]tar.Header{{link("etc/passwd", "../../../../../data")}, {file("data", "a")}}, want{"/etc/passwd": "a"}, nil},
		{"names do not lead out", [][]tar.Header{{file("../../etc/passwd", "a")}}, want{"/etc/passwd": "a"}, nil},
		{"a link to itself", [][]tar.Header{{link("etc/passwd", "passwd")}}, want{"/etc/passwd": "!"}, nil},
		{"a link to nothing that is there", [][]tar.Header{{link("etc/passwd", "/nowhere")}}, want{"/etc/passwd": "-"}, nil},
		{"a hard link to a kept file", [][]tar.Header{{file("etc/passwd", "a"), hard("var/lib/dpkg/status", "etc/passwd")}}, want{"/var/lib/dpkg/status": "a"}, nil},
		{"a hard link to another file", [][]tar.Header{{file("data", "a"), hard("etc/passwd", "data")}}, want{"/etc/passwd": "a"}, nil},
		{"a hard link outlives its target", [][]tar.Header{{file("etc/passwd", "a"), hard("var/lib/dpkg/status", "etc/passwd")}, {file("etc/.wh.passwd", "")}}, want{"/var/lib/dpkg/status": "a"}, nil},
		{"too large a file", [][]tar.Header{{file("etc/passwd", strings.Repeat("a", 1001))}}, want{"/etc/passwd": "!"}, nil},
		{"a pattern", [][]tar.Header{{file("usr/share/doc/a/copyright", "c"), file("usr/share/doc/a/b/copyright", "d")}}, want{"/usr/share/doc/a/copyright": "c", "/usr/share/doc/a/b/copyright": "-"}, nil},
		{"a link among folders of a pattern", [][]tar.Header{{file("usr/share/doc/a/copyright", "c"), link("usr/share/doc/b", "a")}}, want{"/usr/share/doc/b/copyright": "c"}, nil},
		{"set-user-ID and set-group-ID", [][]tar.Header{{setuid("bin/su"), {Name: "bin/wall", Mode: 0o2755}, file("bin/ls", "")}}, nil, []string{"/bin/su", "/bin/wall"}},
		{"a bit that a later layer takes away", [][]tar.Header{{setuid("bin/su")}, {file("bin/su", "x")}}, nil, nil},
		{"a file with rights is removed", [][]tar.Header{{setuid("bin/su")}, {file("bin/.wh.su", "")}}, nil, nil},
		{"a second name of a file with rights", [][]tar.Header{{setuid("bin/su"), hard("x", "bin/su")}}, nil, []string{"/bin/su", "/x"}},
		{"rights given through a second name", [][]tar.Header{{file("etc/passwd", "a"), {Typeflag: tar.TypeLink, Name: "x", Linkname: "etc/passwd", Mode: 0o4755}}}, want{"/etc/passwd": "a"}, []string{"/etc/passwd", "/x"}},
		{"a folder with the bit is none", [][]tar.Header{{{Typeflag: tar.TypeDir, Name: "srv/", Mode: 0o2775}}}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all []layers.Layer
			for _, entries := range c.layers {
				all = append(all, plain(t, entries...))
			}
			root, err := layers.Read(t.Context(), all, wanted, layers.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range c.want {
				got, err := root.File(name)
				switch want {
				case "-":
					if !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("%s = %q, %v, want no such file", name, got, err)
					}
				case "!":
					if err == nil || errors.Is(err, fs.ErrNotExist) {
						t.Errorf("%s = %q, %v, want that it cannot be read", name, got, err)
					}
				default:
					if err != nil || string(got) != want {
						t.Errorf("%s = %q, %v, want %q", name, got, err, want)
					}
				}
			}
			if got := root.Setuid(); !slices.Equal(got, append([]string{}, c.setuid...)) {
				t.Errorf("files with rights %v, want %v", got, c.setuid)
			}
		})
	}
}

func TestCapabilities(t *testing.T) {
	root, err := layers.Read(t.Context(), []layers.Layer{plain(t, tar.Header{
		Name: "bin/ping", Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"},
	})}, nil, layers.Limits{})
	if err != nil || !slices.Equal(root.Capable(), []string{"/bin/ping"}) || len(root.Setuid()) != 0 {
		t.Errorf("%v, %v", root, err)
	}
}

func TestCompression(t *testing.T) {
	b := archive(t, file("etc/passwd", "a"))
	var gz, zst bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(b)
	w.Close()
	z, _ := zstd.NewWriter(&zst)
	z.Write(b)
	z.Close()
	for name, packed := range map[string][]byte{"none": b, "gzip": gz.Bytes(), "zstd": zst.Bytes()} {
		root, err := layers.Read(t.Context(), []layers.Layer{layer(packed, b)}, wanted, layers.Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := root.File("/etc/passwd"); string(got) != "a" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Archives that nobody makes by accident.
func TestHostileArchives(t *testing.T) {
	zeros := make([]byte, 70<<20)
	var bomb bytes.Buffer
	w, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	w.Write(zeros)
	w.Close()
	many := func(n int, of func(i int) tar.Header) []tar.Header {
		all := make([]tar.Header, n)
		for i := range all {
			all[i] = of(i)
		}
		return all
	}
	truncated := archive(t, file("etc/passwd", strings.Repeat("a", 900)))[:700]
	sound := archive(t, file("etc/passwd", "a"))
	// A chain of links each of which leads through the one before twice.
	maze := []tar.Header{dir("d")}
	for i := range 60 {
		maze = append(maze, link(fmt.Sprintf("l%d", i+1), fmt.Sprintf("l%d/../l%d", i, i)))
	}
	for _, c := range []struct {
		name   string
		layer  layers.Layer
		limits layers.Limits
		want   string
	}{
		{"bytes of zeros", layer(bomb.Bytes(), zeros), layers.Limits{Ratio: 100}, "unpacked bytes per compressed byte"},
		{"a large layer", layer(bomb.Bytes(), zeros), layers.Limits{LayerBytes: 1 << 20}, "unpacked bytes in one layer"},
		{"a large image", layer(bomb.Bytes(), zeros), layers.Limits{TotalBytes: 1 << 20}, "unpacked bytes in the image"},
		{"many entries", plain(t, many(101, func(i int) tar.Header { return file(fmt.Sprint(i), "") })...), layers.Limits{Entries: 100}, "more than 100 entries"},
		{"many links", plain(t, many(101, func(i int) tar.Header { return link(fmt.Sprint(i), "x") })...), layers.Limits{Nodes: 100}, "more than 100 links"},
		{"links to long names", plain(t, many(101, func(i int) tar.Header { return link(fmt.Sprint(i), strings.Repeat("x", 90)) })...), layers.Limits{NameBytes: 5000}, "bytes in names"},
		{"a long path", plain(t, file(strings.Repeat("a/", 3000)+"x", "")), layers.Limits{}, "more than 4096 bytes in a path"},
		{"a long name", plain(t, file(strings.Repeat("a", 256), "")), layers.Limits{}, "a name is longer than 255 bytes"},
		{"large PAX records", plain(t, tar.Header{Name: "a", Mode: 1, PAXRecords: map[string]string{"SCHILY.xattr.user.x": strings.Repeat("a", 300<<10)}}), layers.Limits{}, "bytes of PAX records"},
		{"links in a circle", plain(t, link("a", "b"), link("b", "a"), file("a/x", "")), layers.Limits{}, "too many symbolic links"},
		{"a maze of links", plain(t, append(maze, file("l60/x", ""))...), layers.Limits{}, "too many symbolic links"},
		{"a link to nothing", plain(t, link("a", "")), layers.Limits{}, "a symbolic link to nothing"},
		{"a hard link to a folder", plain(t, dir("etc"), file("etc/passwd", "a"), hard("x", "etc")), layers.Limits{}, "a hard link to the folder"},
		{"a file in a file", plain(t, file("etc/passwd", "a"), file("etc/passwd/b", "")), layers.Limits{}, "is a file and a folder"},
		{"no archive", layer([]byte("no archive at all, but long enough to fill a block"+strings.Repeat(".", 600)), nil), layers.Limits{}, "reading its tar"},
		{"cut off", layer(truncated, truncated), layers.Limits{}, "unexpected EOF"},
		{"broken compression", layer([]byte{0x1f, 0x8b, 8, 0, 0}, nil), layers.Limits{}, "EOF"},
		{"another content than its configuration says", layer(sound, []byte("x")), layers.Limits{}, "but the image's configuration says"},
		{"more behind its end than its configuration says", layer(append(sound[:len(sound):len(sound)], make([]byte, 512)...), sound), layers.Limits{}, "but the image's configuration says"},
		{"no diff id", layers.Layer{Digest: "sha256:a", DiffID: "x"}, layers.Limits{}, "diff id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := layers.Read(t.Context(), []layers.Layer{c.layer}, wanted, c.limits)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if !strings.Contains(err.Error(), "layer "+c.layer.Digest.String()) {
				t.Errorf("the error does not name the layer: %v", err)
			}
		})
	}
	t.Run("files that matter are too large together", func(t *testing.T) {
		root, err := layers.Read(t.Context(), []layers.Layer{plain(t, file("etc/passwd", strings.Repeat("a", 600)), file("var/lib/dpkg/status", strings.Repeat("a", 600)))}, wanted, layers.Limits{Kept: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := root.File("/var/lib/dpkg/status"); !errors.Is(err, layers.ErrUnread) {
			t.Errorf("%v", err)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add(archive(f, dir("etc"), file("etc/passwd", "a"), link("a", "etc"), hard("b", "etc/passwd"), setuid("a/s")), archive(f, file("a/.wh.passwd", ""), file("etc/.wh..wh..opq", "")))
	f.Add(archive(f, link("var/lib/dpkg", "/data"), file("var/lib/dpkg/status", "x")), []byte("BZh"))
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		limits := layers.Limits{TotalBytes: 8 << 20, Entries: 2000, Nodes: 1000}
		root, err := layers.Read(t.Context(), []layers.Layer{layer(lower, lower), layer(upper, upper)}, wanted, limits)
		if err != nil {
			return
		}
		for _, p := range append(root.Setuid(), root.Capable()...) {
			if !strings.HasPrefix(p, "/") {
				t.Errorf("a path that is not absolute: %q", p)
			}
		}
		for _, w := range wanted {
			if b, err := root.File(w.Path); err == nil && int64(len(b)) > w.Limit {
				t.Errorf("%s has %d bytes", w.Path, len(b))
			}
		}
	})
}
