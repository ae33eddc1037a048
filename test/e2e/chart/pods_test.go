package chart

import (
	"fmt"
	"strings"
	"testing"
)

// TestPodsMayDoNothing: no pod of the chart, whatever the values, has a privilege.
func TestPodsMayDoNothing(t *testing.T) {
	for _, values := range valueSets(t) {
		for _, w := range render(t, "--values", values).workloads() {
			where := values + ": " + w.GetKind() + " " + w.GetName()
			pod := []any{"spec", "template", "spec"}
			get := func(path ...any) any { return at(t, w, append(pod, path...)...) }
			if get("enableServiceLinks") != false {
				t.Errorf("%s: enableServiceLinks is not false: the settings would see SALLYPORT_… variables that are none", where)
			}
			for _, host := range []string{"hostNetwork", "hostPID", "hostIPC"} {
				if get(host) != nil {
					t.Errorf("%s: has %s", where, host)
				}
			}
			containers, _ := get("containers").([]any)
			if len(containers) != 1 {
				t.Errorf("%s: %d containers", where, len(containers))
			}
			security := func(key string) any { return get("containers", 0, "securityContext", key) }
			for key, want := range map[string]any{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true} {
				if security(key) != want {
					t.Errorf("%s: %s is %v", where, key, security(key))
				}
			}
			if got := fmt.Sprint(security("capabilities")); got != "map[drop:[ALL]]" {
				t.Errorf("%s: capabilities %s", where, got)
			}
			if get("containers", 0, "resources", "limits", "memory") == nil {
				t.Errorf("%s: no limit of memory", where)
			}
			if strings.HasSuffix(w.GetName(), "-seccomp") {
				continue // the installer, which writes to the host
			}
			if get("securityContext", "runAsNonRoot") != true || !is(get("securityContext", "runAsUser"), 65532) {
				t.Errorf("%s: runs as %v", where, get("securityContext"))
			}
			profile := get("securityContext", "seccompProfile", "type")
			if sandbox := strings.HasSuffix(w.GetName(), "-sandbox"); sandbox && profile != "Localhost" || !sandbox && profile != "RuntimeDefault" {
				t.Errorf("%s: seccomp %v", where, profile)
			}
			for _, v := range asList(get("volumes")) {
				if v.(map[string]any)["hostPath"] != nil {
					t.Errorf("%s: mounts the host's %v", where, v)
				}
			}
		}
	}
}

// is compares with a number, which YAML gives as a float64.
func is(v any, n float64) bool { return v == n }

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

// TestSandboxHoldsNothing: the pod that runs hostile code has one secret of the
// gate's, the token by which it is asked, and is nobody in the cluster.
func TestSandboxHoldsNothing(t *testing.T) {
	all := render(t, "--values", "testdata/values/scaled.yaml")
	d := all.one(t, "Deployment", "gate-sallyport-sandbox")
	if at(t, d, "spec", "template", "spec", "automountServiceAccountToken") != false {
		t.Error("it has a token of the cluster")
	}
	var secrets []string
	for _, e := range asList(at(t, d, "spec", "template", "spec", "containers", 0, "env")) {
		if from, ok := e.(map[string]any)["valueFrom"].(map[string]any); ok && from["secretKeyRef"] != nil {
			secrets = append(secrets, fmt.Sprint(e.(map[string]any)["name"]))
		}
	}
	if len(secrets) != 1 || secrets[0] != "SALLYPORT_SANDBOX_TOKEN" {
		t.Errorf("its secrets are %v", secrets)
	}
	if from := at(t, d, "spec", "template", "spec", "containers", 0, "envFrom"); from != nil {
		t.Errorf("it has the environment of %v", from)
	}
	account := at(t, d, "spec", "template", "spec", "serviceAccountName")
	for _, b := range all {
		if strings.HasSuffix(b.GetKind(), "RoleBinding") {
			for _, s := range asList(at(t, b, "subjects")) {
				if s.(map[string]any)["name"] == account {
					t.Errorf("%s %s gives it rights", b.GetKind(), b.GetName())
				}
			}
		}
	}

	n := all.one(t, "NetworkPolicy", "gate-sallyport-sandbox")
	if got := fmt.Sprint(at(t, n, "spec", "policyTypes")); got != "[Ingress Egress]" {
		t.Errorf("its network policy is about %s", got)
	}
	egress := asList(at(t, n, "spec", "egress"))
	if len(egress) != 2 {
		t.Fatalf("it reaches %v", egress)
	}
	if port := at(t, n, "spec", "egress", 0, "ports", 0, "port"); !is(port, 5001) {
		t.Errorf("it reaches port %v of the proxy, want only the one for grants", port)
	}
	if to := at(t, n, "spec", "egress", 0, "to", 0, "podSelector", "matchLabels", "app.kubernetes.io/component"); to != "proxy" {
		t.Errorf("it reaches %v", to)
	}
	for i := range egress {
		if len(asList(at(t, n, "spec", "egress", i, "to"))) == 0 {
			t.Errorf("rule %d lets it reach everything: %v", i, egress[i])
		}
	}
}

// TestRolesFollowRedis: one pod without, one Deployment for each role with it.
func TestRolesFollowRedis(t *testing.T) {
	alone := render(t)
	d := alone.one(t, "Deployment", "gate-sallyport")
	if at(t, d, "spec", "strategy", "type") != "Recreate" || !is(at(t, d, "spec", "replicas"), 1) {
		t.Errorf("the embedded gate is %v", at(t, d, "spec", "strategy"))
	}
	if got := fmt.Sprint(at(t, d, "spec", "template", "spec", "containers", 0, "args", 0)); got != "serve" {
		t.Errorf("it runs %s", got)
	}
	for _, role := range []string{"proxy", "webhook", "console"} {
		if alone.find("Deployment", "gate-sallyport-"+role) != nil {
			t.Errorf("there is a Deployment of the %s without Redis", role)
		}
		selector := at(t, alone.one(t, "Service", "gate-sallyport-"+role), "spec", "selector", "app.kubernetes.io/component")
		if selector != "gate" {
			t.Errorf("the Service of the %s leads to %v", role, selector)
		}
	}

	scaled := render(t, "--values", "testdata/values/scaled.yaml")
	for _, role := range []string{"proxy", "webhook", "console"} {
		d := scaled.one(t, "Deployment", "gate-sallyport-"+role)
		if got := at(t, d, "spec", "template", "spec", "containers", 0, "args", 0); got != role {
			t.Errorf("the %s runs %v", role, got)
		}
		if !is(at(t, d, "spec", "strategy", "rollingUpdate", "maxUnavailable"), 0) {
			t.Errorf("an upgrade of the %s takes away replicas before there are new ones", role)
		}
		if selector := at(t, scaled.one(t, "Service", "gate-sallyport-"+role), "spec", "selector", "app.kubernetes.io/component"); selector != role {
			t.Errorf("the Service of the %s leads to %v", role, selector)
		}
		scaled.one(t, "PodDisruptionBudget", "gate-sallyport-"+role)
	}
	for _, role := range []string{"proxy", "sandbox"} { // those with autoscaling
		scaled.one(t, "HorizontalPodAutoscaler", "gate-sallyport-"+role)
		if d := scaled.one(t, "Deployment", "gate-sallyport-"+role); at(t, d, "spec", "replicas") != nil {
			t.Errorf("an upgrade would undo what the autoscaler did to the %s", role)
		}
	}
	if scaled.find("PersistentVolumeClaim", "gate-sallyport") != nil {
		t.Error("there is a volume beside the object store")
	}
}

// TestEveryMountHasItsVolume: of each pod, for each set of values.
func TestEveryMountHasItsVolume(t *testing.T) {
	for _, values := range valueSets(t) {
		for _, w := range render(t, "--values", values).workloads() {
			volumes := map[any]bool{}
			for _, v := range asList(at(t, w, "spec", "template", "spec", "volumes")) {
				volumes[v.(map[string]any)["name"]] = true
			}
			used := map[any]bool{}
			for _, m := range asList(at(t, w, "spec", "template", "spec", "containers", 0, "volumeMounts")) {
				name := m.(map[string]any)["name"]
				used[name] = true
				if !volumes[name] {
					t.Errorf("%s: %s %s mounts %v, which it does not have", values, w.GetKind(), w.GetName(), name)
				}
			}
			for name := range volumes {
				if !used[name] {
					t.Errorf("%s: %s %s does not mount its volume %v", values, w.GetKind(), w.GetName(), name)
				}
			}
		}
	}
}
