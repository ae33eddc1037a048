package packages

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// image is the files of an image by path.
type image map[string]string

func (f image) File(name string) ([]byte, error) {
	content, ok := f[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return []byte(content), nil
}

func (f image) Folder(name string) []string {
	var all []string
	for p := range f {
		if path.Dir(p) == name {
			all = append(all, path.Base(p))
		}
	}
	slices.Sort(all)
	return all
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err == nil && strings.HasSuffix(name, ".gz") {
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			b, err = io.ReadAll(r)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const alpine = `C:Q1p78yvTLG094tHE1+dToJGbmYzQE=
P:musl
V:1.2.5-r9
A:x86_64
S:407278
T:the musl c library (libc) implementation
L:MIT
o:musl
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755

P:busybox
V:1.37.0-r12
A:x86_64
L:GPL-2.0-only
o:busybox
r:busybox-initscripts

P:zlib
V:1.3.1-r2
A:x86_64
L:Zlib
`

func TestList(t *testing.T) {
	licences := image{"/usr/share/doc/adduser/copyright": fixture(t, "adduser.copyright"), "/usr/share/doc/bash/copyright": fixture(t, "bash.copyright")}
	with := func(files image) image {
		for name, content := range licences {
			files[name] = content
		}
		return files
	}
	for _, c := range []struct {
		name  string
		files image
		want  []string // as describe writes them
	}{
		{"nothing installed", image{}, nil},
		{"Debian", with(image{dpkgStatus: fixture(t, "status")}), []string{
			"deb adduser 3.134 all from adduser [GPL-2.0-or-later]",
			"deb bash 5.2.15 2+b8 amd64 from bash [BSD-4-Clause-UC GFDL-NIV-1.3 GPL-2.0-or-later GPL-3.0-or-later Latex2e MIT-like permissive]",
			"deb libgcc-s1 12.2.0 14+deb12u1 amd64 from gcc-12 [NOASSERTION]",
			"deb login 1: 4.13+dfsg1 1+deb12u2 amd64 from shadow [NOASSERTION]",
		}},
		{"removed packages do not count", image{dpkgStatus: "Package: a\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: b\nStatus: install ok half-configured\nVersion: 2\n\nPackage: c\nStatus: unknown ok not-installed\n"}, []string{"deb b 2 from b [NOASSERTION]"}},
		{"distroless", with(image{dpkgRecords + "/base": "Package: base-files\nVersion: 12.4+deb12u9\nArchitecture: amd64\n", dpkgRecords + "/base.md5sums": "d41d8 usr/x", dpkgRecords + "/ssl": "Package: libssl3\nVersion: 3.0.15-1~deb12u1\nSource: openssl (3.0.15-1)\n"}),
			[]string{"deb base-files 12.4+deb12u9 amd64 from base-files [NOASSERTION]", "deb libssl3 3.0.15 1~deb12u1 from openssl [NOASSERTION]"}},
		{"Alpine", image{apkNames[0]: alpine}, []string{
			"apk busybox 1.37.0 r12 x86_64 from busybox [GPL-2.0-only]", "apk musl 1.2.5 r9 x86_64 from musl [MIT]", "apk zlib 1.3.1 r2 x86_64 from zlib [Zlib]",
		}},
		{"Alpine whose lib is a link", image{apkNames[0]: alpine, apkNames[1]: alpine}, []string{
			"apk busybox 1.37.0 r12 x86_64 from busybox [GPL-2.0-only]", "apk musl 1.2.5 r9 x86_64 from musl [MIT]", "apk zlib 1.3.1 r2 x86_64 from zlib [Zlib]",
		}},
		{"Fedora", image{"/usr/lib/sysimage/rpm/rpmdb.sqlite": fixture(t, "../rpmdb/testdata/rpmdb.sqlite.gz")}, []string{
			"rpm bash 5.2.26 3.fc40 noarch from bash [GPL-3.0-or-later]",
			"rpm openssl-libs 1: 3.2.1 2.fc40 noarch from openssl-libs [Apache-2.0]",
			"rpm shadow-utils 2: 4.15.1 3.fc40 noarch from shadow-utils [BSD-3-Clause GPL-2.0-or-later]",
			"rpm tzdata 2024a 5.fc40 noarch from tzdata [GPL-2.0-only WITH Classpath-exception-2.0 LicenseRef-Fedora-Public-Domain]",
		}},
		{"Red Hat 8", image{"/var/lib/rpm/Packages": fixture(t, "../rpmdb/testdata/Packages.gz")}, []string{"rpm libuuid 2.32.1 42.el8_8 x86_64 from util-linux [BSD]"}},
		{"two package managers", image{apkNames[0]: "P:a\nV:1-r0\nL:MIT\n", dpkgStatus: "Package: b\nVersion: 1\n"}, []string{"apk a 1 r0 from a [MIT]", "deb b 1 from b [NOASSERTION]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := List(c.files)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, p := range got {
				lines = append(lines, describe(p))
			}
			if !slices.Equal(lines, c.want) {
				t.Errorf("packages\n got %q\nwant %q", lines, c.want)
			}
		})
	}
}

func describe(p Package) string {
	words := []string{p.Format, p.Name}
	if p.Epoch != "" {
		words = append(words, p.Epoch+":")
	}
	for _, w := range []string{p.Version, p.Release, p.Arch} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ") + " from " + p.Source + " [" + strings.Join(p.Licenses, " ") + "]"
}

// A database that is there and cannot be read is no image without packages.
func TestDamagedDatabases(t *testing.T) {
	for _, c := range []struct {
		name  string
		files image
		want  string
	}{
		{"dpkg, no fields", image{dpkgStatus: "Package: a\nVersion 1\n"}, "/var/lib/dpkg/status: line 2 is no field"},
		{"dpkg, no name", image{dpkgStatus: "Version: 1\n\nPackage: a\n"}, "/var/lib/dpkg/status: before line 2: a record without Package"},
		{"dpkg, a line without end", image{dpkgStatus: strings.Repeat("a", 2<<20)}, "/var/lib/dpkg/status: bufio.Scanner: token too long"},
		{"dpkg, a field without end", image{dpkgStatus: "Package: " + strings.Repeat("a", 2000)}, "has more than 1000 bytes"},
		{"dpkg, signed", image{dpkgStatus: "-----BEGIN PGP SIGNED MESSAGE-----\n"}, "line 1 is no field"},
		{"apk, no fields", image{apkNames[0]: "P:a\nnothing\n"}, "/lib/apk/db/installed: line 2 is no field"},
		{"apk, no name", image{apkNames[0]: "V:1\n"}, "a record without name"},
		{"rpm, text", image{"/var/lib/rpm/rpmdb.sqlite": strings.Repeat("text", 500)}, "/var/lib/rpm/rpmdb.sqlite: not a readable RPM database"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := List(c.files); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, error %v, want %q", got, err, c.want)
			}
		})
	}
}

// The packages of the machine that runs the test are those that dpkg lists.
func TestAsDpkgLists(t *testing.T) {
	b, err := os.ReadFile(dpkgStatus)
	if err != nil {
		testenv.Missing(t, "needs Debian's database of packages: "+err.Error())
	}
	out, err := exec.CommandContext(t.Context(), "dpkg-query", "-W", "-f", `${Status} ${Package} ${Version} ${Architecture} ${source:Package}\n`).Output()
	if err != nil {
		testenv.Missing(t, "needs dpkg-query: "+err.Error())
	}
	var want []string
	for line := range strings.Lines(string(out)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "install ok installed "); ok {
			want = append(want, rest)
		}
	}
	got, err := List(image{dpkgStatus: string(b)})
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, p := range got {
		v := p.Version
		if p.Epoch != "" {
			v = p.Epoch + ":" + v
		}
		if p.Release != "" {
			v += "-" + p.Release
		}
		have = append(have, strings.Join([]string{p.Name, v, p.Arch, p.Source}, " "))
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("%d packages, dpkg lists %d", len(have), len(want))
	}
}

func TestCopyright(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"machine-readable", fixture(t, "adduser.copyright"), "GPL-2.0-or-later"},
		{"several licences", "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Expat\n\nFiles: debian/*\nLicense: GPL-3+ or Artistic-2.0\n Text.\n\nLicense: Unused\n Text.\n", "Artistic-2.0 GPL-3.0-or-later MIT"},
		{"prose", "On Debian systems the licence is in /usr/share/common-licenses/GPL-3.", "GPL-3.0"},
		{"prose that names several", "See /usr/share/common-licenses/LGPL-2.1 and /usr/share/common-licenses/Apache-2.0.", "Apache-2.0 LGPL-2.1"},
		{"says nothing", "All rights reserved.", ""},
		{"empty", "", ""},
	} {
		if got := strings.Join(parseCopyright([]byte(c.text)), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzDpkg(f *testing.F) {
	f.Add([]byte("Package: a\nStatus: install ok installed\nVersion: 1:2-3\nDescription: x\n y\n\n# c\nPackage: b\n"), []byte("Format: copyright-format\n\nFiles: *\nLicense: GPL-2+\n"))
	f.Fuzz(func(t *testing.T, status, notice []byte) {
		packages, err := List(image{dpkgStatus: string(status), dpkgDocs + "/a/copyright": string(notice)})
		check(t, packages, err)
	})
}

func FuzzAPK(f *testing.F) {
	f.Add([]byte(alpine))
	f.Fuzz(func(t *testing.T, b []byte) {
		packages, err := List(image{apkNames[0]: string(b)})
		check(t, packages, err)
	})
}

func check(t *testing.T, all []Package, err error) {
	if err != nil && all != nil {
		t.Errorf("packages and an error: %v", err)
	}
	for _, p := range all {
		if p.Name == "" || len(p.Licenses) == 0 {
			t.Errorf("%+v", p)
		}
	}
}
