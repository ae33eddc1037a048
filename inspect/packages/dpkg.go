package packages

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/sallyport-dev/sallyport/inspect/layers"
	"github.com/sallyport-dev/sallyport/inspect/packages/licence"
)

const (
	dpkgStatus  = "/var/lib/dpkg/status"
	dpkgRecords = "/var/lib/dpkg/status.d" // of distroless images: one file for each package
	dpkgDocs    = "/usr/share/doc"
)

var dpkgFiles = []layers.Wanted{
	{Path: dpkgStatus, Limit: database},
	{Path: dpkgRecords + "/*", Limit: record},
	{Path: dpkgDocs + "/*/copyright", Limit: notice},
}

func readDpkg(f Files) ([]Package, error) {
	names := []string{dpkgStatus}
	for _, name := range f.Folder(dpkgRecords) {
		if !strings.HasSuffix(name, ".md5sums") {
			names = append(names, dpkgRecords+"/"+name)
		}
	}
	var all []Package
	for _, name := range names {
		b, err := read(f, name)
		if err != nil {
			return nil, err
		}
		some, err := parseDpkg(b, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, some...)
	}
	for i := range all {
		all[i].Licenses = copyrightOf(f, all[i].Name)
	}
	return all, nil
}

// parseDpkg reads records of installed packages.
func parseDpkg(b []byte, path string) ([]Package, error) {
	var all []Package
	err := paragraphs(b, func(fields map[string]string) error {
		if fields["package"] == "" {
			return errors.New("a record without Package")
		}
		if !installed(fields["status"]) {
			return nil
		}
		d := Package{Format: "deb", Name: fields["package"], Arch: fields["architecture"], Path: path}
		// As dpkg itself takes it: what is in parentheses is the source's version.
		d.Source, _, _ = strings.Cut(fields["source"], " ")
		if d.Source == "" {
			d.Source = d.Name
		}
		d.Epoch, d.Version, d.Release = DebianVersion(fields["version"])
		all = append(all, d)
		return nil
	})
	return all, err
}

// installed tells whether the files of a package with the status are there.
// Distroless images have no status.
func installed(status string) bool {
	words := strings.Fields(status)
	if len(words) == 0 {
		return true
	}
	state := words[len(words)-1]
	return state != "not-installed" && state != "config-files"
}

// DebianVersion divides [epoch:]upstream[-revision] (deb-version(7)).
func DebianVersion(s string) (epoch, upstream, revision string) {
	upstream = s
	if i := strings.IndexByte(upstream, ':'); i >= 0 {
		epoch, upstream = upstream[:i], upstream[i+1:]
	}
	if i := strings.LastIndexByte(upstream, '-'); i >= 0 {
		upstream, revision = upstream[:i], upstream[i+1:]
	}
	if strings.Trim(epoch, "0") == "" {
		epoch = ""
	}
	return epoch, upstream, revision
}

// paragraphs reads text in the format of Debian's control files (deb822(5)): of
// each paragraph the first line of every field, by name in lower case. The
// existing library (pault.ag/go/debian) joins the lines of a field one by one, for which a
// hostile file makes it take days.
func paragraphs(b []byte, yield func(fields map[string]string) error) error {
	fields := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, record)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), " \t\r")
		switch {
		case line == "":
			if len(fields) == 0 {
				continue
			}
			if err := yield(fields); err != nil {
				return fmt.Errorf("before line %d: %w", n, err)
			}
			clear(fields)
		case line[0] == ' ' || line[0] == '\t' || line[0] == '#':
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok || len(fields) >= maxFields {
				return fmt.Errorf("line %d is no field", n)
			}
			fields[strings.ToLower(name)] = strings.TrimSpace(value)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(fields) == 0 {
		return nil
	}
	return yield(fields)
}

// copyrightOf lists the licences in a package's copyright notice.
func copyrightOf(f Files, name string) []string {
	b, err := f.File(dpkgDocs + "/" + name + "/copyright")
	if err != nil {
		return nil // not known
	}
	return parseCopyright(b)
}

// common is a reference to a licence that every Debian system has a copy of.
var common = regexp.MustCompile(`/usr/share/common-licenses/([A-Za-z]+(?:-[0-9]+(?:\.[0-9]+)*)?)`)

// unversioned are the names of those that do not say "or any later version":
// a notice in prose says it elsewhere.
var unversioned = map[string]string{
	"GPL-1": "GPL-1.0", "GPL-2": "GPL-2.0", "GPL-3": "GPL-3.0", "LGPL-2": "LGPL-2.0", "LGPL-2.1": "LGPL-2.1", "LGPL-3": "LGPL-3.0",
	"GFDL-1.2": "GFDL-1.2", "GFDL-1.3": "GFDL-1.3",
}

// parseCopyright reads a machine-readable notice (DEP 5), else looks for
// references in one that is prose.
func parseCopyright(b []byte) []string {
	var all []string
	if first, _, _ := bytes.Cut(b, []byte("\n")); bytes.HasPrefix(first, []byte("Format")) && bytes.Contains(first, []byte("copyright-format")) {
		err := paragraphs(b, func(fields map[string]string) error {
			_, files := fields["files"]
			_, format := fields["format"]
			if files || format { // else it is the text of a licence that others name
				all = append(all, licence.Parse(fields["license"])...)
			}
			return nil
		})
		if err == nil && len(all) > 0 {
			return licence.Join(all)
		}
	}
	for _, m := range common.FindAllSubmatch(b, 1000) {
		name := string(m[1])
		if id, ok := unversioned[name]; ok {
			all = append(all, id)
		} else {
			all = append(all, licence.Parse(name)...)
		}
	}
	return licence.Join(all)
}
