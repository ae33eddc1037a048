package gate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/report"
)

func TestFaultsOpenTheGateWherePoliciesSaySo(t *testing.T) {
	const (
		reads  = "forbidden_labels_enabled: true\nforbidden_labels: [{key: stage, value: draft}]\n" // so that the image must be read
		opens  = "name: opens\n" + reads + "sallyport: {fault: open}\n"
		closes = "name: closes\n" + reads
		audits = "name: audits\nblock_failed: false\n" + reads
	)
	away := errors.New("the registry is away")
	for _, c := range []struct {
		name     string
		policies []string
		fault    error
		passes   bool
	}{
		{"by default", []string{closes}, away, false},
		{"a policy that opens", []string{opens}, away, true},
		{"beside one that closes", []string{opens, closes}, away, false},
		{"beside one that blocks nothing", []string{opens, audits}, away, true},
		{"none that blocks, none that opens", []string{audits}, away, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, embedded(t))
			app := w.content.AddImage(t, "app", amd64)
			r := w.start(c.policies...)
			w.content.Break(c.fault)
			d, err := r.gate.Decide(t.Context(), tagged(app, "1"))
			if (err == nil && d.Action == gate.Allow) != c.passes {
				t.Fatalf("%+v, %v", d, err)
			}
			if c.passes && (len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "not judged") || d.ID == "") {
				t.Errorf("%+v", d)
			}
			// What was let pass is judged as soon as it can be.
			w.content.Break(nil)
			if d := r.expect(tagged(app, "1"), gate.Allow); len(d.Judged) != 1 {
				t.Errorf("afterwards: %+v", d)
			}
		})
	}
}

func TestFaultsOpenNothingThatIsKnownToBeBad(t *testing.T) {
	w := newWorld(t, embedded(t))
	bad := w.content.AddImage(t, "bad", amd64)
	w.sandbox.Conclusions[imagetest.Digest(bad)] = report.Malicious
	r := w.start(dtaPolicy + "sallyport: {fault: open}\n")
	r.await(tagged(bad, "DTA"))
	broken := w.content.AddRaw(imagetest.OCIManifest, []byte(`{"schemaVersion":2,"layers":[]}`))
	if d, err := r.gate.Decide(t.Context(), tagged(broken, "1")); err == nil {
		t.Errorf("a malformed image passes: %+v", d)
	}
	many := make([]map[string]any, 65)
	for i := range many {
		many[i] = bad
	}
	if d, err := r.gate.Decide(t.Context(), tagged(w.content.AddIndex(t, many...), "1")); !errors.Is(err, gate.ErrIndex) {
		t.Errorf("an index that is too large passes: %+v, %v", d, err)
	}
}
