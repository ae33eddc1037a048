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
			b, err := os.ReadFile(recording(s.Name))
			if err != nil {
				t.Fatalf("%v; 'go test ./sandbox -run TestSamples -update' records it", err)
			}
			var o observation.Observation
			if err := json.Unmarshal(b, &o); err != nil {
				t.Fatal(err)
			}
			verdict, err := j.Judge(t.Context(), &o)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range s.Expect.Check(judge.Report(&o, verdict, judge.Meta{})) {
				t.Error(fault)
			}
		})
	}
}

// recording is the file with the observation of a sample.
func recording(sample string) string {
	return filepath.Join("behaviours", "testdata", "observations", strings.ReplaceAll(sample, "/", ".")+".json")
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
