package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/report/export"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/verdict"
)

// scanOptions are the flags of `sallyport scan`.
type scanOptions struct {
	source   scanSource
	config   string
	policies string
	format   string
	platform string // "" for this machine's, or that of an image for one
	timeout  time.Duration
}

func newScanCommand() *cobra.Command {
	var o scanOptions
	c := &cobra.Command{
		Use:   "scan IMAGE | --archive FILE | --layout DIR",
		Short: "Inspect, run and judge one image on this machine, without a server",
		Long: `Runs the image in the sandbox, judges what it did and what it is, and prints the result.

Exit code: 0 passes; 1 a policy denies it or it was proved malicious; 2 the image was not run (of another
platform, say), or its run was inconclusive; 3 it could not be found out.`,
		Example: `  sallyport scan registry.example.com/app:1.4
  docker save app:dev > app.tar && sallyport scan --archive app.tar --format json
  sallyport scan registry.example.com/app:1.4 --format sarif > scan.sarif`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.source.ref = args[0]
			}
			code, err := scan(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
			if err != nil {
				return codeError{exitError, err}
			}
			if code != 0 {
				return codeError{code: code}
			}
			return nil
		},
	}
	configFlag(c, &o.config)
	c.Flags().StringVar(&o.source.archive, "archive", "", "image archive `FILE`, as docker save writes it")
	c.Flags().StringVar(&o.source.layout, "layout", "", "folder `DIR` with an OCI image layout")
	c.Flags().StringVar(&o.policies, "policy", "", "folder `DIR` of policy documents, beside the built-in ones")
	c.Flags().StringVar(&o.format, "format", "table", "table, json, "+exportNames())
	c.Flags().StringVar(&o.platform, "platform", "", "os/architecture of the image to run (default: of several that for "+image.Host().String()+")")
	c.Flags().DurationVar(&o.timeout, "timeout", 0, "longest time to run the image (default: sandbox.timeout)")
	return exitsOnUsage(c, exitError)
}

// scanResult is what `scan --format json` prints: the report, and what the
// policies say, by the API's name.
type scanResult struct {
	*report.Report
	Assurance policies.Result `json:"image_assurance_results"`
	Decision  gate.Action     `json:"decision"`
	ID        string          `json:"decision_id"`
	Messages  []string        `json:"messages"` // in words, the decision first
}

func scan(ctx context.Context, o scanOptions, out, errOut io.Writer) (code int, err error) {
	given := 0
	for _, s := range []string{o.source.ref, o.source.archive, o.source.layout} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return 0, errors.New("say what to scan: one of IMAGE, --archive FILE and --layout DIR")
	}
	write, err := scanWriter(o.format)
	if err != nil {
		return 0, fmt.Errorf("--format: %w", err)
	}
	platform := image.Host()
	if o.platform != "" {
		if platform, err = image.ParsePlatform(o.platform); err != nil {
			return 0, fmt.Errorf("--platform: %w", err)
		}
	}
	cfg, err := config.Load(o.config, os.Environ())
	if err != nil {
		return 0, err
	}
	if o.timeout != 0 {
		cfg.Sandbox.Timeout = o.timeout
		if err := cfg.Validate(); err != nil {
			return 0, fmt.Errorf("--timeout: %w", err)
		}
	}
	if o.policies != "" {
		cfg.Policies.Dir = o.policies
	}
	log := newLogger(errOut, config.Log{Level: max(cfg.Log.Level, slog.LevelWarn), Format: cfg.Log.Format})

	// First, so that nobody waits for a run that cannot be judged.
	judge, err := newOffline(ctx, cfg, log)
	if err != nil {
		return 0, err
	}
	defer judge.close()

	show := progress(errOut)
	show(protocol.RunState{State: protocol.Pulling})
	img, ref, err := o.source.load(ctx, platform)
	if why, denied := deniedByGate(err); denied {
		fmt.Fprintln(errOut, why)
		return exitFailed, nil
	}
	if err != nil {
		return 0, err
	}
	if o.platform != "" {
		if err := isFor(img, platform); err != nil {
			return 0, fmt.Errorf("%s: %w", ref, err)
		}
	}
	rep, err := detonate(ctx, cfg, img, ref, show, log)
	if err != nil {
		return 0, err
	}
	show(protocol.RunState{State: protocol.Done})
	decision, err := judge.decide(ctx, img, ref, rep)
	if err != nil {
		return 0, err
	}
	if err := write(out, rep, decision); err != nil {
		return 0, err
	}
	if o.format != "json" {
		// Formats of reports do not hold what the policies say.
		fmt.Fprintln(errOut, inWords(rep, decision))
	}
	return scanCode(rep, decision), nil
}

// detonate runs img on this machine.
func detonate(ctx context.Context, cfg config.Config, img v1.Image, ref image.Reference, show func(protocol.RunState), log *slog.Logger) (*report.Report, error) {
	library, err := openRules(ctx, cfg, log, prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	runner, err := newRunner(cfg, library, log, prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	defer removeScratch(cfg)
	outcome, err := runner.Run(ctx, img, sandbox.Request{Reference: ref}, show)
	if err != nil {
		return nil, fmt.Errorf("running %s: %w", ref, err)
	}
	defer outcome.Close()
	return outcome.Report, nil
}

// offline is a gate that knows nothing but one image and its report.
type offline struct {
	*knowledge
	content *oneImage // what is judged, once it is known
	log     *slog.Logger
	end     func()
}

func newOffline(ctx context.Context, cfg config.Config, log *slog.Logger) (*offline, error) {
	client, end, err := connect(ctx, "", log)
	if err != nil {
		return nil, err
	}
	content := &oneImage{}
	k, err := newKnowledge(ctx, cfg, client, objects.New(inmemory.New()), content, log, nil)
	if err != nil {
		end()
		return nil, err
	}
	return &offline{k, content, log, end}, nil
}

func (o *offline) close() {
	o.inspector.Close()
	o.end()
}

// decide asks the gate about img.
func (o *offline) decide(ctx context.Context, img v1.Image, ref image.Reference, rep *report.Report) (gate.Decision, error) {
	o.content.Image = img
	raw, err := json.Marshal(rep)
	if err != nil {
		return gate.Decision{}, err
	}
	manifest, err := o.content.Manifest(ctx, ref)
	if err != nil {
		return gate.Decision{}, err
	}
	subject := verdict.Subject{Digest: manifest.Digest, MediaType: manifest.MediaType, Size: int64(len(manifest.Raw))}
	if _, err := o.verdicts.Put(ctx, subject, raw); err != nil {
		return gate.Decision{}, err
	}
	g, err := o.gate(nothingQueued{}, o.log, nil)
	if err != nil {
		return gate.Decision{}, err
	}
	return g.Settle(ctx, gate.Request{Reference: ref, Context: policies.Context{Kind: "ci"}, Client: "scan"})
}

// scanCode is the exit code. Whoever scans asks for the sandbox's opinion, so
// what was proved malicious fails even where no policy has the control, and what
// was not run does not pass.
func scanCode(rep *report.Report, d gate.Decision) int {
	failed := d.Action == gate.Deny || rep.Malicious
	for _, j := range d.Judged {
		failed = failed || j.Result.FailCICD
	}
	switch {
	case failed:
		return exitFailed
	case rep.Verdict == report.Inconclusive || rep.Verdict == report.Skipped:
		return exitInconclusive
	}
	return 0
}

// inWords is the result in one line, as the exit code has it.
func inWords(rep *report.Report, d gate.Decision) string {
	switch code := scanCode(rep, d); {
	case code == exitInconclusive:
		return report.Escape(rep.Summary)
	case code == 0:
		return "passes"
	case d.Action == gate.Deny:
		return "fails: " + report.Escape(strings.TrimPrefix(d.Message, "sallyport: "))
	case rep.Malicious:
		return "fails: it was proved malicious when it was run"
	}
	return "fails: a policy fails it in CI"
}

// scanWriter gives what prints a result in a format.
func scanWriter(format string) (func(io.Writer, *report.Report, gate.Decision) error, error) {
	switch format {
	case "table":
		return scanTable, nil
	case "json":
		return scanJSON, nil
	}
	other, err := export.Lookup(format)
	if err != nil {
		return nil, fmt.Errorf("%w, table or json", err)
	}
	return func(out io.Writer, rep *report.Report, _ gate.Decision) error { return other.Write(out, rep) }, nil
}

// assurance is what the policies say of the one image of d.
func assurance(d gate.Decision) (r policies.Result) {
	if len(d.Judged) > 0 {
		r = d.Judged[0].Result
	}
	return r
}

func scanJSON(out io.Writer, rep *report.Report, d gate.Decision) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(scanResult{rep, assurance(d), d.Action, d.ID, append([]string{d.Message}, d.Warnings...)})
}

func scanTable(out io.Writer, rep *report.Report, d gate.Decision) error {
	if err := report.Table(out, rep, tableOptions(out)); err != nil {
		return err
	}
	fmt.Fprintln(out)
	checks := assurance(d).Checks
	t := newTable(out, "POLICY", "CONTROL", "RESULT", "MESSAGE")
	for _, c := range checks {
		t.row(c.PolicyName, c.Control, checkResult(c), c.Message)
	}
	if len(checks) == 0 {
		t.row("(no policy includes this image)")
	}
	return t.flush()
}

func checkResult(c policies.Check) string {
	switch {
	case c.Failed:
		return "failed"
	case c.Skipped:
		return "skipped"
	case c.Pending:
		return "pending"
	case c.Warning:
		return "warning"
	}
	return "passed"
}

// progress prints the states of a run on one line of a terminal, or a line
// each elsewhere.
func progress(w io.Writer) func(protocol.RunState) {
	last := ""
	return func(s protocol.RunState) {
		if s.State == protocol.Done {
			if terminal(w) {
				fmt.Fprint(w, "\r\x1b[K")
			}
			return
		}
		text := s.State
		if s.Elapsed > 0 && terminal(w) {
			text += fmt.Sprintf(" %s of at most %s", s.Elapsed.Round(time.Second), s.Limit)
		}
		switch {
		case terminal(w):
			fmt.Fprintf(w, "\r\x1b[K%s …", text)
		case text != last:
			fmt.Fprintln(w, text)
		}
		last = text
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// openFile opens an archive anew for each reader of it.
func openFile(path string) (io.ReadCloser, error) { return os.Open(path) }
