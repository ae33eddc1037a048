package console

import (
	"context"
	"net/http"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
)

// LabelsRequest attaches labels to a target.
type LabelsRequest struct {
	Target string   `json:"target"`         // as people write it
	Kind   string   `json:"kind,omitempty"` // image, repository or registry; empty: the text decides
	Labels []string `json:"labels"`
}

// LabelsAnswer is what labels a target has, and what a change of them set off.
type LabelsAnswer struct {
	Target string          `json:"target"`
	Kind   string          `json:"kind"`
	Labels []string        `json:"labels"` // on the target itself
	Images []LabelledImage `json:"images,omitempty"`
}

// LabelledImage is a known image that the target covers, as the gate sees it now.
type LabelledImage struct {
	Image   string      `json:"image"`
	Action  gate.Action `json:"action"`
	State   string      `json:"state,omitempty"`
	Message string      `json:"message"`
}

// listLabels lists the labels on the query's target.
func (c *Console) listLabels(w http.ResponseWriter, r *http.Request) error {
	t, err := c.target(r.URL.Query().Get("target"), r.URL.Query().Get("kind"))
	if err != nil {
		return err
	}
	return c.replyLabels(w, r, t, nil)
}

// addLabels attaches labels, and has queued what is to be analysed because of them.
func (c *Console) addLabels(w http.ResponseWriter, r *http.Request) error {
	var req LabelsRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	t, err := c.target(req.Target, req.Kind)
	if err != nil {
		return err
	}
	if len(req.Labels) == 0 {
		return problem(http.StatusBadRequest, "labels is empty: name at least one, e.g. DTA")
	}
	if err := c.parts.Labels.Add(r.Context(), t, req.Labels...); err != nil {
		return err
	}
	return c.replyLabels(w, r, t, c.recheck(r.Context(), t))
}

// removeLabels takes the query's labels off its target.
func (c *Console) removeLabels(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	t, err := c.target(q.Get("target"), q.Get("kind"))
	if err != nil {
		return err
	}
	if len(q["label"]) == 0 {
		return problem(http.StatusBadRequest, "name at least one label: label=DTA")
	}
	if err := c.parts.Labels.Remove(r.Context(), t, q["label"]...); err != nil {
		return err
	}
	return c.replyLabels(w, r, t, c.recheck(r.Context(), t))
}

// recheck has the gate look again at the images that t covers. The labels are
// in force by now, so what goes wrong here is only logged: the next pull asks again.
func (c *Console) recheck(ctx context.Context, t label.Target) []gate.Decision {
	decisions, err := c.parts.Gate.Recheck(ctx, t)
	if err == nil && len(decisions) == 0 && t.Which != "" {
		decisions, err = c.firstLook(ctx, t)
	}
	if err != nil {
		c.cfg.Logger.WarnContext(ctx, "images were labelled, but cannot be judged at the moment", "target", t, "error", err)
	}
	return decisions
}

// firstLook asks the gate about an image that nobody asked about before.
func (c *Console) firstLook(ctx context.Context, t label.Target) ([]gate.Decision, error) {
	ref, err := image.New(t.Registry, t.Repository, t.Which)
	if err != nil {
		return nil, err
	}
	if ref, err = c.find(ctx, ref); err != nil {
		return nil, err
	}
	d, err := c.parts.Gate.Decide(ctx, gate.Request{
		Reference: ref, Context: policies.Context{Kind: "pull"}, Client: caller(ctx).Name, Audit: "label",
	})
	if err != nil {
		return nil, err
	}
	return []gate.Decision{d}, nil
}

func (c *Console) replyLabels(w http.ResponseWriter, r *http.Request, t label.Target, decisions []gate.Decision) error {
	words, err := c.parts.Labels.List(r.Context(), t)
	if err != nil {
		return err
	}
	answer := LabelsAnswer{Target: t.String(), Kind: kindOf(t), Labels: words}
	if words == nil {
		answer.Labels = []string{}
	}
	for _, d := range decisions {
		answer.Images = append(answer.Images, LabelledImage{d.Reference.String(), d.Action, d.State, d.Message})
	}
	return reply(w, http.StatusOK, answer)
}

func kindOf(t label.Target) string {
	switch {
	case t.Repository == "":
		return kindRegistry
	case t.Which == "":
		return kindRepository
	}
	return kindImage
}
