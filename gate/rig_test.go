package gate_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/internal/sandboxtest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/verdict"
)

var (
	amd64       = image.Platform{OS: "linux", Architecture: "amd64"}
	arm64       = image.Platform{OS: "linux", Architecture: "arm64"}
	attestation = image.Platform{OS: "unknown", Architecture: "unknown"}
)

// dtaPolicy is the built-in policy, widened as its administrator may.
const dtaPolicy = `
name: DTA
dta_enabled: true
scope:
  expression: v1 || v2
  variables:
  - {attribute: image.name, value: "*:DTA"}
  - {attribute: aqua.label, value: DTA}
`

// world is what all replicas share: a registry, storage and a sandbox.
type world struct {
	t       testing.TB
	content *imagetest.Content
	driver  driver.StorageDriver
	sandbox *sandboxtest.Service
	connect func() redis.UniversalClient
	scanner func(*policies.Input) // what a scanner adds to the facts; nil: there is none
	queues  func()                // called before an image is queued; nil: nothing
}

func newWorld(t testing.TB, connect func() redis.UniversalClient) *world {
	return &world{
		t: t, content: imagetest.New(), connect: connect, sandbox: sandboxtest.Start(t),
		driver: filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100}),
	}
}

// replica is one process of the gate.
type replica struct {
	*world
	gate        *gate.Gate
	labels      *label.Labels
	queue       *analysis.Queue
	verdicts    *verdict.Store
	settings    *analysis.SettingsStore
	policies    atomic.Pointer[policies.Set]
	evaluations atomic.Int32
	skew        atomic.Int64 // of its clock
	stop        func()
}

// counted counts the evaluations of a Set.
type counted struct {
	*policies.Set
	n       *atomic.Int32
	scanner func(*policies.Input)
}

func (c counted) Evaluate(ctx context.Context, in *policies.Input) (policies.Result, error) {
	c.n.Add(1)
	if c.scanner != nil {
		c.scanner(in)
	}
	return c.Set.Evaluate(ctx, in)
}

// told is a queue that says when it is about to be used.
type told struct {
	*analysis.Queue
	w *world
}

func (q told) Enqueue(ctx context.Context, job analysis.Job) (analysis.State, error) {
	if q.w.queues != nil {
		q.w.queues()
	}
	return q.Queue.Enqueue(ctx, job)
}

func (w *world) start(docs ...string) *replica {
	w.t.Helper()
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	r, store, client := &replica{world: w}, objects.New(w.driver), w.connect()
	epochs := epoch.New(client)
	quiet := slog.New(slog.DiscardHandler)
	inspector, err := inspect.New(w.content, store)
	must(err)
	r.verdicts, err = verdict.New(store, client)
	must(err)
	r.labels, err = label.New(store, epochs)
	must(err)
	r.settings, err = analysis.NewSettings(store, epochs, analysis.Settings{Enabled: true}, func() analysis.Local {
		return analysis.Local{URL: w.sandbox.URL, Token: sandboxtest.Token}
	})
	must(err)
	grants, err := analysis.NewGrants(w.t.Context(), store)
	must(err)
	r.queue, err = analysis.New(analysis.Config{Redis: client, Objects: store, Verdicts: r.verdicts, Settings: r.settings, Grants: grants, PullFrom: "gate.test", Log: quiet})
	must(err)
	r.load(docs...)
	r.gate, err = gate.New(gate.Config{
		Inspector: inspector, Verdicts: r.verdicts, Labels: r.labels, Queue: told{r.queue, w}, Objects: store, Redis: client, Epochs: epochs, Log: quiet,
		Policies: func(context.Context) (gate.Policies, error) {
			return counted{r.policies.Load(), &r.evaluations, w.scanner}, nil
		},
		Clock: func() time.Time { return time.Now().Add(time.Duration(r.skew.Load())) },
	})
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.queue.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	r.stop = func() { cancel(); wg.Wait() }
	w.t.Cleanup(r.stop)
	return r
}

// load puts docs, or the DTA policy, in force.
func (r *replica) load(docs ...string) {
	r.t.Helper()
	if len(docs) == 0 {
		docs = []string{dtaPolicy}
	}
	var parsed []document.Document
	for i, text := range docs {
		d, err := document.Parse(fmt.Sprintf("policy-%d.yaml", i), []byte(text))
		if err != nil {
			r.t.Fatal(err)
		}
		parsed = append(parsed, d)
	}
	set, err := policies.Compile(r.t.Context(), parsed, policies.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.policies.Store(set)
}

// tagged is a question about d in team/app under tag; "" asks by digest.
func tagged(d map[string]any, tag string) gate.Request {
	return gate.Request{
		Reference: image.Reference{Registry: "registry.test", Repository: "team/app", Tag: tag, Digest: imagetest.Digest(d)},
		Context:   policies.Context{Kind: "pull"}, Client: "198.51.100.7",
	}
}

func (r *replica) decide(req gate.Request) gate.Decision {
	r.t.Helper()
	d, err := r.gate.Decide(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	if strings.ContainsAny(d.Message, "\n\r\x1b") || !strings.HasPrefix(d.Message, "sallyport: ") || !strings.HasSuffix(d.Message, "; decision "+d.ID) {
		r.t.Errorf("message %q", d.Message)
	}
	return d
}

func (r *replica) await(req gate.Request) gate.Decision {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	d, err := r.gate.Await(ctx, req)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

func (r *replica) expect(req gate.Request, want gate.Action) gate.Decision {
	r.t.Helper()
	d := r.decide(req)
	if d.Action != want {
		r.t.Errorf("%s: %s, want %s", d.Message, d.Action, want)
	}
	return d
}

func (w *world) runs(d map[string]any, want int) {
	w.t.Helper()
	if got := w.sandbox.Started(imagetest.Digest(d)); got != want {
		w.t.Errorf("the sandbox ran %s %d times, want %d", imagetest.Digest(d), got, want)
	}
}
