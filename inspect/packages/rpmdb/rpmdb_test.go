package rpmdb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/sallyport-dev/sallyport/inspect/packages/rpmdb"
)

// database is a fixture; testdata/make.sh says where they come from.
func database(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, file string
		count      int
		some       []rpmdb.Package
	}{
		{"SQLite", "rpmdb.sqlite", 4, []rpmdb.Package{
			{Name: "bash", Version: "5.2.26", Release: "3.fc40", Arch: "noarch", Source: "bash-5.2.26-3.fc40.src.rpm", License: "GPL-3.0-or-later"},
			{Name: "openssl-libs", Epoch: "1", Version: "3.2.1", Release: "2.fc40", Arch: "noarch", Source: "openssl-libs-3.2.1-2.fc40.src.rpm", License: "Apache-2.0"},
			{Name: "shadow-utils", Epoch: "2", Version: "4.15.1", Release: "3.fc40", Arch: "noarch", Source: "shadow-utils-4.15.1-3.fc40.src.rpm", License: "BSD-3-Clause AND GPLv2+"},
		}},
		{"NDB", "Packages.db", 35, []rpmdb.Package{
			{Name: "system-user-root", Version: "20190513", Release: "3.3.1", Arch: "noarch", Source: "system-user-root-20190513-3.3.1.src.rpm", License: "MIT"},
		}},
		{"Berkeley DB", "Packages", 1, []rpmdb.Package{
			{Name: "libuuid", Version: "2.32.1", Release: "42.el8_8", Arch: "x86_64", Source: "util-linux-2.32.1-42.el8_8.src.rpm", License: "BSD"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := rpmdb.Read(database(t, c.file), nil)
			if err != nil || len(got) != c.count {
				t.Fatalf("%d packages, %v, want %d", len(got), err, c.count)
			}
			for _, want := range c.some {
				if !slices.Contains(got, want) {
					t.Errorf("lacks %+v among %+v", want, got)
				}
			}
		})
	}
}

// What a log holds that was not merged counts, up to the last transaction that ended.
func TestWriteAheadLog(t *testing.T) {
	db := database(t, "rpmdb.sqlite")
	page := int(binary.BigEndian.Uint16(db[16:]))
	without := slices.Clone(db)
	log := append(binary.BigEndian.AppendUint32(nil, 0x377f0682), 0, 0x2d, 0xe2, 0x18)
	log = binary.BigEndian.AppendUint32(log, uint32(page))
	log = append(log, 0, 0, 0, 0, 's', 'a', 'l', 't', 's', 'a', 'l', 't', 0, 0, 0, 0, 0, 0, 0, 0)
	frame := func(n, size int, content []byte) {
		log = binary.BigEndian.AppendUint32(log, uint32(n))
		log = binary.BigEndian.AppendUint32(log, uint32(size))
		log = append(log, "saltsalt\x00\x00\x00\x00\x00\x00\x00\x00"...)
		log = append(log, content...)
	}
	for n := range len(db) / page {
		content := db[n*page : (n+1)*page]
		if n > 0 {
			clear(without[n*page : (n+1)*page])
		}
		size := 0
		if n == len(db)/page-1 {
			size = len(db) / page
		}
		frame(n+1, size, content)
	}
	if _, err := rpmdb.Read(without, nil); err == nil {
		t.Error("a database whose pages are empty was read")
	}
	got, err := rpmdb.Read(without, log)
	if err != nil || len(got) != 4 {
		t.Errorf("with its log: %d packages, %v", len(got), err)
	}
	frame(1, 0, make([]byte, page)) // of a transaction that did not end
	if got, err = rpmdb.Read(without, log); err != nil || len(got) != 4 {
		t.Errorf("with an unfinished transaction: %d packages, %v", len(got), err)
	}
}

func TestDamaged(t *testing.T) {
	sqlite, ndb, bdb := database(t, "rpmdb.sqlite"), database(t, "Packages.db"), database(t, "Packages")
	put := func(b []byte, at int, what ...byte) []byte {
		b = slices.Clone(b)
		copy(b[at:], what)
		return b
	}
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "0 bytes"},
		{"text", bytes.Repeat([]byte("text"), 200), "its format is not known"},
		{"SQLite, cut off", sqlite[:len(sqlite)/4], "the page"},
		{"SQLite, no pages", put(sqlite, 16, 0, 3), "its pages have 3 bytes"},
		{"SQLite, a view in the place of the table", bytes.ReplaceAll(sqlite, []byte("tablePackagesPackages"), []byte("view!PackagesPackages")), "no table Packages"},
		{"NDB, cut off", ndb[:len(ndb)/2], "no package 17"},
		{"NDB, many slots", put(ndb, 12, 0xff, 0xff, 0xff, 0xff), "pages of slots"},
		{"NDB, of another version", put(ndb, 4, 9), "NDB of version 9"},
		{"Berkeley DB, encrypted", put(bdb, 24, 1), "it is encrypted"},
		{"Berkeley DB, a B-tree", put(bdb, 25, 9), "it is no hash"},
		{"Berkeley DB, cut off", bdb[:len(bdb)/2], "it ends before its page"},
		{"Berkeley DB, odd pages", put(bdb, 20, 1, 2), "its pages have"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := rpmdb.Read(c.b, nil)
			if !errors.Is(err, rpmdb.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d packages, error %v, want %q", len(got), err, c.want)
			}
		})
	}
}

// A chain of overflow pages that comes back to itself ends.
func TestChainInACircle(t *testing.T) {
	b := database(t, "Packages")
	page := int(binary.LittleEndian.Uint32(b[20:]))
	for n := range len(b) / page {
		if b[n*page+25] == 7 {
			binary.LittleEndian.PutUint32(b[n*page+16:], uint32(n))
		}
	}
	if _, err := rpmdb.Read(b, nil); !errors.Is(err, rpmdb.ErrInvalid) {
		t.Errorf("error %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"rpmdb.sqlite", "Packages"} {
		f.Add(database(f, name)[:64<<10], []byte{})
	}
	f.Add(database(f, "Packages.db")[:32<<10], []byte("7\x7f\x06\x82"))
	f.Fuzz(func(t *testing.T, b, log []byte) {
		got, err := rpmdb.Read(b, log)
		if err != nil && !errors.Is(err, rpmdb.ErrInvalid) {
			t.Errorf("error %v", err)
		}
		for _, p := range got {
			if p.Name == "" {
				t.Errorf("a package without name: %+v", p)
			}
		}
	})
}
