package admission

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestNeverInTheWay takes a workload whose image has come to be denied: what
// brings no image into the cluster still passes.
func TestNeverInTheWay(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{}, gate.Registration{})
	const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, finalizers: [test.example/guard]}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: IMAGE}, {name: other, image: OTHER}]}
`
	deployment := strings.NewReplacer("IMAGE", better, "OTHER", good).Replace(manifest)
	s.apply(t, deployment).Done(t)
	s.run(t, "run", "pod", "--image="+better).Done(t)
	cluster.Eventually(t, "the deployment has its pods", func() bool {
		return strings.Count(s.run(t, "get", "pods", "-l", "app=shop", "-o", "name").Done(t), "pod/") == 2
	})
	s.gate.Command(t, "image", "block", better, "--comment", "found to be bad")
	s.run(t, "run", "second", "--image="+better).Refused(t, s.digest[better])

	for _, c := range []struct {
		name string
		args []string
	}{
		{"scale down", []string{"scale", "deployment", "shop", "--replicas=1"}},
		{"label", []string{"label", "deployment", "shop", "team=payments"}},
		{"annotate the pod", []string{"annotate", "pod", "pod", "seen=yes"}},
		{"change another container's image", []string{"set", "image", "deployment/shop", "other=" + warned}},
		{"status", []string{"patch", "deployment", "shop", "--subresource=status", "--type=merge", `-p={"status":{"observedGeneration":1}}`}},
		{"pause", []string{"rollout", "pause", "deployment/shop"}},
		{"dry run of a deletion", []string{"delete", "pod", "pod", "--dry-run=server"}},
		{"delete a pod", []string{"delete", "pod", "pod"}},
		{"delete a workload with a finalizer", []string{"delete", "deployment", "shop", "--wait=false"}},
		{"remove the finalizer of what is being deleted", []string{"patch", "deployment", "shop", "--type=merge", `-p={"metadata":{"finalizers":null}}`}},
	} {
		t.Run(c.name, func(t *testing.T) { s.run(t, c.args...).Done(t) })
	}
}

func TestUnchangedUpdatePasses(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{YAML: connected(kube.Start(t))}, gate.Registration{})
	manifest := strings.ReplaceAll(kinds[4].manifest, "IMAGE", better)
	s.apply(t, manifest).Done(t)
	s.gate.Command(t, "image", "block", better, "--comment", "found to be bad")
	s.apply(t, manifest+"  minReadySeconds: 3\n").Done(t)

	t.Run("what it brings anew is denied", func(t *testing.T) {
		s.apply(t, strings.ReplaceAll(kinds[4].manifest, "IMAGE", evil)).Refused(t, s.digest[evil])
	})
	t.Run("its pods are not made again, and its owner reads why", func(t *testing.T) {
		s.run(t, "delete", "pods", "-l", "app=shop").Done(t)
		cluster.Eventually(t, "the deployment says why it has no pods", func() bool {
			return strings.Contains(s.run(t, "get", "deployment", "shop", "-o", "yaml").Done(t), "denied the request") &&
				strings.Contains(s.run(t, "describe", "replicaset").Done(t), s.digest[better])
		})
		cluster.Eventually(t, "the gate's own event is about the workload", func() bool {
			return strings.Contains(s.run(t, "get", "events", "--field-selector=reason=ImageDenied").Done(t), "replicaset/shop-")
		})
	})
}

// TestDryRun has people told what would happen, and nothing made.
func TestDryRun(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{}, gate.Registration{})
	s.run(t, "run", "a", "--image="+worse, "--dry-run=server").Refused(t, s.digest[worse])
	s.run(t, "run", "b", "--image="+better, "--dry-run=server").Done(t)
	if n := s.run(t, "get", "pods", "-o", "name").Done(t); n != "" {
		t.Errorf("after dry runs there are %s", n)
	}
}

func TestNamespacesWithoutTheLabelAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{}, gate.Registration{})
	other := s.Namespace(t)
	s.Kubectl(t, "-n", other, "run", "free", "--image="+evil).Done(t)
}
