package policies_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/scope"
	"github.com/sallyport-dev/sallyport/report"
)

// The image of the targets: 60 vulnerabilities, 120 packages, 8 findings.
func typicalImage() *policies.Input {
	in := known()
	in.Packages.Items = nil
	for i := range 120 {
		in.Packages.Items = append(in.Packages.Items, policies.Package{Format: "deb", Name: fmt.Sprintf("package-%d", i), Version: "1.2.3", Release: "4", Arch: "amd64", Licenses: []string{"MIT"}})
	}
	for i := range 60 {
		in.Vulnerabilities.Items = append(in.Vulnerabilities.Items, policies.Vulnerability{
			ID: fmt.Sprintf("CVE-2026-%04d", i), Severity: []string{"low", "medium", "high"}[i%3], Score: float64(i%8) + 0.5, Package: fmt.Sprintf("package-%d", i), FixVersion: "1.2.4",
		})
	}
	for i := range 8 {
		in.DTA.Findings = append(in.DTA.Findings, policies.DTAFinding{Slug: fmt.Sprintf("finding-%d", i), Severity: report.Medium, Message: "something happened"})
	}
	in.DTA.Severity = report.Medium
	in.Image.Labels = map[string]string{"owner": "shop", "stage": "prod"}
	return in
}

// eightControls is the policy of the targets.
func eightControls(name string) policies.Document {
	d := document.New(name)
	d.DTAEnabled, d.DTASeverity = true, "high"
	d.DisallowMalware = true
	d.ScanSensitiveData = true
	d.OnlyNoneRootUsers = true
	d.CVSSSeverityEnabled, d.CVSSSeverity, d.CVSSSeverityExcludeNoFix = true, "critical", true
	d.MaximumScoreEnabled, d.MaximumScore = true, 9
	d.CVEsDeniedEnabled, d.CVEsDenied = true, cves(21)
	d.RequiredLabelsEnabled, d.RequiredLabels = true, []document.Label{{Key: "owner"}, {Key: "stage", Value: "prod"}}
	return d
}

func cves(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("CVE-2020-%05d", i)
	}
	return all
}

// thousand are policies of which twelve include the typical image. No two have
// the same controls, so that nothing is shared between them.
func thousand() []policies.Document {
	docs := make([]policies.Document, 1000)
	for i := range docs {
		d := eightControls(fmt.Sprintf("policy-%04d", i))
		text := fmt.Sprintf("image.repo.team-%d/* AND NOT aqua.label.trusted-%d OR image.name.service-%d:*", i, i, i)
		if i%84 == 0 {
			text = "image.repo.library/* AND NOT aqua.label.trusted OR image.name.x:*"
		}
		d.Scope, _ = scope.Parse(text)
		d.CVEsDenied[0] = fmt.Sprintf("CVE-1999-%04d", i)
		docs[i] = d
	}
	return docs
}

func benchmarkJudge(b *testing.B, applicable int, docs ...policies.Document) {
	ctx := context.Background()
	set, err := policies.Compile(ctx, docs, policies.Options{})
	if err != nil {
		b.Fatal(err)
	}
	facts, err := set.Prepare(typicalImage())
	if err != nil {
		b.Fatal(err)
	}
	r, err := set.Judge(ctx, facts)
	if err != nil || len(r.Applicable) != applicable || r.Disallowed || len(r.Faults) > 0 {
		b.Fatalf("%d policies apply, %d expected; %+v, %v", len(r.Applicable), applicable, r.Failures, err)
	}
	runtime.GC() // what compiling left is not what a decision costs
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if _, err := set.Judge(ctx, facts); err != nil {
			b.Fatal(err)
		}
	}
}

// cpu reports the time that the process had, which other work on the machine
// does not lengthen as it does the clock's.
func cpu(b *testing.B) func() {
	used := func() int64 {
		var t unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
			b.Fatal(err)
		}
		return t.Nano()
	}
	begin := used()
	return func() { b.ReportMetric(float64(used()-begin)/float64(b.N), "cpu-ns/op") }
}

func BenchmarkDecideOnePolicy(b *testing.B) { benchmarkJudge(b, 1, eightControls("one")) }

func BenchmarkDecideTwelveOfThousand(b *testing.B) { benchmarkJudge(b, 12, thousand()...) }

func BenchmarkDeniedList2000(b *testing.B) {
	d := document.New("one")
	d.CVEsDeniedEnabled, d.CVEsDenied = true, cves(2000)
	benchmarkJudge(b, 1, d)
}

func BenchmarkPrepareFacts(b *testing.B) {
	set, err := policies.Compile(context.Background(), nil, policies.Options{})
	if err != nil {
		b.Fatal(err)
	}
	in := typicalImage()
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if _, err := set.Prepare(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChooseAmongThousandScopes(b *testing.B) {
	subject := subjectOf(typicalImage())
	var matchers []*scope.Matcher
	for _, d := range thousand() {
		m, err := scope.Compile(d.Scope)
		if err != nil {
			b.Fatal(err)
		}
		matchers = append(matchers, m)
	}
	index := scope.NewIndex(matchers)
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		n := 0
		index.Match(subject, func(_ int, included, _ bool) bool {
			if included {
				n++
			}
			return true
		})
		if n != 12 {
			b.Fatal(n)
		}
	}
}

func BenchmarkChangeOneOfThousand(b *testing.B) {
	ctx := context.Background()
	docs := thousand()
	set, err := policies.Compile(ctx, docs, policies.Options{})
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		i++
		docs[500].CVEsDenied[1] = fmt.Sprintf("CVE-2000-%07d", i)
		next, err := set.With(ctx, docs[500:501], nil)
		if err != nil || next.Generation() == set.Generation() {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemoryPerPolicy reports what a policy keeps on the heap, when each
// has controls of its own and when all have the same.
func BenchmarkMemoryPerPolicy(b *testing.B) {
	own, same := thousand(), thousand()
	for i := range same {
		same[i].CVEsDenied = own[0].CVEsDenied
	}
	for name, docs := range map[string][]policies.Document{"own": own, "same": same} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				set, err := policies.Compile(context.Background(), docs, policies.Options{})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(heap()-before)/float64(len(docs)), "B/policy")
				runtime.KeepAlive(set)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A set of thousands compiles, and says which of them is wrong.
func TestTenThousandPolicies(t *testing.T) {
	docs := make([]policies.Document, 10_000)
	for i := range docs {
		docs[i] = document.New(fmt.Sprintf("p%d", i))
		docs[i].OnlyNoneRootUsers = true
		docs[i].Enabled = i%10 == 0
	}
	set, err := policies.Compile(context.Background(), docs, policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := evaluate(t, set, nginx()); len(r.Applicable) != 1000 || len(r.Failures) != 1000 {
		t.Errorf("%d apply", len(r.Applicable))
	}
	docs[777].Scope.Expression = "v1"
	if _, err := policies.Compile(context.Background(), docs, policies.Options{Previous: set}); err == nil || !strings.Contains(err.Error(), `"p777"`) {
		t.Errorf("error %.500v", err)
	}
}
