package console

import (
	"context"
	"net/http"
	"time"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/policies"
)

// FactsAnswer are the facts documents of an image, one for each platform.
type FactsAnswer struct {
	Image  string            `json:"image"` // the whole reference, with the digest that it means now
	Images []gate.ImageFacts `json:"images"`
}

// lookPatience is how long one answer waits for a look into an image's layers,
// which goes on: less than clients wait.
const lookPatience = 50 * time.Second

// showFacts shows what the policies would read of the image that the query's
// image names. Query: image, and of the context in which it is asked: kind
// (default pull), cluster, namespace.
func (c *Console) showFacts(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	ref, err := c.reference(q.Get("image"))
	if err != nil {
		return err
	}
	if ref, err = c.find(r.Context(), ref); err != nil {
		return err
	}
	where := policies.Context{Kind: "pull", Cluster: q.Get("cluster"), Namespace: q.Get("namespace")}
	if kind := q.Get("kind"); kind != "" {
		where.Kind = kind
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), lookPatience, problem(http.StatusServiceUnavailable, "its layers are still being read: ask again"))
	defer cancel()
	images, err := c.parts.Gate.Facts(ctx, ref, where, true)
	if err != nil {
		return err
	}
	if len(images) == 0 {
		return problem(http.StatusNotFound, "%s is no image that an engine would run, and has no facts", ref)
	}
	return reply(w, http.StatusOK, FactsAnswer{Image: ref.String(), Images: images})
}
