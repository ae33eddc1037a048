package gate_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
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
		if recorded, err := there.gate.Record(t.Context(), strings.ToLower(d.ID)); err != nil || recorded.Decision.Message != d.Message {
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
			for deadline := time.Now().Add(time.Minute); w.sandbox.Started(imagetest.Digest(app)) == 0; time.Sleep(10 * time.Millisecond) {
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
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
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

func TestWhoLeavesWhileItIsQueued(t *testing.T) {
	w := newWorld(t, embedded(t))
	app := w.content.AddImage(t, "app", amd64)
	hold := make(chan struct{})
	defer close(hold)
	w.sandbox.Hold = hold
	asked, leave := context.WithCancel(t.Context())
	w.queues = leave // the time that the client waits is over just then
	r := w.start()
	d, err := r.gate.Await(asked, tagged(app, "DTA"))
	if err != nil || d.Action != gate.Wait || d.State == "" || strings.Contains(d.State, "not queued") {
		t.Errorf("%v, action %q, state %q", err, d.Action, d.State)
	}
	for deadline := time.Now().Add(time.Minute); w.sandbox.Started(imagetest.Digest(app)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not queued")
		}
	}
}
