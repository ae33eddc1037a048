package sbom

import (
	"fmt"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/sallyport-dev/sallyport/inspect/packages"
	"github.com/sallyport-dev/sallyport/inspect/packages/licence"
)

// Package is one package of a document.
type Package = packages.Package

type spdxPackage struct {
	Name      string `json:"name"`
	Version   string `json:"versionInfo"`
	Concluded string `json:"licenseConcluded"`
	Declared  string `json:"licenseDeclared"`
	Refs      []struct {
		Type    string `json:"referenceType"`
		Locator string `json:"referenceLocator"`
	} `json:"externalRefs"`
}

// spdx lists the packages that have a package URL: others are the image
// itself, its layers and files.
func (doc *document) spdx() ([]Package, error) {
	var all []Package
	for _, s := range doc.Packages {
		for _, ref := range s.Refs {
			if ref.Type != "purl" {
				continue
			}
			p, ok := fromURL(ref.Locator)
			if !ok {
				continue
			}
			if p.Licenses = licence.Parse(s.Concluded); len(p.Licenses) == 0 {
				p.Licenses = licence.Parse(s.Declared)
			}
			all = append(all, p)
			break
		}
		if len(all) > maxPackages {
			return nil, fmt.Errorf("%w: more than %d packages", ErrInvalid, maxPackages)
		}
	}
	return tidy(all)
}

type component struct {
	Type     string `json:"type"`
	PURL     string `json:"purl"`
	Licenses []struct {
		Expression string `json:"expression"`
		License    struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"license"`
	} `json:"licenses"`
	Components []component `json:"components"`
}

func (doc *document) cyclonedx() ([]Package, error) {
	var all []Package
	left := doc.Components
	for len(left) > 0 {
		c := left[len(left)-1]
		left = append(left[:len(left)-1], c.Components...)
		p, ok := fromURL(c.PURL)
		if !ok {
			continue
		}
		for _, l := range c.Licenses {
			for _, text := range []string{l.Expression, l.License.ID, l.License.Name} {
				p.Licenses = append(p.Licenses, licence.Parse(text)...)
			}
		}
		p.Licenses = licence.Join(p.Licenses)
		if all = append(all, p); len(all) > maxPackages {
			return nil, fmt.Errorf("%w: more than %d packages", ErrInvalid, maxPackages)
		}
	}
	return tidy(all)
}

func tidy(all []Package) ([]Package, error) {
	all, err := packages.Tidy(all)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return all, nil
}

// fromURL is the package with a package URL, in the terms of the package
// managers that facts know.
func fromURL(text string) (Package, bool) {
	u, err := packageurl.FromString(text)
	if err != nil || u.Name == "" || u.Type == "oci" || u.Type == "docker" {
		return Package{}, false
	}
	q := u.Qualifiers.Map()
	p := Package{Format: u.Type, Name: u.Name, Version: u.Version, Arch: q["arch"]}
	switch u.Type {
	case "deb":
		p.Epoch, p.Version, p.Release = packages.DebianVersion(u.Version)
	case "apk":
		p.Version, p.Release = packages.AlpineVersion(u.Version)
	case "rpm":
		p.Epoch = q["epoch"]
		if p.Epoch == "0" {
			p.Epoch = ""
		}
		if i := strings.LastIndexByte(p.Version, '-'); i >= 0 {
			p.Version, p.Release = p.Version[:i], p.Version[i+1:]
		}
	case "maven":
		if u.Namespace != "" {
			p.Name = u.Namespace + ":" + u.Name
		}
	default:
		if u.Namespace != "" {
			p.Name = u.Namespace + "/" + u.Name
		}
	}
	if source := q["upstream"]; source != "" {
		p.Source, _, _ = strings.Cut(source, "@")
	}
	return p, true
}
