package sandbox_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
	"github.com/sallyport-dev/sallyport/test/samples"
)

// TestExcess: whatever a guest has too much of, its run ends in a report that
// says so, and nothing is left.
func TestExcess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		script string // of the entrypoint
		actor  []string
		says   string // in the reason of the run
		status string // "" for any
	}{
		{"fork bomb", "while :; do sleep 100 & done", nil, "limit of processes", ""},
		{"full disk", "cat /dev/zero > /fill; exit 0", nil, "limit of disk", observation.Completed},
		{"memory", "", []string{"hog"}, "memory", observation.Failed},
		{"output", "head -c 40000000 /dev/zero | tr '\\0' x; exit 0", nil, "38 MiB of output", observation.Completed},
		{"connections", "", []string{"redial", "100000"}, "", ""},
		{"programs", "", []string{"exec-storm", "1000"}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			spec := samples.Spec{Entrypoint: []string{"/bin/sh", "-c", tt.script}}
			if tt.actor != nil {
				spec = samples.Spec{Entrypoint: append([]string{"/bin/actor"}, tt.actor...)}
			}
			img, err := kit().Image(spec)
			if err != nil {
				t.Fatal(err)
			}
			r := newRunner(t, func(c *sandbox.Config) {
				c.Timeout, c.Idle = 40*time.Second, 10*time.Second // on a busy machine, who has too much to do comes to a stop
				if tt.status != "" {                               // it ends by itself, on a busy machine late
					c.Timeout = 3 * time.Minute
				}
				c.Limits = runtime.Limits{Disk: 32 << 20, Memory: 256 << 20, Processes: 64}
			})
			o := run(t, r, strings.ReplaceAll(tt.name, " ", "-"), img)
			run := o.Report.Run
			if !strings.Contains(run.Reason, tt.says) || tt.status != "" && run.Status != tt.status {
				t.Errorf("the run is %s: %q, which does not say %q", run.Status, run.Reason, tt.says)
			}
			if run.Coverage.CriticalLost > 0 || !run.Coverage.RanEntrypoint || run.Coverage.EventsTotal == 0 {
				t.Errorf("coverage %+v", run.Coverage)
			}
			if tt.name == "connections" && run.Coverage.Omitted == 0 {
				t.Errorf("%d connections and none left out: %+v", len(o.Report.Network.Edges), run.Coverage)
			}
			if o.Report.Malicious && tt.name != "connections" { // which are a flood
				t.Errorf("excess alone is malicious: %s", o.Report.Summary)
			}
			honest(t, o.Report)
		})
	}
}

// TestImplausibleImages: what no engine would take is a report, not a crash.
func TestImplausibleImages(t *testing.T) {
	plain, err := kit().Image(samples.Spec{Entrypoint: []string{"/bin/true"}})
	if err != nil {
		t.Fatal(err)
	}
	layers, err := plain.Layers()
	if err != nil {
		t.Fatal(err)
	}
	many, err := mutate.AppendLayers(plain, slices.Repeat(layers[len(layers)-1:], 10_000)...)
	if err != nil {
		t.Fatal(err)
	}
	huge, err := kit().Image(samples.Spec{Entrypoint: []string{"/bin/true"}, Env: slices.Repeat([]string{"A=" + strings.Repeat("x", 1<<10)}, 5000)})
	if err != nil {
		t.Fatal(err)
	}
	long, err := kit().Image(samples.Spec{Entrypoint: []string{"/bin/true"}, Env: []string{"A=" + strings.Repeat("x", 1<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	odd, err := kit().Image(samples.Spec{Entrypoint: []string{"/bin/true"}, Env: []string{"", "=", "no value", "A=\nB=\x1b[2J", "PATH=", "LD_PRELOAD=/no/such/thing.so"}})
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, nil)
	if o := run(t, r, "many-layers", many); o.Report.Verdict != report.Inconclusive || !strings.Contains(o.Report.Run.Reason, "layers") {
		t.Errorf("10,000 layers: %s, %q", o.Report.Verdict, o.Report.Run.Reason)
	}
	if o := run(t, r, "many-variables", huge); o.Report.Verdict != report.Inconclusive || !strings.Contains(o.Report.Run.Reason, "5000 variables") {
		t.Errorf("5000 variables: %s, %q", o.Report.Verdict, o.Report.Run.Reason)
	}
	if o := run(t, r, "long-variable", long); o.Report.Verdict != report.Inconclusive || !strings.Contains(o.Report.Run.Reason, "bytes") {
		t.Errorf("a variable of a megabyte: %s, %q", o.Report.Verdict, o.Report.Run.Reason)
	}
	if o := run(t, r, "odd-variables", odd); o.Report.Malicious {
		t.Errorf("odd variables: %s", o.Report.Summary)
	}
}
