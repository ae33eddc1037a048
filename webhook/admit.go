package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// answering answers one request.
type answering func(ctx context.Context, req *admissionv1.AdmissionRequest) outcome

// outcome is what came of one request.
type outcome struct {
	result string // the metrics' word for it
	images int    // that were judged
	answer *admissionv1.AdmissionResponse
	spent  spent
}

// spent is how long the slowest image took: to find its digest, and to be decided.
type spent struct{ resolve, decide time.Duration }

// slow is from when on a review is told in the log with what took so long.
const slow = time.Second

// serve reads a review, has it answered in time, and writes the answer.
func (w *Webhook) serve(by func(*http.Request) answering) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), innerTimeout(r))
		defer cancel()

		req, err := readReview(rw, r)
		if bad := new(badReview); errors.As(err, &bad) {
			w.metrics.done(outcome{result: "malformed"}, time.Since(start))
			w.cfg.Logger.WarnContext(ctx, "refused a malformed admission review", "reason", bad.reason, "remote", r.RemoteAddr)
			http.Error(rw, bad.reason, bad.status)
			return
		}
		read := time.Since(start)
		out := by(r)(ctx, req)
		took := time.Since(start)
		w.metrics.done(out, took)
		w.log(ctx, req, out, read, took)

		rw.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(rw).Encode(envelope(req.UID, out.answer)); err != nil {
			w.cfg.Logger.WarnContext(ctx, "the API server did not take the answer", "uid", req.UID, "err", err)
		}
	}
}

// validate decides whether a workload may be stored. With audit, what may not is
// told in warnings.
func (w *Webhook) validate(audit bool) answering {
	return func(ctx context.Context, req *admissionv1.AdmissionRequest) outcome {
		if harmless(req) {
			return passed("skipped")
		}
		if w.exempt.request(req) {
			return passed("exempt")
		}
		if !w.kinds.Knows(req.Kind) {
			return outcome{result: "skipped", answer: unknown(req)}
		}
		object, old, err := w.read(req)
		if err != nil {
			return outcome{result: "malformed", answer: w.malformed(audit, err)}
		}
		if object.Deleting {
			// Removing finalizers is an update; never stand in its way.
			return passed("skipped")
		}
		asked := object
		if req.Operation == admissionv1.Update {
			asked = object.Added(old)
		}
		rules := w.rules(req.Namespace)
		// A pod that a node runs from a file cannot be stopped here.
		audit = audit || rules.Mode == Audit || object.Mirror && slices.Contains(req.UserInfo.Groups, "system:nodes")
		if len(asked.Pods) == 0 {
			if object.Annotation(BreakGlass) == old.Annotation(BreakGlass) || len(object.Pods) == 0 {
				return passed("skipped")
			}
			// Somebody breaks the glass for what is there already, and whose pods
			// are denied. The update itself brings no image: it passes anyway.
			asked, audit = object, true
		}
		opinions := w.judge(ctx, req, asked, rules, audit)
		glass := w.breakGlass(ctx, req, object, opinions)
		result, told, answer := answer(opinions, glass, audit)
		w.tell(req, object, result, told, opinions, glass)
		return outcome{result, len(opinions), answer, longest(opinions)}
	}
}

// passed is a request that is none of the gate's business.
func passed(result string) outcome { return outcome{result: result, answer: allowed()} }

func longest(opinions []opinion) (s spent) {
	for _, o := range opinions {
		s.resolve, s.decide = max(s.resolve, o.spent.resolve), max(s.decide, o.spent.decide)
	}
	return s
}

// read reads the object, and the one that it replaces.
func (w *Webhook) read(req *admissionv1.AdmissionRequest) (object, old workload.Object, err error) {
	if object, err = w.kinds.Read(req.Kind, req.Object.Raw); err != nil {
		return object, old, err
	}
	if req.Operation == admissionv1.Update {
		if old, err = w.kinds.Read(req.Kind, req.OldObject.Raw); err != nil {
			return object, old, errors.New("oldObject: " + err.Error())
		}
	}
	return object, old, nil
}

func (w *Webhook) malformed(audit bool, err error) *admissionv1.AdmissionResponse {
	if !audit {
		return refusal(http.StatusBadRequest, err.Error())
	}
	answer := allowed()
	answer.Warnings = []string{warning(wouldDeny + err.Error())}
	return answer
}

// unknown answers about a kind that somebody registered and nobody described:
// it says that nothing was looked at, if there was something.
func unknown(req *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	answer := allowed()
	if group := req.Kind.Group; group == "" || strings.HasSuffix(group, ".k8s.io") {
		return answer // leases, nodes, config maps …
	}
	if at := workload.Guess(req.Object.Raw); at != "" {
		answer.Warnings = []string{warning("sallyport: the kind " + req.Kind.Kind + " is not in webhook.kinds (path " + at +
			"): images are judged when its pods are made")}
	}
	return answer
}

// harmless tells the requests that bring no image into the cluster, whatever
// their object says.
func harmless(req *admissionv1.AdmissionRequest) bool {
	if req.Operation != admissionv1.Create && req.Operation != admissionv1.Update {
		return true // DELETE, CONNECT
	}
	switch req.SubResource {
	case "", "ephemeralcontainers":
		return false
	}
	return true // status, scale, binding, eviction, resize …
}

func dryRun(req *admissionv1.AdmissionRequest) bool { return req.DryRun != nil && *req.DryRun }

func (w *Webhook) log(ctx context.Context, req *admissionv1.AdmissionRequest, out outcome, read, took time.Duration) {
	level, told := slog.LevelDebug, "admission review"
	if took >= slow {
		level, told = slog.LevelInfo, "slow admission review"
	}
	if !w.cfg.Logger.Enabled(ctx, level) {
		return
	}
	message := ""
	if out.answer.Result != nil {
		message = out.answer.Result.Message
	}
	w.cfg.Logger.Log(ctx, level, told, "result", out.result, "uid", req.UID, "operation", req.Operation,
		"kind", req.Kind.Kind, "namespace", req.Namespace, "name", req.Name, "user", req.UserInfo.Username, "message", message,
		"took", took, "read", read, "resolve", out.spent.resolve, "decide", out.spent.decide)
}
