package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

func embedded(t *testing.T) func() redis.UniversalClient {
	client := redistest.Embedded(t)
	return func() redis.UniversalClient { return client }
}

func TestFromFirstPullToDenial(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		w := newWorld(t, connect)
		bad, good := w.content.AddImage(t, "bad", amd64), w.content.AddImage(t, "good", amd64)
		w.sandbox.Conclusions[imagetest.Digest(bad)] = report.Malicious
		hold := make(chan struct{})
		w.sandbox.Hold = hold
		here, there := w.start(), w.start()

		// 24 clients on two replicas ask for an image that nobody knows.
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				d, err := []*replica{here, there}[i%2].gate.Decide(t.Context(), tagged(bad, "DTA"))
				if err != nil || d.Action != gate.Wait || d.RetryAfter <= 0 || d.State == "" {
					t.Errorf("%+v, %v", d, err)
				}
			})
		}
		wg.Wait()
		waiting := here.decide(tagged(bad, "DTA"))
		if !strings.Contains(waiting.Message, `is being analysed (policy "DTA"): `) || !strings.Contains(waiting.Message, "; try again in 15 s; decision ") {
			t.Errorf("message %q", waiting.Message)
		}
		// Clients who wait are told at once.
		decided := make(chan gate.Decision, 8)
		for i := range cap(decided) {
			wg.Go(func() { decided <- []*replica{here, there}[i%2].await(tagged(bad, "DTA")) })
		}
		close(hold)
		wg.Wait()
		close(decided)
		for d := range decided {
			if d.Action != gate.Deny {
				t.Errorf("after the analysis: %s", d.Message)
			}
		}
		w.runs(bad, 1)

		d := here.expect(tagged(bad, "DTA"), gate.Deny)
		want := fmt.Sprintf(`sallyport: registry.test/team/app:DTA@sha256:%s… denied by policy "DTA", control dta: malicious — reverse-shell: `+
			`/bin/sh has its standard input and output on 203.0.113.7:4444; report: sallyport report registry.test/team/app:DTA; decision %s`,
			imagetest.Digest(bad).Encoded()[:12], d.ID)
		if d.Message != want {
			t.Errorf("message\n got %s\nwant %s", d.Message, want)
		}
		if d.Policy != "DTA" || d.Control != "dta" || d.Finding == nil || d.Finding.Slug != "reverse-shell" || len(d.Judged) != 1 || d.Judged[0].Verdict == nil {
			t.Errorf("decision %+v", d)
		}
		if recorded, err := there.gate.Decision(t.Context(), strings.ToLower(d.ID)); err != nil || recorded.Message != d.Message {
			t.Errorf("recorded: %+v, %v", recorded, err)
		}

		if d := there.await(tagged(good, "DTA")); d.Action != gate.Allow {
			t.Errorf("a clean image: %s", d.Message)
		}
		here.expect(tagged(good, "DTA"), gate.Allow)

		// Redis is flushed, both processes end, another starts on the same storage.
		if err := connect().FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		here.expect(tagged(bad, "DTA"), gate.Deny)
		here.stop()
		there.stop()
		if err := connect().FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		restarted := w.start()
		restarted.expect(tagged(bad, "DTA"), gate.Deny)
		restarted.expect(tagged(bad, ""), gate.Deny)
		restarted.expect(tagged(good, "DTA"), gate.Allow)
		w.runs(bad, 1)
		w.runs(good, 1)
	})
}

func TestImagesThatNoPolicyIncludesPass(t *testing.T) {
	w := newWorld(t, embedded(t))
	app := w.content.AddImage(t, "app", amd64)
	r := w.start()
	r.expect(tagged(app, "1"), gate.Allow)
	r.expect(tagged(app, ""), gate.Allow)
	w.runs(app, 0)
}

func TestLabelsAreFeltByTheNextRequestOnEveryReplica(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		for name, target := range map[string]func(image.Reference) label.Target{
			"tag": label.Tag, "digest": label.Image, "repository": label.Repository,
			"registry": func(r image.Reference) label.Target { return label.Registry(r.Registry) },
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, connect)
				app := w.content.AddImage(t, "app "+name, amd64)
				w.sandbox.Conclusions[imagetest.Digest(app)] = report.Malicious
				here, there := w.start(), w.start()
				req := tagged(app, "1")
				here.expect(req, gate.Allow)
				there.expect(req, gate.Allow)
				if err := here.labels.Add(t.Context(), target(req.Reference), "DTA"); err != nil {
					t.Fatal(err)
				}
				there.expect(req, gate.Wait)
				if d := there.await(req); d.Action != gate.Deny {
					t.Errorf("labelled: %s", d.Message)
				}
				here.expect(req, gate.Deny)
				if err := there.labels.Remove(t.Context(), target(req.Reference), "DTA"); err != nil {
					t.Fatal(err)
				}
				here.expect(req, gate.Allow)
			})
		}
	})
}

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

func TestArtifactsPassByWhatTheyAre(t *testing.T) {
	w := newWorld(t, embedded(t))
	signature := w.content.AddManifest(t, imagetest.OCIManifest, map[string]any{
		"schemaVersion": 2, "config": w.content.AddBlob("application/vnd.oci.empty.v1+json", []byte("{}")), "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json",
		"layers": []any{w.content.AddBlob("application/vnd.dev.cosign.simplesigning.v1+json", []byte("{}"))},
	})
	r := w.start()
	if d := r.expect(tagged(signature, "DTA"), gate.Allow); d.Passed != "signature" || !strings.Contains(d.Message, " passes: signature;") {
		t.Errorf("a signature: %+v", d)
	}
	if len(w.sandbox.Digests()) != 0 {
		t.Error("an artifact was run")
	}
}

func TestPlatformsThatTheSandboxDoesNotRun(t *testing.T) {
	w := newWorld(t, embedded(t))
	arm := w.content.AddImage(t, "arm", arm64)
	good := w.content.AddImage(t, "good", amd64)
	r := w.start()
	d := r.await(tagged(w.content.AddIndex(t, arm, good), "DTA"))
	if d.Action != gate.Allow {
		t.Fatalf("%s", d.Message)
	}
	var skipped policies.Check
	for _, j := range d.Judged {
		for _, c := range j.Result.Checks {
			if c.Skipped {
				skipped = c
			}
		}
	}
	if !strings.Contains(skipped.SkippedReason, "linux/arm64") {
		t.Errorf("no check is skipped for the platform: %+v", d.Judged)
	}
}

func TestAnalysisMayBeSwitchedOff(t *testing.T) {
	w := newWorld(t, embedded(t))
	app := w.content.AddImage(t, "app", amd64)
	r := w.start()
	if _, err := r.settings.Save(t.Context(), analysis.Settings{}); err != nil {
		t.Fatal(err)
	}
	d := r.expect(tagged(app, "DTA"), gate.Allow)
	if c := d.Judged[0].Result.Checks; len(c) != 1 || !c[0].Skipped || !strings.Contains(c[0].SkippedReason, "switched off") {
		t.Errorf("checks %+v", c)
	}
	if _, err := r.settings.Save(t.Context(), analysis.Settings{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	r.expect(tagged(app, "DTA"), gate.Wait)
}

func TestWhatAPolicySaysAboutWaiting(t *testing.T) {
	for pending, want := range map[string]gate.Action{"hold": gate.Wait, "block": gate.Deny, "allow": gate.Allow} {
		t.Run(pending, func(t *testing.T) {
			w := newWorld(t, embedded(t))
			app := w.content.AddImage(t, "app", amd64)
			hold := make(chan struct{})
			defer close(hold)
			w.sandbox.Hold = hold
			r := w.start("name: P\ndta_enabled: true\nsallyport: {pending: " + pending + "}\n")
			d := r.expect(tagged(app, "1"), want)
			switch want {
			case gate.Deny:
				if !strings.Contains(d.Message, `denied by policy "P", control dta: not analysed yet: `) {
					t.Errorf("message %q", d.Message)
				}
			case gate.Allow:
				if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "not analysed yet") {
					t.Errorf("warnings %q", d.Warnings)
				}
			}
			for deadline := time.Now().Add(10 * time.Second); w.sandbox.Started(imagetest.Digest(app)) == 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("it was not queued")
				}
			}
		})
	}
}

func TestFailuresThatDoNotBlockAreWarnings(t *testing.T) {
	w := newWorld(t, embedded(t))
	bad := w.content.AddImage(t, "bad", amd64)
	w.sandbox.Conclusions[imagetest.Digest(bad)] = report.Malicious
	r := w.start("name: P\ndta_enabled: true\nblock_failed: false\n")
	r.decide(tagged(bad, "1"))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		d := r.expect(tagged(bad, "1"), gate.Allow)
		if len(d.Judged[0].Result.Failures) == 1 {
			if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], `policy "P", control dta failed, which does not block: `) {
				t.Errorf("warnings %q", d.Warnings)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the verdict did not come: %+v", d)
		}
	}
}

func TestPermissionsComeFirst(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		w := newWorld(t, connect)
		bad, good := w.content.AddImage(t, "bad", amd64), w.content.AddImage(t, "good", amd64)
		index := w.content.AddIndex(t, bad)
		w.sandbox.Conclusions[imagetest.Digest(bad)] = report.Malicious
		here, there := w.start(), w.start()
		here.await(tagged(index, "DTA"))
		here.expect(tagged(good, "1"), gate.Allow)
		set := func(d map[string]any, tag string, a gate.Action, expires time.Time) label.Target {
			t.Helper()
			target := label.Tag(tagged(d, tag).Reference)
			if tag == "" {
				target = label.Image(tagged(d, tag).Reference)
			}
			if err := here.gate.Permissions().Set(t.Context(), gate.Permission{Target: target, Action: a, Comment: "ticket\n42", Author: "ada", Expires: expires}); err != nil {
				t.Fatal(err)
			}
			return target
		}
		set(index, "DTA", gate.Allow, time.Now().Add(time.Hour))
		d := there.expect(tagged(index, "DTA"), gate.Allow)
		if !strings.Contains(d.Permission, "allowed by ada until ") || !strings.HasSuffix(d.Permission, ": ticket 42") || len(d.Warnings) != 1 {
			t.Errorf("decision %+v", d)
		}
		there.expect(tagged(bad, ""), gate.Allow) // its image, of the same tag
		there.skew.Store(int64(2 * time.Hour))
		there.expect(tagged(index, "DTA"), gate.Deny) // expired
		there.skew.Store(0)

		blocked := set(good, "", gate.Deny, time.Time{})
		if d := there.expect(tagged(good, "1"), gate.Deny); !strings.Contains(d.Message, " denied: registry.test/team/app@sha256:") || !strings.Contains(d.Message, "blocked by ada: ticket 42") {
			t.Errorf("message %q", d.Message)
		}
		set(good, "1", gate.Allow, time.Time{})
		there.expect(tagged(good, "1"), gate.Deny) // a block outweighs
		there.expect(tagged(w.content.AddIndex(t, good), "2"), gate.Deny)
		if err := there.gate.Permissions().Remove(t.Context(), blocked); err != nil {
			t.Fatal(err)
		}
		here.expect(tagged(good, "1"), gate.Allow)
		if list, err := here.gate.Permissions().List(t.Context()); err != nil || len(list) != 2 {
			t.Errorf("list %+v, %v", list, err)
		}
	})
}

func TestPermissionsThatCannotBeGiven(t *testing.T) {
	w := newWorld(t, embedded(t))
	r := w.start()
	good := gate.Permission{Target: label.Target{Registry: "registry.test", Repository: "a", Which: "1"}, Action: gate.Allow, Comment: "c", Author: "a"}
	for name, change := range map[string]func(*gate.Permission){
		"repository": func(p *gate.Permission) { p.Target.Which = "" },
		"action":     func(p *gate.Permission) { p.Action = gate.Wait },
		"comment":    func(p *gate.Permission) { p.Comment = " " },
		"author":     func(p *gate.Permission) { p.Author = "" },
		"expired":    func(p *gate.Permission) { p.Expires = time.Now().Add(-time.Hour) },
	} {
		p := good
		change(&p)
		if err := r.gate.Permissions().Set(t.Context(), p); !errors.Is(err, gate.ErrPermission) {
			t.Errorf("%s: %v, want ErrPermission", name, err)
		}
	}
	good.Target.Registry = "Registry.test"
	if err := r.gate.Permissions().Set(t.Context(), good); !errors.Is(err, label.ErrTarget) {
		t.Errorf("another spelling: %v, want ErrTarget", err)
	}
}

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
	if _, err := r.gate.Decision(t.Context(), d.ID); !errors.Is(err, gate.ErrUnknownDecision) {
		t.Errorf("recorded: %v", err)
	}
	r.expect(tagged(app, ""), gate.Allow) // its tag was not remembered
	time.Sleep(500 * time.Millisecond)
	w.runs(app, 0)
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
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	start := time.Now()
	d, err := r.gate.Await(ctx, tagged(app, "DTA"))
	if took := time.Since(start); err != nil || d.Action != gate.Wait || took < 600*time.Millisecond || took > 3*time.Second {
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
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if d := r.decide(tagged(app, "DTA")); len(d.Warnings) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it was not tried again")
		}
	}
	w.runs(app, 1)
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
	if _, err := r.gate.Decision(t.Context(), old.ID); !errors.Is(err, gate.ErrUnknownDecision) {
		t.Errorf("an old record: %v", err)
	}
	if rec, err := r.gate.Record(t.Context(), recent.ID); err != nil || rec.Client != "198.51.100.7" || rec.Context.Kind != "pull" {
		t.Errorf("a recent record: %+v, %v", rec, err)
	}
	for _, id := range []string{"", "x", "../../verdicts", "01JZZZZZZZZZZZZZZZZZZZZZZZ"} {
		if _, err := r.gate.Decision(t.Context(), id); !errors.Is(err, gate.ErrUnknownDecision) {
			t.Errorf("Decision(%q): %v", id, err)
		}
	}
}
