package webhook

import (
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// Reasons of Events.
const (
	EventDenied     = "ImageDenied"     // or could not be judged
	EventWaiting    = "ImageWaiting"    // for its analysis
	EventAudit      = "ImageNotAllowed" // admitted, since nothing is denied here
	EventBreakGlass = "BreakGlass"
)

// maxEvent bounds an Event's message, in bytes (core/v1).
const maxEvent = 1024

// tell writes an Event about what was not simply allowed: on the controller
// that made the pod, whose owner looks there, else on the object itself.
func (w *Webhook) tell(req *admissionv1.AdmissionRequest, object workload.Object, result, told string, opinions []opinion, g glass) {
	if w.cfg.Events == nil || dryRun(req) {
		return
	}
	var reason, message string
	switch {
	case g.broken():
		var opened []string
		for _, o := range opinions {
			if o.opened != "" {
				opened = append(opened, o.written)
			}
		}
		reason, message = EventBreakGlass, g.ticket+": "+req.UserInfo.Username+" let pass: "+strings.Join(opened, ", ")
	case result == "denied" || result == "fault":
		reason, message = EventDenied, told
	case result == "waiting":
		reason, message = EventWaiting, told
	case result == "audit":
		reason, message = EventAudit, told
	default:
		return
	}
	about := corev1.ObjectReference{
		APIVersion: gvString(req), Kind: req.Kind.Kind, Namespace: req.Namespace, Name: req.Name, UID: object.UID,
	}
	if o := object.Owner; o != nil {
		about.APIVersion, about.Kind, about.Name, about.UID = o.APIVersion, o.Kind, o.Name, o.UID
	}
	if about.Name == "" {
		return // it has no name yet, and nobody made it
	}
	action := "Deny"
	if reason == EventAudit || reason == EventBreakGlass {
		action = "Admit"
	}
	w.cfg.Events.Report(Event{Object: about, Warning: true, Reason: reason, Action: action, Note: cut(message, maxEvent)})
}

func gvString(req *admissionv1.AdmissionRequest) string {
	if req.Kind.Group == "" {
		return req.Kind.Version
	}
	return req.Kind.Group + "/" + req.Kind.Version
}
