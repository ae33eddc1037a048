package gate

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/process"
)

// Settings are what a gate is started with.
type Settings struct {
	Upstream *Registry         // what it knows as registry.test
	Redis    string            // URL; "" for its own in memory
	Data     string            // folder shared with other replicas; "" for one of its own
	Policies map[string]string // contents by file name; nil for Policies
	YAML     string            // further settings, as in the configuration file; keys not used here
	Registry string            // further settings of the upstream, in YAML flow style: "credentials: [client]"
	Webhook  string            // further settings of the webhook, one a line, without indentation
	Analysis string            // settings of the analysis, in YAML flow style; "" for none
	CAFile   string            // of the webhook's own CA; "" for the one in Data
	Env      []string          // KEY=value
}

// Policies are a gate's policies unless a test has others: about each image's
// label test.fate.
var Policies = map[string]string{
	"denied.yaml": `name: label-fate
description: Images whose label says so are denied.
forbidden_labels_enabled: true
forbidden_labels: [{key: test.fate, value: denied}]
`,
	"warned.yaml": `name: label-warning
description: Images whose label says so pass with a warning.
block_failed: false
forbidden_labels_enabled: true
forbidden_labels: [{key: test.fate, value: warned}]
`,
}

// Gate is one process of `sallyport serve`.
type Gate struct {
	Proxy, Webhook, Console, Metrics string // host:port
	Data                             string
	PolicyDir                        string

	name     string
	dir      string
	binary   string
	settings Settings
	process  *process.Process
}

var gates atomic.Int64

// Start starts a gate and waits until it is ready. It ends with the test, which
// fails when the gate does not end well.
func Start(t testing.TB, s Settings) *Gate {
	t.Helper()
	g := &Gate{binary: needBinary(t), settings: s, name: fmt.Sprintf("gate%d", gates.Add(1)), dir: t.TempDir(), Data: s.Data}
	if g.Data == "" {
		g.Data = filepath.Join(g.dir, "data")
	}
	for _, address := range []*string{&g.Proxy, &g.Webhook, &g.Console, &g.Metrics} {
		var err error
		if *address, err = process.FreeAddress(); err != nil {
			t.Fatal(err)
		}
	}
	g.PolicyDir = filepath.Join(g.dir, "policies")
	if err := os.Mkdir(g.PolicyDir, 0o755); err != nil {
		t.Fatal(err)
	}
	policies := s.Policies
	if policies == nil {
		policies = Policies
	}
	for name, text := range policies {
		g.WritePolicy(t, name, text)
	}
	if err := os.WriteFile(g.config(), []byte(g.yaml()), 0o600); err != nil {
		t.Fatal(err)
	}
	g.Run(t)
	t.Cleanup(func() { g.Stop(t) })
	return g
}

func needBinary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("GATE_UNDER_TEST")
	if path == "" {
		t.Fatal("GATE_UNDER_TEST names no binary: run `make e2e`")
	}
	return path
}

func (g *Gate) config() string { return filepath.Join(g.dir, "sallyport.yaml") }

func (g *Gate) yaml() string {
	var webhook strings.Builder
	for line := range strings.Lines(g.settings.Webhook) {
		webhook.WriteString("  " + line)
	}
	return fmt.Sprintf(`
data: %s
log: {level: debug}
redis: {url: %q}
proxy:
  listen: %s
  names: ["gate.test:5000"]
  default_upstream: %[5]s
  upstreams: [{registry: %[5]s, endpoints: ["http://%[6]s"], %[12]s}]
console: {listen: %[7]s}
metrics: {listen: %[8]s}
policies: {dir: %[9]s}
analysis: %[13]s
webhook:
  listen: %[4]s
%[10]s
%[11]s
`, g.Data, g.settings.Redis, g.Proxy, g.Webhook, Upstream, g.settings.Upstream.Address, g.Console, g.Metrics, g.PolicyDir, webhook.String(), g.settings.YAML, g.settings.Registry,
		cmp.Or(g.settings.Analysis, `{enabled: false, endpoint: "http://127.0.0.1:1"}`))
}

// Run starts the program again after Stop or Kill, and waits until it is ready.
func (g *Gate) Run(t testing.TB) {
	t.Helper()
	cmd := exec.Command(g.binary, "serve", "--config", g.config())
	cmd.Env = append([]string{"HOME=" + g.dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + g.dir}, g.settings.Env...)
	cmd.Dir = g.dir
	p, err := process.Start(g.dir, g.name, cmd)
	if err != nil {
		t.Fatal(err)
	}
	g.process = p
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := p.Wait(ctx, process.Answers(http.DefaultClient, "http://"+g.Metrics+"/readyz", "")); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the gate as a cluster does, with SIGTERM, if it runs.
func (g *Gate) Stop(t testing.TB) {
	t.Helper()
	if g.process == nil {
		return
	}
	if err := g.process.Stop(); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.Log(g.process.Tail())
	}
	g.process = nil
}

// Kill ends the gate as a crash does.
func (g *Gate) Kill(t testing.TB) {
	t.Helper()
	g.process.Kill()
	g.process = nil
}

// Freeze stops the gate without ending it: connections stay open, nobody answers.
func (g *Gate) Freeze(t testing.TB) {
	t.Helper()
	if err := g.process.Freeze(); err != nil {
		t.Fatal(err)
	}
}

// Thaw is the end of Freeze.
func (g *Gate) Thaw(t testing.TB) {
	t.Helper()
	if err := g.process.Thaw(); err != nil {
		t.Fatal(err)
	}
}

// Log is all that the gate has written.
func (g *Gate) Log(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(g.dir, g.name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// WritePolicy puts a document into the folder of policies, which the gate watches.
func (g *Gate) WritePolicy(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(g.PolicyDir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Command runs a client command of the program against this gate, as its
// administrator, and returns what it printed.
func (g *Gate) Command(t testing.TB, args ...string) string {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(g.Data, "admin.token"))
	if err != nil {
		t.Fatalf("the gate left no administrator's token: %v", err)
	}
	cmd := exec.Command(g.binary, args...)
	cmd.Dir = g.dir
	cmd.Env = []string{"HOME=" + g.dir, "SALLYPORT_SERVER=http://" + g.Console, "SALLYPORT_TOKEN=" + strings.TrimSpace(string(token))}
	return cluster.Run(t, cmd).Done(t)
}
