package console

import (
	"net/http"
	"strings"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
)

// listImages lists the tags that the gate was asked about, with what it thinks
// of them now. Query: registry, repository, name (part of the whole name), page, pagesize.
func (c *Console) listImages(w http.ResponseWriter, r *http.Request) error {
	known, err := c.parts.Gate.Known(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	var names []gate.Name
	for _, n := range sorted(latest(known)) {
		ref := n.Reference
		if (q.Get("registry") == "" || ref.Registry == registryName(q.Get("registry"))) &&
			(q.Get("repository") == "" || ref.Repository == q.Get("repository")) &&
			strings.Contains(ref.String(), q.Get("name")) {
			names = append(names, n)
		}
	}
	some, err := cutPage(r, names)
	if err != nil {
		return err
	}
	answer := Page[Image]{Count: some.Count, Page: some.Page, PageSize: some.PageSize, Result: []Image{}}
	for _, n := range some.Result {
		doc, err := c.describe(r.Context(), n.Reference)
		if err != nil {
			// One image that cannot be judged now does not hide the others.
			doc = unjudged(n.Reference, err)
		}
		doc.Seen = n.Seen
		answer.Result = append(answer.Result, doc)
	}
	return reply(w, http.StatusOK, answer)
}

// showImage shows one image: its path is registry/repository/tag, where the
// repository may have slashes and the tag may be a digest.
func (c *Console) showImage(w http.ResponseWriter, r *http.Request) error {
	repository, which, ok := cutLast(r.PathValue("rest"))
	if !ok {
		return problem(http.StatusBadRequest, "the path of an image is /api/v2/images/REGISTRY/REPOSITORY/TAG")
	}
	ref, err := image.New(registryName(r.PathValue("registry")), repository, which)
	if err != nil {
		return err
	}
	return c.showReference(w, r, c.cfg.Behind(ref))
}

// showNamedImage shows the image that the query's image names as people write it.
func (c *Console) showNamedImage(w http.ResponseWriter, r *http.Request) error {
	ref, err := c.reference(r.URL.Query().Get("image"))
	if err != nil {
		return err
	}
	return c.showReference(w, r, ref)
}

func (c *Console) showReference(w http.ResponseWriter, r *http.Request, ref image.Reference) error {
	ref, err := c.find(r.Context(), ref)
	if err != nil {
		return err
	}
	doc, err := c.describe(r.Context(), ref)
	if err == nil {
		err = c.addFacts(r.Context(), &doc, ref)
	}
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, doc)
}

func cutLast(path string) (before, after string, ok bool) {
	i := strings.LastIndex(path, "/")
	if i <= 0 || i == len(path)-1 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}

// registryName is the host of a registry as clients of Aqua's API name it:
// that product calls Docker's by its title.
func registryName(s string) string {
	if strings.EqualFold(s, "Docker Hub") {
		return image.DockerHub
	}
	return image.NormalRegistry(s)
}
