package webhook

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
)

// parallel is how many images of one review are judged at the same time.
const parallel = 16

// opinion is what came out for one image.
type opinion struct {
	written  string // in the workload
	decision gate.Decision
	err      error // a fault: there is no decision
}

// judge asks the gate about all images, in parallel, each distinct one once.
// Opinions come in the order of the images.
func (w *Webhook) judge(ctx context.Context, req *admissionv1.AdmissionRequest, pods workload, images []string) []opinion {
	type question struct {
		written string
		ref     image.Reference
		err     error
	}
	var questions []question
	seen := map[string]bool{}
	for _, written := range images {
		ref, err := image.Parse(written)
		if err == nil {
			ref = w.cfg.Behind(ref)
			if seen[ref.String()] {
				continue // "nginx" and "docker.io/library/nginx:latest" are one
			}
			seen[ref.String()] = true
		}
		questions = append(questions, question{written, ref, err})
	}

	about := policies.Context{Kind: "admission", Cluster: w.cfg.Cluster, Namespace: req.Namespace, Labels: pods.labels}
	opinions := make([]opinion, len(questions))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, q := range questions {
		opinions[i] = opinion{written: q.written, err: q.err}
		if q.err != nil {
			continue
		}
		group.Go(func() error {
			opinions[i].decision, opinions[i].err = w.ask(ctx, q.ref, gate.Request{
				Context: about,
				Client:  req.UserInfo.Username,
				Audit:   fmt.Sprintf("%s %s %s/%s (review %s)", req.Operation, req.Kind.Kind, req.Namespace, req.Name, req.UID),
				DryRun:  req.DryRun != nil && *req.DryRun,
			})
			return nil
		})
	}
	_ = group.Wait() // no function returns an error: each image has its own
	return opinions
}

// ask resolves one image and lets the gate decide.
func (w *Webhook) ask(ctx context.Context, ref image.Reference, req gate.Request) (gate.Decision, error) {
	if ref.Digest == "" {
		resolved, err := w.resolver.Resolve(ctx, ref)
		if err != nil {
			return gate.Decision{}, fmt.Errorf("finding the digest of %s: %w", ref, err)
		}
		ref = resolved
	}
	req.Reference = ref
	d, err := w.gate.Await(ctx, req)
	if err != nil {
		return gate.Decision{}, fmt.Errorf("judging %s: %w", ref, err)
	}
	switch d.Action {
	case gate.Allow, gate.Deny, gate.Wait:
		return d, nil
	}
	return gate.Decision{}, fmt.Errorf("judging %s: the gate answered %q, which is none of its words", ref, d.Action)
}
