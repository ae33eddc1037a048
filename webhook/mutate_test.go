package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/webhook"
)

// patched applies an answer's replacements, which is all that it may hold, to
// the images of the review's pod, by their pointers.
func patched(t *testing.T, a *admissionv1.AdmissionResponse) map[string]string {
	t.Helper()
	if !a.Allowed || a.Result != nil {
		t.Fatalf("the mutating step denies: %+v", a)
	}
	out := map[string]string{}
	if a.Patch == nil {
		return out
	}
	if a.PatchType == nil || *a.PatchType != admissionv1.PatchTypeJSONPatch {
		t.Fatalf("type of the patch: %v", a.PatchType)
	}
	var ops []struct{ Op, Path, Value string }
	if err := json.Unmarshal(a.Patch, &ops); err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		if op.Op != "replace" {
			t.Errorf("operation %+v", op)
		}
		out[op.Path] = op.Value
	}
	return out
}

func TestMutation(t *testing.T) {
	const sum = "sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
	for _, c := range []struct {
		name, review string
		mutate       webhook.Mutation
		image        string // of the first container, instead of the review's
		path, want   string
	}{
		{"a tag is pinned", "pod-malicious", webhook.MutateDigest, "", "/spec/containers/0/image", "registry.test/evil/shell:v1@" + sum},
		{"a name without tag", "pod-malicious", webhook.MutateDigest, "registry.test/evil/shell", "/spec/containers/0/image", "registry.test/evil/shell:latest@" + sum},
		{"a port is no tag", "pod-malicious", webhook.MutateDigest, "registry.test:5000/evil/shell", "/spec/containers/0/image", "registry.test:5000/evil/shell:latest@" + sum},
		{"it stays behind the gate", "pod-malicious", webhook.MutateDigest, "localhost:5000/registry.test/evil/shell:v1", "/spec/containers/0/image", "localhost:5000/registry.test/evil/shell:v1@" + sum},
		{"what is pinned stays", "pod-malicious", webhook.MutateDigest, "registry.test/evil/shell:v1@" + sum, "", ""},
		{"a sidecar", "pod-sidecar", webhook.MutateDigest, "", "/spec/initContainers/0/image", "registry.test/evil/shell:v1@" + sum},
		{"an image volume", "pod-image-volume", webhook.MutateDigest, "", "/spec/volumes/0/image/reference", "registry.test/evil/shell:v1@" + sum},
		{"an ephemeral container", "pod-ephemeral-container", webhook.MutateDigest, "", "/spec/ephemeralContainers/0/image", "registry.test/evil/shell:v1@" + sum},
		{"through the gate", "pod-malicious", webhook.MutateGate, "", "/spec/containers/0/image", "localhost:5000/registry.test/evil/shell:v1"},
		{"Docker's short names", "pod-malicious", webhook.MutateGate, "nginx", "/spec/containers/0/image", "localhost:5000/docker.io/library/nginx:latest"},
		{"a digest through the gate", "pod-malicious", webhook.MutateGate, "registry.test/evil/shell@" + sum, "/spec/containers/0/image", "localhost:5000/registry.test/evil/shell@" + sum},
		{"what leads through it stays", "pod-malicious", webhook.MutateGate, "localhost:5000/registry.test/evil/shell:v1", "", ""},
		{"a registry that the gate does not know", "pod-malicious", webhook.MutateGate, "elsewhere.test/a:1", "", ""},
		{"no name", "pod-malicious", webhook.MutateGate, "Not/A:Name:", "", ""},
		{"off", "pod-malicious", webhook.MutateOff, "", "", ""},
		{"not set", "pod-malicious", "", "", "", ""},
		{"no pod", "deployment-malicious", webhook.MutateDigest, "", "", ""},
		{"a subresource", "pod-status", webhook.MutateDigest, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual()
			body := recorded(t, c.review, func(_ *admissionv1.AdmissionRequest, o map[string]any) {
				if c.image != "" {
					o["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["image"] = c.image
				}
			})
			got := patched(t, connectWith(t, webhook.Config{Mutate: c.mutate, Gate: "localhost:5000"}, w, w).ask(t, body, webhook.MutatePath+"?timeout=5s"))
			if got[c.path] != c.want || c.want == "" && len(got) > 0 {
				t.Errorf("patched %v, want %s: %s", got, c.path, c.want)
			}
			if len(w.requests) != 0 {
				t.Errorf("the gate was asked %v", w.requests)
			}
		})
	}
}

func TestMutationLeavesWhatItCannotResolve(t *testing.T) {
	w := usual()
	w.resolve = func(context.Context, image.Reference) (image.Reference, error) {
		return image.Reference{}, errors.New("registry is away")
	}
	a := connectWith(t, webhook.Config{Mutate: webhook.MutateDigest}, w, w).review(t, "pod-malicious", webhook.MutatePath)
	if got := patched(t, a); len(got) != 0 {
		t.Errorf("patched %v", got)
	}
}

func TestMutationIsForThoseWhoAreJudged(t *testing.T) {
	w := usual()
	cfg := webhook.Config{Mutate: webhook.MutateDigest, Exempt: webhook.Exempt{Namespaces: []string{"shop"}}}
	if got := patched(t, connectWith(t, cfg, w, w).review(t, "pod-malicious", webhook.MutatePath)); len(got) != 0 || len(w.resolved) != 0 {
		t.Errorf("patched %v after resolving %q", got, w.resolved)
	}
}
