package rules

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// always is a rule that finds something in every run.
const always = `# METADATA
# title: Something ran
# description: It did.
# custom:
#   severity: high
package sallyport.behaviours.weaponization["SLUG"]

finding contains {"message": "it ran", "evidence": [{"type": "process"}]} if input.run
`

func rule(slug string) string { return strings.Replace(always, "SLUG", slug, 1) }

// sources that a test decides about.
type given struct {
	name string

	mu    sync.Mutex
	files fs.FS
	mark  string
	err   error
}

func (g *given) Name() string        { return g.name }
func (g *given) Poll() time.Duration { return time.Minute }

func (g *given) Load(_ context.Context, mark string) (fs.FS, string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil && g.mark == mark {
		return nil, mark, ErrUnchanged
	}
	return g.files, g.mark, g.err
}

func (g *given) set(mark string, files fs.FS, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mark, g.files, g.err = mark, files, err
}

func open(t *testing.T, reg prometheus.Registerer, sources ...Source) *Library {
	t.Helper()
	l, err := Open(t.Context(), Config{Sources: sources, Logger: slog.New(slog.DiscardHandler), Metrics: reg, poll: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l
}

// found is the slugs of authors' rules that find something in a recorded run.
func found(t *testing.T, l *Library) string {
	t.Helper()
	b, err := os.ReadFile("../behaviours/testdata/observations/benign.hello.json")
	if err != nil {
		t.Fatal(err)
	}
	var o observation.Observation
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	j, err := l.Judge(t.Context(), &o)
	if err != nil {
		t.Fatal(err)
	}
	var slugs []string
	for _, f := range j.Findings {
		slugs = append(slugs, f.Slug)
	}
	if (j.Verdict == report.Suspicious) != (len(slugs) > 0) {
		t.Errorf("%v, and the verdict is %s", slugs, j.Verdict)
	}
	return strings.Join(slugs, " ")
}

func faults(l *Library) string {
	var all []string
	for _, f := range l.Faults() {
		all = append(all, f.Error())
	}
	return strings.Join(all, "\n")
}

func until(t *testing.T, what string, fits func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !fits(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is never so: %s", what)
		}
	}
}

func TestAFolderIsFollowed(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, nil, Folder(dir))
	none := l.Ruleset()
	if got := found(t, l); got != "" {
		t.Errorf("without rules it finds %q", got)
	}
	put("team/one.rego", rule("one"))
	until(t, "the rule is in force", func() bool { return l.Ruleset() != none })
	if got := found(t, l); got != "one" {
		t.Errorf("with a rule it finds %q", got)
	}
	// A rule that is broken is named, and keeps no other from its work.
	put("broken.rego", "package sallyport.behaviours.weaponization.two\n\nfinding contains nothing if\n")
	put("two.rego", rule("two"))
	put("..data/one.rego", rule("one")) // as Kubernetes mounts files
	until(t, "the second rule is in force", func() bool { return found(t, l) == "one two" })
	until(t, "the broken one is named", func() bool { return strings.Contains(faults(l), "broken.rego") })
	if got := faults(l); strings.Contains(got, "one.rego") {
		t.Errorf("hidden files are read: %s", got)
	}
	for _, name := range []string{"broken.rego", "two.rego", "team/one.rego"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the rules are gone", func() bool { return l.Ruleset() == none && faults(l) == "" })
}

func TestWhatCannotBeHadLeavesTheLastGood(t *testing.T) {
	reg := prometheus.NewRegistry()
	broken := &given{name: "https://rules.example.com/a.tar.gz"}
	broken.set("", nil, errors.New("the server answers 500"))
	steady := &given{name: "steady"}
	steady.set("1", fstest.MapFS{"x.rego": {Data: []byte(rule("steady"))}}, nil)
	l := open(t, reg, broken, steady)
	if got := found(t, l); got != "steady" {
		t.Errorf("one source is away, and it finds %q", got)
	}
	if got := faults(l); !strings.Contains(got, "rules.example.com") || !strings.Contains(got, "500") {
		t.Errorf("who is away is not named: %q", got)
	}
	broken.set("1", fstest.MapFS{"y.rego": {Data: []byte(rule("late"))}}, nil)
	until(t, "the source is back", func() bool { return found(t, l) == "late steady" && faults(l) == "" })
	ruleset := l.Ruleset()
	broken.set("2", nil, errors.New("the server answers 404"))
	until(t, "that is noticed", func() bool {
		return testutil.CollectAndCount(l.metrics.failing) == 2 && testutil.ToFloat64(l.metrics.failing.WithLabelValues(broken.name)) == 1
	})
	if got := found(t, l); got != "late steady" || l.Ruleset() != ruleset {
		t.Errorf("away again it finds %q", got)
	}
}

func TestFoldersAreBounded(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "large.rego"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(maxFile + 1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Folder(dir).Load(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "large.rego") {
		t.Errorf("a large file: %v", err)
	}
	if _, _, err := Folder(filepath.Join(dir, "none")).Load(t.Context(), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}
