package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/gatetest"
	"github.com/sallyport-dev/sallyport/report"
)

var update = flag.Bool("update", false, "write what commands print to testdata/*.golden")

// running is a gate with its console in this process, and a working folder
// in which commands find its administrator's token.
type running struct {
	*gatetest.World
	url string
}

func serveConsole(t *testing.T) *running {
	t.Helper()
	w := gatetest.Start(t)
	t.Chdir(t.TempDir())
	tokens, err := token.Open(token.Config{Objects: w.Objects, AdminFile: filepath.Join("data", "admin.token")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := console.New(console.Config{Version: "test", Behind: gatetest.Behind, Logger: gatetest.Quiet}, console.Parts{
		Gate: w.Gate, Permissions: w.Gate.Permissions(), Risks: w.Gate.Risks(), Labels: w.Labels, Policies: gatetest.Policies{Library: w.Library},
		Verdicts: w.Verdicts, Queue: w.Queue, Settings: w.Settings, Inspector: w.Inspector, Resolver: w, Tokens: tokens,
		Cache: cached(t, w.Objects),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)
	for _, v := range []string{"SALLYPORT_TOKEN", "SALLYPORT_DATA"} {
		t.Setenv(v, "")
	}
	t.Setenv("SALLYPORT_SERVER", server.URL)
	return &running{w, server.URL}
}

// sallyport runs a command as main does.
func sallyport(t *testing.T, in string, args ...string) (out, errOut string, err error) {
	t.Helper()
	root := newRoot()
	var o, e bytes.Buffer
	root.SetArgs(args)
	root.SetIn(strings.NewReader(in))
	root.SetOut(&o)
	root.SetErr(&e)
	err = root.ExecuteContext(t.Context())
	return o.String(), e.String(), err
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	out, _, err := sallyport(t, "", args...)
	if err != nil {
		t.Fatalf("sallyport %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// fails wants a command to fail, in one line that holds the words.
func fails(t *testing.T, args []string, words ...string) {
	t.Helper()
	out, _, err := sallyport(t, "", args...)
	if err == nil {
		t.Errorf("sallyport %s succeeded: %s", strings.Join(args, " "), out)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("sallyport %s: the error misses %q: %v", strings.Join(args, " "), w, err)
		}
	}
	if out != "" {
		t.Errorf("sallyport %s failed, but printed %q", strings.Join(args, " "), out)
	}
}

// changing is what differs from run to run in what commands print.
var changing = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\b01[0-9A-HJKMNP-TV-Z]{24}\b`), "DECISION"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d`), "DAY AND TIME    "},
	{regexp.MustCompile(` in \d{4}-\d\d\b`), " in MONTH"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "ffffffffffff"},
	{regexp.MustCompile(`: (queued|pulling|unpacking|running|judging)[^;]*; try again in \d+ s`), ": STATE; try again in N s"},
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	for _, c := range changing {
		got = c.pattern.ReplaceAllString(got, c.with)
	}
	file := filepath.Join(testdata, name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// testdata is where golden files lie, whatever folder a test works in.
var testdata = func() string {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		panic(err)
	}
	return dir
}()

// TestFromLabelToReport is the demonstration of the README, by commands.
func TestFromLabelToReport(t *testing.T) {
	r := serveConsole(t)
	r.Push(t, "demo.test/webserver:v1", report.Clean)
	r.Push(t, "demo.test/shell:v1", report.Malicious)
	golden(t, "image-list-empty", must(t, "image", "list"))
	golden(t, "label-add", must(t, "label", "add", "localhost:5000/demo.test/shell:v1", "DTA"))
	must(t, "label", "add", "localhost:5000/demo.test/webserver:v1", "DTA", "team:web")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if out := must(t, "image", "list"); strings.Contains(out, "malicious") && strings.Contains(out, "clean") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never analysed: %s", must(t, "image", "list"))
		}
	}
	golden(t, "image-list", must(t, "image", "list"))
	golden(t, "image-list-part", must(t, "image", "list", "webserver"))
	// What policies and reports look like is for their own tests.
	shown, checks, _ := strings.Cut(must(t, "image", "show", "localhost:5000/demo.test/shell:v1"), "POLICY")
	golden(t, "image-show", shown)
	if !regexp.MustCompile(`(?m)^DTA +dta +failed +`).MatchString(checks) {
		t.Errorf("checks %s", checks)
	}
	if out := must(t, "report", "localhost:5000/demo.test/shell:v1"); !strings.Contains(out, "malicious") || !strings.Contains(out, "reverse-shell") || strings.HasPrefix(out, "{") {
		t.Errorf("report %s", out)
	}
	golden(t, "label-list", must(t, "label", "list", "demo.test/webserver:v1"))
	golden(t, "label-remove", must(t, "label", "remove", "demo.test/webserver:v1", "team:web"))
	golden(t, "label-registry", must(t, "label", "add", "--registry", "demo.test", "seen"))
	golden(t, "image-rescan", must(t, "image", "rescan", "demo.test/webserver:v1"))

	var raw report.Report
	if err := json.Unmarshal([]byte(must(t, "report", "demo.test/shell:v1", "--format", "json")), &raw); err != nil || raw.Verdict != report.Malicious {
		t.Errorf("report %v, %v", raw.Verdict, err)
	}
	var images []console.Image
	if err := json.Unmarshal([]byte(must(t, "image", "list", "-o", "json")), &images); err != nil || len(images) != 2 || !images[0].Disallowed {
		t.Errorf("images %+v, %v", images, err)
	}

	golden(t, "image-allow", must(t, "image", "allow", "demo.test/shell:v1", "--comment", "ticket 42", "--expires", "72h"))
	if out := must(t, "image", "list", "shell"); !strings.Contains(out, string(gate.Allow)) {
		t.Errorf("allowed: %s", out)
	}
	golden(t, "image-block", must(t, "image", "block", "demo.test/webserver:v1", "--comment", "not wanted"))
	golden(t, "image-reset", must(t, "image", "reset", "demo.test/webserver:v1", "demo.test/shell:v1"))
	if out := must(t, "image", "list", "shell"); !strings.Contains(out, string(gate.Deny)) {
		t.Errorf("reset: %s", out)
	}
	fails(t, []string{"image", "reset", "demo.test/shell:v1"}, "nobody allowed or blocked demo.test/shell:v1")
	fails(t, []string{"image", "allow", "demo.test/shell:v1"}, "--comment")
	fails(t, []string{"image", "show", "demo.test/none:v1"}, "demo.test/none:v1")
	fails(t, []string{"report", "demo.test/webserver:v2"}, "demo.test/webserver:v2")
	fails(t, []string{"report", "demo.test/webserver:v1", "--format", "pdf"}, "table or json")
	fails(t, []string{"report", "demo.test/shell:v1", "--events", "--format", "sarif"}, "--events are printed as table or json, not as sarif")
	fails(t, []string{"decision", "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "no such decision: 01ARZ3NDEKTSV4RRFFQ69G5FAV")
	fails(t, []string{"decision", "shell"}, "no such decision")
	_, _, err := sallyport(t, "", "image", "list", "--token", "wrong")
	if text := explainToken(err).Error(); !strings.Contains(text, "invalid token") || !strings.Contains(text, "SALLYPORT_TOKEN") {
		t.Errorf("with a wrong token: %s", text)
	}
	fails(t, []string{"label", "add", "demo.test/shell:v1", "a b"}, "a b")
	fails(t, []string{"label", "add", "--registry", "--image", "demo.test", "a"}, "exclude")
	fails(t, []string{"label", "add", "demo.test/shell:v1"}, "do not fit")
}

const paymentsYAML = `name: payments
description: of the payments team
dta_enabled: true
scope: image.repo.pay/*
`

func TestPolicyCommands(t *testing.T) {
	serveConsole(t)
	if err := os.WriteFile("payments.yaml", []byte(paymentsYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "policy", "list"); !regexp.MustCompile(`(?m)^DTA +yes +yes +dta +image\.name\.\*:DTA OR aqua\.label\.DTA +api$`).MatchString(out) || !regexp.MustCompile(`(?m)^Default +yes +no .* every image +built-in$`).MatchString(out) {
		t.Errorf("list %s", out)
	}
	golden(t, "policy-check", must(t, "policy", "check", "payments.yaml"))
	golden(t, "policy-apply", must(t, "policy", "apply", "-f", "payments.yaml"))
	golden(t, "policy-apply-again", must(t, "policy", "apply", "-f", "payments.yaml"))
	there := must(t, "policy", "translate", "payments")
	if !strings.Contains(there, "package assurance.payments\n") {
		t.Errorf("translated:\n%s", there)
	}
	if here := must(t, "policy", "translate", "-f", "payments.yaml"); here != there {
		t.Errorf("translated from the file it is another:\n%s", here)
	}
	// What is printed can be applied again.
	got := must(t, "policy", "get", "payments")
	if out, _, err := sallyport(t, got, "policy", "apply", "-f", "-"); err != nil || out != "policy payments changed\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out := must(t, "policy", "list"); !strings.Contains(out, "payments") {
		t.Errorf("list %s", out)
	}
	checked := "name: checked\ncustom_checks_enabled: true\ncustom_checks: [{name: a, snippet: 'warn contains \"x\" if input.image.os == \"plan9\"'}]\n"
	if _, _, err := sallyport(t, checked, "policy", "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "policy", "list"); !regexp.MustCompile(`(?m)^checked +yes +yes +custom_checks +every image +api$`).MatchString(out) {
		t.Errorf("a policy of nothing but a check of its own: %s", out)
	}
	must(t, "policy", "delete", "checked")
	golden(t, "policy-delete", must(t, "policy", "delete", "payments"))
	fails(t, []string{"policy", "get", "payments"}, "payments")
	fails(t, []string{"policy", "delete", "Default"}, "built in")
	fails(t, []string{"policy", "apply"}, "-f")
	fails(t, []string{"policy", "translate"}, "-f")
	fails(t, []string{"policy", "apply", "-f", "none.yaml"}, "none.yaml")

	if err := os.WriteFile("bad.yaml", []byte(paymentsYAML+"---\nname: bad\nscope: image.colour.red\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := must(t, "policy", "list")
	fails(t, []string{"policy", "apply", "-f", "bad.yaml"}, "bad.yaml:", "image.colour")
	fails(t, []string{"policy", "check", "bad.yaml"}, "bad.yaml:", "image.colour")
	if after := must(t, "policy", "list"); after != before {
		t.Errorf("half of a faulty file was applied:\n%s", after)
	}
}

func TestDTACommands(t *testing.T) {
	r := serveConsole(t)
	golden(t, "dta-check", must(t, "dta", "check"))
	golden(t, "dta-disable", must(t, "dta", "disable"))
	if out := must(t, "dta", "check"); !strings.HasPrefix(out, "Enabled") || !strings.Contains(out, "no\n") {
		t.Errorf("check %s", out)
	}
	golden(t, "dta-enable", must(t, "dta", "enable", "--local"))
	fails(t, []string{"dta", "enable", "--endpoint", r.Sandbox.URL}, "stay in force", "token")
	fails(t, []string{"dta", "check", "--endpoint", "nonsense", "--endpoint-token-file", "data/admin.token"}, "nonsense")
	fails(t, []string{"dta", "enable", "--local", "--endpoint", "https://sandbox.example"}, "excludes")
	fails(t, []string{"dta", "enable", "--endpoint-token-file", "none"}, "none")
	out, _, err := sallyport(t, "sandbox-token\n", "dta", "enable", "--endpoint", r.Sandbox.URL, "--endpoint-token-file", "-")
	if err != nil || !strings.Contains(out, r.Sandbox.URL) {
		t.Errorf("%s %v", out, err)
	}
}

func TestTokenCommands(t *testing.T) {
	serveConsole(t)
	made, told, err := sallyport(t, "", "token", "create", "ci", "--expires", "30d")
	if err != nil || !strings.Contains(told, "shown only now") || strings.Count(made, "\n") != 1 {
		t.Fatalf("%q %q %v", made, told, err)
	}
	golden(t, "token-list", must(t, "token", "list"))
	text := strings.TrimSpace(made)
	must(t, "image", "list", "--token", text)
	t.Setenv("SALLYPORT_TOKEN", text)
	must(t, "image", "list")
	fails(t, []string{"label", "add", "demo.test", "DTA"}, `"ci"`, "admin")
	t.Setenv("SALLYPORT_TOKEN", "")
	id := strings.Split(text, "_")[1]
	if out := must(t, "token", "revoke", id); out != id+": revoked\n" {
		t.Errorf("revoke %q", out)
	}
	fails(t, []string{"token", "revoke", id}, id)
	fails(t, []string{"image", "list", "--token", text}, "invalid token")
	fails(t, []string{"token", "create", "x", "--role", "root"}, "root")
}

func TestGatewayTroubles(t *testing.T) {
	r := serveConsole(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + ln.Addr().String()
	_ = ln.Close()
	fails(t, []string{"image", "list", "--server", nobody}, nobody, "sallyport serve")
	fails(t, []string{"image", "list", "--server", "localhost:8080"}, "http://host:port")
	fails(t, []string{"image", "list", "-o", "yaml"}, "table or json")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello</html>") }))
	defer page.Close()
	fails(t, []string{"image", "list", "--server", page.URL}, page.URL)

	t.Run("the administrator's token stays on this machine", func(t *testing.T) {
		for server, mine := range map[string]bool{
			"http://127.0.0.1:8080": true, "http://localhost:8080": true, "http://[::1]:8080": true,
			"https://gate.example": false, "http://192.0.2.7:8080": false, "http://localhost.example": false, "http://127.0.0.1.example": false, "http://127.0.0.1@evil.example": false,
		} {
			if onThisMachine(server) != mine {
				t.Errorf("%s: %v", server, !mine)
			}
		}
	})
	t.Run("no token", func(t *testing.T) {
		t.Chdir(t.TempDir())
		fails(t, []string{"image", "list", "--server", r.url}, "admin.token", "sallyport token create")
	})
}

func TestBehaviourCommands(t *testing.T) {
	out := must(t, "behaviour", "list")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) < 11 || !strings.HasPrefix(lines[0], "CATEGORY") {
		t.Errorf("list\n%s", out)
	}
	var rules []struct {
		Slug, Category string
		Severity       report.Severity
	}
	if err := json.Unmarshal([]byte(must(t, "behaviour", "list", "-o", "json")), &rules); err != nil || len(rules) < 10 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
	for _, r := range rules {
		if r.Slug == "" || r.Severity.Rank() == 0 {
			t.Errorf("rule %+v", r)
		}
	}
	fails(t, []string{"behaviour", "test", t.TempDir()}, "no test found")
	fails(t, []string{"behaviour", "list", "--rules", "/none"}, "/none")
	fails(t, []string{"behaviour", "test"}, "an argument is missing")
}

func TestVersionCommand(t *testing.T) {
	if out := must(t, "version"); !strings.HasPrefix(out, "sallyport "+version+"\n") {
		t.Errorf("version %q", out)
	}
	var b buildInfo
	if err := json.Unmarshal([]byte(must(t, "version", "-o", "json")), &b); err != nil || b.Go == "" || b.Platform == "" {
		t.Errorf("%+v %v", b, err)
	}
}
