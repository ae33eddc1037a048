package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/policies/engine"
)

// suiteOptions are the flags of `sallyport policy test`.
type suiteOptions struct {
	run         string
	format      string
	verbose     bool
	coverage    bool
	threshold   float64
	timeout     time.Duration
	skippedPass bool
}

func newPolicyTestCommand() *cobra.Command {
	var o suiteOptions
	c := &cobra.Command{
		Use: "test PATH…", Short: "Run the tests of policies and custom checks, as \"opa test\" does; needs no gate",
		Long: `Runs the rules called test_… of files and folders. At hand are
  data.assurance.<name>   the generated package of each policy document
  custom checks           under the packages that they say; a snippet without one is data.custom.<policy>.check<n>
  data.<folder>.<field>   data.json and data.yaml, below the path of their folder as in a bundle
A test gives the facts: data.assurance.production.deny with input as {…} ("sallyport image facts" prints real ones).
Rules have the functions that they have in force: no network, clock, randomness or environment. A test that runs
longer than --timeout, or takes too much memory, is an error; the others run on.

Coverage is of what authors wrote, without tests and generated packages; --format json prints it as OPA does.

Exit code: 0 all passed; 1 it could not be run; 2 a test failed or was skipped, or coverage is below --threshold.`,
		Example: `  sallyport policy test policies/
  sallyport policy test -v --run payments policies/
  sallyport policy test --coverage --threshold 90 policies/
  sallyport policy test --format junit policies/ > junit.xml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.test(cmd, args)
		},
	}
	c.Flags().StringVarP(&o.run, "run", "r", "", "run only tests whose name (data.package.test_name) matches this regular expression")
	c.Flags().StringVar(&o.format, "format", "pretty", "pretty, json or junit")
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "print every test, and what failing ones evaluated")
	c.Flags().BoolVarP(&o.coverage, "coverage", "c", false, "tell which lines were run")
	c.Flags().Float64Var(&o.threshold, "threshold", 0, "fail when less than this percentage of lines was run (implies --coverage)")
	c.Flags().DurationVarP(&o.timeout, "timeout", "t", author.DefaultTestTime, "how long one test may run")
	c.Flags().BoolVarP(&o.skippedPass, "exit-zero-on-skipped", "z", false, "exit 0 although tests (todo_test_…) were skipped")
	return c
}

func (o *suiteOptions) test(cmd *cobra.Command, paths []string) error {
	switch {
	case o.format != "pretty" && o.format != "json" && o.format != "junit":
		return fmt.Errorf("--format is %q: write pretty, json or junit", o.format)
	case !(o.threshold >= 0 && o.threshold <= 100):
		return fmt.Errorf("--threshold is %v: write a percentage from 0 to 100", o.threshold)
	case o.timeout <= 0:
		return fmt.Errorf("--timeout is %v: write how long a test may run, e.g. 5s", o.timeout)
	}
	o.coverage = o.coverage || o.threshold > 0
	sources, err := author.Read(paths, cmd.InOrStdin())
	if err != nil {
		return err
	}
	suite, err := author.NewSuite(cmd.Context(), sources, author.SuiteOptions{
		Run: o.run, Bounds: engine.Bounds{Time: o.timeout}, Coverage: o.coverage, Explain: o.format != "json",
	})
	if errors.Is(err, author.ErrNoTest) {
		return fmt.Errorf("%s: %w", strings.Join(paths, ", "), err)
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.coverage && o.format == "json" {
		out = cmd.ErrOrStderr() // the coverage is the document
	}
	failed, err := o.report(cmd, suite, out)
	if err != nil {
		return err
	}
	covered := suite.Coverage()
	if covered != nil {
		if err := o.printCoverage(cmd.OutOrStdout(), cmd.ErrOrStderr(), covered); err != nil {
			return err
		}
	}
	switch {
	case failed:
		return codeError{code: exitTestsFailed}
	case covered != nil && covered.Coverage < o.threshold:
		return codeError{exitTestsFailed, fmt.Errorf("coverage is %.2f%%, the threshold %.2f%%: %s", covered.Coverage, o.threshold, uncovered(covered))}
	}
	return nil
}

// report runs the suite and prints its results.
func (o *suiteOptions) report(cmd *cobra.Command, suite *author.Suite, out io.Writer) (failed bool, err error) {
	var all []*tester.Result
	collect := func(r *tester.Result) {
		all = append(all, r)
		failed = failed || !r.Pass() && !(r.Skip && o.skippedPass)
	}
	if o.format == "pretty" || o.coverage && o.format == "json" {
		// Each is printed as soon as it is there.
		results, done := make(chan *tester.Result), make(chan error, 1)
		go func() {
			done <- tester.PrettyReporter{Output: out, Verbose: o.verbose, FailureLine: true, LocalVars: true}.Report(results)
		}()
		err := suite.Run(cmd.Context(), func(r *tester.Result) {
			collect(r)
			results <- r
		})
		close(results)
		return failed, errors.Join(err, <-done)
	}
	if err := suite.Run(cmd.Context(), collect); err != nil {
		return failed, err
	}
	if o.format == "junit" {
		return failed, author.JUnit(out, all)
	}
	for _, r := range all {
		r.Trace = nil
	}
	if all == nil {
		all = []*tester.Result{}
	}
	return failed, printJSON(out, all)
}

func (o *suiteOptions) printCoverage(out, errOut io.Writer, r *cover.Report) error {
	if o.format == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	if o.format == "junit" {
		out = errOut // beside the document
	}
	t := newTable(out, "FILE", "LINES", "COVERED", "NOT COVERED")
	for _, file := range slices.Sorted(maps.Keys(r.Files)) {
		f := r.Files[file]
		t.row(file, fmt.Sprint(f.CoveredLines+f.NotCoveredLines), fmt.Sprintf("%.1f%%", f.Coverage), ranges(f))
	}
	t.row("all", fmt.Sprint(r.CoveredLines+r.NotCoveredLines), fmt.Sprintf("%.1f%%", r.Coverage), "")
	return t.flush()
}

// ranges lists the lines of a file that no test ran.
func ranges(f *cover.FileReport) string {
	var all []string
	for _, n := range f.NotCovered {
		one := fmt.Sprint(n.Start.Row)
		if n.End.Row > n.Start.Row {
			one += fmt.Sprintf("-%d", n.End.Row)
		}
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return strings.Join(all, ",")
}

// uncovered names the worst file.
func uncovered(r *cover.Report) string {
	worst := ""
	for _, file := range slices.Sorted(maps.Keys(r.Files)) {
		if worst == "" || r.Files[file].NotCoveredLines > r.Files[worst].NotCoveredLines {
			worst = file
		}
	}
	if worst == "" {
		return "there is no Rego but tests and generated packages"
	}
	return fmt.Sprintf("no test runs %s:%s", worst, ranges(r.Files[worst]))
}
