package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
)

// gate is an installed chart.
type gate struct {
	*node
	values string // file
}

const chart = "../../../charts/sallyport"

// install installs the chart with the values that every test has, and more.
func (n *node) install(t *testing.T, more string) *gate {
	t.Helper()
	volume := n.folder(t, "volume")
	if err := os.Chown(volume, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	n.apply(t, fmt.Sprintf(`{apiVersion: v1, kind: PersistentVolume, metadata: {name: sallyport}, spec: {capacity: {storage: 50Gi},
accessModes: [ReadWriteOnce, ReadWriteMany], hostPath: {path: %s}, claimRef: {namespace: sallyport, name: sallyport}}}`, volume))
	g := &gate{node: n, values: n.write(t, "values.yaml", fmt.Sprintf(`
image: {repository: "%[1]s/sallyport", tag: e2e}
config:
  proxy:
    default_upstream: demo.test
    upstreams: [{registry: demo.test, endpoints: ["http://%[2]s"]}]
    head_denials: %[3]d
  shutdown: {delay: 3s}
proxy: {service: {clusterIP: %[4]s}}
sandbox:
  idle: 2s
  seccomp: {installer: {enabled: true, hostPath: %[5]s/kubelet/seccomp}}
  resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 3Gi}}
gate: {resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 1Gi}}}
%[6]s`, registry, upstream, map[bool]int{true: 200, false: 403}[n.old], proxyIP, n.dir, more))}
	policy, err := filepath.Abs("../../../examples/policies/dta.yaml")
	if err != nil {
		t.Fatal(err)
	}
	g.helm(t, "install", "sallyport", chart, "--namespace", "sallyport", "--values", g.values, "--set-file", `policies.documents.dta\.yaml=`+policy,
		"--wait", "--timeout", "5m")
	return g
}

// cli runs a command of the gate's own with the administrator's token.
func (g *gate) cli(t testing.TB, args ...string) string {
	t.Helper()
	address := g.kubectl(t, "-n", "sallyport", "get", "service", "sallyport-console", "-o", "jsonpath={.spec.clusterIP}")
	admin := g.kubectl(t, "-n", "sallyport", "get", "secret", "sallyport-admin", "-o", "go-template={{.data.token | base64decode}}")
	// A node learns of a service's ready pods a moment after the API server does.
	g.eventually(t, "the console's service answers", func() error {
		conn, err := net.DialTimeout("tcp", address+":8080", 5*time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
	cmd := g.command("kubectl") // for the environment
	cmd.Path, cmd.Args = os.Getenv("GATE_UNDER_TEST"), append([]string{"sallyport"}, args...)
	cmd.Env = append(cmd.Env, "SALLYPORT_SERVER=http://"+address+":8080", "SALLYPORT_TOKEN="+admin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sallyport %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// walk is what a team goes through: an image that is analysed starts, one that
// was seen to be malicious does not, in a protected namespace nor on a node.
func (g *gate) walk(t *testing.T) {
	for _, image := range []string{"webserver", "backdoor"} {
		g.cli(t, "label", "add", "demo.test/"+image+":v1", "DTA")
	}
	g.kubectl(t, "create", "namespace", "shop")
	g.kubectl(t, "label", "namespace", "shop", "sallyport.dev/gate=enforce")

	g.eventually(t, "the benign image is let in", func() error {
		out, err := g.try("-n", "shop", "run", "web", "--image=demo.test/webserver:v1")
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	g.kubectl(t, "-n", "shop", "wait", "pod/web", "--for=condition=Ready", "--timeout=3m")
	if out := g.kubectl(t, "-n", "shop", "get", "events", "--field-selector=involvedObject.name=web"); !strings.Contains(out, "Successfully pulled image") {
		t.Errorf("the image was not pulled:\n%s", out)
	}

	var denial string
	g.eventually(t, "the malicious image is denied for what it did", func() error {
		out, err := g.try("-n", "shop", "run", "evil", "--image=demo.test/backdoor:v1")
		if err == nil {
			t.Fatalf("the malicious image was let in: %s", out)
		}
		if !strings.Contains(out, "everse") {
			return fmt.Errorf("%s", out)
		}
		denial = out
		return nil
	})
	t.Logf("kubectl run evil: %s", denial)
	for _, want := range []string{"enforce.sallyport.dev", "demo.test/backdoor:v1", "DTA"} {
		if !strings.Contains(denial, want) {
			t.Errorf("the denial does not name %s: %s", want, denial)
		}
	}

	// Where the gate only audits, people are warned, and the node is refused the image.
	g.kubectl(t, "create", "namespace", "lab")
	if out := g.kubectl(t, "-n", "lab", "run", "evil", "--image=demo.test/backdoor:v1"); !strings.Contains(out, "Warning:") {
		t.Errorf("without a warning: %s", out)
	}
	g.eventually(t, "kubectl describe says why the image is not pulled", func() error {
		out := g.kubectl(t, "-n", "lab", "describe", "pod", "evil")
		// The runtime puts the gate's answer on a line of its own.
		_, message, _ := strings.Cut(out, "Failed to pull image")
		message, _, _ = strings.Cut(message, "\n  ")
		if strings.Contains(message, "everse") {
			t.Logf("kubectl describe: Failed to pull image%s", message)
			return nil
		}
		return errors.New(out)
	})
	g.kubectl(t, "-n", "lab", "delete", "pod", "evil", "--wait=false")
	g.sandboxed(t)
	g.guarded(t)
	g.logged(t)
}

// logged: every line of the release's pods is JSON, as whoever collects logs expects.
func (g *gate) logged(t *testing.T) {
	for _, role := range []string{"gate", "proxy", "webhook", "console", "sandbox"} {
		out := g.kubectl(t, "-n", "sallyport", "logs", "-l", "app.kubernetes.io/component="+role, "--tail=-1")
		for line := range strings.Lines(out) {
			if line = strings.TrimSpace(line); !json.Valid([]byte(line)) && !strings.HasPrefix(line, "No resources found") {
				t.Errorf("the log of the %s has a line that is no JSON: %s", role, line)
			}
		}
	}
}

// sandboxed makes sure that the images were run in the sandbox's pod, and that
// it has no privilege.
func (g *gate) sandboxed(t *testing.T) {
	address := g.kubectl(t, "-n", "sallyport", "get", "pods", "-l", "app.kubernetes.io/component=sandbox", "-o", "jsonpath={.items[0].status.podIP}")
	for _, want := range []string{`sallyport_sandbox_runs_total{verdict="malicious"} 1`, `sallyport_sandbox_runs_total{verdict="clean"} 1`} {
		if out := sh(t, "busybox wget -q -O- http://%s:9090/metrics", address); !strings.Contains(out, want) {
			t.Errorf("the sandbox's metrics lack %s:\n%s", want, out)
		}
	}
	processes := pids(t, "sandbox")
	for _, pid := range processes {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
			if !strings.Contains(string(status), want) {
				t.Errorf("the sandbox's process is not %q:\n%s", want, status)
			}
		}
	}
	if len(processes) != 1 {
		t.Errorf("%d processes of the sandbox's pod are on the node", len(processes))
	}
}

// pids are the processes of a role's pods, as the node sees them.
func pids(t testing.TB, role string) []int {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, file := range lines {
		line, _ := os.ReadFile(file)
		args := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		if len(args) < 2 || args[0] != "/usr/local/bin/sallyport" || args[1] != role || len(args) > 2 && args[2] != "--config" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pid)
	}
	return all
}

// guarded: who may change namespaces cannot take one out of the gate's reach.
func (g *gate) guarded(t *testing.T) {
	g.apply(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: namespaces}, rules: [{apiGroups: [""], resources: [namespaces, namespaces/status, namespaces/finalize], verbs: [get, list, patch, update]}]}`)
	g.kubectl(t, "create", "clusterrolebinding", "namespaces", "--clusterrole=namespaces", "--group=developers")
	for _, change := range []string{"sallyport.dev/gate-", "sallyport.dev/gate=exempt"} {
		out, err := g.try("label", "namespace", "shop", "--overwrite", change, "--as=developer", "--as-group=developers")
		if err == nil || !strings.Contains(out, "takes the verb unprotect on namespaces.sallyport.dev") {
			t.Errorf("label %s: %v, %s", change, err, out)
		}
	}
	// What updates a namespace's status can update its labels, too.
	out, err := g.try("patch", "namespace", "shop", "--subresource=status", "--type=merge", "--patch", `{"metadata":{"labels":{"sallyport.dev/gate":null}}}`, "--as=developer", "--as-group=developers")
	if err == nil || !strings.Contains(out, "takes the verb unprotect on namespaces.sallyport.dev") {
		t.Errorf("the label by the status: %v, %s", err, out)
	}
	g.kubectl(t, "label", "namespace", "shop", "team=shop", "--as=developer", "--as-group=developers")
	g.apply(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: unprotect}, rules: [{apiGroups: [sallyport.dev], resources: [namespaces], resourceNames: [shop], verbs: [unprotect]}]}`)
	g.kubectl(t, "create", "clusterrolebinding", "unprotect", "--clusterrole=unprotect", "--group=security")
	g.kubectl(t, "label", "namespace", "shop", "sallyport.dev/gate-", "--as=officer", "--as-group=developers", "--as-group=security")
	g.kubectl(t, "label", "namespace", "shop", "sallyport.dev/gate=enforce")
}

// unblock is what an administrator runs whose cluster is stuck.
func (g *gate) unblock(t *testing.T) {
	cmd := g.command("kubectl") // for the environment
	cmd.Env = append(cmd.Env, "PATH="+string(g.tools)+":"+os.Getenv("PATH"))
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "../../../charts/unblock"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("unblock: %v\n%s", err, out)
	}
	if got := g.policies(t); got != "Ignore Ignore" {
		t.Errorf("after unblock the failure policies are %s", got)
	}
}

// policies are the failure policies of the webhooks.
func (g *gate) policies(t *testing.T) string {
	return g.kubectl(t, "get", "validatingwebhookconfiguration", "sallyport", "-o", "jsonpath={.webhooks[*].failurePolicy}")
}

// uninstall leaves a cluster in which everything starts again, at once.
func (g *gate) uninstall(t *testing.T) {
	g.helm(t, "uninstall", "sallyport", "--namespace", "sallyport", "--wait", "--timeout", "3m")
	if out := g.kubectl(t, "get", "validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies,clusterroles", "-o", "name"); strings.Contains(out, "sallyport") {
		t.Errorf("left behind:\n%s", out)
	}
	g.kubectl(t, "-n", "shop", "run", "free", "--image=demo.test/webserver:v1", "--image-pull-policy=Never")
	g.kubectl(t, "-n", "sallyport", "run", "free", "--image=demo.test/webserver:v1", "--image-pull-policy=Never", "--dry-run=server")
	g.kubectl(t, "-n", "sallyport", "get", "persistentvolumeclaim", "sallyport")
}

func TestEmbedded(t *testing.T) {
	if !enter(t) {
		return
	}
	n := start(t, cluster.NeedTools(t).Path("containerd"))
	n.kubectl(t, "create", "namespace", "sallyport")
	g := n.install(t, "")
	g.walk(t)

	before := g.kubectl(t, "-n", "sallyport", "get", "secrets", "sallyport-admin", "sallyport-sandbox", "sallyport-sandbox-tls", "-o", "jsonpath={.items[*].data}")
	g.unblock(t)
	g.helm(t, "upgrade", "sallyport", chart, "--namespace", "sallyport", "--reuse-values", "--set", "pod.annotations.e2e=upgraded", "--wait", "--timeout", "5m")
	if got := g.policies(t); got != "Fail Ignore" {
		t.Errorf("an upgrade does not put back what unblock changed: failure policies %s", got)
	}
	if after := g.kubectl(t, "-n", "sallyport", "get", "secrets", "sallyport-admin", "sallyport-sandbox", "sallyport-sandbox-tls", "-o", "jsonpath={.items[*].data}"); after != before {
		t.Error("an upgrade changed tokens or certificates")
	}
	// What was known before lasts: it is denied at once, by the new process.
	g.eventually(t, "after the upgrade the gate answers", func() error {
		out, err := g.try("-n", "shop", "run", "evil", "--image=demo.test/backdoor:v1")
		if err == nil {
			t.Fatalf("the malicious image was let in: %s", out)
		}
		if !strings.Contains(out, "everse") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	g.uninstall(t)
}
