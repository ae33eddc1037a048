package webhook

import (
	"fmt"
	"net/http"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sallyport-dev/sallyport/gate"
)

const (
	maxShown   = 5    // images in one message; more are counted
	maxLine    = 1024 // bytes of one image's part of a message
	maxWarning = 256  // bytes; the API server cuts longer ones (admission/v1 AdmissionResponse.warnings)
	maxNotices = 15   // warnings in one answer; the API server keeps 4096 bytes of them
)

// answer puts the opinions about all images into one answer. One denied image
// denies the workload; then a fault does, since what cannot be judged does not
// pass; then one that waits.
func answer(opinions []opinion) (result string, _ *admissionv1.AdmissionResponse) {
	var denied, faults, waiting, warnings, audit []string
	for _, o := range opinions {
		switch d := o.decision; {
		case o.err != nil:
			faults = append(faults, line(o.err.Error()))
		case d.Action == gate.Deny:
			denied = append(denied, line(denial(d)))
		case d.Action == gate.Wait:
			waiting = append(waiting, line(d.Message))
		}
		for _, text := range o.decision.Warnings {
			warnings = append(warnings, warning(o.written+": "+text))
		}
		if id := o.decision.ID; id != "" {
			audit = append(audit, fmt.Sprintf("%s:%s", o.decision.Action, id))
		}
	}

	var out *admissionv1.AdmissionResponse
	switch all := append(append(denied, faults...), waiting...); {
	case len(denied) > 0:
		result, out = "denied", refusal(http.StatusForbidden, list(all))
	case len(faults) > 0:
		result, out = "fault", refusal(http.StatusServiceUnavailable, list(all))
	case len(waiting) > 0:
		// No retryAfterSeconds: client-go would hold its caller, and a
		// controller's worker with it, through ten silent attempts.
		result, out = "waiting", refusal(http.StatusTooManyRequests, list(all))
	default:
		result, out = "allowed", allowed()
	}
	if len(warnings) > maxNotices {
		warnings = append(warnings[:maxNotices], fmt.Sprintf("sallyport: %d more warnings", len(warnings)-maxNotices))
	}
	out.Warnings = warnings
	if len(audit) > 0 {
		out.AuditAnnotations = map[string]string{"decisions": strings.Join(audit, " ")}
	}
	return result, out
}

func allowed() *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Allowed: true}
}

var reasons = map[int32]metav1.StatusReason{
	http.StatusBadRequest:         metav1.StatusReasonBadRequest,
	http.StatusForbidden:          metav1.StatusReasonForbidden,
	http.StatusTooManyRequests:    metav1.StatusReasonTooManyRequests,
	http.StatusServiceUnavailable: metav1.StatusReasonServiceUnavailable,
}

func refusal(code int32, message string) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Result: &metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: reasons[code], Message: message,
	}}
}

// denial tells one image's fate in one line: the gate's message names image,
// policy, control, finding and decision; here the way out is added.
func denial(d gate.Decision) string {
	exact := d.Reference
	exact.Tag = "" // exempt what was judged, not what the tag means tomorrow
	return fmt.Sprintf("%s; an administrator can exempt it: sallyport image allow %s --comment REASON", d.Message, exact)
}

// list joins the parts of one message.
func list(parts []string) string {
	if n := len(parts); n > maxShown {
		parts = append(parts[:maxShown:maxShown], fmt.Sprintf("and %d more images", n-maxShown))
	}
	return strings.Join(parts, "; ")
}

func line(s string) string    { return cut(s, maxLine) }
func warning(s string) string { return cut(s, maxWarning) }

// cut makes one printable line of at most n bytes: parts of it come from
// inside images.
func cut(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if len(s) <= n {
		return s
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(s[:n-len(ellipsis)], "") + ellipsis
}
