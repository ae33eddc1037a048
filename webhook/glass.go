package webhook

import (
	"context"
	"fmt"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// What a person writes on a workload, or on its pod template, to have it pass.
const (
	BreakGlass      = "sallyport.dev/break-glass"       // "TICKET reason"
	BreakGlassUntil = "sallyport.dev/break-glass-until" // RFC 3339, at most Config.BreakGlass from now
)

// glass is what came of an attempt to break it; the zero value is none.
type glass struct {
	ticket  string
	until   time.Time
	refused string // why not
}

func (g glass) broken() bool { return g.ticket != "" && g.refused == "" }

// breakGlass opens what was stopped, if the workload asks for it and the user
// may: from now on the image passes in this namespace, for pods that
// controllers make, too, until it ends. What a person blocked stays blocked.
func (w *Webhook) breakGlass(ctx context.Context, req *admissionv1.AdmissionRequest, object workload.Object, opinions []opinion) glass {
	text := strings.TrimSpace(object.Annotation(BreakGlass))
	if text == "" || !anyStopped(opinions) {
		return glass{}
	}
	g := w.mayBreak(ctx, req, object, text)
	if g.refused != "" {
		w.metrics.glass.WithLabelValues("refused").Inc()
		w.cfg.Logger.WarnContext(ctx, "break-glass refused", "ticket", g.ticket, "reason", g.refused, "user", req.UserInfo.Username, "request", describe(req))
		return g
	}
	for i := range opinions {
		if o := &opinions[i]; o.stopped() {
			w.open(ctx, o, g, text)
		}
	}
	w.metrics.glass.WithLabelValues("broken").Inc()
	w.cfg.Logger.WarnContext(ctx, "break-glass", "ticket", g.ticket, "text", line(text), "until", g.until, "user", req.UserInfo.Username, "request", describe(req), "dry_run", dryRun(req))
	return g
}

func anyStopped(opinions []opinion) bool {
	for _, o := range opinions {
		if o.stopped() {
			return true
		}
	}
	return false
}

// mayBreak says until when the user may open images here, or why not.
func (w *Webhook) mayBreak(ctx context.Context, req *admissionv1.AdmissionRequest, object workload.Object, text string) glass {
	ticket, why, _ := strings.Cut(text, " ")
	g := glass{ticket: cut(ticket, 64), until: w.cfg.Clock().Add(w.cfg.BreakGlass).UTC().Truncate(time.Second)}
	refuse := func(format string, args ...any) glass { g.refused = fmt.Sprintf(format, args...); return g }
	if w.cfg.BreakGlass <= 0 || w.cfg.Authorizer == nil || w.cfg.Permissions == nil {
		return refuse("it is switched off (webhook.break_glass)")
	}
	if strings.TrimSpace(why) == "" {
		return refuse("the annotation %s must hold a ticket and a reason", BreakGlass)
	}
	if end := object.Annotation(BreakGlassUntil); end != "" {
		t, err := time.Parse(time.RFC3339, end)
		if err != nil {
			return refuse("the annotation %s must hold a time like %s", BreakGlassUntil, g.until.Format(time.RFC3339))
		}
		if t.Before(g.until) {
			g.until = t.UTC()
		}
		if !g.until.After(w.cfg.Clock()) {
			return refuse("it ended at %s", g.until.Format(time.RFC3339))
		}
	}
	ok, reason, err := w.cfg.Authorizer.MayBreakGlass(ctx, req.UserInfo, req.Namespace)
	switch {
	case err != nil:
		return refuse("the cluster could not be asked who may: %v", err)
	case !ok && reason != "":
		return refuse("user %q may not break-glass images.sallyport.dev in namespace %q: %s", req.UserInfo.Username, req.Namespace, reason)
	case !ok:
		return refuse("user %q may not break-glass images.sallyport.dev in namespace %q", req.UserInfo.Username, req.Namespace)
	}
	return g
}

// open lets one image pass, and has the gate remember it.
func (w *Webhook) open(ctx context.Context, o *opinion, g glass, text string) {
	ref := o.asked.Reference
	if ref.Repository == "" || o.decision.Action == gate.Deny && o.decision.Permission != "" {
		return // no image's name; or a person's word against it
	}
	o.opened = "break-glass " + g.ticket
	if ref.Digest == "" || o.asked.DryRun {
		return
	}
	err := w.cfg.Permissions.Set(ctx, gate.Permission{
		Target: label.Target{Registry: ref.Registry, Repository: ref.Repository, Which: ref.Digest.String()}, Namespace: o.asked.Context.Namespace,
		Action: gate.Allow, Comment: "break-glass: " + line(text), Author: o.asked.Client, Expires: g.until,
	})
	if err != nil {
		// This workload passes; what its controller makes of it is judged again.
		w.cfg.Logger.ErrorContext(ctx, "break-glass is not remembered", "image", ref.String(), "err", err)
		return
	}
	// The decision by that word is what the audit log keeps.
	if d, err := w.gate.Decide(ctx, o.asked); err == nil && d.Action == gate.Allow {
		o.decision, o.err = d, nil
	}
}
