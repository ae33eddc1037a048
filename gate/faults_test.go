package gate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

func TestWithoutRedisTheGateIsDegradedNotOpen(t *testing.T) {
	server := redistest.Start(t)
	w := newWorld(t, server.Client)
	bad, unknown := w.content.AddImage(t, "bad", amd64), w.content.AddImage(t, "unknown", amd64)
	w.sandbox.Conclusions[imagetest.Digest(bad)] = report.Malicious
	r := w.start()
	r.await(tagged(bad, "DTA"))
	server.Stop()
	for _, process := range []*replica{r, w.start()} {
		if d := process.expect(tagged(bad, "DTA"), gate.Deny); !d.Degraded {
			t.Error("the answer does not say that the gate is degraded")
		}
		process.expect(tagged(bad, ""), gate.Deny)
		d := process.expect(tagged(unknown, "DTA"), gate.Wait)
		if !strings.Contains(d.Message, "the analysis queue is not available") {
			t.Errorf("message %q", d.Message)
		}
		if err := process.labels.Add(t.Context(), label.Tag(tagged(unknown, "x").Reference), "DTA"); err != nil {
			t.Fatal(err)
		}
		process.expect(tagged(unknown, "x"), gate.Wait)
	}
	server.Restart()
	if d := r.await(tagged(unknown, "DTA")); d.Action != gate.Allow {
		t.Errorf("after Redis is back: %s", d.Message)
	}
	r.expect(tagged(bad, "DTA"), gate.Deny)
}

func TestFaultsCloseTheGate(t *testing.T) {
	w := newWorld(t, embedded(t))
	app := w.content.AddImage(t, "app", amd64)
	schema1 := w.content.AddRaw("application/vnd.docker.distribution.manifest.v1+json", []byte(`{"schemaVersion":1}`))
	r := w.start()
	unknown := tagged(app, "1")
	unknown.Reference.Digest = digest.FromString("never pushed")
	for name, test := range map[string]struct {
		req  gate.Request
		want error
	}{
		"unknown manifest": {unknown, inspect.ErrMissing},
		"schema 1":         {tagged(schema1, "1"), inspect.ErrSchema1},
		"no digest":        {gate.Request{Reference: image.Reference{Registry: "registry.test", Repository: "a", Tag: "1"}}, nil},
	} {
		d, err := r.gate.Decide(t.Context(), test.req)
		if err == nil || test.want != nil && !errors.Is(err, test.want) || d.Action == gate.Allow {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		if _, err := r.gate.Await(t.Context(), test.req); err == nil {
			t.Errorf("%s: Await gave no error", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.gate.Decide(ctx, tagged(app, "1")); err == nil {
		t.Error("a decision was made for somebody who left")
	}
}

func TestIndexes(t *testing.T) {
	w := newWorld(t, embedded(t))
	app := w.content.AddImage(t, "app", amd64)
	gone := imagetest.Descriptor(imagetest.OCIManifest, []byte("never pushed"))
	gone["platform"] = arm64
	r := w.start()
	if d := r.await(tagged(w.content.AddIndex(t, app, gone), "DTA")); d.Action != gate.Allow || len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "not in the registry") {
		t.Errorf("an index with a platform that was never pushed: %+v", d)
	}
	nested := w.content.AddIndex(t, app)
	for range 2 {
		nested = w.content.AddIndex(t, nested)
	}
	if d := r.await(tagged(nested, "DTA")); len(d.Judged) != 1 {
		t.Errorf("nested: %+v", d)
	}
	if _, err := r.gate.Decide(t.Context(), tagged(w.content.AddIndex(t, nested), "1")); !errors.Is(err, gate.ErrIndex) {
		t.Errorf("nested too deep: %v", err)
	}
	many := make([]map[string]any, 65)
	for i := range many {
		many[i] = app
	}
	if _, err := r.gate.Decide(t.Context(), tagged(w.content.AddIndex(t, many...), "1")); !errors.Is(err, gate.ErrIndex) {
		t.Errorf("too many images: %v", err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	w := newWorld(t, embedded(t))
	app := w.content.AddImage(t, "app", amd64)
	hold := make(chan struct{})
	defer close(hold)
	w.sandbox.Hold = hold
	r := w.start()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	start := time.Now()
	d, err := r.gate.Await(ctx, tagged(app, "DTA"))
	if took := time.Since(start); err != nil || d.Action != gate.Wait || took < 1900*time.Millisecond || took > 30*time.Second {
		t.Errorf("Await = %+v, %v after %v", d, err, took)
	}
}

func TestInconclusiveImagesAreTriedAgainInTime(t *testing.T) {
	w := newWorld(t, embedded(t))
	app := w.content.AddImage(t, "app", amd64)
	r := w.start()
	v := verdict.Verdict{Digest: imagetest.Digest(app), Conclusion: report.Inconclusive, Reason: "3 runs failed", Time: time.Now(), RetryAt: time.Now().Add(time.Hour)}
	if _, err := r.verdicts.Conclude(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if d := r.expect(tagged(app, "DTA"), gate.Allow); len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "3 runs failed") {
		t.Errorf("warnings %q", d.Warnings)
	}
	time.Sleep(400 * time.Millisecond)
	w.runs(app, 0)
	v.Time, v.RetryAt = time.Now(), time.Now().Add(-time.Second)
	if _, err := r.verdicts.Conclude(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	r.expect(tagged(app, "DTA"), gate.Allow)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if d := r.decide(tagged(app, "DTA")); len(d.Warnings) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it was not tried again")
		}
	}
	w.runs(app, 1)
}
