// Package gatetest is a whole gate for tests of its fronts: the real gate,
// labels, policies, queue, verdicts and Redis over images in memory. Only the
// registry and the sandbox service are stand-ins, which do what the test says.
package gatetest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/internal/sandboxtest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/library"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

// Quiet is where tests log to.
var Quiet = slog.New(slog.DiscardHandler)

// AMD64 is the platform that the sandbox service runs.
var AMD64 = image.Platform{OS: "linux", Architecture: "amd64"}

// World is a gate and what it knows. The built-in policies are in force, with
// the scope of "DTA" widened to the label DTA.
type World struct {
	Content   *imagetest.Content
	Sandbox   *sandboxtest.Service
	Objects   *objects.Store
	Inspector *inspect.Inspector
	Verdicts  *verdict.Store
	Labels    *label.Labels
	Library   *library.Library
	Settings  *analysis.SettingsStore
	Queue     *analysis.Queue
	Gate      *gate.Gate

	mu   sync.Mutex
	tags map[string]digest.Digest
}

const widened = `
name: DTA
dta_enabled: true
scope: image.name.*:DTA OR aqua.label.DTA
`

// Start starts a world that ends with the test.
func Start(t testing.TB) *World {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &World{Content: imagetest.New(), Sandbox: sandboxtest.Start(t), Objects: objects.New(inmemory.New()), tags: map[string]digest.Digest{}}
	client := redistest.Embedded(t)
	epochs := epoch.New(client)
	var err error
	w.Inspector, err = inspect.New(w.Content, w.Objects, inspect.Log(Quiet))
	must(err)
	w.Verdicts, err = verdict.New(w.Objects, client)
	must(err)
	w.Labels, err = label.New(w.Objects, epochs)
	must(err)
	w.Library, err = library.Open(t.Context(), library.Config{Objects: w.Objects, Logger: Quiet})
	must(err)
	d, err := document.Parse("DTA", []byte(widened))
	must(err)
	must(w.Library.Apply(t.Context(), d))
	w.Settings, err = analysis.NewSettings(w.Objects, epochs, analysis.Settings{Enabled: true}, func() analysis.Local {
		return analysis.Local{URL: w.Sandbox.URL, Token: sandboxtest.Token}
	})
	must(err)
	grants, err := analysis.NewGrants(t.Context(), w.Objects)
	must(err)
	w.Queue, err = analysis.New(analysis.Config{
		Redis: client, Objects: w.Objects, Verdicts: w.Verdicts, Settings: w.Settings, Grants: grants, PullFrom: "gate.test", Log: Quiet,
	})
	must(err)
	w.Gate, err = gate.New(gate.Config{
		Inspector: w.Inspector, Verdicts: w.Verdicts, Labels: w.Labels, Queue: w.Queue, Objects: w.Objects, Redis: client, Epochs: epochs, Log: Quiet,
		Policies: func(context.Context) (gate.Policies, error) { return w.Library.Current(), nil },
	})
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() {
		if err := w.Queue.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); working.Wait() })
	return w
}

// Push makes an image for AMD64 of which the sandbox concludes c, and lets name mean it.
func (w *World) Push(t testing.TB, name string, c report.Conclusion) digest.Digest {
	t.Helper()
	// The seed is a path in the image: no two names share an image.
	d := imagetest.Digest(w.Content.AddImage(t, "app-"+digest.FromString(name).Encoded(), AMD64))
	w.Sandbox.Do(func() { w.Sandbox.Conclusions[d] = c })
	w.Tag(t, name, d)
	return d
}

// Tag lets name, with its tag, mean d.
func (w *World) Tag(t testing.TB, name string, d digest.Digest) {
	t.Helper()
	ref, err := image.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tags[ref.String()] = d
}

// Resolve finds the digest of a tag that was pushed.
func (w *World) Resolve(_ context.Context, ref image.Reference) (image.Reference, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok := w.tags[ref.String()]
	if !ok {
		return image.Reference{}, fmt.Errorf("%w: %s", inspect.ErrMissing, ref)
	}
	return ref.WithDigest(d), nil
}

// Gates are the names under which clients of the world know the gate.
var Gates = []string{"localhost:5000"}

// Behind is what a name that goes through the gate means: demo.test and
// Docker's registry are upstreams.
func Behind(ref image.Reference) image.Reference {
	return ref.Behind(Gates, func(host string) bool { return host == "demo.test" || host == image.DockerHub }, image.DockerHub)
}
