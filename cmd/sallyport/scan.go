package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"
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
	platform string
	timeout  time.Duration
}

func newScanCommand() *cobra.Command {
	var o scanOptions
	c := &cobra.Command{
		Use:   "scan IMAGE | --archive FILE | --layout DIR",
		Short: "Inspect, run and judge one image on this machine, without a server",
		Long: `Runs the image in the sandbox, judges what it did and what it is, and prints the result.

Exit code: 0 passes; 1 a policy denies it or it was proved malicious; 2 the run was inconclusive;
3 it could not be found out.`,
		Example: `  sallyport scan registry.example.com/app:1.4
  docker save app:dev > app.tar && sallyport scan --archive app.tar --format json`,
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
	c.Flags().StringVar(&o.format, "format", "table", "table or json")
	c.Flags().StringVar(&o.platform, "platform", image.Host().String(), "platform of a multi-platform image")
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
	if o.format != "table" && o.format != "json" {
		return 0, fmt.Errorf("--format is %q: write table or json", o.format)
	}
	platform, err := image.ParsePlatform(o.platform)
	if err != nil {
		return 0, fmt.Errorf("--platform: %w", err)
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
	rep, err := detonate(ctx, cfg, img, ref, show, log)
	if err != nil {
		return 0, err
	}
	show(protocol.RunState{State: protocol.Done})
	decision, err := decideOffline(ctx, cfg, img, ref, rep, log)
	if err != nil {
		return 0, err
	}
	if err := printScan(out, o.format, rep, decision); err != nil {
		return 0, err
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

// decideOffline asks a gate that knows nothing but this image and its report.
func decideOffline(ctx context.Context, cfg config.Config, img v1.Image, ref image.Reference, rep *report.Report, log *slog.Logger) (gate.Decision, error) {
	client, end, err := connect(ctx, "", log)
	if err != nil {
		return gate.Decision{}, err
	}
	defer end()
	k, err := newKnowledge(ctx, cfg, client, objects.New(inmemory.New()), oneImage{img}, log, nil)
	if err != nil {
		return gate.Decision{}, err
	}
	defer k.inspector.Close()
	raw, err := json.Marshal(rep)
	if err != nil {
		return gate.Decision{}, err
	}
	manifest, err := oneImage{img}.Manifest(ctx, ref)
	if err != nil {
		return gate.Decision{}, err
	}
	subject := verdict.Subject{Digest: manifest.Digest, MediaType: manifest.MediaType, Size: int64(len(manifest.Raw))}
	if _, err := k.verdicts.Put(ctx, subject, raw); err != nil {
		return gate.Decision{}, err
	}
	g, err := k.gate(nothingQueued{}, log, nil)
	if err != nil {
		return gate.Decision{}, err
	}
	return g.Settle(ctx, gate.Request{Reference: ref, Context: policies.Context{Kind: "ci"}, Client: "scan"})
}

// scanCode is the exit code. Whoever scans asks for the sandbox's opinion, so
// what was proved malicious fails even where no policy has the control.
func scanCode(rep *report.Report, d gate.Decision) int {
	failed := d.Action == gate.Deny || rep.Malicious
	for _, j := range d.Judged {
		failed = failed || j.Result.FailCICD
	}
	switch {
	case failed:
		return exitFailed
	case rep.Verdict == report.Inconclusive:
		return exitInconclusive
	}
	return 0
}

func printScan(out io.Writer, format string, rep *report.Report, d gate.Decision) error {
	var assurance policies.Result
	if len(d.Judged) > 0 {
		assurance = d.Judged[0].Result
	}
	if format == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(scanResult{rep, assurance, d.Action, d.ID, append([]string{d.Message}, d.Warnings...)})
	}
	if err := report.Table(out, rep, report.TableOptions{Color: terminal(out)}); err != nil {
		return err
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "POLICY\tCONTROL\tRESULT\tMESSAGE")
	for _, c := range assurance.Checks {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.PolicyName, c.Control, checkResult(c), report.Escape(c.Message))
	}
	if len(assurance.Checks) == 0 {
		fmt.Fprintln(w, "(no policy includes this image)\t\t\t")
	}
	return w.Flush()
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
