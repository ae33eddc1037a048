package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/sallyport-dev/sallyport/sandbox/behaviours"
)

// ErrTestsFailed tells that tests ran and some did not pass.
var ErrTestsFailed = errors.New("behaviour tests failed")

// Test runs the _test.rego files of a folder of rules, with the built-in rules
// and library at hand, and prints the results. Observations in a folder
// observations/ are data.observations["<file name without .json>"]. The error wraps
// ErrTestsFailed when a test failed; otherwise the folder could not be loaded.
func Test(ctx context.Context, fsys fs.FS, w io.Writer, verbose bool) error {
	base, err := load(behaviours.FS, builtIn)
	if err != nil {
		return fmt.Errorf("built-in behaviour rules: %w", err)
	}
	own, err := load(fsys, "")
	if err != nil {
		return err
	}
	return run(ctx, base, own, w, verbose)
}

func run(ctx context.Context, base, own *source, w io.Writer, verbose bool) error {
	if len(own.tests) == 0 {
		return errors.New("no test found: tests are rules called test_… in files called …_test.rego")
	}
	modules := map[string]*ast.Module{}
	for _, m := range slices.Concat(base.shared, base.rules, own.shared, own.rules, own.tests) {
		modules[m.file] = m.ast
	}
	lists := maps.Clone(base.lists)
	maps.Copy(lists, own.lists)
	store := inmem.NewFromObjectWithOpts(map[string]any{"lists": lists, "observations": own.cases}, inmem.OptReturnASTValuesOnRead(true))
	results, err := tester.NewRunner().
		SetCompiler(ast.NewCompiler().WithCapabilities(capabilities()).WithStrict(true).WithDefaultRegoVersion(ast.RegoV1)).
		SetStore(store).SetModules(modules).SetDefaultRegoVersion(ast.RegoV1).SetTimeout(2*time.Minute).
		CapturePrintOutput(true).EnableTracing(verbose).
		RunTests(ctx, nil)
	if err != nil {
		return err
	}
	var all []*tester.Result
	failed := false
	for r := range results {
		all = append(all, r)
		failed = failed || !r.Pass() && !r.Skip
	}
	print := make(chan *tester.Result, len(all))
	for _, r := range all {
		print <- r
	}
	close(print)
	if err := (tester.PrettyReporter{Output: w, Verbose: verbose, FailureLine: true}).Report(print); err != nil {
		return err
	}
	if failed {
		return ErrTestsFailed
	}
	return nil
}
