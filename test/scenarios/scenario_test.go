package scenarios_test

import (
	"os"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/test/samples"
	"github.com/sallyport-dev/sallyport/test/scenarios"
)

func TestScenariosSayWhatTheyExpect(t *testing.T) {
	doc, err := os.ReadFile("../../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	seen, ill := map[string]bool{}, 0
	for _, s := range scenarios.All() {
		if seen[s.Name] || s.Story == "" || len(s.Expect.Verdict) == 0 {
			t.Errorf("%s is there twice, or tells nothing, or expects no verdict", s.Name)
		}
		seen[s.Name] = true
		if !strings.Contains(string(doc), "| "+s.Name+" |") {
			t.Errorf("docs/scenarios.md does not list %s", s.Name)
		}
		if !s.Benign() {
			ill++
			if len(s.Expect.MustHave) == 0 || len(s.Explained) > 0 {
				t.Errorf("%s must have %v, explained by %v", s.Name, s.Expect.MustHave, s.Explained)
			}
		} else if len(s.Expect.MustNot) == 0 {
			t.Errorf("%s tells no behaviour that it resembles", s.Name)
		}
		for _, f := range s.Expect.MustHave {
			if len(f.Evidence) == 0 || f.Category == "" {
				t.Errorf("%s: %s needs no evidence, or no category", s.Name, f.Slug)
			}
		}
		for slug, why := range s.Explained {
			if !strings.Contains(string(doc), "| "+s.Name+" | "+slug+" | "+why+" |") {
				t.Errorf("docs/scenarios.md does not explain %s of %s: %s", slug, s.Name, why)
			}
		}
	}
	if ill < 15 || len(seen)-ill < 8 {
		t.Errorf("%d stories of intruders, %d that are meant well", ill, len(seen)-ill)
	}
}

// TestImagesAreTheSameEveryTime: a verdict belongs to a digest.
func TestImagesAreTheSameEveryTime(t *testing.T) {
	for _, name := range []string{"busybox", "dash", "bash", "chattr"} {
		testenv.NeedCommand(t, name)
	}
	first, second := samples.NewKit(t.TempDir()), samples.NewKit(t.TempDir())
	for _, s := range scenarios.All() {
		a, err := s.Build(first)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Build(second)
		if err != nil {
			t.Fatal(err)
		}
		da, errA := a.Digest()
		db, errB := b.Digest()
		if errA != nil || errB != nil || da != db {
			t.Errorf("%s is %s and %s (%v, %v)", s.Name, da, db, errA, errB)
		}
	}
}

func TestCheckWantsExplanations(t *testing.T) {
	var benign scenarios.Scenario
	for _, s := range scenarios.All() {
		if s.Name == "ab7-node-agent" {
			benign = s
		}
	}
	for _, c := range []struct {
		name   string
		report report.Report
		faults int
	}{
		{"nothing found", report.Report{Verdict: report.Clean}, 0},
		{"explained", report.Report{Verdict: report.Suspicious, Findings: []report.Finding{{Slug: "beacon-periodic", Severity: report.Medium}}}, 0},
		{"of no weight", report.Report{Verdict: report.Clean, Findings: []report.Finding{{Slug: "imds-access", Severity: report.Low}}}, 0},
		{"not explained", report.Report{Verdict: report.Suspicious, Findings: []report.Finding{{Slug: "cred-harvest", Severity: report.High}}}, 1},
		{"malicious", report.Report{Verdict: report.Malicious, Findings: []report.Finding{{Slug: "beacon-periodic", Severity: report.Critical, Malicious: true}}}, 2},
	} {
		if faults := benign.Check(&c.report); len(faults) != c.faults {
			t.Errorf("%s: %q", c.name, faults)
		}
	}
}
