package samples_test

import (
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/test/samples"
)

func TestSamplesSayWhatTheyExpect(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range samples.All() {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
		if len(s.Expect.Verdict) == 0 {
			t.Errorf("%s expects no verdict", s.Name)
		}
		if s.Near == (len(s.Expect.MustNot) == 0) || s.Near != (len(s.Expect.MustHave) == 0) {
			t.Errorf("%s must have %v and must not have %v", s.Name, s.Expect.MustHave, s.Expect.MustNot)
		}
		if s.Near && slices.Contains(s.Expect.Verdict, report.Malicious) {
			t.Errorf("%s is benign and may be called malicious", s.Name)
		}
		for _, f := range s.Expect.MustHave {
			if len(f.Evidence) == 0 {
				t.Errorf("%s: %s needs no evidence", s.Name, f.Slug)
			}
		}
	}
}

// TestImagesAreTheSameEveryTime: a verdict belongs to a digest.
func TestImagesAreTheSameEveryTime(t *testing.T) {
	testenv.NeedCommand(t, "busybox")
	testenv.NeedCommand(t, "dash")
	first, second := samples.NewKit(t.TempDir()), samples.NewKit(t.TempDir())
	for _, s := range samples.All() {
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

func TestCheckTellsWhatDiffers(t *testing.T) {
	expect := samples.Expect{
		MustHave: []samples.Finding{{Slug: "a", Evidence: []string{"/bin/x", "1.2.3.4"}}, {Slug: "b"}},
		MustNot:  []string{"c"}, Verdict: []report.Conclusion{report.Malicious},
	}
	evidence := []report.Evidence{{Path: "/bin/x"}, {Dst: "1.2.3.4:5"}}
	right := &report.Report{Verdict: report.Malicious, Findings: []report.Finding{{Slug: "a", Evidence: evidence}, {Slug: "b"}}}
	if faults := expect.Check(right); len(faults) > 0 {
		t.Errorf("a right report: %v", faults)
	}
	wrong := &report.Report{Verdict: report.Clean, Findings: []report.Finding{{Slug: "a", Evidence: evidence[:1]}, {Slug: "c"}}}
	if faults := expect.Check(wrong); len(faults) != 4 { // evidence of a, b, c, verdict
		t.Errorf("a wrong report: %q", faults)
	}
}
