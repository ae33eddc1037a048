package sandbox_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/runtimetest"
	"github.com/sallyport-dev/sallyport/test/samples"
)

// With -update the samples' observations replace those by which the behaviour
// rules are tested.
var update = flag.Bool("update", false, "write the samples' observations to behaviours/testdata/observations")

// scratch is for what all tests share.
var scratch string

func TestMain(m *testing.M) {
	runtime.ReexecIfSandbox()
	dir, err := os.MkdirTemp("", "sandbox-test-*")
	if err != nil {
		panic(err)
	}
	scratch = dir
	testenv.Abreast()
	code := testenv.NothingLeft(m.Run)
	os.RemoveAll(dir)
	os.Exit(code)
}

var kit = sync.OnceValue(func() *samples.Kit { return samples.NewKit(scratch) })

// newRunner is a runner with short patience, in a folder that must be left empty.
func newRunner(t *testing.T, change func(*sandbox.Config)) *sandbox.Runner {
	t.Helper()
	return runnerIn(t, cleanFolder(t), change)
}

// cleanFolder is a folder for runners: when the test ends, nothing may be left
// in it, nor of any sandbox that was started there.
func cleanFolder(t *testing.T) string {
	t.Helper()
	testenv.NeedCommand(t, "busybox")
	testenv.NeedCommand(t, "dash")
	runtimetest.Need(t)
	dir := t.TempDir()
	testenv.NoLeaksIn(t, dir)
	return dir
}

func runnerIn(t *testing.T, dir string, change func(*sandbox.Config)) *sandbox.Runner {
	t.Helper()
	cfg := sandbox.Config{Dir: dir, Judge: rules(t), Idle: 2 * time.Second, Timeout: time.Minute, Version: "test"}
	if change != nil {
		change(&cfg)
	}
	r, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var compiled = sync.OnceValues(func() (*judge.Judge, error) { return judge.New(judge.Config{}) })

func rules(t *testing.T) *judge.Judge {
	t.Helper()
	j, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func build(t *testing.T, s samples.Sample) v1.Image {
	t.Helper()
	img, err := s.Build(kit())
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// run runs an image as is usual, and closes what is left of it at the end of
// the test.
func run(t *testing.T, r *sandbox.Runner, name string, img v1.Image) *sandbox.Outcome {
	t.Helper()
	return runAs(t, r, name, img, protocol.Profile{})
}

func runAs(t *testing.T, r *sandbox.Runner, name string, img v1.Image, profile protocol.Profile) *sandbox.Outcome {
	t.Helper()
	ref, err := image.Parse("samples.test/" + name + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	o, err := r.Run(t.Context(), img, sandbox.Request{Reference: ref, Profile: profile}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// each tries some samples beside one another, each with a runner of its own.
func each(t *testing.T, list []samples.Sample, try func(*testing.T, *sandbox.Runner, samples.Sample)) {
	t.Helper()
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			try(t, newRunner(t, nil), s)
		})
	}
}

// TestSamples runs every sample for real, and expects what it is made to show.
func TestSamples(t *testing.T) {
	t.Parallel()
	each(t, samples.All(), func(t *testing.T, r *sandbox.Runner, s samples.Sample) {
		o := runAs(t, r, s.Name, build(t, s), protocol.Profile{Name: cmp.Or(s.Profile, protocol.Quick)})
		for _, fault := range s.Expect.Check(o.Report) {
			t.Error(fault)
		}
		honest(t, o.Report)
		same(t, o.Report)
		if t.Failed() {
			dump(t, o)
		}
		if *update && !strings.HasPrefix(s.Name, "broken/") {
			record(t, s.Name, o)
		}
	})
}

// honest checks what every report must hold, whatever it says.
func honest(t *testing.T, r *report.Report) {
	t.Helper()
	if c := r.Run.Coverage; c.CriticalLost > 0 {
		t.Errorf("%d critical events were lost", c.CriticalLost)
	}
	for _, f := range r.Findings {
		if len(f.Evidence) == 0 {
			t.Errorf("%s has no evidence", f.Slug)
		}
	}
	if (r.Verdict == report.Inconclusive || r.Verdict == report.Skipped) && r.Summary == "" && r.Run.Reason == "" && r.DTASkippedReason == "" {
		t.Errorf("the verdict %s has no reason", r.Verdict)
	}
}

// TestDeterminism runs one sample of each kind again, and once while the
// processors are busy: with TestSamples that is three times.
func TestDeterminism(t *testing.T) {
	list := named(t, "reverse-shell/exec", "pipe-download-shell/address", "scan-horizontal/ssh", "irc-c2/bot", "canary-exfil/base64", "benign/web-entrypoint")
	again := func(t *testing.T, r *sandbox.Runner, s samples.Sample) {
		same(t, runAs(t, r, s.Name, build(t, s), protocol.Profile{Name: cmp.Or(s.Profile, protocol.Quick)}).Report)
	}
	t.Run("under-load", func(t *testing.T) {
		burn(t)
		each(t, list, again)
	})
	t.Run("again", func(t *testing.T) { each(t, list, again) })
}

// burn keeps all processors busy until the end of the test.
func burn(t *testing.T) {
	t.Helper()
	done := make(chan struct{})
	var burners sync.WaitGroup
	for range goruntime.NumCPU() {
		burners.Go(func() {
			for n := 0; ; n++ { // it is meant to spin
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	t.Cleanup(func() {
		close(done)
		burners.Wait()
	})
}

// named are the samples with these names.
func named(t *testing.T, names ...string) []samples.Sample {
	t.Helper()
	list := slices.DeleteFunc(samples.All(), func(s samples.Sample) bool { return !slices.Contains(names, s.Name) })
	if len(list) != len(names) {
		t.Fatalf("there are %d samples of these %d names: %v", len(list), len(names), names)
	}
	return list
}

// found is what the first run of each image found, by its reference.
var found sync.Map

// same expects of a run what an earlier one of the same image found, if there
// was one.
func same(t *testing.T, r *report.Report) {
	t.Helper()
	got := slugs(r)
	if first, ran := found.LoadOrStore(r.Image.Reference, got); ran && !slices.Equal(got, first.([]string)) {
		t.Errorf("found %v, another time %v", got, first)
	}
}

func slugs(r *report.Report) []string {
	list := []string{string(r.Verdict)}
	for _, f := range r.Findings {
		list = append(list, f.Slug)
	}
	slices.Sort(list[1:])
	return list
}

// record keeps the observations for the tests of the behaviour rules, one file
// for each pass.
func record(t *testing.T, name string, o *sandbox.Outcome) {
	t.Helper()
	for _, stale := range recordings(t, name) {
		if err := os.Remove(stale); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range o.Passes {
		b, err := json.MarshalIndent(p.Observation, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recording(name, p.Observation.Run.Pass), append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dump shows what was seen, for whoever must find out why.
func dump(t *testing.T, o *sandbox.Outcome) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	_ = enc.Encode(o.Report.Run)
	_ = enc.Encode(o.Report.Findings)
	_ = enc.Encode(o.Passes)
	t.Logf("%.60000s", b.String())
}
