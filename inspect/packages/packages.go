package packages

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/inspect/layers"
	"github.com/sallyport-dev/sallyport/inspect/packages/licence"
)

// Package is one installed package.
type Package struct {
	Format   string   `json:"format"` // deb, apk, rpm; of other sources also npm, pypi, golang …: the types of package URLs
	Name     string   `json:"name"`
	Epoch    string   `json:"epoch,omitempty"`
	Version  string   `json:"version"` // without epoch and release
	Release  string   `json:"release,omitempty"`
	Arch     string   `json:"arch,omitempty"`
	Source   string   `json:"source,omitempty"` // name of the source package
	Licenses []string `json:"licenses"`         // SPDX identifiers where they are known; NOASSERTION when nobody says
	Path     string   `json:"path,omitempty"`   // of the database that lists it
}

// Files are files of an image. It is implemented by layers.Root.
type Files interface {
	// File returns the content of a file. Errors wrap fs.ErrNotExist when there is none.
	File(name string) ([]byte, error)
	// Folder returns the names of the wanted files in a folder.
	Folder(name string) []string
}

// Wanted are the files that List reads.
var Wanted = slices.Concat(dpkgFiles, apkFiles, rpmFiles)

// limits of what is listed.
const (
	maxPackages = 100_000
	maxField    = 1000 // bytes
	maxFields   = 200  // of one record
)

// List lists the installed packages, sorted. Errors name the database that is
// there and could not be read.
func List(f Files) ([]Package, error) {
	all := []Package{}
	for _, read := range []func(Files) ([]Package, error){readDpkg, readAPK, readRPM} {
		some, err := read(f)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return Tidy(all)
}

// Tidy sorts packages, drops those that are listed twice, and makes sure that
// each is in order: nothing too long, a licence, UTF-8.
func Tidy(all []Package) ([]Package, error) {
	for i := range all {
		p := &all[i]
		for _, field := range []*string{&p.Format, &p.Name, &p.Epoch, &p.Version, &p.Release, &p.Arch, &p.Source, &p.Path} {
			*field = strings.ToValidUTF8(*field, "\ufffd")
			if len(*field) > maxField {
				return nil, fmt.Errorf("a field of the %s package %.40q has more than %d bytes", p.Format, p.Name, maxField)
			}
		}
		if len(p.Licenses) == 0 {
			p.Licenses = []string{licence.Unknown}
		}
	}
	slices.SortFunc(all, compare)
	all = slices.CompactFunc(all, func(a, b Package) bool { return compare(a, b) == 0 })
	if len(all) > maxPackages {
		return nil, fmt.Errorf("more than %d packages", maxPackages)
	}
	return all, nil
}

func compare(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Format, b.Format), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Release, b.Release), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Path, b.Path))
}

// read returns the content of a database, nil when there is none.
func read(f Files, name string) ([]byte, error) {
	b, err := f.File(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && b == nil {
		b = []byte{}
	}
	return b, err
}

const (
	database = 128 << 20 // bytes of the largest database that is read
	record   = 1 << 20   // of one package's record
	notice   = 256 << 10 // of one package's copyright notice
)

var _ Files = (*layers.Root)(nil)
