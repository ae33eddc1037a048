package programs

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/runtimetest"
)

func TestMain(m *testing.M) {
	runtime.ReexecIfSandbox()
	os.Exit(m.Run())
}

// abreast is how many programs run at a time: they mostly wait.
const abreast = 4

// TestPrograms runs each program as its image would, and expects that it serves
// and that nothing is held against it but what is explained.
func TestPrograms(t *testing.T) {
	runtimetest.Need(t)
	explained := explanations(t)
	for _, p := range catalogue() {
		delete(explained, p.name)
	}
	for name := range explained {
		t.Errorf("docs/programs.md explains findings of %q, which is not run", name)
	}
	explained = explanations(t)

	workshop := newWorkshop(t)
	dir := t.TempDir()
	testenv.NoLeaks(t, dir)
	rules, err := judge.New(judge.Config{})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := sandbox.New(sandbox.Config{Dir: dir, Judge: rules, Idle: 5 * time.Second, Timeout: 5 * time.Minute, Concurrency: abreast, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	g.SetLimit(abreast)
	for _, p := range catalogue() {
		g.Go(func() error {
			t.Run(p.name, func(t *testing.T) { check(t, runner, p, workshop.image(t, p), explained[p.name]) })
			return nil
		})
	}
	_ = g.Wait() // the tests have said what is wrong
}

func check(t *testing.T, runner *sandbox.Runner, p program, img v1.Image, explained []explanation) {
	t.Helper()
	ref, err := image.Parse("programs.test/" + p.name + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	out, err := runner.Run(t.Context(), img, sandbox.Request{Reference: ref, Profile: protocol.Profile{Timeout: p.timeout}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			dump(t, out)
		}
		keep(t, p, out)
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	}()
	served(t, p, out.Passes[0].Observation)
	if out.Report.Run.Coverage.CriticalLost > 0 {
		t.Errorf("%d critical events were lost", out.Report.Run.Coverage.CriticalLost)
	}
	if v := out.Report.Verdict; v != report.Clean && v != report.Suspicious {
		t.Errorf("the verdict is %s: %s", v, out.Report.Summary)
	}

	var found []explanation
	for _, f := range out.Report.Findings {
		if f.Malicious {
			t.Errorf("%s is called malicious: %s: %+v", f.Slug, f.Message, f.Evidence)
		}
		if e := (explanation{f.Slug, f.Severity}); f.Severity.Rank() >= report.Medium.Rank() && !slices.Contains(found, e) {
			found = append(found, e)
		}
	}
	for _, f := range found {
		if !slices.Contains(explained, f) {
			t.Errorf("%s (%s) was found, which docs/programs.md does not explain", f.slug, f.severity)
		}
	}
	for _, e := range explained {
		if !slices.Contains(found, e) {
			t.Errorf("docs/programs.md explains why %s (%s) is found, and it was not", e.slug, e.severity)
		}
	}
}

// served expects that the program did its work: one that does not start proves nothing.
func served(t *testing.T, p program, o *observation.Observation) {
	t.Helper()
	if o.Run.Exit != nil {
		t.Errorf("it ended: %+v", *o.Run.Exit)
	}
	for _, f := range o.Files.Created {
		if strings.HasPrefix(f.Path, "/run/secrets/") {
			t.Errorf("%s, which is planted, is told as the program's doing", f.Path)
		}
	}
	for port, text := range p.answers {
		if !slices.Contains(o.Run.PortsProbed, int(port)) {
			t.Errorf("nobody listened on port %d, only on %v", port, o.Run.PortsProbed)
		}
		got := ""
		for _, f := range o.Network.Flows {
			if f.Inbound && f.Probe && f.DstPort == port {
				got += f.Out + "\n"
			}
		}
		if !strings.Contains(got, text) {
			t.Errorf("port %d did not answer %q, but %.300q", port, text, got)
		}
	}
	for _, text := range p.says {
		if !strings.Contains(o.Run.Stdout+o.Run.Stderr, text) {
			t.Errorf("it did not say %q", text)
		}
	}
	for _, end := range p.runs {
		ran := false
		for _, process := range o.Processes {
			ran = ran || strings.HasSuffix(process.Exe, end)
		}
		if !ran {
			t.Errorf("no program ran whose path ends in %s", end)
		}
	}
}

// dump shows what was found and said.
func dump(t *testing.T, out *sandbox.Outcome) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	_ = enc.Encode(out.Report.Run)
	_ = enc.Encode(out.Report.Findings)
	t.Logf("%s\nstdout:\n%s\nstderr:\n%s", &b, out.Report.StdoutTail, out.Report.StderrTail)
}

// keep writes the observations, for whoever changes a rule, into the folder that
// PROGRAMS_KEEP names.
func keep(t *testing.T, p program, out *sandbox.Outcome) {
	t.Helper()
	dir := os.Getenv("PROGRAMS_KEEP")
	if dir == "" {
		return
	}
	for _, pass := range out.Passes {
		o, err := json.MarshalIndent(pass.Observation, "", " ")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, p.name+"."+pass.Observation.Run.Pass+".json"), o, 0o644)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// image puts a program's layers together.
func (w *workshop) image(t *testing.T, p program) v1.Image {
	t.Helper()
	own, err := w.layer(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, w.base, own)
	if err != nil {
		t.Fatal(err)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Config = "linux", goruntime.GOARCH, p.config
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		t.Fatal(err)
	}
	return img
}

// explanation is a finding of which docs/programs.md says why it is right.
type explanation struct {
	slug     string
	severity report.Severity
}

// explanations reads the table of docs/programs.md, by program.
func explanations(t *testing.T) map[string][]explanation {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "programs.md"))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string][]explanation{}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || !strings.Contains(cells[1], "`") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		if cells[3] == "" {
			t.Errorf("docs/programs.md does not say why %s is found in %s", cells[1], cells[0])
		}
		severity := report.Severity(cells[2])
		if severity.Rank() < report.Medium.Rank() {
			t.Errorf("docs/programs.md: %s of %s has the severity %q", cells[1], cells[0], cells[2])
		}
		list[cells[0]] = append(list[cells[0]], explanation{cells[1], severity})
	}
	return list
}
