package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/scope"
	"github.com/sallyport-dev/sallyport/policies/version"
)

// packages is what the templates of both package controls read: entries that
// are mere names go into one set, however many there are.
type packages struct {
	Names   []string
	Entries []entry
}

type entry struct {
	Number int
	Title  string   // quoted, for messages
	Shown  string   // expression, for messages about what was found
	Text   string   // for comments
	Lines  []string // conditions on the package p
}

func deniedPackagesData(d *document.Document) (any, error)   { return packagesData(d.PackagesDenied) }
func requiredPackagesData(d *document.Document) (any, error) { return packagesData(d.PackagesRequired) }

func packagesData(all []document.Package) (any, error) {
	var data packages
	for i, p := range all {
		if p.Name != "" && !strings.Contains(p.Name, "*") && (p == document.Package{Name: p.Name, Display: p.Display}) {
			data.Names = append(data.Names, p.Name)
			continue
		}
		lines, err := packageConditions(p)
		if err != nil {
			return nil, fmt.Errorf("package %d (%s): %w", i+1, describePackage(p), err)
		}
		if len(lines) == 0 {
			return nil, fmt.Errorf("package %d is empty: say at least its name", i+1)
		}
		text := describePackage(p)
		data.Entries = append(data.Entries, entry{Number: len(data.Entries) + 1, Title: scope.Quote(text), Text: scope.OneLine(text), Lines: lines})
	}
	slices.Sort(data.Names)
	data.Names = slices.Compact(data.Names)
	return data, nil
}

// packageConditions are what must hold of the package p.
func packageConditions(want document.Package) ([]string, error) {
	var lines []string
	add := func(value, subject string) {
		if value == "" {
			return
		}
		if c := scope.Condition(value, subject); c != "" {
			lines = append(lines, c)
		}
	}
	add(want.Name, "p.name")
	if want.Name != "" && len(lines) == 0 {
		lines = append(lines, "p.name") // *: any
	}
	add(strings.ToLower(want.Format), "p.format")
	add(want.Epoch, "p.epoch")
	if c := scope.Condition(want.Version, "version"); want.Version != "" && c != "" {
		// With or without the release, as people write it.
		lines = append(lines, "some version in {p.version, p.full_version}", c)
	}
	add(want.Release, "p.release")
	add(want.Arch, "p.arch")
	if c := scope.Condition(strings.ToLower(want.License), "lower(license)"); want.License != "" && c != "" {
		lines = append(lines, "some license in p.licenses", c)
	}
	ranges, err := rangeConditions(want)
	return append(lines, ranges...), err
}

// rangeConditions compare the key of the package's version with constants.
func rangeConditions(want document.Package) ([]string, error) {
	if strings.TrimSpace(want.VersionRange) == "" {
		return nil, nil
	}
	conditions, err := version.ParseRange(want.VersionRange)
	if err != nil {
		return nil, err
	}
	var lines []string
	for i, c := range conditions {
		if want.Format != "" && !strings.Contains(want.Format, "*") {
			lines = append(lines, fmt.Sprintf("p.version_key %s %s", c.Operator, key(version.Of(version.KindOf(want.Format), c.Version))))
			continue
		}
		// The same text means another place in each package manager's order.
		var keys []string
		for _, k := range version.Kinds() {
			keys = append(keys, fmt.Sprintf("%q: %s", k, key(version.Of(k, c.Version))))
		}
		bound := fmt.Sprintf("bound%d", i+1)
		lines = append(lines, bound+" := {"+strings.Join(keys, ", ")+"}", fmt.Sprintf("p.version_key %s %s[p.version_kind]", c.Operator, bound))
	}
	return lines, nil
}

func key(k version.Key) string { return scope.Quote(string(k)) }

// describePackage is an entry as people would name it.
func describePackage(p document.Package) string {
	if p.Display != "" {
		return p.Display
	}
	name := p.Name
	if name == "" {
		name = "any package"
	}
	parts := []string{name}
	for _, more := range []struct{ label, value string }{
		{"", p.Version}, {"", p.VersionRange}, {"release ", p.Release}, {"epoch ", p.Epoch}, {"of ", p.Format}, {"for ", p.Arch}, {"under ", p.License},
	} {
		if more.value != "" {
			parts = append(parts, more.label+more.value)
		}
	}
	return strings.Join(parts, " ")
}

// licenses is what the templates of both licence controls read.
type licenses struct {
	Names    []string // lower case
	Patterns []string // conditions on license, for those with "*"
	Shown    []string // as in the document
}

func deniedLicensesData(d *document.Document) (any, error) {
	return licensesData(d.LicensesDenied), nil
}
func allowedLicensesData(d *document.Document) (any, error) {
	return licensesData(d.LicensesAllowed), nil
}

func licensesData(all []string) licenses {
	data := licenses{Shown: all}
	for _, l := range all {
		l = strings.ToLower(strings.TrimSpace(l))
		switch c := scope.Condition(l, "license"); {
		case l == "":
		case !strings.Contains(l, "*"):
			data.Names = append(data.Names, l)
		case c == "":
			data.Patterns = append(data.Patterns, "license")
		default:
			data.Patterns = append(data.Patterns, c)
		}
	}
	slices.Sort(data.Names)
	data.Names = slices.Compact(data.Names)
	return data
}
