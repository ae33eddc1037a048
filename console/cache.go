package console

import (
	"net/http"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/image"
)

// PinRequest asks that an image be kept.
type PinRequest struct {
	Image string `json:"image"`
}

// PurgeRequest says which images are to leave the cache: see cache.Purge.
type PurgeRequest struct {
	Images       []string `json:"images,omitempty"`
	Repositories []string `json:"repositories,omitempty"`
	OlderThan    string   `json:"older_than,omitempty"` // a duration: 720h
	All          bool     `json:"all,omitempty"`
	DryRun       bool     `json:"dry_run,omitempty"`
}

func (c *Console) showCache(w http.ResponseWriter, r *http.Request) error {
	u, err := c.parts.Cache.Usage(r.Context())
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, u)
}

// listCached lists the cached images whose name contains the query's name.
func (c *Console) listCached(w http.ResponseWriter, r *http.Request) error {
	all, err := c.parts.Cache.Images(r.Context(), r.URL.Query().Get("name"))
	if err != nil {
		return err
	}
	some, err := cutPage(r, all)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, some)
}

func (c *Console) showCached(w http.ResponseWriter, r *http.Request) error {
	ref, err := c.reference(r.URL.Query().Get("image"))
	if err != nil {
		return err
	}
	i, err := c.parts.Cache.Image(r.Context(), ref)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, i)
}

func (c *Console) showCachedBlob(w http.ResponseWriter, r *http.Request) error {
	d := digest.Digest(r.PathValue("digest"))
	if err := d.Validate(); err != nil {
		return problem(http.StatusBadRequest, "%.80q is no digest: %v", d, err)
	}
	b, err := c.parts.Cache.Blob(r.Context(), d)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, b)
}

func (c *Console) listPins(w http.ResponseWriter, r *http.Request) error {
	all, err := c.parts.Cache.Pins(r.Context())
	if err != nil {
		return err
	}
	some, err := cutPage(r, all)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, some)
}

func (c *Console) addPin(w http.ResponseWriter, r *http.Request) error {
	var req PinRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	ref, err := c.reference(req.Image)
	if err != nil {
		return err
	}
	pin, err := c.parts.Cache.Pin(r.Context(), ref, caller(r.Context()).Name)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, pin)
}

func (c *Console) removePin(w http.ResponseWriter, r *http.Request) error {
	ref, err := c.reference(r.URL.Query().Get("image"))
	if err != nil {
		return err
	}
	if err := c.parts.Cache.Unpin(r.Context(), ref); err != nil {
		return err
	}
	return noContent(w)
}

func (c *Console) purgeCache(w http.ResponseWriter, r *http.Request) error {
	var req PurgeRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	q := cache.Purge{All: req.All, DryRun: req.DryRun}
	if req.OlderThan != "" {
		d, err := time.ParseDuration(req.OlderThan)
		if err != nil || d <= 0 {
			return problem(http.StatusBadRequest, "older_than %.40q: write a duration, e.g. 720h", req.OlderThan)
		}
		q.OlderThan = d
	}
	for _, text := range req.Images {
		ref, err := c.reference(text)
		if err != nil {
			return err
		}
		q.Images = append(q.Images, ref.String())
	}
	for _, text := range req.Repositories {
		t, err := c.target(text, kindRepository)
		if err != nil {
			return err
		}
		if t.Repository == "" {
			return problem(http.StatusBadRequest, "%.80q is a registry: name a repository, or purge with all", text)
		}
		q.Repositories = append(q.Repositories, image.Reference{Registry: t.Registry, Repository: t.Repository}.Name())
	}
	out, err := c.parts.Cache.Purge(r.Context(), q)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, out)
}
