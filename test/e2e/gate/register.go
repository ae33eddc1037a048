package gate

import (
	"cmp"
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
)

// Hook is the name of the webhook, which the API server names in its messages.
const Hook = "images.sallyport.dev"

// Registration is an entry of a cluster's list of webhooks.
type Registration struct {
	Kind     string // "" for ValidatingWebhookConfiguration
	Name     string // of the object; "" for the gate's own
	Hook     string // "" for Hook
	Address  string // host:port; "" for the gate's own
	Path     string // "" for /validate
	Policy   string // failurePolicy; "" for Fail
	Timeout  int    // seconds; 0 for 15
	Selector string // a namespace's label, "key: value"; "" for Label
	CA       []byte // authorities to trust, PEM; nil for the gate's own, empty for what the gate publishes itself
	Rules    string // further rules, as a list in YAML indented by 6 spaces
}

// Label is what a namespace must bear for this gate to be asked about it.
func (g *Gate) Label() string { return "e2e.sallyport.dev/gate=" + g.name }

// CA is the certificate of the authority that signs the webhook's certificate, PEM.
func (g *Gate) CA(t testing.TB) []byte {
	t.Helper()
	file := g.settings.CAFile
	if file == "" {
		file = filepath.Join(g.Data, "webhook", "ca.crt")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Register has the cluster ask the gate about namespaces with its label, until
// the test ends, and returns when it does: when a pod with a denied image, which
// must be in the registry as evil:1, is refused in the namespace.
func (g *Gate) Register(t testing.TB, c *cluster.Cluster, namespace string, r Registration) {
	t.Helper()
	g.Configure(t, c, r)
	cluster.Eventually(t, "the cluster asks "+g.name, func() bool {
		said := c.Kubectl(t, "-n", namespace, "run", "probe", "--image="+Upstream+"/evil:1", "--dry-run=server").Stderr
		return strings.Contains(said, `webhook "`+cmp.Or(r.Hook, Hook)+`" denied the request`)
	})
}

// Configure is Register without waiting: it takes a moment until the API server
// asks.
func (g *Gate) Configure(t testing.TB, c *cluster.Cluster, r Registration) {
	t.Helper()
	r.Kind = cmp.Or(r.Kind, "ValidatingWebhookConfiguration")
	r.Name = cmp.Or(r.Name, g.name)
	r.Selector = cmp.Or(r.Selector, "e2e.sallyport.dev/gate: "+g.name)
	if r.CA == nil {
		r.CA = g.CA(t)
	}
	c.Apply(t, strings.NewReplacer("KIND", r.Kind, "NAME", r.Name, "HOOK", cmp.Or(r.Hook, Hook),
		"TIMEOUT", strconv.Itoa(cmp.Or(r.Timeout, 15)), "POLICY", cmp.Or(r.Policy, "Fail"),
		"URL", "https://"+cmp.Or(r.Address, g.Webhook)+cmp.Or(r.Path, "/validate"),
		"BUNDLE", base64.StdEncoding.EncodeToString(r.CA), "SELECTOR", r.Selector, "RULES", rules+r.Rules).Replace(manifest)).Done(t)
	t.Cleanup(func() {
		c.Kubectl(t, "delete", "--ignore-not-found", r.Kind, r.Name).Done(t)
	})
}

const manifest = `
apiVersion: admissionregistration.k8s.io/v1
kind: KIND
metadata: {name: NAME}
webhooks:
  - name: HOOK
    admissionReviewVersions: [v1]
    sideEffects: NoneOnDryRun
    timeoutSeconds: TIMEOUT
    failurePolicy: POLICY
    clientConfig: {url: URL, caBundle: BUNDLE}
    namespaceSelector: {matchLabels: {SELECTOR}}
    rules: RULES
`

// rules are those of docs/kubernetes.md, one a line.
const rules = `
      - {apiGroups: [""], apiVersions: [v1], resources: [pods, pods/ephemeralcontainers, podtemplates, replicationcontrollers], operations: [CREATE, UPDATE], scope: Namespaced}
      - {apiGroups: [apps], apiVersions: [v1], resources: [replicasets, deployments, statefulsets, daemonsets], operations: [CREATE, UPDATE], scope: Namespaced}
      - {apiGroups: [batch], apiVersions: [v1], resources: [jobs, cronjobs], operations: [CREATE, UPDATE], scope: Namespaced}
`
