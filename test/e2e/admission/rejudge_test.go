package admission

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

const runsEvil = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: registry.test/evil:1}, {name: side, image: registry.test/good:1}]}
`

// rejudging are the settings of a gate that judges again what runs.
func rejudging(c *cluster.Cluster, more string) string {
	return "cluster: {kubeconfig: " + c.Kubeconfig + ", namespace: default, rejudge: {enabled: true, pause: 1s, " + more + "}}\n"
}

// installReports installs the kind of OpenReports.
func installReports(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	crd, err := os.ReadFile("testdata/openreports.io_reports.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(t, string(crd), "--server-side").Done(t)
	cluster.Eventually(t, "reports can be written", func() bool { return c.Kubectl(t, "get", "reports.openreports.io", "-A").Code == 0 })
}

// metric is the value of a gate's metric, "" when there is none.
func metric(t *testing.T, g *gate.Gate, name string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+g.Metrics+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "" // it does not run
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			return value
		}
	}
	return ""
}

func (s *scene) get(t *testing.T, what, path string) string {
	t.Helper()
	return s.run(t, "get", what, "--ignore-not-found", "-o", "jsonpath="+path).Done(t)
}

func (s *scene) pods(t *testing.T) int {
	t.Helper()
	return len(strings.Fields(s.get(t, "pods", "{.items[*].metadata.name}")))
}

// TestWhatRunsIsJudgedAgain has policies change under a workload that runs: it
// is reported, marked and told about, keeps its pods, and is forgotten when the
// policies let it pass again.
func TestWhatRunsIsJudgedAgain(t *testing.T) {
	s := stage(t)
	installReports(t, s.Cluster)
	denied := gate.Policies["denied.yaml"]
	s.gate = gate.Start(t, gate.Settings{
		Upstream: s.images, YAML: rejudging(s.Cluster, "annotate: true"), Policies: map[string]string{"warned.yaml": gate.Policies["warned.yaml"]},
	})
	s.namespace = s.Namespace(t)
	s.apply(t, runsEvil).Done(t)
	cluster.Eventually(t, "the deployment has its pods", func() bool { return s.pods(t) == 2 })
	cluster.Eventually(t, "what runs was judged", func() bool { return metric(t, s.gate, `sallyport_rejudge_rounds_total{result="done"}`) != "0" })
	if got := s.get(t, "reports.openreports.io", "{.items[*].metadata.name}"); got != "" {
		t.Errorf("reported before anything was denied: %s", got)
	}

	s.gate.WritePolicy(t, "denied.yaml", denied)
	const one = "{.results[*].policy} {.results[*].result} {.results[0].resources[0].kind}/{.results[0].resources[0].name} {.summary.fail} {.results[0].properties.image}"
	cluster.Eventually(t, "the deployment is reported", func() bool {
		return s.get(t, "reports.openreports.io/sallyport", one) == "label-fate fail Deployment/shop 1 "+evil
	})
	if got := s.get(t, "reports.openreports.io/sallyport", "{.results[0].message}"); !strings.Contains(got, evil) || !strings.Contains(got, "label-fate") {
		t.Errorf("the report says %q", got)
	}
	cluster.Eventually(t, "the deployment has an event", func() bool {
		return strings.Contains(s.run(t, "describe", "deployment", "shop").Done(t), "RunningImageDenied")
	})
	cluster.Eventually(t, "the deployment is marked", func() bool {
		return strings.Contains(s.get(t, "deployment/shop", `{.metadata.annotations.sallyport\.dev/denied}`), s.digest[evil])
	})
	cluster.Eventually(t, "metrics tell", func() bool {
		return metric(t, s.gate, `sallyport_running_violations{namespace="`+s.namespace+`"}`) == "1"
	})
	if n := s.pods(t); n != 2 {
		t.Errorf("of two pods %d are left, though nobody asked for evictions", n)
	}
	if got := s.get(t, "replicasets", "{.items[*].metadata.name}"); len(strings.Fields(got)) != 1 {
		t.Errorf("marking rolled something out: %s", got)
	}

	s.gate.WritePolicy(t, "denied.yaml", strings.ReplaceAll(denied, "value: denied", "value: other"))
	cluster.Eventually(t, "the report is removed", func() bool {
		return s.get(t, "reports.openreports.io/sallyport", "{.metadata.name}") == ""
	})
	cluster.Eventually(t, "the mark is removed", func() bool {
		return s.get(t, "deployment/shop", `{.metadata.annotations.sallyport\.dev/denied}{.metadata.labels.sallyport\.dev/denied}`) == ""
	})
}

// TestWhatRunsIsEvicted only where it was asked for.
func TestWhatRunsIsEvicted(t *testing.T) {
	s := stage(t)
	s.gate = gate.Start(t, gate.Settings{
		Upstream: s.images, YAML: rejudging(s.Cluster, "enforce_running: evict, evict_selector: e2e.sallyport.dev/evict=yes, reports: false"),
	})
	s.namespace = s.Namespace(t, s.gate.Label())
	spared := *s
	spared.namespace = s.Namespace(t)
	for _, one := range []*scene{s, &spared} {
		one.apply(t, runsEvil).Done(t)
		cluster.Eventually(t, "the deployment has its pods", func() bool { return one.pods(t) == 2 })
	}
	s.gate.Register(t, s.Cluster, s.namespace, gate.Registration{})
	if n := s.pods(t); n != 2 {
		t.Fatalf("%d pods before anybody asked for evictions", n)
	}
	s.Kubectl(t, "label", "namespace", s.namespace, "e2e.sallyport.dev/evict=yes").Done(t)
	s.gate.WritePolicy(t, "another.yaml", strings.ReplaceAll(gate.Policies["warned.yaml"], "label-warning", "another"))
	cluster.Eventually(t, "the pods are evicted and not made again", func() bool { return s.pods(t) == 0 })
	if n := spared.pods(t); n != 2 {
		t.Errorf("%d pods are left where nothing is evicted", n)
	}
	if n := metric(t, s.gate, `sallyport_rejudge_evictions_total{result="evicted"}`); n != "2" {
		t.Errorf("%s evictions", n)
	}
}

// TestOneReplicaJudgesWhatRuns has the elected replica end, well and badly.
func TestOneReplicaJudgesWhatRuns(t *testing.T) {
	s := stage(t)
	settings := gate.Settings{Upstream: s.images, YAML: rejudging(s.Cluster, "lease: e2e-one-replica, reports: false")}
	gates := []*gate.Gate{gate.Start(t, settings), gate.Start(t, settings)}
	elected := func() int {
		found := -1
		for i, g := range gates {
			if metric(t, g, "sallyport_rejudge_elected") == "1" {
				if found >= 0 {
					t.Fatal("two replicas are elected")
				}
				found = i
			}
		}
		return found
	}
	cluster.Eventually(t, "one replica is elected", func() bool { return elected() >= 0 })
	first := elected()
	gates[first].Stop(t)
	if holder := s.Kubectl(t, "get", "lease", "e2e-one-replica", "-o", "jsonpath={.spec.holderIdentity}").Done(t); holder != "" {
		// The other may have taken it by now.
		cluster.Eventually(t, "the lease was given back", func() bool { return elected() == 1-first })
	}
	cluster.Eventually(t, "the other replica is elected", func() bool { return elected() == 1-first })
	gates[first].Run(t)
	gates[1-first].Kill(t)
	cluster.Eventually(t, "the first replica is elected after the other's crash", func() bool { return elected() == first })
	gates[1-first].Run(t)
}
