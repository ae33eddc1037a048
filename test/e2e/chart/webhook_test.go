package chart

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func entry(t testing.TB, o *unstructured.Unstructured, i int, path ...any) any {
	return at(t, o, append([]any{"webhooks", i}, path...)...)
}

func TestTwoEntries(t *testing.T) {
	w := render(t).one(t, "ValidatingWebhookConfiguration", "gate-sallyport")
	for i, want := range []struct{ path, policy, operator string }{
		{"/validate", "Fail", "In"}, {"/validate/audit", "Ignore", "NotIn"},
	} {
		if got := entry(t, w, i, "failurePolicy"); got != want.policy {
			t.Errorf("entry %d: failurePolicy %v", i, got)
		}
		if got := entry(t, w, i, "clientConfig", "service", "path"); got != want.path {
			t.Errorf("entry %d: path %v", i, got)
		}
		if got := entry(t, w, i, "namespaceSelector", "matchExpressions", 1, "operator"); got != want.operator {
			t.Errorf("entry %d: the label's operator is %v", i, got)
		}
		exempt := asList(entry(t, w, i, "namespaceSelector", "matchExpressions", 0, "values"))
		for _, ns := range []string{"kube-system", "kube-node-lease", namespace} {
			if !slices.Contains(exempt, any(ns)) {
				t.Errorf("entry %d asks about %s, which would keep a cluster from healing: %v", i, ns, exempt)
			}
		}
		if entry(t, w, i, "clientConfig", "caBundle") != nil {
			t.Errorf("entry %d: an upgrade would take away the authority that the gate published", i)
		}
		rules := fmt.Sprint(entry(t, w, i, "rules"))
		for _, resource := range []string{"pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers", "replicasets", "deployments", "statefulsets", "daemonsets", "jobs", "cronjobs"} {
			if !slices.ContainsFunc(asList(entry(t, w, i, "rules")), func(r any) bool {
				return slices.Contains(asList(r.(map[string]any)["resources"]), any(resource))
			}) {
				t.Errorf("entry %d is not asked about %s: %s", i, resource, rules)
			}
		}
	}
}

func TestEnforceAll(t *testing.T) {
	all := render(t, "--values", "testdata/values/strict.yaml")
	w := all.one(t, "ValidatingWebhookConfiguration", "gate-sallyport")
	if n := len(asList(at(t, w, "webhooks"))); n != 1 {
		t.Errorf("%d entries", n)
	}
	if got := fmt.Sprint(entry(t, w, 0, "namespaceSelector", "matchExpressions", 1)); got != "map[key:sallyport.dev/gate operator:NotIn values:[exempt]]" {
		t.Errorf("namespaces: %s", got)
	}
	if got := fmt.Sprint(entry(t, w, 0, "rules", 3)); got != "map[apiGroups:[argoproj.io] apiVersions:[*] operations:[CREATE UPDATE] resources:[rollouts] scope:Namespaced]" {
		t.Errorf("the rule for custom resources: %s", got)
	}
	if got := entry(t, w, 0, "matchConditions", 0, "name"); got != "not-the-operator" {
		t.Errorf("matchConditions: %v", got)
	}
}

// TestUninstallDetachesFirst: a Job that may do nothing but delete this
// release's configurations runs before anything else is deleted.
func TestUninstallDetachesFirst(t *testing.T) {
	all := render(t)
	job := all.one(t, "Job", "gate-sallyport-uninstall")
	if job.GetAnnotations()["helm.sh/hook"] != "pre-delete" {
		t.Errorf("the Job is the hook %q", job.GetAnnotations()["helm.sh/hook"])
	}
	role := all.one(t, "ClusterRole", "gate-sallyport-uninstall")
	if got := fmt.Sprint(at(t, role, "rules")); got != "[map[apiGroups:[admissionregistration.k8s.io] resourceNames:[gate-sallyport] resources:[validatingwebhookconfigurations mutatingwebhookconfigurations] verbs:[delete]]]" {
		t.Errorf("it may %s", got)
	}
	if got := fmt.Sprint(at(t, job, "spec", "template", "spec", "containers", 0, "args")); got != "[webhook detach --name gate-sallyport]" {
		t.Errorf("it runs %s", got)
	}
}

// TestLeastPrivilege: what the gate may do in the cluster, and nothing more.
func TestLeastPrivilege(t *testing.T) {
	for _, values := range valueSets(t) {
		for _, o := range render(t, "--values", values) {
			if o.GetKind() != "ClusterRole" && o.GetKind() != "Role" {
				continue
			}
			for _, r := range asList(at(t, o, "rules")) {
				rule := r.(map[string]any)
				for _, key := range []string{"apiGroups", "resources", "verbs"} {
					if slices.Contains(asList(rule[key]), any("*")) {
						t.Errorf("%s: %s %s: everything in %s", values, o.GetKind(), o.GetName(), key)
					}
				}
				resources, verbs := asList(rule["resources"]), asList(rule["verbs"])
				writes := slices.ContainsFunc(verbs, func(v any) bool { return v != "get" && v != "list" && v != "watch" && v != "create" })
				for _, guarded := range []string{"secrets", "validatingwebhookconfigurations", "mutatingwebhookconfigurations"} {
					if slices.Contains(resources, any(guarded)) && writes && len(asList(rule["resourceNames"])) == 0 {
						t.Errorf("%s: %s %s may change all %s", values, o.GetKind(), o.GetName(), guarded)
					}
				}
				if o.GetKind() == "ClusterRole" && slices.Contains(resources, any("secrets")) && values != "testdata/values/strict.yaml" {
					t.Errorf("%s: %s reads Secrets of all namespaces, without rbac.readPullSecrets", values, o.GetName())
				}
			}
		}
	}
}

// TestRightsFollowSettings: what is switched off asks for no right, and what is
// switched on has its own, in the pods that need it.
func TestRightsFollowSettings(t *testing.T) {
	rights := func(all objects, kind string) string {
		return fmt.Sprint(at(t, all.one(t, kind, "gate-sallyport"), "rules"))
	}
	plain := render(t)
	for what, kind := range map[string]string{"subjectaccessreviews": "ClusterRole", "[secrets serviceaccounts]": "Role"} {
		if got := rights(plain, kind); strings.Contains(got, what) {
			t.Errorf("by default the %s has %s: %s", kind, what, got)
		}
	}
	set := render(t, "--set", "redis.url=redis://redis:6379/0,storage.driver.s3.bucket=gate", "--set-json",
		`config={"proxy": {"upstreams": [{"registry": "registry.example.com", "credentials": "kubernetes"}]}, "webhook": {"break_glass": {"enabled": true}}, "cluster": {"events": false, "rejudge": {"reports": false}}}`)
	for what, kind := range map[string]string{"subjectaccessreviews": "ClusterRole", "[secrets serviceaccounts]": "Role"} {
		if got := rights(set, kind); !strings.Contains(got, what) {
			t.Errorf("the %s lacks %s: %s", kind, what, got)
		}
	}
	for _, what := range []string{"events", "policyreports"} {
		if got := rights(set, "ClusterRole"); strings.Contains(got, what) {
			t.Errorf("the right to %s is not needed: %s", what, got)
		}
	}
	if at(t, set.one(t, "Deployment", "gate-sallyport-proxy"), "spec", "template", "spec", "automountServiceAccountToken") != true {
		t.Error("the proxy cannot ask the cluster for pull secrets: it has no token")
	}
}

// TestWithoutTheWebhook: what asks the cluster has the token to do so, and
// nothing is asked for that has no pod.
func TestWithoutTheWebhook(t *testing.T) {
	embedded := render(t, "--set", "webhook.enabled=false")
	if at(t, embedded.one(t, "Deployment", "gate-sallyport"), "spec", "template", "spec", "automountServiceAccountToken") != true {
		t.Error("the gate judges again what runs, and has no token to ask for it")
	}
	scaled := render(t, "--set", "webhook.enabled=false,redis.url=redis://redis:6379/0,storage.driver.s3.bucket=gate")
	if got := fmt.Sprint(at(t, scaled.one(t, "ClusterRole", "gate-sallyport"), "rules")); strings.Contains(got, "pods") {
		t.Errorf("no pod judges again what runs, and one may: %s", got)
	}
	const judges = "enabled: true\n    exempt:"
	for all, want := range map[*objects]bool{&embedded: true, &scaled: false} {
		if got := fmt.Sprint(at(t, all.one(t, "ConfigMap", "gate-sallyport"), "data", "config.yaml")); strings.Contains(got, judges) != want {
			t.Errorf("settings, expected to judge again: %t\n%s", want, got)
		}
	}
}
