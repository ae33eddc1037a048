package analysis_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/opencontainers/go-digest"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/internal/sandboxtest"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/verdict"
)

// replica is one process's part of the gate, as far as analysis goes.
type replica struct {
	t        *testing.T
	queue    *analysis.Queue
	verdicts *verdict.Store
	settings *analysis.SettingsStore
	stop     func() // ends its workers and waits
}

type options struct {
	idle  bool // do not work on the queue
	tries int
}

func start(t *testing.T, d driver.StorageDriver, r redis.UniversalClient, service *sandboxtest.Service, o options) *replica {
	t.Helper()
	store := objects.New(d)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	verdicts, err := verdict.New(store, r)
	must(err)
	settings, err := analysis.NewSettings(store, epoch.New(r), analysis.Settings{Enabled: true}, func() analysis.Local {
		return analysis.Local{URL: service.URL, Token: sandboxtest.Token}
	})
	must(err)
	grants, err := analysis.NewGrants(t.Context(), store)
	must(err)
	queue, err := analysis.New(analysis.Hurried(analysis.Config{
		Redis: r, Objects: store, Verdicts: verdicts, Settings: settings, Grants: grants, PullFrom: "gate.test:5000", PullInsecure: true, Tries: o.tries,
	}))
	must(err)
	rep := &replica{t: t, queue: queue, verdicts: verdicts, settings: settings, stop: func() {}}
	if !o.idle {
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := queue.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		rep.stop = func() { cancel(); wg.Wait() }
		t.Cleanup(rep.stop)
	}
	return rep
}

func disk(t *testing.T) driver.StorageDriver {
	return filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100})
}

func job(seed string) analysis.Job {
	d := digest.FromString(seed)
	return analysis.Job{
		Reference: image.Reference{Registry: "registry.test", Repository: "team/" + seed, Tag: "1"},
		Platform:  image.Platform{OS: "linux", Architecture: "amd64"},
		Subject:   verdict.Subject{Digest: d, MediaType: "application/vnd.oci.image.manifest.v1+json", Size: 100},
	}
}

func (r *replica) enqueue(seed string) analysis.State {
	r.t.Helper()
	s, err := r.queue.Enqueue(r.t.Context(), job(seed))
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// verdict waits for the verdict of seed.
func (r *replica) verdict(seed string, want report.Conclusion) verdict.Verdict {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	for {
		v, err := r.verdicts.Get(ctx, job(seed).Subject.Digest)
		if err == nil {
			if v.Conclusion != want {
				r.t.Fatalf("verdict of %s: %s (%s), want %s", seed, v.Conclusion, v.Reason, want)
			}
			return v
		}
		if err := r.queue.Wait(ctx, job(seed).Subject.Digest); err != nil {
			s, stateErr := r.queue.State(r.t.Context(), job(seed).Subject.Digest)
			r.t.Fatalf("no verdict of %s: %v; it is %s, %v", seed, err, s, stateErr)
		}
	}
}

// state waits until the state of seed fits.
func (r *replica) state(seed, what string, fits func(analysis.State) bool) analysis.State {
	r.t.Helper()
	var last analysis.State
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		s, err := r.queue.State(r.t.Context(), job(seed).Subject.Digest)
		if err == nil && fits(s) {
			return s
		}
		last = s
	}
	r.t.Fatalf("%s is %s, not %s", seed, last, what)
	return last
}

func runs(t *testing.T, s *sandboxtest.Service, seed string, want int) {
	t.Helper()
	if got := s.Started(job(seed).Subject.Digest); got != want {
		t.Errorf("the sandbox ran %s %d times, want %d", seed, got, want)
	}
}

func TestOneRunHoweverManyAsk(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		service, d := sandboxtest.Start(t), disk(t)
		service.Conclusions[job("app").Subject.Digest] = report.Malicious
		replicas := []*replica{start(t, d, connect(), service, options{}), start(t, d, connect(), service, options{})}
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() { replicas[i%2].enqueue("app") })
		}
		wg.Wait()
		for _, r := range replicas {
			v, want := r.verdict("app", report.Malicious), job("app").Subject
			want.Name = job("app").Reference.String()
			if len(v.Findings) != 1 || v.Subject != want {
				t.Errorf("verdict %+v", v)
			}
		}
		replicas[1].state("app", "gone from the queue", func(s analysis.State) bool { return s.Phase == analysis.None || s.Phase == analysis.Done })
		// Who saw no verdict a moment ago asks too late: it is not run again.
		replicas[0].enqueue("app")
		replicas[0].state("app", "gone again", func(s analysis.State) bool { return s.Phase == analysis.None || s.Phase == analysis.Done })
		time.Sleep(300 * time.Millisecond)
		runs(t, service, "app", 1)
		if service.Left() != 0 {
			t.Errorf("%d runs were left in the sandbox", service.Left())
		}
		if u, err := replicas[0].queue.Usage(t.Context()); err != nil || u.Runs != 1 {
			t.Errorf("usage %+v, %v", u, err)
		}
	})
}

func TestTheSandboxGetsATokenForTheOneImage(t *testing.T) {
	service, d := sandboxtest.Start(t), disk(t)
	r := start(t, d, redistest.Embedded(t), service, options{})
	r.enqueue("app")
	r.verdict("app", report.Clean)
	source := service.Sources()[0]
	if source.Registry != "gate.test:5000" || source.Repository != "registry.test/team/app" || !source.Insecure {
		t.Errorf("source %+v", source)
	}
	grants, err := analysis.NewGrants(t.Context(), objects.New(d))
	if err != nil {
		t.Fatal(err)
	}
	ref, ok := grants.Check(source.Token)
	if !ok || ref.Digest != job("app").Subject.Digest || ref.Name() != "registry.test/team/app" {
		t.Errorf("the token opens %s, %v", ref, ok)
	}
}

func TestStatesAreSeenByEveryReplica(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		service, d := sandboxtest.Start(t), disk(t)
		hold := make(chan struct{})
		service.Hold = hold
		looker := start(t, d, connect(), service, options{idle: true})
		for i, seed := range []string{"first", "second", "third"} {
			s := looker.enqueue(seed)
			if s.Phase != analysis.Queued || s.Position != i+1 || s.String() != "queued, position "+string(rune('1'+i)) {
				t.Errorf("%s is %s", seed, s)
			}
		}
		start(t, d, connect(), service, options{}) // with two workers
		for _, seed := range []string{"first", "second"} {
			looker.state(seed, "running", func(s analysis.State) bool { return s.Phase == analysis.Running })
		}
		if s := looker.state("third", "queued", func(s analysis.State) bool { return s.Phase == analysis.Queued }); s.Position != 1 {
			t.Errorf("the third is %s, want position 1", s)
		}
		close(hold)
		for _, seed := range []string{"first", "second", "third"} {
			looker.verdict(seed, report.Clean)
		}
	})
}

func TestAFlushedRedisLosesNoImage(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		service, d, client := sandboxtest.Start(t), disk(t), connect()
		hold := make(chan struct{})
		service.Hold = hold
		r := start(t, d, client, service, options{})
		r.enqueue("app")
		r.state("app", "running", func(s analysis.State) bool { return s.Phase == analysis.Running })
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		// Asked for again, it is still the one run.
		if s := r.enqueue("app"); s.Phase != analysis.Running {
			t.Errorf("after the flush the running image is %s", s)
		}
		r.enqueue("other")
		close(hold)
		r.verdict("app", report.Clean)
		r.verdict("other", report.Clean)
		runs(t, service, "app", 1)

		// Flushed while it waits: it is queued when next asked for.
		service.Do(func() { service.Down = true })
		r.enqueue("waiting")
		r.state("waiting", "waiting for the sandbox", func(s analysis.State) bool { return s.Reason != "" })
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		service.Do(func() { service.Down = false })
		r.enqueue("waiting")
		r.verdict("waiting", report.Clean)
		if u, err := r.queue.Usage(t.Context()); err != nil || u.Runs != 3 {
			t.Errorf("usage after a flush %+v, %v, want 3 runs", u, err)
		}
	})
}

func TestAnotherProcessTakesOver(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		service, d := sandboxtest.Start(t), disk(t)
		hold := make(chan struct{})
		service.Hold = hold
		first := start(t, d, connect(), service, options{})
		first.enqueue("app")
		first.state("app", "running", func(s analysis.State) bool { return s.Phase == analysis.Running })
		first.stop()
		if service.Left() != 0 {
			t.Errorf("a stopped worker left %d runs in the sandbox", service.Left())
		}
		service.Do(func() { service.Hold = nil })
		second := start(t, d, connect(), service, options{})
		second.verdict("app", report.Clean)
		runs(t, service, "app", 2)
		close(hold)
	})
}

func TestTheSandboxMayBeAway(t *testing.T) {
	service := sandboxtest.Start(t)
	service.Down = true
	r := start(t, disk(t), redistest.Embedded(t), service, options{tries: 2})
	r.enqueue("app")
	s := r.state("app", "waiting", func(s analysis.State) bool { return strings.Contains(s.Reason, "busy") })
	if s.Phase != analysis.Queued || s.Tries != 0 {
		t.Errorf("while the sandbox is away the image is %s after %d tries", s, s.Tries)
	}
	time.Sleep(300 * time.Millisecond) // many back-offs
	if _, err := r.verdicts.Get(t.Context(), job("app").Subject.Digest); !errors.Is(err, verdict.ErrNone) {
		t.Errorf("an image that was never run has a verdict: %v", err)
	}
	service.Do(func() { service.Down, service.Quota = false, protocol.Quota{Limit: 5, Used: 5} })
	r.state("app", "waiting for quota", func(s analysis.State) bool { return strings.Contains(s.Reason, "5 of 5") })
	service.Do(func() { service.Quota = protocol.Quota{Limit: 6, Used: 5} })
	r.verdict("app", report.Clean)
	runs(t, service, "app", 1)
}

func TestRunsThatFailAgainAndAgainAreInconclusive(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		service := sandboxtest.Start(t)
		service.Fail = "layer 2 is not what its digest says\x1b[2J"
		r := start(t, disk(t), connect(), service, options{tries: 3})
		r.enqueue("app")
		v := r.verdict("app", report.Inconclusive)
		if !strings.Contains(v.Reason, "3 runs failed") || !strings.Contains(v.Reason, "layer 2") || strings.Contains(v.Reason, "\x1b") || !v.RetryAt.After(time.Now()) {
			t.Errorf("verdict %+v", v)
		}
		runs(t, service, "app", 3)
		if service.Left() != 0 {
			t.Errorf("%d failed runs were left in the sandbox", service.Left())
		}
		service.Do(func() { service.Fail = "" })
		if _, err := r.queue.Rescan(t.Context(), job("app")); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if v, err := r.verdicts.Get(t.Context(), job("app").Subject.Digest); err == nil && v.Conclusion == report.Clean {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("after the fault was mended the verdict is %+v, %v", v, err)
			}
		}
	})
}

func TestReportsThatAreNoneCountAsFailures(t *testing.T) {
	service := sandboxtest.Start(t)
	service.Broken = true
	r := start(t, disk(t), redistest.Embedded(t), service, options{tries: 1})
	r.enqueue("app")
	if v := r.verdict("app", report.Inconclusive); !strings.Contains(v.Reason, "not a valid report") {
		t.Errorf("reason %q", v.Reason)
	}
}

func TestWhatIsNotQueued(t *testing.T) {
	service := sandboxtest.Start(t)
	r := start(t, disk(t), redistest.Embedded(t), service, options{})
	arm := job("arm")
	arm.Platform.Architecture = "arm64"
	if _, err := r.queue.Enqueue(t.Context(), arm); err != nil {
		t.Fatal(err)
	}
	var s analysis.State
	for deadline := time.Now().Add(time.Minute); s.Phase != analysis.Unsupported && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var err error
		if s, err = r.queue.Enqueue(t.Context(), arm); err != nil {
			t.Fatal(err)
		}
	}
	if s.Phase != analysis.Unsupported || !strings.Contains(s.Reason, "linux/arm64") {
		t.Errorf("an image for another processor is %s", s)
	}
	if _, err := r.settings.Save(t.Context(), analysis.Settings{}); err != nil {
		t.Fatal(err)
	}
	if s := r.enqueue("app"); s.Phase != analysis.Off {
		t.Errorf("with analysis switched off an image is %s", s)
	}
	if len(service.Digests()) != 0 {
		t.Errorf("the sandbox ran %v", service.Digests())
	}
	if _, err := r.queue.Enqueue(t.Context(), analysis.Job{}); err == nil {
		t.Error("a job without digest was queued")
	}
}

func TestWithoutRedisTheQueueSaysSo(t *testing.T) {
	server, service, d := redistest.Start(t), sandboxtest.Start(t), disk(t)
	r := start(t, d, server.Client(), service, options{})
	r.enqueue("before")
	r.verdict("before", report.Clean)
	server.Stop()
	if _, err := r.queue.Enqueue(t.Context(), job("app")); !errors.Is(err, analysis.ErrUnavailable) {
		t.Errorf("Enqueue without Redis: %v, want ErrUnavailable", err)
	}
	if _, err := r.queue.State(t.Context(), job("app").Subject.Digest); !errors.Is(err, analysis.ErrUnavailable) {
		t.Errorf("State without Redis: %v, want ErrUnavailable", err)
	}
	server.Restart()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := r.queue.Enqueue(t.Context(), job("app")); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	r.verdict("app", report.Clean)
}

func TestSettings(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		service, d := sandboxtest.Start(t), disk(t)
		service.Quota = protocol.Quota{Limit: 10, Used: 3, Period: "month"}
		here, there := start(t, d, connect(), service, options{idle: true}), start(t, d, connect(), service, options{idle: true})
		good := analysis.Settings{Enabled: true, Endpoint: service.URL, Token: sandboxtest.Token}
		l, err := here.settings.Check(t.Context(), good)
		if err != nil || l.Quota.Used != 3 || l.Plan != "test" {
			t.Errorf("Check = %+v, %v", l, err)
		}
		if _, err := here.settings.Save(t.Context(), good); err != nil {
			t.Fatal(err)
		}
		bad := good
		bad.Token = "wrong"
		if _, err := here.settings.Save(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "does not accept the token") {
			t.Errorf("a wrong token: %v", err)
		}
		bad = good
		bad.Endpoint = "http://127.0.0.1:1"
		if _, err := here.settings.Save(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("a wrong address: %v", err)
		}
		if set, err := there.settings.Get(t.Context()); err != nil || set != good {
			t.Errorf("the other replica has %+v, %v, want %+v", set, err, good)
		}
	})
}
