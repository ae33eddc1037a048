package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// Mutation is what becomes of the images of pods before they are judged.
type Mutation string

// The mutations. Workloads other than pods are never changed: they are what
// people keep in Git.
const (
	MutateOff    Mutation = "off"    // or ""
	MutateDigest Mutation = "digest" // repository:tag becomes repository:tag@digest
	MutateGate   Mutation = "gate"   // registry/repository:tag becomes gate/registry/repository:tag
)

func (cfg Config) checkMutation() error {
	if !slices.Contains([]Mutation{"", MutateOff, MutateDigest, MutateGate}, cfg.Mutate) {
		return fmt.Errorf("mutate: %q is none of %s, %s, %s", cfg.Mutate, MutateOff, MutateDigest, MutateGate)
	}
	if cfg.Mutate != MutateGate {
		return nil
	}
	// What is written must mean the same image as before.
	ref, err := image.Parse(cfg.Gate + "/" + image.DockerHub + "/library/a:1")
	if err != nil || cfg.Behind(ref).Registry != image.DockerHub && cfg.Behind(ref) == ref {
		return fmt.Errorf("gate: %q is no name of the gate: write host:port as nodes reach the proxy, and list it in proxy.names", cfg.Gate)
	}
	return nil
}

// patch is one operation of RFC 6902.
type patch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value string `json:"value"`
}

// mutate rewrites the images of a pod. It denies nothing: what cannot be
// resolved stays as it is, and the validating step says why it cannot.
func (w *Webhook) mutate(ctx context.Context, req *admissionv1.AdmissionRequest) outcome {
	isPod := req.Kind.Group == "" && req.Kind.Kind == "Pod"
	if w.cfg.Mutate == "" || w.cfg.Mutate == MutateOff || !isPod || harmless(req) || w.exempt.request(req) {
		return passed("skipped")
	}
	object, old, err := w.read(req)
	if err != nil || object.Deleting || object.Mirror {
		return passed("skipped")
	}
	if req.Operation == admissionv1.Update {
		object = object.Added(old)
	}
	if len(object.Pods) == 0 {
		return passed("skipped")
	}
	slots, err := workload.Slots(req.Object.Raw)
	if err != nil {
		return passed("skipped")
	}
	pod, better, began := object.Pods[0], map[string]string{}, time.Now()
	for _, written := range pod.Images {
		if b := w.rewritten(ctx, req, pod, written); b != "" && b != written {
			better[written] = b
		}
	}
	spent := spent{resolve: time.Since(began)}
	var patches []patch
	for _, s := range slots {
		if b, ok := better[s.Image]; ok {
			patches = append(patches, patch{"replace", s.Pointer, b})
		}
	}
	answer := allowed()
	if len(patches) == 0 {
		return outcome{"unchanged", len(pod.Images), answer, spent}
	}
	if answer.Patch, err = json.Marshal(patches); err != nil {
		return outcome{"fault", len(pod.Images), allowed(), spent} // strings: cannot fail
	}
	kind := admissionv1.PatchTypeJSONPatch
	answer.PatchType = &kind
	return outcome{"mutated", len(pod.Images), answer, spent}
}

// rewritten is how written should stand in a pod; "" for as it is.
func (w *Webhook) rewritten(ctx context.Context, req *admissionv1.AdmissionRequest, pod workload.Pod, written string) string {
	ref, err := image.Parse(written)
	if err != nil {
		return ""
	}
	meant := w.cfg.Behind(ref)
	if w.cfg.Mutate == MutateGate {
		if meant != ref {
			return "" // it leads through the gate already
		}
		through := w.cfg.Gate + "/" + ref.String()
		// Only what the gate finds again behind the new name.
		if p, err := image.Parse(through); err != nil || w.cfg.Behind(p) != ref {
			return ""
		}
		return through
	}
	if meant.Digest != "" {
		return ""
	}
	_, found, _, err := w.resolve(ctx, Pod{req.Namespace, pod.ServiceAccount, pod.PullSecrets}, meant)
	if err != nil {
		w.cfg.Logger.InfoContext(ctx, "an image is not pinned", "image", meant.String(), "err", err)
		return ""
	}
	pinned := written
	if _, tagged := hasTag(written, ref); !tagged {
		pinned += ":" + ref.Tag // "nginx" means "nginx:latest": say so
	}
	return pinned + "@" + found.Digest.String()
}

// hasTag tells whether the tag of ref is written.
func hasTag(written string, ref image.Reference) (string, bool) {
	suffix := ":" + ref.Tag
	return suffix, ref.Tag != "" && len(written) > len(suffix) && written[len(written)-len(suffix):] == suffix
}
