package library_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/library"
)

func TestBuiltInPoliciesAreThere(t *testing.T) {
	l := open(t, library.Config{})
	if got := names(l); got != "DTA Default" {
		t.Errorf("policies: %s", got)
	}
	e, err := l.Get("DTA")
	if err != nil || e.Shelf != library.BuiltIn {
		t.Errorf("DTA: %+v, %v", e, err)
	}
	if _, err := l.Get("dta"); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestWideningTheBuiltInPolicy(t *testing.T) {
	ctx := context.Background()
	l := open(t, library.Config{Objects: objects.New(inmemory.New())})
	labelled := &policies.Input{Image: policies.Image{Registry: "docker.io", Repository: "a/b", Tags: []string{"v1"}, AquaLabels: []string{"DTA"}}, DTA: policies.DTA{Status: "none"}}
	if needsDTA(t, l, labelled) {
		t.Fatal("the label selects before the scope is widened")
	}
	wide, err := os.ReadFile("../../examples/policies/dta.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := document.Parse("dta.yaml", wide)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Apply(ctx, d); err != nil {
		t.Fatal(err)
	}
	if !needsDTA(t, l, labelled) {
		t.Error("the label does not select after the scope is widened")
	}
	if e, _ := l.Get("DTA"); e.Shelf != library.API || e.Document.ID != 2 || e.Document.LastUpdate == "" {
		t.Errorf("kept as %+v", e)
	}
	if err := l.Delete(ctx, "DTA"); err != nil {
		t.Fatal(err)
	}
	if needsDTA(t, l, labelled) {
		t.Error("the built-in policy is not back")
	}
	if err := l.Delete(ctx, "DTA"); !errors.Is(err, library.ErrReadOnly) {
		t.Errorf("deleting the built-in policy: %v", err)
	}
}

func TestWhatIsAppliedIsKept(t *testing.T) {
	ctx := context.Background()
	kept := objects.New(inmemory.New())
	first := open(t, library.Config{Objects: kept})
	for _, name := range []string{"b", "a", "c"} {
		d := document.New(name)
		if err := first.Apply(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Delete(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	if err := first.Delete(ctx, "c"); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	second := open(t, library.Config{Objects: kept})
	if names(second) != "DTA Default a b" || second.Current().Generation() != first.Current().Generation() {
		t.Errorf("after a restart: %s, generations %s and %s", names(second), first.Current().Generation(), second.Current().Generation())
	}
}

func TestFaultyDocumentChangesNothing(t *testing.T) {
	ctx := context.Background()
	kept := objects.New(inmemory.New())
	l := open(t, library.Config{Objects: kept})
	before := l.Current()
	bad := document.New("bad")
	bad.Scope.Expression = "v1"
	if err := l.Apply(ctx, bad); err == nil || !strings.Contains(err.Error(), `policy "bad"`) {
		t.Errorf("error %v", err)
	}
	if err := l.Apply(ctx, document.New("../../etc")); err == nil {
		t.Error("a name that leaves the folder was kept")
	}
	keys, err := kept.List(ctx, "")
	if err != nil || len(keys) != 0 || l.Current() != before {
		t.Errorf("kept %v (%v), generation changed: %v", keys, err, l.Current() != before)
	}
	if err := open(t, library.Config{}).Apply(ctx, document.New("a")); !errors.Is(err, library.ErrReadOnly) {
		t.Errorf("applying where nothing is kept: %v", err)
	}
}

func TestFolder(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "a.yaml", "name: a\n---\nname: b\n")
	write(t, folder, "sub/c.json", `{"name":"c"}`)
	write(t, folder, "notes.txt", "not a policy")
	write(t, folder, ".hidden.yaml", "not: [a policy")
	l := open(t, library.Config{Folder: folder, Objects: objects.New(inmemory.New())})
	if names(l) != "DTA Default a b c" {
		t.Errorf("policies: %s", names(l))
	}
	if err := l.Apply(context.Background(), document.New("b")); !errors.Is(err, library.ErrReadOnly) || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("applying what the folder holds: %v", err)
	}
	if err := l.Delete(context.Background(), "c"); !errors.Is(err, library.ErrReadOnly) {
		t.Errorf("deleting what the folder holds: %v", err)
	}
}

func TestChecksInTheFolderAreFollowed(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "p/a.yaml", "name: a\ncustom_checks_enabled: true\ncustom_checks: [{path: c.rego}]\n")
	write(t, folder, "p/c.rego", "package c\n\ndeny contains \"one\" if true\n")
	write(t, folder, "p/input.json", "{}")
	write(t, folder, "p/data.json", "{}")
	l := open(t, library.Config{Folder: folder, Debounce: 10 * time.Millisecond, Poll: time.Hour})
	run(t, l)
	says := func(text string) func() bool {
		return func() bool {
			r, err := l.Current().Evaluate(context.Background(), &policies.Input{})
			return err == nil && r.Disallowed && strings.Contains(r.Checks[len(r.Checks)-1].Message, text)
		}
	}
	eventually(t, "the check runs", says("c.rego: one"))
	write(t, folder, "p/c.rego", "package c\n\ndeny contains data.word if true\n")
	write(t, folder, "p/data.json", `{"word": "two"}`)
	eventually(t, "the check was changed", says("c.rego: two"))
	write(t, folder, "p/c.rego", "package c\n\ndeny contains nonsense if true\n")
	eventually(t, "a fault is noticed", func() bool { return l.Err() != nil })
	if !strings.Contains(l.Err().Error(), "c.rego:3") || !says("c.rego: two")() {
		t.Errorf("error %v", l.Err())
	}
}

func TestPoliciesThatDoNotLoad(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "a.yaml", "name: same\n")
	write(t, folder, "b.yaml", "name: same\n")
	_, err := library.Open(context.Background(), library.Config{Folder: folder})
	if err == nil || !strings.Contains(err.Error(), "a.yaml") || !strings.Contains(err.Error(), "b.yaml") {
		t.Errorf("the same name twice: %v", err)
	}
	write(t, folder, "b.yaml", "name: other\ndta_enabled: 1\n")
	write(t, folder, "c.yaml", "name: x\nscope: nonsense.x\n")
	_, err = library.Open(context.Background(), library.Config{Folder: folder})
	if err == nil || !strings.Contains(err.Error(), "b.yaml:2: dta_enabled") || !strings.Contains(err.Error(), "c.yaml:2: scope") {
		t.Errorf("faulty files: %v", err)
	}
	if _, err := library.Open(context.Background(), library.Config{Folder: filepath.Join(folder, "missing")}); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("missing folder: %v", err)
	}

	kept := objects.New(inmemory.New())
	if err := kept.Put(context.Background(), "policies/x.json", []byte(`{"name":"y"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := library.Open(context.Background(), library.Config{Objects: kept}); err == nil || !strings.Contains(err.Error(), "policies/x.json") {
		t.Errorf("object of another name: %v", err)
	}
}

func TestFolderIsFollowed(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "a.yaml", "name: a\n")
	metrics := prometheus.NewRegistry()
	l := open(t, library.Config{Folder: folder, Debounce: 10 * time.Millisecond, Poll: time.Hour, Registerer: metrics})
	run(t, l)

	write(t, folder, "new/b.yaml", "name: b\n")
	eventually(t, "a new file in a new folder", func() bool { return names(l) == "DTA Default a b" })
	write(t, folder, "new/c.yaml", "name: c\n")
	eventually(t, "a file in a folder that is new too", func() bool { return names(l) == "DTA Default a b c" })

	good := l.Current()
	write(t, folder, "a.yaml", "name: a\ndta_enabled: perhaps\n")
	eventually(t, "a fault is noticed", func() bool { return l.Err() != nil })
	if l.Current() != good || !strings.Contains(l.Err().Error(), "a.yaml:2") {
		t.Errorf("the last good policies are not in force: %v", l.Err())
	}
	write(t, folder, "a.yaml", "name: a\ndta_enabled: true\n")
	eventually(t, "it is mended", func() bool { return l.Err() == nil && l.Current().Generation() != good.Generation() })
	if err := os.RemoveAll(filepath.Join(folder, "new")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "files are gone", func() bool { return names(l) == "DTA Default a" })
	if n := counter(t, metrics, "sallyport_policies_reload_failures_total"); n < 1 {
		t.Errorf("%v failed reloads counted", n)
	}
}

// The kubelet changes a mounted ConfigMap by turning one symbolic link.
func TestConfigMapIsFollowed(t *testing.T) {
	folder := t.TempDir()
	swap := func(version, text string) {
		write(t, folder, "..v"+version+"/a.yaml", text)
		if err := os.Symlink("..v"+version, filepath.Join(folder, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	swap("1", "name: a\n")
	if err := os.Symlink("..data/a.yaml", filepath.Join(folder, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	l := open(t, library.Config{Folder: folder, Debounce: 10 * time.Millisecond, Poll: time.Hour})
	run(t, l)
	if names(l) != "DTA Default a" {
		t.Fatalf("policies: %s", names(l))
	}
	for i := 2; i < 5; i++ {
		swap(fmt.Sprint(i), fmt.Sprintf("name: a%d\n", i))
		eventually(t, "the link was turned", func() bool { return names(l) == fmt.Sprintf("DTA Default a%d", i) })
	}
}

func TestReplicasTellEachOther(t *testing.T) {
	kept, bus := objects.New(inmemory.New()), &bus{}
	one := open(t, library.Config{Objects: kept, Bus: bus, Poll: time.Hour})
	two := open(t, library.Config{Objects: kept, Bus: bus, Poll: time.Hour})
	run(t, one)
	run(t, two)
	eventually(t, "both listen", func() bool { return bus.listeners() == 2 })
	if err := one.Apply(context.Background(), document.New("a")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other replica follows", func() bool {
		return names(two) == "DTA Default a" && two.Current().Generation() == one.Current().Generation()
	})
	// Each changes what the other made, without having been told.
	if err := two.Delete(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	bus.fail = errors.New("the bus is away")
	if err := one.Apply(context.Background(), document.New("b")); err != nil {
		t.Errorf("a change fails because nobody could be told: %v", err)
	}
}

func TestUntoldChangesAreNoticed(t *testing.T) {
	kept := objects.New(inmemory.New())
	l := open(t, library.Config{Objects: kept, Poll: 10 * time.Millisecond})
	run(t, l)
	if err := kept.Put(context.Background(), "policies/a.json", []byte(`{"name":"a"}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it looks for itself", func() bool { return names(l) == "DTA Default a" })
}

// Decisions go on while policies change, each from one generation: the two
// policies change together, so every decision must see the same version of both.
func TestReloadUnderLoad(t *testing.T) {
	ctx := context.Background()
	folder := t.TempDir()
	version := func(i int) {
		write(t, folder, "all.yaml", fmt.Sprintf("name: a%d\ndta_enabled: true\n---\nname: b%d\ndta_enabled: true\n", i, i))
	}
	version(0)
	l := open(t, library.Config{Folder: folder})
	stop := make(chan struct{})
	var decisions atomic.Int64
	var deciding sync.WaitGroup
	for range 4 {
		deciding.Go(func() {
			for ; ; decisions.Add(1) {
				select {
				case <-stop:
					return
				default:
				}
				set := l.Current()
				r, err := set.Evaluate(ctx, &policies.Input{Image: policies.Image{Registry: "docker.io", Repository: "a", Tags: []string{"b"}}})
				if err != nil || r.Generation != set.Generation() || len(r.Faults) != 0 || len(r.Applicable) != 3 || r.Applicable[1][1:] != r.Applicable[2][1:] {
					t.Errorf("decision %+v, %v", r, err)
					return
				}
			}
		})
	}
	const reloads, each = 50, 200 // decisions from one reload to the next, at least
	for i := range reloads {
		version(i + 1)
		if err := l.Reload(ctx); err != nil {
			t.Fatal(err)
		}
		if !t.Failed() { // then somebody may have stopped deciding
			eventually(t, "there were decisions meanwhile", func() bool { return t.Failed() || decisions.Load() >= int64(each*(i+1)) })
		}
	}
	close(stop)
	deciding.Wait()
	t.Logf("%d decisions during %d reloads", decisions.Load(), reloads)
}

type bus struct {
	mu   sync.Mutex
	subs []func()
	fail error
}

func (b *bus) Publish(context.Context, string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, changed := range b.subs {
		changed()
	}
	return b.fail
}

func (b *bus) Subscribe(ctx context.Context, _ string, changed func()) error {
	b.mu.Lock()
	b.subs = append(b.subs, changed)
	b.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (b *bus) listeners() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.subs)
}

func open(t *testing.T, cfg library.Config) *library.Library {
	t.Helper()
	l, err := library.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run follows changes until the test ends.
func run(t *testing.T, l *library.Library) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("following ended with %v", err)
		}
	})
}

func names(l *library.Library) string {
	var all []string
	for _, e := range l.List() {
		all = append(all, e.Document.Name)
	}
	return strings.Join(all, " ")
}

func needsDTA(t *testing.T, l *library.Library, in *policies.Input) bool {
	t.Helper()
	r, err := l.Current().Evaluate(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return r.NeedsDTA
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	file := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	// Renamed into place, so that no reader sees half of it.
	whole := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".new")
	if err := os.WriteFile(whole, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(whole, file); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func counter(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
