package sandbox_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/test/samples"
)

// TestRecorded judges what was recorded of the samples, without running any: a
// rule that changes its mind is seen in seconds, on every machine.
func TestRecorded(t *testing.T) {
	j := rules(t)
	for _, s := range samples.All() {
		if strings.HasPrefix(s.Name, "broken/") {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			files := recordings(t, s.Name)
			if len(files) == 0 {
				t.Fatal("there is no recording; 'go test ./sandbox -run TestSamples -update' makes it")
			}
			var passes []judge.Pass
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var o observation.Observation
				if err := json.Unmarshal(b, &o); err != nil {
					t.Fatal(err)
				}
				verdict, err := j.Judge(t.Context(), &o)
				if err != nil {
					t.Fatal(err)
				}
				passes = append(passes, judge.Pass{Observation: &o, Judgement: verdict})
			}
			all, err := judge.Together(t.Context(), passes)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range s.Expect.Check(judge.Report(passes, all, judge.Meta{})) {
				t.Error(fault)
			}
		})
	}
}

// recording is the file with the observation of a sample in a pass.
func recording(sample, pass string) string {
	name := strings.ReplaceAll(sample, "/", ".")
	if pass != "" && pass != observation.Default {
		name += "@" + pass
	}
	return filepath.Join("behaviours", "testdata", "observations", name+".json")
}

// recordings are the files that there are of a sample, the first pass first.
func recordings(t *testing.T, sample string) []string {
	t.Helper()
	first := recording(sample, "")
	list, err := filepath.Glob(strings.TrimSuffix(first, ".json") + "@*.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first); err == nil {
		list = append([]string{first}, list...)
	}
	return list
}

// TestEveryBehaviourHasSamples keeps rules and samples together.
func TestEveryBehaviourHasSamples(t *testing.T) {
	shown, near := map[string]bool{}, map[string]bool{}
	for _, s := range samples.All() {
		if s.Near {
			near[s.Slug()] = true
		} else {
			shown[s.Slug()] = true
		}
	}
	for _, b := range rules(t).List() {
		if !shown[b.Slug] || !near[b.Slug] {
			t.Errorf("%s: there is a sample that shows it: %v, one that comes near: %v", b.Slug, shown[b.Slug], near[b.Slug])
		}
	}
}
