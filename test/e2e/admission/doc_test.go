// Package admission tries the webhook with a real API server and kubectl: every
// kind, every field, and everything that goes wrong.
//
// Tests run in parallel, in namespaces of their own, but for those that measure
// and those that look at the whole cluster.
package admission

import (
	"os"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

var kube cluster.Shared

func TestMain(m *testing.M) { os.Exit(kube.Main(m)) }

// scene is a cluster that asks a gate about one namespace.
type scene struct {
	*cluster.Cluster
	gate      *gate.Gate
	images    *gate.Registry
	namespace string
	digest    map[string]string // by name
}

// Images of a scene, as manifests name them.
const (
	good   = gate.Upstream + "/good:1"
	better = gate.Upstream + "/better:1"
	warned = gate.Upstream + "/warned:1"
	evil   = gate.Upstream + "/evil:1"
	worse  = gate.Upstream + "/worse:1"
)

// set starts a gate with the settings and registers it.
func set(t *testing.T, settings gate.Settings, r gate.Registration) *scene {
	t.Helper()
	s := stage(t)
	settings.Upstream = s.images
	s.gate = gate.Start(t, settings)
	s.namespace = s.Namespace(t, s.gate.Label())
	s.gate.Register(t, s.Cluster, s.namespace, r)
	return s
}

// stage is a scene without a gate yet.
func stage(t *testing.T) *scene {
	t.Helper()
	s := &scene{Cluster: kube.Start(t), images: gate.StartRegistry(t), digest: map[string]string{}}
	for name, labels := range map[string]map[string]string{
		good: nil, better: nil, warned: gate.Warned, evil: gate.Denied, worse: gate.Denied,
	} {
		_, s.digest[name], _ = strings.Cut(s.images.Push(t, strings.TrimPrefix(name, gate.Upstream+"/"), labels), "@")
	}
	return s
}

// here are the arguments for kubectl in the scene's namespace.
func (s *scene) here(args ...string) []string { return append([]string{"-n", s.namespace}, args...) }

// run is `kubectl` in the scene's namespace.
func (s *scene) run(t testing.TB, args ...string) cluster.Result {
	t.Helper()
	return s.Kubectl(t, s.here(args...)...)
}

// create is `kubectl create` of a manifest in the scene's namespace.
func (s *scene) create(t testing.TB, manifest string, args ...string) cluster.Result {
	t.Helper()
	return s.Create(t, manifest, s.here(args...)...)
}

// apply is `kubectl apply` of a manifest in the scene's namespace.
func (s *scene) apply(t testing.TB, manifest string, args ...string) cluster.Result {
	t.Helper()
	return s.Apply(t, manifest, s.here(args...)...)
}
