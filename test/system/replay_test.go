package system

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// knownToday is a rule that knows a program which no built-in rule knows.
const knownToday = `# METADATA
# title: A program that became known
# description: It was found out today.
# custom:
#   severity: critical
package sallyport.behaviours.weaponization["known-today"]

finding contains {
	"message": "a program ran that became known today", "malicious": true,
	"evidence": [{"type": "process", "process": id, "event": p.event}],
} if {
	some id, p in input.processes
	p.parent == ""
}
`

// TestReplay: a rule that is added to a running gate convicts an image that was
// pulled before, without running it again; taken away, it is as before. What a
// person allowed stays allowed.
func TestReplay(t *testing.T) {
	t.Parallel()
	rules := t.TempDir()
	if err := os.Chmod(rules, 0o755); err != nil { // the sandbox is another user
		t.Fatal(err)
	}
	for dir := rules; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	good := benign(t)
	g := startGate(t, upstream(t, map[string]v1.Image{"demo/good:DTA": good, "demo/allowed:DTA": good}), "", "  rules: "+rules)
	manifest := func(name string) int {
		return get(t, http.MethodGet, "http://"+g.proxy+"/v2/upstream.test/"+name+"/manifests/DTA").StatusCode
	}
	wait := func(what string, want int, meanwhile ...string) {
		t.Helper()
		for end := time.Now().Add(5 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
			if len(meanwhile) > 0 {
				g.mustCommand(meanwhile...)
			}
			got := manifest("demo/good")
			if got == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s the image is answered with %d, not %d", what, got, want)
			}
		}
	}
	wait("first", http.StatusOK)
	g.mustCommand("image", "allow", g.image("demo/allowed:DTA"), "--comment", "ours")

	file := filepath.Join(rules, "known.rego")
	if err := os.WriteFile(file, []byte(knownToday), 0o644); err != nil {
		t.Fatal(err)
	}
	wait("with the rule", http.StatusForbidden, "behaviour", "replay") // the sandbox sees the rule within some seconds
	if code := manifest("demo/allowed"); code != http.StatusOK {
		t.Errorf("the same image where it is allowed is answered with %d", code)
	}
	if report := g.mustCommand("report", g.image("demo/good:DTA")); !strings.Contains(report, "known-today") {
		t.Errorf("the report does not name the behaviour:\n%s", report)
	}
	if events := g.mustCommand("report", g.image("demo/good:DTA"), "--events"); !strings.Contains(events, "start") {
		t.Errorf("the events are gone: %.300s", events)
	}

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	wait("without the rule", http.StatusOK) // the gate asks the sandbox once a minute, and waits a minute between replays
	out := g.mustCommand("behaviour", "replay", g.image("demo/good:DTA"), "--all", "--dry-run", "-o", "json")
	var answer struct {
		Summary struct{ Same, Missing int }
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Summary.Same != 1 || answer.Summary.Missing != 0 {
		t.Errorf("by hand: %v\n%s", err, out)
	}
	if out := g.mustCommand("behaviour", "replay"); !strings.Contains(out, "judged by these rules already") {
		t.Errorf("once more: %s", out)
	}
	if n := g.runs(); n != 1 {
		t.Errorf("the image was run %d times", n)
	}
}
