package policies

import (
	"encoding/json"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-dev/sallyport/policies/version"
)

// MarshalJSON writes the facts document as rules read it, with the names,
// repositories and registries of the image.
func (in Input) MarshalJSON() ([]byte, error) {
	doc, err := in.document()
	if err != nil {
		return nil, err
	}
	plain, err := ast.JSON(doc)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// document is the input as Rego reads it.
func (in *Input) document() (ast.Value, error) {
	known := *in
	known.Image.Account = in.Image.account()
	return valueOf(&known)
}

// What follows is what rules read besides what Input holds.

func (in *Input) derive(c *converter) error { return c.add("summary", new(in.summary())) }

func (i *Image) derive(c *converter) error {
	c.addNames(i)
	c.addTerm("runs_as_root", ast.InternedTerm(i.RunsAsRoot()))
	return nil
}

func (b *BaseImage) derive(c *converter) error {
	named := Image{Registry: b.Registry, Repository: b.Repository, Digest: b.Digest}
	if b.Tag != "" {
		named.Tags = []string{b.Tag}
	}
	c.addNames(&named)
	return nil
}

func (c *converter) addNames(i *Image) {
	c.addTerm("names", c.texts(i.Names()))
	c.addTerm("repositories", c.texts(i.Repositories()))
	c.addTerm("registries", c.texts(i.Registries()))
}

// Each package has its whole version, and the key by which Rego can compare it.
func (p *Package) derive(c *converter) error {
	kind, full := version.KindOf(p.Format), version.Join(p.Epoch, p.Version, p.Release)
	c.addTerm("full_version", c.text(full))
	c.addTerm("version_kind", ast.InternedTerm(string(kind)))
	c.addTerm("version_key", c.text(string(version.Of(kind, full))))
	return nil
}

func (v *Vulnerabilities) derive(c *converter) error { return c.add("by_id", new(v.byID())) }
