package author

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/open-policy-agent/opa/v1/tester"
)

// JUnit writes results as JUnit XML, one suite for each package.
func JUnit(w io.Writer, results []*tester.Result) error {
	all := junit.Testsuites{Name: "sallyport policy test"}
	var order []string
	suites := map[string]*junit.Testsuite{}
	times := map[string]time.Duration{}
	for _, r := range results {
		s := suites[r.Package]
		if s == nil {
			s = &junit.Testsuite{Name: r.Package, ID: len(order), File: r.Location.File}
			suites[r.Package] = s
			order = append(order, r.Package)
		}
		times[r.Package] += r.Duration
		s.AddTestcase(testcase(r))
	}
	var total time.Duration
	for _, name := range order {
		suites[name].Time = seconds(times[name])
		total += times[name]
		all.AddSuite(*suites[name])
	}
	all.Time = seconds(total)
	if _, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"); err != nil {
		return err
	}
	return all.WriteXML(w)
}

func testcase(r *tester.Result) junit.Testcase {
	c := junit.Testcase{Name: r.Name, Classname: r.Package, Time: seconds(r.Duration)}
	at := fmt.Sprintf("%s:%d", r.Location.File, r.Location.Row)
	switch {
	case r.Skip:
		c.Skipped = &junit.Result{Message: "a test under development (todo_)"}
	case r.Error != nil:
		c.Error = &junit.Result{Message: plain(r.Error.Error()), Type: "error", Data: at}
	case r.Fail:
		c.Failure = &junit.Result{Message: "the test is not true", Type: "failure", Data: plain(details(r))}
	}
	if len(r.Output) > 0 {
		c.SystemOut = &junit.Output{Data: plain(string(r.Output))}
	}
	return c
}

// details is what OPA's reporter prints of a test that failed.
func details(r *tester.Result) string {
	var b bytes.Buffer
	one := make(chan *tester.Result, 1)
	one <- r
	close(one)
	if err := (tester.PrettyReporter{Output: &b, FailureLine: len(r.Trace) > 0, LocalVars: true}).Report(one); err != nil {
		return err.Error()
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// plain is s without what XML cannot hold.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r >= 0x20 && r != 0xFFFE && r != 0xFFFF {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
}
