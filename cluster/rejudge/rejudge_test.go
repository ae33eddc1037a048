package rejudge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

// world is a gate that denies what the test says, and a cluster.
type world struct {
	mu     sync.Mutex
	denied map[string]bool // repositories
	asked  []gate.Request
	events []cluster.Event
	api    *fake.FakeDynamicClient
	reg    *prometheus.Registry
}

func (w *world) Decide(_ context.Context, req gate.Request) (gate.Decision, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, req)
	d := gate.Decision{ID: fmt.Sprintf("01DECISION%d", len(w.asked)), Action: gate.Allow, Reference: req.Reference}
	switch {
	case w.denied[req.Reference.Repository]:
		d.Action, d.Policy, d.Control, d.Finding = gate.Deny, "DTA", "dta", &verdict.Finding{Severity: report.Critical}
		d.Message = fmt.Sprintf("sallyport: %s is denied by policy \"DTA\"; decision %s", req.Reference, d.ID)
	case req.Reference.Repository == "new/app":
		d.Action = gate.Wait
	case req.Reference.Repository == "odd/app":
		return gate.Decision{}, errors.New("the registry is away")
	}
	return d, nil
}

func (w *world) Resolve(_ context.Context, ref image.Reference) (image.Reference, error) {
	return ref.WithDigest(digest.FromString("now " + ref.String())), nil
}

func (w *world) Report(e cluster.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func object(apiVersion, kind, namespace, name string, more map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	for k, v := range more {
		o.Object[k] = v
	}
	o.SetNamespace(namespace)
	o.SetName(name)
	o.SetUID(uid(kind, name))
	return o
}

func ownedBy(o *unstructured.Unstructured, apiVersion, kind, name string) *unstructured.Unstructured {
	yes := true
	o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: name, UID: uid(kind, name), Controller: &yes}})
	return o
}

// runs is a pod with one container, whose image the kubelet has pulled.
func runs(namespace, name, image string) *unstructured.Unstructured {
	return object("v1", "Pod", namespace, name, map[string]any{
		"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": image}}},
		"status": map[string]any{"phase": "Running", "containerStatuses": []any{
			map[string]any{"name": "c", "imageID": "registry.test/x@" + digest.FromString("then "+image).String()},
		}},
	})
}

var kinds = map[schema.GroupVersionResource]string{}

func init() {
	for name, r := range resources {
		kinds[r] = strings.Fields(name)[1] + "List"
	}
	for _, r := range reportKinds {
		kinds[r.resource] = r.kind + "List"
	}
	kinds[namespacesResource] = "NamespaceList"
}

// start makes a controller; installed are the kinds of reports that the cluster has.
func start(t *testing.T, installed string, change func(*Config), objects ...runtime.Object) (*world, *Controller) {
	t.Helper()
	w := &world{denied: map[string]bool{"evil/shell": true}, reg: prometheus.NewRegistry()}
	w.api = fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, objects...)
	w.api.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		for _, k := range reportKinds {
			if a.GetResource() == k.resource && installed != k.kind {
				return true, nil, apierrors.NewNotFound(k.resource.GroupResource(), "")
			}
		}
		return false, nil, nil
	})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	cfg := Config{
		Cluster: cluster.New(w.api, "gate", 10*time.Second, log), Gate: w, Resolver: w, Events: w,
		Changes: func(context.Context) (string, error) { return "", nil },
		Name:    "prod", Every: time.Hour, Pause: time.Second, Reports: true, Results: 3,
		Exempt: func(n string) bool { return n == "kube-system" }, Logger: log, Metrics: w.reg,
	}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w, c
}

func round1(t *testing.T, c *Controller) bool {
	t.Helper()
	unfinished, err := c.round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return unfinished
}

func (w *world) gauges(t *testing.T, name string) string {
	t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				all = append(all, fmt.Sprintf("%s=%g", m.GetLabel()[0].GetValue(), m.GetGauge().GetValue()+m.GetCounter().GetValue()))
			}
		}
	}
	return strings.Join(all, " ")
}

func shop() []runtime.Object {
	return []runtime.Object{
		ownedBy(runs("shop", "web-1-a", "registry.test/evil/shell:v1"), "apps/v1", "ReplicaSet", "web-1"),
		ownedBy(runs("shop", "web-1-b", "registry.test/evil/shell:v1"), "apps/v1", "ReplicaSet", "web-1"),
		ownedBy(runs("shop", "web-2-a", "registry.test/evil/shell:v1"), "apps/v1", "ReplicaSet", "web-2"),
		ownedBy(object("apps/v1", "ReplicaSet", "shop", "web-1", nil), "apps/v1", "Deployment", "web"),
		ownedBy(object("apps/v1", "ReplicaSet", "shop", "web-2", nil), "apps/v1", "Deployment", "web"),
		object("apps/v1", "Deployment", "shop", "web", nil),
		runs("shop", "db", "registry.test/shop/db:2"),
		runs("shop", "waiting", "registry.test/new/app:1"),
		runs("shop", "odd", "registry.test/odd/app:1"),
		runs("kube-system", "exempt", "registry.test/evil/shell:v1"),
		runs("gate", "ours", "registry.test/evil/shell:v1"),
	}
}

func TestWhatRunsIsReportedByItsWorkload(t *testing.T) {
	for _, kind := range reportKinds {
		t.Run(kind.kind, func(t *testing.T) {
			w, c := start(t, kind.kind, nil, shop()...)
			round1(t, c)
			o, err := w.api.Resource(kind.resource).Namespace("shop").Get(t.Context(), "sallyport", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			results, _, _ := unstructured.NestedSlice(o.Object, "results")
			fail, _, _ := unstructured.NestedInt64(o.Object, "summary", "fail")
			if len(results) != 1 || fail != 1 || o.GetKind() != kind.kind {
				t.Fatalf("%v", o.Object)
			}
			one := results[0].(map[string]any)
			about := one["resources"].([]any)[0].(map[string]any)
			properties := one["properties"].(map[string]any)
			if about["kind"] != "Deployment" || about["name"] != "web" || about["uid"] != string(uid("Deployment", "web")) ||
				one["policy"] != "DTA" || one["rule"] != "dta" || one["severity"] != "critical" || one["result"] != "fail" ||
				!strings.Contains(one["message"].(string), "is denied by policy") || properties["image"] != "registry.test/evil/shell:v1" ||
				properties["digest"] != digest.FromString("then registry.test/evil/shell:v1").String() {
				t.Errorf("%v", one)
			}
			if len(w.events) != 1 || w.events[0].Object.Kind != "Deployment" || w.events[0].Reason != "RunningImageDenied" || !w.events[0].Warning {
				t.Errorf("events %+v", w.events)
			}
			if got := w.gauges(t, "sallyport_running_images"); got != "allow=1 deny=2 fault=1 wait=1" {
				t.Error(got)
			}
			if got := w.gauges(t, "sallyport_running_violations"); got != "shop=1" {
				t.Error(got)
			}
			for _, r := range w.asked {
				if r.Context.Kind != "admission" || r.Context.Cluster != "prod" || r.Context.Namespace != "shop" || r.DryRun || r.Reference.Tag == "" {
					t.Errorf("asked %+v", r)
				}
			}

			// The same again: nothing is written, nobody is told again.
			w.api.ClearActions()
			round1(t, c)
			for _, a := range w.api.Actions() {
				if v := a.GetVerb(); v != "list" && v != "get" {
					t.Errorf("a second round: %s %s", v, a.GetResource().Resource)
				}
			}
			if len(w.events) != 1 {
				t.Errorf("%d events after a second round", len(w.events))
			}

			w.denied = nil
			round1(t, c)
			if _, err := w.api.Resource(kind.resource).Namespace("shop").Get(t.Context(), "sallyport", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("the report of a mended namespace: %v", err)
			}
			if got := w.gauges(t, "sallyport_running_violations"); got != "" {
				t.Error(got)
			}
			if got := w.gauges(t, "sallyport_rejudge_reports_total"); got != "failed=0 removed=1 written=1" {
				t.Error(got)
			}
		})
	}
}

func TestReportsAreBounded(t *testing.T) {
	var objects []runtime.Object
	for i := range 10 {
		objects = append(objects, runs("shop", fmt.Sprintf("pod-%d", i), "registry.test/evil/shell:v1"))
	}
	w, c := start(t, "PolicyReport", nil, objects...)
	round1(t, c)
	o, err := w.api.Resource(reportKinds[1].resource).Namespace("shop").Get(t.Context(), "sallyport", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	results, _, _ := unstructured.NestedSlice(o.Object, "results")
	fail, _, _ := unstructured.NestedInt64(o.Object, "summary", "fail")
	if len(results) != 3 || fail != 10 {
		t.Errorf("%d results of %d", len(results), fail)
	}
}

func TestWithoutAKindOfReports(t *testing.T) {
	w, c := start(t, "", nil, shop()...)
	round1(t, c)
	if got := w.gauges(t, "sallyport_running_violations"); got != "shop=1" || len(w.events) != 1 {
		t.Errorf("%s, %d events", got, len(w.events))
	}
}

// A round that cannot see everything removes nothing.
func TestAFailedRoundRemovesNoReport(t *testing.T) {
	w, c := start(t, "Report", nil, shop()...)
	round1(t, c)
	w.api.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("connection refused")
	})
	if _, err := c.round(t.Context()); err == nil || !strings.Contains(err.Error(), "listing what runs") {
		t.Errorf("%v", err)
	}
	if _, err := w.api.Resource(reportKinds[0].resource).Namespace("shop").Get(t.Context(), "sallyport", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

// Without the rights to report and to mark, what runs is judged all the same.
func TestRightsThatAreMissingHoldUpNothingElse(t *testing.T) {
	w, c := start(t, "Report", func(cfg *Config) { cfg.Annotate = true }, shop()...)
	for _, resource := range []string{"reports", "cronjobs"} {
		w.api.PrependReactor("list", resource, func(a clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(a.GetResource().GroupResource(), "", errors.New("RBAC"))
		})
	}
	_, err := c.round(t.Context())
	for _, right := range []string{"no right to list reports.openreports.io", "no right to list cronjobs.batch"} {
		if err == nil || !strings.Contains(err.Error(), right) {
			t.Errorf("the error does not say %q: %v", right, err)
		}
	}
	if got := w.gauges(t, "sallyport_running_violations"); got != "shop=1" || len(w.events) != 1 {
		t.Errorf("%s, %d events", got, len(w.events))
	}
}

func TestWorkloadsAreMarkedAndUnmarked(t *testing.T) {
	w, c := start(t, "", func(cfg *Config) { cfg.Annotate = true }, shop()...)
	get := func() (string, string) {
		o, err := w.api.Resource(resources["apps/v1 Deployment"]).Namespace("shop").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return o.GetLabels()[Mark], o.GetAnnotations()[Mark]
	}
	round1(t, c)
	if label, text := get(); label != "true" || !strings.Contains(text, "registry.test/evil/shell:v1@sha256:") || !strings.Contains(text, `policy "DTA", control dta`) || strings.Contains(text, "01DECISION") {
		t.Errorf("%q, %q", label, text)
	}
	w.api.ClearActions()
	round1(t, c)
	for _, a := range w.api.Actions() {
		if a.GetVerb() == "patch" {
			t.Error("what is marked already is marked again")
		}
	}
	w.denied = nil
	round1(t, c)
	if label, text := get(); label != "" || text != "" {
		t.Errorf("mended, but still marked: %q, %q", label, text)
	}
}

func TestEvictionsAreBoundedAndOnlyWhereItIsEnforced(t *testing.T) {
	static := runs("shop", "static", "registry.test/evil/shell:v1")
	static.SetAnnotations(map[string]string{"kubernetes.io/config.mirror": "x"})
	objects := append(shop(), static,
		object("v1", "Namespace", "", "shop", nil), object("v1", "Namespace", "", "loose", nil),
		runs("loose", "pod", "registry.test/evil/shell:v1"))
	var evicted []string
	watch := func(w *world, answer error) {
		evicted = nil
		w.api.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
			o := a.(clienttesting.CreateAction).GetObject().(*unstructured.Unstructured)
			pre, _, _ := unstructured.NestedString(o.Object, "deleteOptions", "preconditions", "uid")
			if a.GetSubresource() != "eviction" || o.GetKind() != "Eviction" || pre != string(uid("Pod", o.GetName())) {
				t.Errorf("created %v", o.Object)
			}
			evicted = append(evicted, o.GetName())
			return true, o, answer
		})
	}
	with := func(n int) func(*Config) {
		return func(cfg *Config) {
			cfg.Evict, cfg.PerMinute = true, n
			cfg.Enforced = func(namespace string, _ map[string]string) bool { return namespace == "shop" }
		}
	}
	w, c := start(t, "", with(2), objects...)
	watch(w, nil)
	if unfinished := round1(t, c); !unfinished || len(evicted) != 2 {
		t.Errorf("of three pods two a minute: %v, unfinished %v", evicted, unfinished)
	}
	w, c = start(t, "", with(10), objects...)
	watch(w, nil)
	if unfinished := round1(t, c); unfinished || len(evicted) != 3 {
		t.Errorf("evicted %v, unfinished %v", evicted, unfinished)
	}
	w, c = start(t, "", with(10), objects...)
	watch(w, apierrors.NewTooManyRequests("disruption budget", 0))
	if unfinished := round1(t, c); !unfinished {
		t.Error("what a budget holds back is not tried again")
	}
	if got := w.gauges(t, "sallyport_rejudge_evictions_total"); got != "evicted=0 failed=0 refused=3" {
		t.Error(got)
	}
	w, c = start(t, "", nil, objects...)
	watch(w, nil)
	if round1(t, c); evicted != nil {
		t.Errorf("by default %v are evicted", evicted)
	}
}

func TestWhichImagesRun(t *testing.T) {
	d := digest.FromString("x")
	p, err := cluster.Decode[pod](&unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{
			"initContainers": []any{map[string]any{"name": "i", "image": "init:1"}},
			"containers": []any{map[string]any{"name": "a", "image": "app:1"}, map[string]any{"name": "b", "image": "local:1"},
				map[string]any{"name": "denied", "image": "denied:1"}, map[string]any{"name": "again", "image": "again:1"}},
			"ephemeralContainers": []any{map[string]any{"name": "e", "image": "debug:1"}},
			"volumes":             []any{map[string]any{"name": "v", "image": map[string]any{"reference": "data:1"}}, map[string]any{"name": "w"}},
		},
		"status": map[string]any{
			"initContainerStatuses": []any{map[string]any{"name": "i", "imageID": "docker-pullable://docker.io/library/init@" + d.String()}},
			"containerStatuses": []any{map[string]any{"name": "a", "imageID": "docker.io/library/app@" + d.String()}, map[string]any{"name": "b", "imageID": d.String()},
				map[string]any{"name": "denied", "imageID": "", "state": map[string]any{"waiting": map[string]any{"reason": "ErrImagePull"}}},
				map[string]any{"name": "again", "imageID": "again@" + d.String(), "state": map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff"}}}},
			"ephemeralContainerStatuses": []any{map[string]any{"name": "e", "imageID": "debug@sha256:nonsense"}},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := p.images()
	for image, want := range map[string]digest.Digest{"init:1": d, "app:1": d, "local:1": "", "debug:1": "", "data:1": "", "again:1": d} {
		if have, ok := got[image]; !ok || have != want {
			t.Errorf("%s: %q, %v", image, have, ok)
		}
	}
	if len(got) != 6 { // denied:1 never ran
		t.Errorf("%v", got)
	}
}

func TestNamespacesInMetricsAreBounded(t *testing.T) {
	reg := prometheus.NewRegistry()
	m, err := newMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	violated := map[string]int{}
	for i := range 500 {
		violated[fmt.Sprintf("n%d", i)] = i + 1
	}
	m.set(nil, violated)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum, rest := 0.0, 0.0
	for _, f := range families {
		if f.GetName() != "sallyport_running_violations" {
			continue
		}
		if len(f.GetMetric()) != maxNamespaces+1 {
			t.Errorf("%d series", len(f.GetMetric()))
		}
		for _, one := range f.GetMetric() {
			sum += one.GetGauge().GetValue()
			if one.GetLabel()[0].GetValue() == others {
				rest = one.GetGauge().GetValue()
			}
		}
	}
	if sum != 500*501/2 || rest != 400*401/2 {
		t.Errorf("sum %g, others %g", sum, rest)
	}
}

func FuzzPulledDigest(f *testing.F) {
	d := digest.FromString("x").String()
	for _, seed := range []string{"", d, "docker.io/library/nginx@" + d, "docker-pullable://nginx@" + d, "a@b@" + d, "nginx@sha256:zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, imageID string) {
		if got := pulledDigest(imageID); got != "" && (got.Validate() != nil || !strings.HasSuffix(imageID, "@"+got.String())) {
			t.Errorf("%q was read from %q", got, imageID)
		}
	})
}
