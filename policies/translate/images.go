package translate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/scope"
)

// denied are the images that a policy denies by name.
func denied(d *document.Document) []document.ImageRule {
	var all []document.ImageRule
	for _, r := range d.AllowedImages {
		if r.Blacklisted {
			all = append(all, r)
		}
	}
	return all
}

// imageLines are conditions on input.image for an image that is named. A name
// with a tag or "*" is compared with image.name, another with image.repo.
func imageLines(registry, name, digest string) []string {
	var lines []string
	if registry != "" {
		if c := scope.Condition(registry, "registry"); c != "" {
			lines = append(lines, "some registry in input.image.registries", c)
		}
	}
	if strings.HasPrefix(name, "sha256:") || strings.HasPrefix(name, "sha512:") {
		name, digest = "", name
	}
	switch c := scope.Condition(name, "name"); {
	case name == "":
	case c == "":
		lines = append(lines, "input.image.digest") // *: any
	default:
		of := "input.image.repositories"
		if strings.ContainsAny(name, ":*@") {
			of = "input.image.names"
		}
		lines = append(lines, "some name in "+of, c)
	}
	if digest != "" {
		lines = append(lines, "input.image.digest == "+scope.Quote(digest))
	}
	return lines
}

// excuse is one statement of the set exempt.
type excuse struct {
	Comment string
	Lines   []string
	Control string // quoted; "*" for all
	Message string // quoted
}

// excusesOf writes the rules for images that a person has let pass.
func excusesOf(d *document.Document) (string, error) {
	var all []excuse
	for i, r := range d.AllowedImages {
		if !r.Whitelisted || r.Blacklisted {
			continue
		}
		lines := imageLines(r.Registry, r.ImageName, r.ImageDigest)
		if len(lines) == 0 {
			return "", fmt.Errorf("allowed_images[%d] names no image", i)
		}
		message := "allowed by this policy"
		if r.Author != "" {
			message += ", by " + r.Author
		}
		if len(r.Reason) > 0 {
			message += ": " + strings.Join(r.Reason, "; ")
		}
		all = append(all, newExcuse(message, "*", lines))
	}
	if d.Sallyport != nil {
		for i, e := range d.Sallyport.Exempt {
			if e.Control != "" && !slices.Contains(Controls(), e.Control) {
				return "", fmt.Errorf("sallyport.exempt[%d]: no control is called %q; there are %s", i, e.Control, strings.Join(Controls(), ", "))
			}
			all = append(all, exemption(e))
		}
	}
	var out bytes.Buffer
	for _, e := range all {
		out.WriteByte('\n')
		if err := templates().ExecuteTemplate(&out, "exempt.rego.tmpl", e); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

func exemption(e document.Exemption) excuse {
	lines := imageLines("", e.Image, "")
	message := "excused by " + e.Author
	if !e.Expires.IsZero() {
		message += " until " + e.Expires.UTC().Format(time.RFC3339)
		lines = append(lines, fmt.Sprintf("time.parse_rfc3339_ns(input.now) < %d", e.Expires.UnixNano()))
	}
	control := e.Control
	if control == "" {
		control = "*"
	}
	return newExcuse(message+": "+e.Reason, control, lines)
}

func newExcuse(message, control string, lines []string) excuse {
	return excuse{Comment: scope.OneLine(message), Lines: lines, Control: scope.Quote(control), Message: scope.Quote(message)}
}

// ruled is one image in a template.
type ruled struct {
	Number  int
	Lines   []string
	Comment string
	Message string // quoted
}

func allowedImagesData(d *document.Document) (any, error) {
	var all []ruled
	for i, r := range denied(d) {
		lines := imageLines(r.Registry, r.ImageName, r.ImageDigest)
		if len(lines) == 0 {
			return nil, fmt.Errorf("entry %d names no image", i+1)
		}
		message := "denied by name"
		if r.Author != "" {
			message += ", by " + r.Author
		}
		if len(r.Reason) > 0 {
			message += ": " + strings.Join(r.Reason, "; ")
		}
		all = append(all, ruled{Lines: lines, Comment: scope.OneLine(message), Message: scope.Quote(message)})
	}
	return all, nil
}

// trustedBaseImagesData is of the control for what may be built upon.
func trustedBaseImagesData(d *document.Document) (any, error) {
	var data struct {
		Images []ruled
		Shown  []string
	}
	for i, b := range d.TrustedBaseImages {
		var lines []string
		if c := scope.Condition(b.Registry, "registry"); b.Registry != "" && c != "" {
			lines = append(lines, "some registry in base.registries", c)
		}
		switch c := scope.Condition(b.ImageName, "name"); {
		case b.ImageName == "":
		case c == "":
			lines = append(lines, "base.repository") // *: any
		default:
			of := "base.repositories"
			if strings.ContainsAny(b.ImageName, ":*") {
				of = "base.names"
			}
			lines = append(lines, "some name in "+of, c)
		}
		if b.ImageDigest != "" {
			lines = append(lines, "base.digest == "+scope.Quote(b.ImageDigest))
		}
		if len(lines) == 0 {
			return nil, fmt.Errorf("entry %d names no image", i+1)
		}
		shown := strings.TrimPrefix(b.Registry+"/"+b.ImageName, "/")
		if b.ImageDigest != "" {
			shown += "@" + b.ImageDigest
		}
		data.Images = append(data.Images, ruled{Lines: lines, Comment: scope.OneLine(shown)})
		data.Shown = append(data.Shown, shown)
	}
	return data, nil
}
