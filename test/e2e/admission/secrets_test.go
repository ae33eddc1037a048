package admission

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestPullSecrets has images looked up with the credentials of the pods that
// want them: the gate has none of its own.
func TestPullSecrets(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{YAML: connected(kube.Start(t)), Registry: "credentials: [client]"}, gate.Registration{})
	const fresh = gate.Upstream + "/fresh:1" // that nobody has looked up yet
	s.images.Push(t, "fresh:1", nil)
	s.images.Protect("jane", "hunter2")
	s.run(t, "create", "secret", "docker-registry", "pull", "--docker-server=registry.test", "--docker-username=jane", "--docker-password=hunter2").Done(t)
	s.run(t, "create", "secret", "docker-registry", "wrong", "--docker-server=registry.test", "--docker-username=jane", "--docker-password=guess").Done(t)
	s.run(t, "create", "serviceaccount", "shop").Done(t)
	s.run(t, "patch", "serviceaccount", "shop", `-p={"imagePullSecrets":[{"name":"pull"}]}`).Done(t)

	const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {generateName: shop-}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: IMAGE}], WHO}
`
	for _, c := range []struct {
		name, who, image string
		refused          []string
	}{
		{"none", "hostNetwork: false", good, []string{"denied the request", good}},
		{"of the pod", "imagePullSecrets: [{name: pull}]", good, nil},
		{"of the pod, a denied image", "imagePullSecrets: [{name: pull}]", evil, []string{s.digest[evil], "label-fate"}},
		{"the second of the pod", "imagePullSecrets: [{name: wrong}, {name: pull}]", better, nil},
		{"wrong ones", "imagePullSecrets: [{name: wrong}]", fresh, []string{"denied the request", fresh}},
		{"of the service account", "serviceAccountName: shop", good, nil},
		{"of the service account, a denied image", "serviceAccountName: shop", worse, []string{s.digest[worse], "label-fate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.create(t, strings.NewReplacer("IMAGE", c.image, "WHO", c.who).Replace(deployment))
			if c.refused != nil {
				got.Refused(t, c.refused...)
			} else {
				got.Done(t)
			}
			if strings.Contains(got.Stderr, "hunter2") {
				t.Errorf("the answer tells a credential: %s", got.Stderr)
			}
		})
	}
}
