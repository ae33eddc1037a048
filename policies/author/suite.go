package author

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/sallyport-dev/sallyport/policies/engine"
)

// ErrNoTest is returned where there is no test to run.
var ErrNoTest = errors.New("no test found")

// SuiteOptions say how tests are run.
type SuiteOptions struct {
	Run      string        // regular expression; only tests whose whole name (data.package.test_name) matches; empty: all
	Bounds   engine.Bounds // of each test; zero is DefaultTestTime, and engine.DefaultMemory
	Coverage bool          // measure which lines of the authors' rules run
	Explain  bool          // run what failed again, to see where and with which values
}

// DefaultTestTime is how long one test may run, as in OPA.
const DefaultTestTime = 5 * time.Second

// Suite is compiled tests. It is for one run at a time.
type Suite struct {
	options  SuiteOptions
	runner   *tester.Runner
	compiler *ast.Compiler
	tests    []test
	cover    *cover.Cover
	measured map[string]*ast.Module // that coverage is about
}

// test is one test rule.
type test struct {
	name string // data.package.test_name
	at   *ast.Location
}

// NewSuite compiles all Rego of s for its tests: the package of each policy
// (data.assurance.<name>), custom checks, snippets, and data. The error is
// Faults, or wraps ErrNoTest.
func NewSuite(ctx context.Context, s *Sources, o SuiteOptions) (*Suite, error) {
	var only *regexp.Regexp
	if o.Run != "" {
		var err error
		if only, err = regexp.Compile(o.Run); err != nil {
			return nil, fmt.Errorf("which tests to run: %w", err)
		}
	}
	if o.Bounds.Time <= 0 {
		o.Bounds.Time = DefaultTestTime
	}
	generated, err := s.Generated()
	if err != nil {
		return nil, err
	}
	p, err := s.parse(generated)
	if err != nil {
		return nil, err
	}
	txn, err := p.store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	defer p.store.Abort(ctx, txn)
	c, err := p.compiler(ctx, txn)
	if err != nil {
		return nil, err
	}
	suite := &Suite{options: o, compiler: c.WithRewriteTestRules(o.Explain), measured: measured(p, generated)}
	suite.runner = tester.NewRunner().SetCompiler(suite.compiler).SetStore(p.store).SetModules(p.modules).
		SetParallel(1).SetTimeout(2 * o.Bounds.Time). // the bounds end first, and say why
		CapturePrintOutput(true).RaiseBuiltinErrors(true).StackTraces(true)
	if err := suite.compile(ctx); err != nil {
		var faults Faults
		if errors.As(err, &faults) {
			return nil, s.placed(faults)
		}
		return nil, err
	}
	if o.Coverage {
		suite.cover = cover.New()
	}
	return suite, suite.find(only)
}

// compile has the runner compile, which it does on its own way: with tests of
// the same name told apart, and cases within one test. It runs none.
func (s *Suite) compile(ctx context.Context) error {
	results, err := s.runner.Filter(`^$`).RunTests(ctx, nil)
	var faults ast.Errors
	if errors.As(err, &faults) {
		return regoFaults("", faults).sorted()
	}
	if err != nil {
		return err
	}
	for range results {
	}
	s.runner.SetModules(nil) // compiled once is enough
	return nil
}

// find lists the tests, in the order of files and lines.
func (s *Suite) find(only *regexp.Regexp) error {
	var all []test
	for _, m := range s.compiler.Modules {
		for _, rule := range m.Rules {
			if name, ok := testName(m, rule); ok {
				all = append(all, test{name, rule.Loc()})
			}
		}
	}
	slices.SortFunc(all, func(a, b test) int {
		return cmp.Or(strings.Compare(a.at.File, b.at.File), cmp.Compare(a.at.Row, b.at.Row), strings.Compare(a.name, b.name))
	})
	if len(all) == 0 {
		return fmt.Errorf("%w: tests are rules called test_…, best in files called …_test.rego", ErrNoTest)
	}
	for _, t := range all {
		if only == nil || only.MatchString(t.name) {
			s.tests = append(s.tests, t)
		}
	}
	if len(s.tests) == 0 {
		return fmt.Errorf("%w: of %d tests none matches %q; the first is %s", ErrNoTest, len(all), only, all[0].name)
	}
	return nil
}

// testName is the whole name of a rule that is a test.
func testName(m *ast.Module, rule *ast.Rule) (string, bool) {
	var ref ast.Ref
	for _, term := range rule.Head.Ref().GroundPrefix() {
		ref = ref.Append(term)
		var step string
		switch v := term.Value.(type) {
		case ast.Var:
			step = string(v)
		case ast.String:
			step = string(v)
		}
		if strings.HasPrefix(step, tester.TestPrefix) || strings.HasPrefix(step, tester.SkipTestPrefix) {
			return m.Package.Path.Extend(ref).String(), true
		}
	}
	return "", false
}

// Run runs the tests one after the other, each within its bounds, and gives
// each result to report. The error tells why ctx ended.
func (s *Suite) Run(ctx context.Context, report func(*tester.Result)) error {
	for _, t := range s.tests {
		r, err := s.one(ctx, t, false)
		if err != nil {
			return err
		}
		if s.options.Explain && r.Fail {
			// With the trace of what failed. Where that takes too long, the
			// answer stands without.
			if again, err := s.one(ctx, t, true); err == nil && again.Fail {
				again.Duration = r.Duration
				r = again
			}
		}
		report(r)
	}
	return nil
}

// one runs one test, with a trace or with coverage.
func (s *Suite) one(ctx context.Context, t test, traced bool) (*tester.Result, error) {
	bounded, release := s.options.Bounds.Within(ctx)
	defer release()
	runner := s.runner.EnableTracing(traced).Filter("^" + regexp.QuoteMeta(t.name) + "$")
	if s.cover != nil && !traced {
		runner.SetCoverageQueryTracer(plainCover{s.cover})
	}
	results, err := runner.RunTests(bounded, nil)
	if err != nil {
		return nil, err
	}
	var found *tester.Result
	for r := range results {
		found = r
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if found == nil {
		return nil, fmt.Errorf("the test %s vanished: tell the authors of Sallyport", t.name)
	}
	if bounded.Err() != nil && found.Error != nil {
		found.Error = &topdown.Error{Code: topdown.CancelErr, Message: "stopped: " + context.Cause(bounded).Error(), Location: t.at}
	}
	if found.Error != nil {
		found.Fail = false // it was not found out
	}
	return found, nil
}

// plainCover keeps the runner from running each test three times to tell why
// lines did not run.
type plainCover struct{ *cover.Cover }
