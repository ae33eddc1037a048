package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
)

// serve answers one review.
func (w *Webhook) serve(rw http.ResponseWriter, r *http.Request) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), innerTimeout(r))
	defer cancel()

	req, err := readReview(rw, r)
	if bad := new(badReview); errors.As(err, &bad) {
		w.metrics.done("malformed", 0, time.Since(start))
		w.cfg.Logger.WarnContext(ctx, "refused a malformed admission review", "reason", bad.reason, "remote", r.RemoteAddr)
		http.Error(rw, bad.reason, bad.status)
		return
	}
	result, images, answer := w.admit(ctx, req)
	w.metrics.done(result, images, time.Since(start))
	w.log(ctx, req, result, answer)

	rw.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(rw).Encode(envelope(req.UID, answer)); err != nil {
		w.cfg.Logger.WarnContext(ctx, "the API server did not take the answer", "uid", req.UID, "err", err)
	}
}

// admit decides one request. result is the metrics' word for it, images how
// many were judged.
func (w *Webhook) admit(ctx context.Context, req *admissionv1.AdmissionRequest) (result string, images int, _ *admissionv1.AdmissionResponse) {
	if harmless(req) {
		return "skipped", 0, allowed()
	}
	if !known(req.Kind) {
		// Somebody registered the kind, so say that nothing was looked at.
		answer := allowed()
		answer.Warnings = []string{warning("sallyport does not know where a " + req.Kind.Kind +
			" keeps its images: they are checked when its pods are made")}
		return "skipped", 0, answer
	}
	pods, err := readWorkload(req.Kind, req.Object.Raw)
	if err != nil {
		return "malformed", 0, refusal(http.StatusBadRequest, err.Error())
	}
	if pods.deleting {
		// Removing finalizers is an update; never stand in its way.
		return "skipped", 0, allowed()
	}
	asked := pods.images
	if req.Operation == admissionv1.Update {
		old, err := readWorkload(req.Kind, req.OldObject.Raw)
		if err != nil {
			return "malformed", 0, refusal(http.StatusBadRequest, "oldObject: "+err.Error())
		}
		asked = pods.added(old)
	}
	if len(asked) == 0 {
		return "skipped", 0, allowed()
	}
	opinions := w.judge(ctx, req, pods, asked)
	result, answer := answer(opinions)
	return result, len(opinions), answer
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

func (w *Webhook) log(ctx context.Context, req *admissionv1.AdmissionRequest, result string, answer *admissionv1.AdmissionResponse) {
	message := ""
	if answer.Result != nil {
		message = answer.Result.Message
	}
	w.cfg.Logger.DebugContext(ctx, "admission review", "result", result, "uid", req.UID, "operation", req.Operation,
		"kind", req.Kind.Kind, "namespace", req.Namespace, "name", req.Name, "user", req.UserInfo.Username, "message", message)
}
