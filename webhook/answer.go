package webhook

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sallyport-dev/sallyport/gate"
)

const (
	maxShown    = 5    // images in one message; more are counted
	maxLine     = 1024 // bytes of one image's part of a message
	maxMessage  = 3072 // bytes of a message, but for its last words
	maxWarning  = 256  // bytes; the API server cuts longer ones (admission/v1 AdmissionResponse.warnings), and asks for 120 where that is possible
	maxWarnings = 3840 // bytes of all warnings; the API server keeps 4096 of them
	maxNotices  = 15   // warnings in one answer
	maxAudit    = 4096 // bytes of an audit annotation
)

// prefix begins every message of the gate, wouldDeny what is said of it where
// nothing is denied.
const (
	prefix    = "sallyport: "
	wouldDeny = "sallyport would deny: "
)

// answer puts the opinions about all images into one answer. One denied image
// denies the workload; then a fault does, since what cannot be judged does not
// pass; then one that waits. With audit, all pass, and what would have kept them is
// in the warnings. told is all that is to say of what is not let in, or would not be.
func answer(opinions []opinion, g glass, audit bool) (result, told string, _ *admissionv1.AdmissionResponse) {
	var denied, faults, waiting, warnings, decisions []string
	if g.broken() {
		warnings = append(warnings, fmt.Sprintf("sallyport: BREAK-GLASS %s: admitted although not allowed; ends %s", g.ticket, g.until.Format(time.RFC3339)))
	}
	for _, o := range opinions {
		switch d := o.decision; {
		case o.opened != "":
			warnings = append(warnings, o.opened+": "+o.written)
		case o.err != nil:
			faults = append(faults, o.err.Error())
		case d.Action == gate.Deny:
			denied = append(denied, denial(d))
		case d.Action == gate.Wait:
			waiting = append(waiting, d.Message)
		}
		for _, text := range o.decision.Warnings {
			warnings = append(warnings, o.written+": "+text)
		}
		if id := o.decision.ID; id != "" {
			decisions = append(decisions, string(o.decision.Action)+":"+id)
		}
	}
	stopped := append(append(denied, faults...), waiting...)
	if g.refused != "" {
		refused := "break-glass refused: " + g.refused
		if audit {
			warnings = append([]string{prefix + refused}, warnings...)
		} else {
			stopped[0] = cut(stopped[0], maxLine-len(refused)-2) + "; " + refused
		}
	}

	var out *admissionv1.AdmissionResponse
	switch {
	case audit && len(stopped) > 0:
		result, told, out = "audit", wouldDeny+strings.TrimPrefix(list(stopped), prefix), allowed()
		would := make([]string, len(stopped))
		for i, s := range stopped {
			would[i] = wouldDeny + strings.TrimPrefix(s, prefix)
		}
		warnings = append(would, warnings...)
	case len(denied) > 0:
		result, told = "denied", list(stopped)
		out = refusal(http.StatusForbidden, told)
	case len(faults) > 0:
		result, told = "fault", list(stopped)
		out = refusal(http.StatusServiceUnavailable, told)
	case len(waiting) > 0:
		// No retryAfterSeconds: client-go would hold its caller, and a
		// controller's worker with it, through ten silent attempts.
		result, told = "waiting", list(stopped)
		out = refusal(http.StatusTooManyRequests, told)
	case g.broken():
		result, out = "break-glass", allowed()
	default:
		result, out = "allowed", allowed()
	}
	out.Warnings = notices(warnings)
	if len(decisions) > 0 {
		out.AuditAnnotations = map[string]string{"decisions": cut(strings.Join(decisions, " "), maxAudit)}
		if audit {
			out.AuditAnnotations["mode"] = string(Audit)
		}
	}
	if g.broken() {
		if out.AuditAnnotations == nil {
			out.AuditAnnotations = map[string]string{}
		}
		out.AuditAnnotations["break-glass"] = g.ticket + " until " + g.until.Format(time.RFC3339)
	}
	return result, told, out
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

// list joins the parts of one message: the first whole, further ones while
// there is room.
func list(parts []string) string {
	var b strings.Builder
	for i, p := range parts {
		p = line(p)
		if i > 0 {
			p = "; " + strings.TrimPrefix(p, prefix)
		}
		if i == maxShown || b.Len()+len(p) > maxMessage {
			fmt.Fprintf(&b, "; and %d more images", len(parts)-i)
			break
		}
		b.WriteString(p)
	}
	return b.String()
}

// notices are the warnings, each of its length and all of theirs, without repeats.
func notices(warnings []string) []string {
	var out []string
	size := 0
	seen := make(map[string]bool, len(warnings))
	for i, text := range warnings {
		text = warning(text)
		if seen[text] {
			continue
		}
		seen[text] = true
		if len(out) == maxNotices || size+len(text) > maxWarnings {
			return append(out, fmt.Sprintf("sallyport: %d more warnings", len(warnings)-i))
		}
		size += len(text)
		out = append(out, text)
	}
	return out
}

func line(s string) string { return cut(s, maxLine) }

// warning cuts a warning to its length, and keeps the decision's id: all of it
// can be read by that.
func warning(s string) string {
	if len(s) <= maxWarning {
		return cut(s, maxWarning)
	}
	id := decisionID.FindString(s)
	return cut(s, maxWarning-len(id)) + id
}

var decisionID = regexp.MustCompile(`; decision [0-9A-Z]{26}\b`)

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
