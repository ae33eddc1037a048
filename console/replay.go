package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/policies"
)

// ReplayRequest asks for stored observations to be judged again.
type ReplayRequest struct {
	Images []string  `json:"images,omitempty"` // empty: all that were run
	Since  time.Time `json:"since,omitzero"`   // only runs from then on
	All    bool      `json:"all,omitempty"`    // also what the rules of now judged
	DryRun bool      `json:"dry_run,omitempty"`
}

// ReplayLine is one line of the answer: all that changed or could not be judged,
// and at the end how it went, in Done or Error.
type ReplayLine struct {
	Replayed *analysis.Replayed      `json:"replayed,omitempty"`
	Done     *analysis.ReplaySummary `json:"done,omitempty"`
	Error    string                  `json:"error,omitempty"`
}

// replay has stored observations judged by the rules of now. The answer is a
// stream of JSON documents, one a line.
func (c *Console) replay(w http.ResponseWriter, r *http.Request) error {
	var req ReplayRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	o := analysis.ReplayOptions{
		Since: req.Since, All: req.All, DryRun: req.DryRun, By: cmp.Or(caller(r.Context()).Name, "the API"),
	}
	if len(req.Images) > 0 {
		o.Digests = []digest.Digest{}
		for _, name := range req.Images {
			list, err := c.platformsOf(r.Context(), name)
			if err != nil {
				return err
			}
			o.Digests = append(o.Digests, list...)
		}
	}
	out := newLines(w)
	done, err := c.parts.Replayer.Replay(r.Context(), o, func(one analysis.Replayed) error {
		return out.write(ReplayLine{Replayed: &one})
	})
	switch {
	case err == nil:
		return out.write(ReplayLine{Done: &done})
	case out.begun:
		return out.write(ReplayLine{Error: err.Error()})
	case errors.Is(err, analysis.ErrReplaying):
		return problem(http.StatusConflict, "%w", err)
	}
	return problem(http.StatusBadGateway, "%w", err)
}

// platformsOf is the digests of the platforms' images that name means.
func (c *Console) platformsOf(ctx context.Context, name string) ([]digest.Digest, error) {
	ref, err := c.reference(name)
	if err != nil {
		return nil, err
	}
	if ref, err = c.find(ctx, ref); err != nil {
		return nil, err
	}
	d, err := c.parts.Gate.Decide(ctx, gate.Request{Reference: ref, Context: policies.Context{Kind: "pull"}, DryRun: true, PoliciesOnly: true})
	if err != nil {
		return nil, err
	}
	var list []digest.Digest
	for _, j := range d.Judged {
		list = append(list, digestOf(j))
	}
	return list, nil
}
