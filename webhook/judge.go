package webhook

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// parallel is how many images of one review are judged at the same time.
const parallel = 16

// opinion is what came out for one image.
type opinion struct {
	written  string       // in the workload
	asked    gate.Request // of the gate; its reference has no digest when that was not found
	decision gate.Decision
	err      error  // a fault: there is no decision
	opened   string // why it passes all the same: somebody broke the glass
	spent    spent
}

// stopped tells whether the image may not pass.
func (o opinion) stopped() bool {
	return o.opened == "" && (o.err != nil || o.decision.Action != gate.Allow)
}

// question is one image of one pod.
type question struct {
	written string
	pod     *workload.Pod
	ref     image.Reference
	err     error
}

// judge asks the gate about all images, in parallel, each distinct one once.
// Opinions come in the order of the images.
func (w *Webhook) judge(ctx context.Context, req *admissionv1.AdmissionRequest, asked workload.Object, rules Namespace, audit bool) []opinion {
	questions := w.questions(asked)
	opinions := make([]opinion, len(questions))
	what := describe(req)
	one := func(i int) {
		q, o := &questions[i], &opinions[i]
		o.written, o.err = q.written, q.err
		o.asked = gate.Request{
			Reference: q.ref,
			Context:   policies.Context{Kind: "admission", Cluster: w.cfg.Cluster, Namespace: req.Namespace, Labels: q.pod.Labels},
			Client:    req.UserInfo.Username,
			Audit:     what,
			DryRun:    dryRun(req),
			Pending:   rules.Pending,
		}
		if o.err == nil {
			w.ask(ctx, o, q.pod, audit)
		}
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	last := len(questions) - 1
	for i := range last {
		group.Go(func() error { one(i); return nil })
	}
	one(last)        // here, where there is a stack already
	_ = group.Wait() // no function returns an error: each image has its own
	return opinions
}

// describe is what the audit log calls a request.
func describe(req *admissionv1.AdmissionRequest) string {
	return fmt.Sprintf("%s %s %s/%s (review %s)", req.Operation, req.Kind.Kind, req.Namespace, req.Name, req.UID)
}

// questions are the distinct images of the pods. Two pods that differ in what
// policies or registries see of them are two questions.
func (w *Webhook) questions(asked workload.Object) []question {
	n := 0
	for _, p := range asked.Pods {
		n += len(p.Images)
	}
	questions := make([]question, 0, n)
	for i := range asked.Pods {
		pod := &asked.Pods[i]
		for _, written := range pod.Images {
			ref, err := w.meaning(written)
			// "nginx" and "docker.io/library/nginx:latest" are one.
			if slices.ContainsFunc(questions, func(q question) bool {
				return q.ref == ref && (err == nil || q.written == written) && same(q.pod, pod)
			}) {
				continue
			}
			questions = append(questions, question{written, pod, ref, err})
		}
	}
	return questions
}

// meaning is the image that is meant by what stands in a workload. The same few
// names come again and again.
func (w *Webhook) meaning(written string) (image.Reference, error) {
	if ref, ok := w.meanings.Get(written); ok {
		return ref, nil
	}
	ref, err := image.Parse(written)
	if err != nil {
		return ref, err
	}
	ref = w.cfg.Behind(ref)
	w.meanings.Add(written, ref)
	return ref, nil
}

func same(a, b *workload.Pod) bool {
	return a == b || a.ServiceAccount == b.ServiceAccount && slices.Equal(a.PullSecrets, b.PullSecrets) && maps.Equal(a.Labels, b.Labels)
}

// ask resolves one image and lets the gate decide.
func (w *Webhook) ask(ctx context.Context, o *opinion, pod *workload.Pod, audit bool) {
	namespace, began := o.asked.Context.Namespace, time.Now()
	ctx, ref, own, err := w.resolve(ctx, Pod{namespace, pod.ServiceAccount, pod.PullSecrets}, o.asked.Reference)
	found := time.Now()
	o.spent.resolve = found.Sub(began)
	if err != nil {
		o.err = fmt.Errorf("finding the digest of %s: %w", o.asked.Reference, err)
		return
	}
	o.asked.Reference = ref
	decide := w.gate.Await
	if audit {
		decide = w.gate.Decide // nobody is held for a warning
	}
	if own && !audit {
		// The sandbox has no credentials of its own.
		if d, err := w.gate.Decide(ctx, o.asked); err == nil && d.Action == gate.Wait && !o.asked.DryRun {
			w.cfg.Registries.Fetch(ctx, ref)
		}
	}
	d, err := decide(ctx, o.asked)
	o.spent.decide = time.Since(found)
	if err != nil {
		o.err = fmt.Errorf("judging %s: %w", ref, err)
		return
	}
	switch d.Action {
	case gate.Allow, gate.Deny, gate.Wait:
		o.decision = d
		return
	}
	o.err = fmt.Errorf("judging %s: the gate answered %q, which is none of its words", ref, d.Action)
}
