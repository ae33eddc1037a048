package workload_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// examples are the custom kinds that the documentation describes.
var examples = []workload.Kind{
	{Group: "argoproj.io", Kind: "Rollout", Paths: []string{"spec.template"}},
	{Group: "argoproj.io", Kind: "Workflow", Paths: []string{"spec.templates[*].container", "spec.templates[*].script", "spec.templates[*].initContainers[*]", "spec.templates[*].sidecars[*]"}},
	{Group: "serving.knative.dev", Kind: "Service", Paths: []string{"spec.template"}},
	{Group: "jobset.x-k8s.io", Kind: "JobSet", Paths: []string{"spec.replicatedJobs[*].template.spec.template"}},
	{Group: "leaderworkerset.x-k8s.io", Kind: "LeaderWorkerSet", Paths: []string{"spec.leaderWorkerTemplate.leaderTemplate", "spec.leaderWorkerTemplate.workerTemplate"}},
	{Group: "ray.io", Kind: "RayCluster", Paths: []string{".spec.headGroupSpec.template", ".spec.workerGroupSpecs[*].template"}},
	{Group: "kubeflow.org", Kind: "PyTorchJob", Paths: []string{"spec.pytorchReplicaSpecs[*].template"}},
	{Group: "example.com", Kind: "Site", Paths: []string{"spec.image", "spec.podSpec"}},
}

func kinds(t testing.TB) *workload.Kinds {
	t.Helper()
	k, err := workload.NewKinds(examples)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCustomKinds(t *testing.T) {
	for _, c := range []struct {
		group, kind, object string
		images              string // by pod
	}{
		{"argoproj.io", "Rollout", `{"spec":{"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"image":"x"}],"initContainers":[{"image":"y"}]}}}}`, "x,y"},
		{"argoproj.io", "Rollout", `{"spec":{"workloadRef":{"kind":"Deployment"}}}`, ""},
		{"argoproj.io", "Rollout", `{"spec":{"template":null}}`, ""},
		{"argoproj.io", "Workflow", `{"spec":{"templates":[{"container":{"image":"a"}},{"script":{"image":"b"},"sidecars":[{"image":"c"}]},{"steps":[]}]}}`, "a|b|c"},
		{"serving.knative.dev", "Service", `{"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}`, "x"},
		{"jobset.x-k8s.io", "JobSet", `{"spec":{"replicatedJobs":[{"template":{"spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}}},{"template":{"spec":{"template":{"spec":{"containers":[{"image":"b"}]}}}}}]}}`, "a|b"},
		{"leaderworkerset.x-k8s.io", "LeaderWorkerSet", `{"spec":{"leaderWorkerTemplate":{"workerTemplate":{"spec":{"containers":[{"image":"w"}]}}}}}`, "w"},
		{"ray.io", "RayCluster", `{"spec":{"headGroupSpec":{"template":{"spec":{"containers":[{"image":"h"}]}}},"workerGroupSpecs":[{"template":{"spec":{"containers":[{"image":"w"}]}}}]}}`, "h|w"},
		{"kubeflow.org", "PyTorchJob", `{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"containers":[{"image":"w"}]}}},"Master":{"template":{"spec":{"containers":[{"image":"m"}]}}}}}}`, "m|w"},
		{"example.com", "Site", `{"spec":{"image":"x:1","podSpec":{"containers":[],"volumes":[{"image":{"reference":"v"}}]}}}`, "x:1|v"},
		{"example.com", "Site", `{"spec":{"image":["not","a","name"],"podSpec":7}}`, ""},
		{"example.com", "Site", `{"Spec":{"image":"other case"}}`, ""},
		{"apps.openshift.io", "DeploymentConfig", `{"spec":{"template":{"spec":{"containers":[{"image":" "},{"image":"x"}]}}}}`, "x"},
		{"", "DeploymentConfig", `{"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}`, "x"},
	} {
		t.Run(c.group+" "+c.kind, func(t *testing.T) {
			kind := metav1.GroupVersionKind{Group: c.group, Version: "v9", Kind: c.kind}
			k := kinds(t)
			if !k.Knows(kind) {
				t.Fatal("not known")
			}
			o, err := k.Read(kind, []byte(c.object))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range o.Pods {
				got = append(got, strings.Join(p.Images, ","))
			}
			if s := strings.Join(got, "|"); s != c.images {
				t.Errorf("images %q, want %q", s, c.images)
			}
		})
	}
}

func TestKindsThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		kinds []workload.Kind
		says  string
	}{
		"an empty path":       {[]workload.Kind{{Kind: "A", Paths: []string{""}}}, `the path "" is not understood at ""`},
		"an index":            {[]workload.Kind{{Kind: "A", Paths: []string{"spec.a[0].b"}}}, `not understood at "a[0]"`},
		"JSONPath":            {[]workload.Kind{{Kind: "A", Paths: []string{"$.spec.template"}}}, `not understood at "$"`},
		"a trailing dot":      {[]workload.Kind{{Kind: "A", Paths: []string{"spec.template."}}}, "not understood"},
		"too deep":            {[]workload.Kind{{Kind: "A", Paths: []string{strings.Repeat("a.", 16) + "b"}}}, "at most 16"},
		"no path":             {[]workload.Kind{{Group: "a.test", Kind: "A"}}, `kind "A" of group "a.test": it has no paths`},
		"no kind":             {[]workload.Kind{{Paths: []string{"a"}}}, "write the kind"},
		"a version":           {[]workload.Kind{{Group: "apps/v1", Kind: "A", Paths: []string{"a"}}}, "without its version"},
		"a built-in one":      {[]workload.Kind{{Group: "apps", Kind: "Deployment", Paths: []string{"a"}}}, "it is built in"},
		"the same kind twice": {[]workload.Kind{{Kind: "A", Paths: []string{"a"}}, {Kind: "A", Paths: []string{"b"}}}, "listed twice"},
		"all that is wrong":   {[]workload.Kind{{Kind: "A"}, {Kind: "B", Paths: []string{"!"}}}, "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := workload.NewKinds(c.kinds); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q", err, c.says)
			}
		})
	}
}

func TestTooManyTemplates(t *testing.T) {
	object := `{"spec":{"templates":[` + strings.TrimSuffix(strings.Repeat(`{"container":{"image":"a"}},`, 2000), ",") + `]}}`
	_, err := kinds(t).Read(metav1.GroupVersionKind{Group: "argoproj.io", Kind: "Workflow"}, []byte(object))
	if err == nil || !strings.Contains(err.Error(), "more than 1024 pod templates") {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsReadOfAPod(t *testing.T) {
	o, err := kinds(t).Read(metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}, []byte(`{
		"metadata": {"uid": "u1", "labels": {"team": "pay"}, "annotations": {"kubernetes.io/config.mirror": "f"}, "deletionTimestamp": "2026-01-01T00:00:00Z",
			"ownerReferences": [{"kind": "Other"}, {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u2", "controller": true}]},
		"spec": {"serviceAccountName": "runner", "imagePullSecrets": [{"name": "a"}, {}, {"name": "b"}], "containers": [{"image": "x"}, {"image": "x"}],
			"ephemeralContainers": [{"image": "e"}], "initContainers": [{"image": "i"}], "volumes": [{"name": "v", "image": {"reference": "m"}}, {"emptyDir": {}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if o.UID != "u1" || !o.Deleting || !o.Mirror || o.Owner == nil || *o.Owner != (workload.Owner{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "r", UID: "u2"}) {
		t.Errorf("object %+v", o)
	}
	if len(o.Pods) != 1 {
		t.Fatalf("pods %+v", o.Pods)
	}
	p := o.Pods[0]
	if p.ServiceAccount != "runner" || !slices.Equal(p.PullSecrets, []string{"a", "b"}) || p.Labels["team"] != "pay" || !slices.Equal(p.Images, []string{"e", "i", "m", "x"}) {
		t.Errorf("pod %+v", p)
	}
}

func TestSlots(t *testing.T) {
	slots, err := workload.Slots([]byte(`{"spec":{"containers":[{"image":"a"},{"image":""},{"image":"b"}],"initContainers":[{"image":"c"}],"volumes":[{},{"image":{"reference":"d"}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := "[{/spec/initContainers/0/image c} {/spec/containers/0/image a} {/spec/containers/2/image b} {/spec/volumes/1/image/reference d}]"
	if got := fmt.Sprint(slots); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGuess(t *testing.T) {
	for object, want := range map[string]string{
		`{"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}`:                                       "spec.template",
		`{"spec":{"jobs":[{"template":{"spec":{"containers":[{"image":"x"}]}}}]}}`:                            "spec.jobs[*].template",
		`{"spec":{"containers":[{"image":"x"}]}}`:                                                             "spec",
		`{"spec":{"containers":[{"name":"shipping"}]}}`:                                                       "",
		`{"status":{"template":{"spec":{"containers":[{"image":"x"}]}}},"metadata":{"containers":"strange"}}`: "",
		`[]`: "", ``: "",
	} {
		if got := workload.Guess([]byte(object)); got != want {
			t.Errorf("%s: %q, want %q", object, got, want)
		}
	}
}

// FuzzRead reads objects of every kind: none may crash, and what is found is
// sorted, distinct and written in the object.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("../testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no recorded reviews", err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw[strings.Index(string(raw), `"object": {`)+len(`"object": `):]))
	}
	f.Add(`{"spec":{"templates":[{"container":{"image":"a"}}],"image":"b","pytorchReplicaSpecs":{"x":{"template":{}}}}}`)
	k := kinds(f)
	all := []metav1.GroupVersionKind{{Kind: "Pod"}, {Group: "apps", Kind: "Deployment"}, {Group: "batch", Kind: "CronJob"}, {Kind: "PodTemplate"}}
	for _, e := range examples {
		all = append(all, metav1.GroupVersionKind{Group: e.Group, Kind: e.Kind})
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if at := workload.Guess([]byte(raw)); at != "" {
			if _, err := workload.NewKinds([]workload.Kind{{Kind: "Guessed", Paths: []string{at}}}); err != nil {
				t.Errorf("guessed a path that is none: %v", err)
			}
		}
		_, _ = workload.Slots([]byte(raw))
		for _, kind := range all {
			o, err := k.Read(kind, []byte(raw))
			if err != nil {
				continue
			}
			if len(o.Added(o).Pods) != 0 {
				t.Errorf("%s: an object adds images to itself", kind.Kind)
			}
			for _, p := range o.Pods {
				if len(p.Images) == 0 || !slices.IsSorted(p.Images) || len(slices.Compact(slices.Clone(p.Images))) != len(p.Images) {
					t.Errorf("%s: images %q", kind.Kind, p.Images)
				}
			}
		}
	})
}
