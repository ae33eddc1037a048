package admission

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestFields has every field that names an image stop a pod.
func TestFields(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{}, gate.Registration{})
	const pod = `
apiVersion: v1
kind: Pod
metadata: {generateName: shop-}
spec:
`
	for _, c := range []struct{ name, spec string }{
		{"container", `  containers: [{name: shop, image: IMAGE}]`},
		{"one of several containers", `  containers: [{name: shop, image: GOOD}, {name: other, image: IMAGE}]`},
		{"init container", `  containers: [{name: shop, image: GOOD}]
  initContainers: [{name: first, image: IMAGE}]`},
		{"sidecar", `  containers: [{name: shop, image: GOOD}]
  initContainers: [{name: mesh, image: IMAGE, restartPolicy: Always}]`},
		{"image volume", `  containers: [{name: shop, image: GOOD}]
  volumes: [{name: model, image: {reference: IMAGE, pullPolicy: IfNotPresent}}]`},
		{"image by digest", `  containers: [{name: shop, image: EXACT}]`},
		{"image through the gate", `  containers: [{name: shop, image: gate.test:5000/IMAGE}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			with := func(image string) string {
				exact := strings.TrimSuffix(image, ":1") + "@" + s.digest[image]
				return pod + strings.NewReplacer("IMAGE", image, "GOOD", good, "EXACT", exact).Replace(c.spec)
			}
			s.create(t, with(evil)).Refused(t, s.digest[evil], "label-fate")
			made := s.create(t, with(better))
			made.Done(t)
			made.Silent(t)
		})
	}

	t.Run("ephemeral container", func(t *testing.T) {
		s.run(t, "run", "patient", "--image="+good).Done(t)
		s.run(t, "debug", "patient", "--image="+evil, "-c", "surgeon").Refused(t, s.digest[evil], "label-fate")
		s.run(t, "debug", "patient", "--image="+better, "-c", "nurse").Done(t)
		names := s.run(t, "get", "pod", "patient", "-o", "jsonpath={.spec.ephemeralContainers[*].name}").Done(t)
		if names != "nurse" {
			t.Errorf("the pod has the ephemeral containers %q, expected nurse alone", names)
		}
	})

	t.Run("all denied images are named in one message", func(t *testing.T) {
		s.create(t, pod+strings.NewReplacer("EVIL", evil, "WORSE", worse, "GOOD", good).Replace(
			`  containers: [{name: a, image: EVIL}, {name: b, image: WORSE}, {name: c, image: GOOD}]`),
		).Refused(t, s.digest[evil], s.digest[worse])
	})

	t.Run("the audit log has the decisions", func(t *testing.T) {
		s.run(t, "run", "audited", "--image="+good).Done(t)
		if note := s.AuditAnnotation(t, s.namespace, "audited", gate.Hook, "decisions"); !strings.HasPrefix(note, "allow:") {
			t.Errorf("the audit log says %q, expected a decision to allow", note)
		}
	})
}
