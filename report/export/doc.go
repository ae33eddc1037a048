// Package export writes a report in the formats of other tools: SARIF for CI
// and code scanning, a layer for the ATT&CK Navigator, an in-toto statement for
// attestations, and a page for people.
//
// A valid report goes in, bytes come out; nothing is read or asked. Everything
// that comes from inside the sandbox stays data: JSON encodes it, the page
// escapes it and runs no script, and what is long is cut.
package export

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/report"
)

// A Format is one of the formats.
type Format struct {
	Name  string // as people write it
	Short string // what it is
	Write func(io.Writer, *report.Report) error
}

// Formats lists all formats.
func Formats() []Format {
	return []Format{
		{"sarif", "SARIF 2.1.0, for CI and code scanning", SARIF},
		{"navigator", "a layer for the ATT&CK Navigator", Navigator},
		{"html", "one page for people, without scripts", HTML},
		{"in-toto", "an in-toto statement about the image", Statement},
	}
}

// imageName is the image's name and tag, without the digest by which it was run.
func imageName(r *report.Report) string {
	name, _, _ := strings.Cut(r.Image.Reference, "@")
	return name
}

// Lookup finds a format by its name.
func Lookup(name string) (Format, error) {
	all := Formats()
	if n := slices.IndexFunc(all, func(f Format) bool { return f.Name == name }); n >= 0 {
		return all[n], nil
	}
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.Name
	}
	return Format{}, fmt.Errorf("%q is no format of reports: write one of %s", name, strings.Join(names, ", "))
}
