package gate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
)

func TestADigestIsJudgedByTheTagsItIsKnownUnder(t *testing.T) {
	w := newWorld(t, embedded(t))
	bad, other := w.content.AddImage(t, "bad", amd64), w.content.AddImage(t, "other", arm64)
	bom := w.content.AddImage(t, "attestation", attestation)
	index := w.content.AddIndex(t, other, bad, bom)
	w.sandbox.Conclusions[imagetest.Digest(bad)] = report.Malicious
	w.sandbox.Platforms = append(w.sandbox.Platforms, arm64)
	r := w.start()
	if d := r.await(tagged(index, "DTA")); d.Action != gate.Deny || len(d.Judged) != 2 || d.Judged[1].Platform != amd64 {
		t.Errorf("the index: %s", d.Message)
	}
	for _, process := range []*replica{r, w.start()} {
		process.expect(tagged(index, ""), gate.Deny)
		process.expect(tagged(bad, ""), gate.Deny)
		process.expect(tagged(bad, "innocent"), gate.Deny)
		if d := process.await(tagged(other, "")); d.Action != gate.Allow || d.Judged[0].Result.Applicable == nil {
			t.Errorf("the other platform: %s", d.Message)
		}
		// Somewhere else the same bytes have no such name.
		elsewhere := tagged(bad, "")
		elsewhere.Reference.Repository = "team/elsewhere"
		process.expect(elsewhere, gate.Allow)
	}
	// An entry that calls itself an attestation is judged as what it is when asked for.
	if d := r.await(tagged(bom, "")); d.Passed != "" || len(d.Judged) != 1 || len(d.Judged[0].Result.Applicable) != 1 {
		t.Errorf("an image that an index calls an attestation: %+v", d)
	}
	w.runs(bad, 1)
}

func TestATagThatMovedOnStaysWithItsFormerDigest(t *testing.T) {
	w := newWorld(t, embedded(t))
	old, now := w.content.AddImage(t, "old", amd64), w.content.AddImage(t, "new", amd64)
	w.sandbox.Conclusions[imagetest.Digest(old)] = report.Malicious
	r := w.start()
	r.await(tagged(old, "DTA"))
	if d := r.await(tagged(now, "DTA")); d.Action != gate.Allow {
		t.Errorf("what the tag means now: %s", d.Message)
	}
	r.expect(tagged(old, ""), gate.Deny)
}

func TestAnswersAreGivenAgainWhileNothingChanges(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		w := newWorld(t, connect)
		app := w.content.AddImage(t, "app", amd64)
		r := w.start()
		r.await(tagged(app, "DTA"))
		r.decide(tagged(app, "DTA"))
		before := r.evaluations.Load()
		first := r.decide(tagged(app, "DTA"))
		for range 50 {
			if d := r.decide(tagged(app, "DTA")); d.ID != first.ID {
				t.Fatalf("the same answer has the ids %s and %s", first.ID, d.ID)
			}
		}
		if n := r.evaluations.Load() - before; n != 0 {
			t.Errorf("policies were evaluated %d times for the same question", n)
		}
		if err := r.labels.Add(t.Context(), label.Registry("elsewhere.test"), "x"); err != nil {
			t.Fatal(err)
		}
		if d := r.decide(tagged(app, "DTA")); d.ID != first.ID || r.evaluations.Load() != before {
			t.Errorf("a change elsewhere: id %s, %d evaluations", d.ID, r.evaluations.Load()-before)
		}
		r.load(dtaPolicy, "name: Other\ndta_enabled: true\n")
		if d := r.decide(tagged(app, "DTA")); d.Generation == first.Generation || d.ID == first.ID || r.evaluations.Load() == before {
			t.Errorf("a new policy is not felt: %+v", d)
		}
	})
}

func TestOtherReplicasEvaluationsAreUsed(t *testing.T) {
	server := redistest.Start(t)
	w := newWorld(t, server.Client)
	app := w.content.AddImage(t, "app", amd64)
	here, there := w.start(), w.start()
	here.await(tagged(app, "DTA"))
	here.decide(tagged(app, "DTA"))
	there.expect(tagged(app, "DTA"), gate.Allow)
	if n := there.evaluations.Load(); n != 0 {
		t.Errorf("the other replica evaluated %d times what Redis knew", n)
	}
}

func TestADryRunLeavesNoTrace(t *testing.T) {
	w := newWorld(t, embedded(t))
	app := w.content.AddImage(t, "app", amd64)
	index := w.content.AddIndex(t, app)
	r := w.start()
	req := tagged(index, "DTA")
	req.DryRun = true
	d := r.expect(req, gate.Wait)
	if names, err := r.gate.Known(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("remembered: %v, %v", names, err)
	}
	if _, err := r.gate.Record(t.Context(), d.ID); !errors.Is(err, gate.ErrUnknownDecision) {
		t.Errorf("recorded: %v", err)
	}
	r.expect(tagged(app, ""), gate.Allow) // its tag was not remembered
	time.Sleep(500 * time.Millisecond)
	w.runs(app, 0)
}

func TestRecheckQueuesWhatALabelSelects(t *testing.T) {
	w := newWorld(t, embedded(t))
	first, second := w.content.AddImage(t, "first", amd64), w.content.AddImage(t, "second", amd64)
	r := w.start()
	r.expect(tagged(first, "1"), gate.Allow)
	r.expect(tagged(second, "2"), gate.Allow)
	target := label.Tag(tagged(first, "1").Reference)
	if err := r.labels.Add(t.Context(), target, "DTA"); err != nil {
		t.Fatal(err)
	}
	decisions, err := r.gate.Recheck(t.Context(), target)
	if err != nil || len(decisions) != 1 || decisions[0].Action != gate.Wait {
		t.Errorf("recheck: %+v, %v", decisions, err)
	}
	if all, err := r.gate.Recheck(t.Context(), label.Registry("registry.test")); err != nil || len(all) != 2 {
		t.Errorf("recheck of all: %+v, %v", all, err)
	}
	names, err := r.gate.Known(t.Context())
	if err != nil || len(names) != 2 || names[0].Reference != tagged(first, "1").Reference || names[0].Seen.IsZero() {
		t.Errorf("known: %+v, %v", names, err)
	}
	r.await(tagged(first, "1"))
	w.runs(second, 0)
}

func TestRecordsArePruned(t *testing.T) {
	w := newWorld(t, embedded(t))
	r := w.start()
	old := r.decide(tagged(w.content.AddImage(t, "old", amd64), "1"))
	r.skew.Store(int64(48 * time.Hour))
	recent := r.decide(tagged(w.content.AddImage(t, "recent", amd64), "1"))
	if err := r.gate.Prune(t.Context(), time.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.gate.Record(t.Context(), old.ID); !errors.Is(err, gate.ErrUnknownDecision) {
		t.Errorf("an old record: %v", err)
	}
	if rec, err := r.gate.Record(t.Context(), recent.ID); err != nil || rec.Client != "198.51.100.7" || rec.Context.Kind != "pull" {
		t.Errorf("a recent record: %+v, %v", rec, err)
	}
	for _, id := range []string{"", "x", "../../verdicts", "01JZZZZZZZZZZZZZZZZZZZZZZZ"} {
		if _, err := r.gate.Record(t.Context(), id); !errors.Is(err, gate.ErrUnknownDecision) {
			t.Errorf("Decision(%q): %v", id, err)
		}
	}
}

// Facts of an index are those of its images, as the policies would read them;
// asking leaves no trace.
func TestFactsOfAnIndex(t *testing.T) {
	w := newWorld(t, embedded(t))
	r := w.start()
	index := w.content.AddIndex(t, w.content.AddImage(t, "a", amd64), w.content.AddImage(t, "b", arm64))
	all, err := r.gate.Facts(t.Context(), tagged(index, "1").Reference, policies.Context{Kind: "ci"}, true)
	if err != nil || len(all) != 2 || all[0].Platform != amd64 || all[1].Facts.Image.Architecture != "arm64" || all[0].Facts.Context.Kind != "ci" || all[0].Facts.Image.Tags[0] != "1" {
		t.Errorf("%+v, %v", all, err)
	}
	if known, err := r.gate.Known(t.Context()); err != nil || len(known) != 0 {
		t.Errorf("known %v, %v", known, err)
	}
	if _, err := r.gate.Facts(t.Context(), image.Reference{Registry: "a.test", Repository: "b", Tag: "c"}, policies.Context{}, false); err == nil {
		t.Error("facts of a reference without digest")
	}
}
