package packages

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/sallyport-dev/sallyport/inspect/layers"
	"github.com/sallyport-dev/sallyport/inspect/packages/licence"
)

var apkNames = []string{"/lib/apk/db/installed", "/usr/lib/apk/db/installed"}

var apkFiles = []layers.Wanted{{Path: apkNames[0], Limit: database}, {Path: apkNames[1], Limit: database}}

func readAPK(f Files) ([]Package, error) {
	var seen []byte
	var all []Package
	for _, name := range apkNames {
		b, err := read(f, name)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 || bytes.Equal(b, seen) {
			continue // lib is a link to usr/lib
		}
		seen = b
		some, err := parseAPK(b, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// parseAPK reads apk's database (apk-package(5)): lines of a letter, a colon
// and a value; an empty line ends a package.
func parseAPK(b []byte, path string) ([]Package, error) {
	var all []Package
	fields := map[byte]string{}
	end := func() error {
		if len(fields) == 0 {
			return nil
		}
		p := Package{Format: "apk", Name: fields['P'], Version: fields['V'], Arch: fields['A'], Source: fields['o'], Licenses: licence.Parse(fields['L']), Path: path}
		if p.Name == "" {
			return errors.New("a record without name")
		}
		if p.Source == "" {
			p.Source = p.Name
		}
		p.Version, p.Release = AlpineVersion(p.Version)
		all = append(all, p)
		clear(fields)
		return nil
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, record)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		switch {
		case line == "":
			if err := end(); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		case len(line) < 2 || line[1] != ':':
			return nil, fmt.Errorf("line %d is no field", n)
		case strings.IndexByte("PVALo", line[0]) >= 0:
			fields[line[0]] = line[2:]
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return all, end()
}

// AlpineVersion divides version-rN.
func AlpineVersion(s string) (version, release string) {
	if i := strings.LastIndex(s, "-r"); i > 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}
