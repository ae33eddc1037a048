package console

import (
	"context"
	"net/http"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
)

// imagesOnly refuses the assurance types of other products' parts.
func imagesOnly(r *http.Request) error {
	if t := r.PathValue("type"); t != "image" {
		return problem(http.StatusNotFound, "there are no assurance policies of the type %.40q here: Sallyport judges images (/api/v2/assurance_policy/image)", t)
	}
	return nil
}

func (c *Console) listPolicies(w http.ResponseWriter, r *http.Request) error {
	if err := imagesOnly(r); err != nil {
		return err
	}
	all, err := c.parts.Policies.List(r.Context())
	if err != nil {
		return err
	}
	some, err := cutPage(r, shown(all...))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, some)
}

// listSources lists the places that policies come from.
func (c *Console) listSources(w http.ResponseWriter, r *http.Request) error {
	all, err := c.parts.Policies.Sources(r.Context())
	if err != nil {
		return err
	}
	some, err := cutPage(r, all)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, some)
}

func (c *Console) showPolicy(w http.ResponseWriter, r *http.Request) error {
	if err := imagesOnly(r); err != nil {
		return err
	}
	e, err := c.parts.Policies.Get(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, shown(e)[0])
}

func (c *Console) createPolicy(w http.ResponseWriter, r *http.Request) error {
	d, err := c.readPolicy(r)
	if err != nil {
		return err
	}
	if err := c.parts.Policies.Create(r.Context(), d); err != nil {
		return err
	}
	made, err := c.parts.Policies.Get(r.Context(), d.Name)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, shown(made)[0])
}

func (c *Console) updatePolicy(w http.ResponseWriter, r *http.Request) error {
	d, err := c.readPolicy(r)
	if err != nil {
		return err
	}
	if name := r.PathValue("name"); d.Name != name {
		return problem(http.StatusBadRequest, "the document's name is %.70q, the path's %.70q: policies are not renamed; create one and delete the other", d.Name, name)
	}
	if err := c.parts.Policies.Update(r.Context(), d); err != nil {
		return err
	}
	return noContent(w)
}

func (c *Console) deletePolicy(w http.ResponseWriter, r *http.Request) error {
	if err := imagesOnly(r); err != nil {
		return err
	}
	if err := c.parts.Policies.Delete(r.Context(), r.PathValue("name")); err != nil {
		return err
	}
	return noContent(w)
}

// readPolicy reads a policy document. Unknown fields are kept: versions of the
// format differ, and clients send all of theirs.
func (c *Console) readPolicy(r *http.Request) (policies.Document, error) {
	if err := imagesOnly(r); err != nil {
		return policies.Document{}, err
	}
	b, err := readBody(r)
	if err != nil {
		return policies.Document{}, err
	}
	return parsePolicy(r.Context(), b)
}

// parsePolicy reads and compiles a policy, so that all of what is wrong with it
// is said before anything is changed.
func parsePolicy(ctx context.Context, b []byte) (policies.Document, error) {
	d, err := document.Parse("the policy", b)
	if err == nil {
		_, err = policies.Compile(ctx, []policies.Document{d}, policies.Options{})
	}
	if err != nil && ctx.Err() == nil {
		err = problem(http.StatusBadRequest, "%w", err)
	}
	return d, err
}
