package admission

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

const emergency = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  annotations: {sallyport.dev/break-glass: "INC-4711 the tills are down"}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: registry.test/evil:1}]}
`

// connected are settings of a gate that may ask the cluster.
func connected(c *cluster.Cluster) string {
	return "cluster: {kubeconfig: " + c.Kubeconfig + ", namespace: default}\n"
}

func TestBreakGlass(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{YAML: connected(kube.Start(t)), Webhook: "break_glass: {enabled: true}\n"}, gate.Registration{})
	s.run(t, "create", "rolebinding", "developers", "--clusterrole=edit", "--user=jane", "--user=joe").Done(t)
	// kubectl create role would ask for a resource that exists.
	s.apply(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: glass}
rules: [{apiGroups: [sallyport.dev], resources: [images], verbs: [break-glass]}]
`).Done(t)
	s.run(t, "create", "rolebinding", "glass", "--role=glass", "--user=jane").Done(t)

	t.Run("without the permission", func(t *testing.T) {
		s.apply(t, emergency, "--as=joe").Refused(t, s.digest[evil], "break-glass refused", `user "joe" may not break-glass images.sallyport.dev`)
	})
	t.Run("without a reason", func(t *testing.T) {
		s.apply(t, strings.Replace(emergency, "INC-4711 the tills are down", "INC-4711", 1), "--as=jane").
			Refused(t, s.digest[evil], "break-glass refused", "must hold a ticket and a reason")
	})
	t.Run("after its end", func(t *testing.T) {
		late := strings.Replace(emergency, `are down"`, `are down", sallyport.dev/break-glass-until: "2020-01-01T00:00:00Z"`, 1)
		s.apply(t, late, "--as=jane").Refused(t, s.digest[evil], "break-glass refused", "it ended at 2020-01-01T00:00:00Z")
	})
	t.Run("a dry run opens nothing", func(t *testing.T) {
		s.apply(t, emergency, "--as=jane", "--dry-run=server").Says(t, "Warning: ", "BREAK-GLASS INC-4711")
		s.run(t, "run", "other", "--image="+evil).Refused(t, s.digest[evil])
	})
	t.Run("with the permission", func(t *testing.T) {
		made := s.apply(t, emergency, "--as=jane")
		made.Done(t)
		made.Says(t, "Warning: ", "BREAK-GLASS INC-4711", "ends ")
		cluster.Eventually(t, "the deployment has its pod", func() bool {
			return s.run(t, "get", "pods", "-l", "app=shop", "-o", "name").Done(t) != ""
		})
		if note := s.AuditAnnotation(t, s.namespace, "shop", gate.Hook, "break-glass"); !strings.HasPrefix(note, "INC-4711 until ") {
			t.Errorf("the audit log says %q", note)
		}
		cluster.Eventually(t, "there is an event", func() bool {
			return strings.Contains(s.run(t, "get", "events").Done(t), "BreakGlass")
		})
	})
	t.Run("elsewhere the image stays denied", func(t *testing.T) {
		other := s.Namespace(t, s.gate.Label())
		s.Kubectl(t, "-n", other, "run", "shop", "--image="+evil).Refused(t, s.digest[evil])
	})
	t.Run("what a person blocked stays blocked", func(t *testing.T) {
		s.gate.Command(t, "image", "block", worse, "--comment", "never")
		s.apply(t, strings.NewReplacer("evil:1", "worse:1", "name: shop\n", "name: blocked\n").Replace(emergency), "--as=jane").
			Refused(t, s.digest[worse])
	})
}

func TestBreakGlassIsOffByDefault(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{YAML: connected(kube.Start(t))}, gate.Registration{})
	s.apply(t, emergency).Refused(t, s.digest[evil], "break-glass refused", "it is switched off")
}
