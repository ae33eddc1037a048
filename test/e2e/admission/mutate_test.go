package admission

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestMutation has the images of pods rewritten before they are judged.
func TestMutation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, settings, image string }{
		{"to digests", "mutate: digest\n", "registry.test/good:1@DIGEST"},
		{"to the gate", "mutate: gate\ngate: gate.test:5000\n", "gate.test:5000/registry.test/good:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := set(t, gate.Settings{Webhook: c.settings}, gate.Registration{})
			s.gate.Configure(t, s.Cluster, gate.Registration{Kind: "MutatingWebhookConfiguration", Path: "/mutate"})
			want := strings.Replace(c.image, "DIGEST", s.digest[good], 1)

			// The API server takes a moment to notice the second entry.
			cluster.Eventually(t, "the pod's image becomes "+want, func() bool {
				return s.run(t, "run", "shop", "--image="+good, "--dry-run=server", "-o", "jsonpath={.spec.containers[0].image}").Done(t) == want
			})
			s.run(t, "run", "shop", "--image="+good).Done(t)
			if got := s.run(t, "get", "pod", "shop", "-o", "jsonpath={.spec.containers[0].image}").Done(t); got != want {
				t.Errorf("the pod's image is %s, expected %s", got, want)
			}
			s.run(t, "run", "evil", "--image="+evil).Refused(t, s.digest[evil], "label-fate")

			s.run(t, "create", "deployment", "kept", "--image="+good).Done(t)
			if got := s.run(t, "get", "deployment", "kept", "-o", "jsonpath={.spec.template.spec.containers[0].image}").Done(t); got != good {
				t.Errorf("the deployment's image is %s: what people keep in Git was changed", got)
			}
		})
	}
}
