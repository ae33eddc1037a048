package chart

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestSeccompProfile: it is the runtime's default for pods without
// capabilities, and the few calls that a sandbox is made of.
func TestSeccompProfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(dir, "files/seccomp/sandbox.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got specs.LinuxSeccomp
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := seccomp.DefaultProfile(&specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}})
	if got.DefaultAction != want.DefaultAction || got.DefaultErrnoRet != nil {
		t.Errorf("what is not listed: %s", got.DefaultAction)
	}
	// Without architectures runc 1.1 gives EPERM for calls younger than its
	// libseccomp, and gVisor takes only ENOSYS for an old kernel.
	for _, arch := range []specs.Arch{specs.ArchX86_64, specs.ArchAARCH64} {
		if !slices.Contains(got.Architectures, arch) {
			t.Errorf("%s is missing", arch)
		}
	}
	unconditional := func(p []specs.LinuxSyscall) map[string]bool {
		names := map[string]bool{}
		for _, s := range p {
			if s.Action == specs.ActAllow && len(s.Args) == 0 {
				for _, n := range s.Names {
					names[n] = true
				}
			}
		}
		return names
	}
	allowed, byDefault := unconditional(got.Syscalls), unconditional(want.Syscalls)
	var more []string
	for n := range allowed {
		if !byDefault[n] {
			more = append(more, n)
		}
	}
	slices.Sort(more)
	if s := strings.Join(more, " "); s != "clone mount pivot_root umount2 unshare" {
		t.Errorf("beyond the default it allows %s", s)
	}
	for n := range byDefault {
		if !allowed[n] {
			t.Errorf("it lacks %s of the default", n)
		}
	}
	// What the default allows under conditions, it allows under the same.
	for _, w := range want.Syscalls {
		if len(w.Args) == 0 || slices.Contains(w.Names, "clone") {
			continue
		}
		if !slices.ContainsFunc(got.Syscalls, func(g specs.LinuxSyscall) bool { return fmt.Sprint(g) == fmt.Sprint(w) }) {
			t.Errorf("it lacks %v of the default", w)
		}
	}
}

var metric = regexp.MustCompile(`sallyport_[a-z_]+`)

// TestMetricsExist: alerts and dashboard are about metrics that the program has.
func TestMetricsExist(t *testing.T) {
	var source strings.Builder
	root := "../../.."
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "test" || d.Name() == "build" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			b, err := os.ReadFile(path)
			source.Write(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	code := source.String()
	for _, file := range []string{"files/alerts.yaml", "files/dashboard.json"} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		names := metric.FindAllString(string(b), -1)
		if len(names) < 10 {
			t.Errorf("%s names %d metrics", file, len(names))
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			name = strings.TrimSuffix(name, "_bucket")
			// Those of upstreams are made of a prefix and a name.
			short := strings.TrimPrefix(name, "sallyport_proxy_upstream_")
			if !strings.Contains(code, `"`+name+`"`) && !strings.Contains(code, `desc("`+short+`"`) {
				t.Errorf("%s is about %s, which the program does not have", file, name)
			}
		}
	}
}

// TestRules: an alert says what to do, and is about this release alone.
func TestRules(t *testing.T) {
	rule := render(t, "--values", "testdata/values/monitored.yaml").one(t, "PrometheusRule", "gate-sallyport")
	rules := asList(at(t, rule, "spec", "groups", 0, "rules"))
	if len(rules) < 10 {
		t.Errorf("%d rules", len(rules))
	}
	for _, r := range rules {
		alert := r.(map[string]any)
		notes, _ := alert["annotations"].(map[string]any)
		if notes["summary"] == nil || notes["description"] == nil || notes["runbook_url"] == nil {
			t.Errorf("%v: annotations %v", alert["alert"], notes)
		}
		if expr := fmt.Sprint(alert["expr"]); !strings.Contains(expr, "apiserver_") && (!strings.Contains(expr, `job="gate-sallyport-metrics"`) || !strings.Contains(expr, `namespace="sallyport"`)) {
			t.Errorf("%v: %s", alert["alert"], expr)
		}
	}
}

// counted finds, in a rule's expression, the counters whose increase it is about.
var counted = regexp.MustCompile(`(?:increase|rate)\((sallyport_[a-z_]+)\{([^}]*)\}`)

// TestAlertsSeeTheFirst: counters of alerts are there before anything has
// happened. Prometheus takes a series that appears with 1 for no increase.
func TestAlertsSeeTheFirst(t *testing.T) {
	g := gate.Start(t, gate.Settings{Upstream: gate.StartRegistry(t)})
	resp, err := http.Get("http://" + g.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	rule := render(t, "--values", "testdata/values/monitored.yaml").one(t, "PrometheusRule", "gate-sallyport")
	found := 0
	for _, r := range asList(at(t, rule, "spec", "groups", 0, "rules")) {
		alert := r.(map[string]any)
		for _, c := range counted.FindAllStringSubmatch(fmt.Sprint(alert["expr"]), -1) {
			found++
			var series []string
			for line := range strings.Lines(string(metrics)) {
				if strings.HasPrefix(line, c[1]+" ") || strings.HasPrefix(line, c[1]+"{") {
					series = append(series, line)
				}
			}
			for _, label := range strings.Split(c[2], ",") {
				label = strings.TrimSpace(label)
				if !strings.HasPrefix(label, "job=") && !strings.HasPrefix(label, "namespace=") {
					series = slices.DeleteFunc(series, func(s string) bool { return !strings.Contains(s, label) })
				}
			}
			if len(series) == 0 {
				t.Errorf("%v: a gate that has just started has no %s of %s", alert["alert"], c[1], c[2])
			}
		}
	}
	if found < 5 {
		t.Errorf("%d alerts are about an increase", found)
	}
}
