package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/opencontainers/go-digest"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/internal/reporttest"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/proxy/lease"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/service"
	"github.com/sallyport-dev/sallyport/verdict"
)

// today is a rule that knows a program of yesterday to be bad.
const today = `# METADATA
# title: A server that became known
# description: It was found out today.
# custom:
#   severity: critical
package sallyport.behaviours.weaponization["known-today"]

finding contains {
	"message": "the server ran", "malicious": true,
	"evidence": [{"type": "process", "process": id, "event": p.event}],
} if {
	some id, p in input.processes
	"actor" in p.names
}
`

const sandboxToken = "0123456789abcdef-replay"

// rulesOf is a real sandbox service with the rules, which runs nothing here.
func rulesOf(t *testing.T, rules fs.FS) (url, ruleset string) {
	t.Helper()
	cfg := judge.Config{}
	if rules != nil {
		cfg.Extra = []fs.FS{rules}
	}
	j, err := judge.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	runner, err := sandbox.New(sandbox.Config{Dir: t.TempDir(), Judge: j, Version: "9.9"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := service.New(service.Config{Token: sandboxToken, Version: "9.9"}, runner)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL, j.Ruleset()
}

func rule(text string) fs.FS { return fstest.MapFS{"rule.rego": {Data: []byte(text)}} }

// archive is a gate's storage with runs in it, and the sandbox that it asks.
type archive struct {
	t        *testing.T
	objects  *objects.Store
	verdicts *verdict.Store
	replayer *analysis.Replayer

	mu      sync.Mutex
	sandbox string
}

func newArchive(t *testing.T, d driver.StorageDriver, r redis.UniversalClient, auto bool) *archive {
	t.Helper()
	a := &archive{t: t, objects: objects.New(d)}
	var err error
	if a.verdicts, err = verdict.New(a.objects, r); err != nil {
		t.Fatal(err)
	}
	settings, err := analysis.NewSettings(a.objects, epoch.New(r), analysis.Settings{Enabled: true}, func() analysis.Local {
		a.mu.Lock()
		defer a.mu.Unlock()
		return analysis.Local{URL: a.sandbox, Token: sandboxToken}
	})
	if err != nil {
		t.Fatal(err)
	}
	a.replayer, err = analysis.NewReplayer(analysis.ReplayConfig{
		Poll: 20 * time.Millisecond, Rest: 20 * time.Millisecond,
		Objects: a.objects, Verdicts: a.verdicts, Settings: settings, Auto: auto, Lock: leases{lease.New(r, "test:", time.Minute)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

type leases struct{ *lease.Leases }

func (l leases) Take(ctx context.Context, name, say string) (func(), string, error) {
	mine, said, err := l.Leases.Take(ctx, name, say)
	if mine == nil {
		return nil, said, err
	}
	return func() { mine.Release(); l.Wait() }, "", nil
}

func (a *archive) use(url string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sandbox = url
}

// ran stores what a run of the recorded sample leaves, as a worker does, and
// returns the digest of its image.
func (a *archive) ran(sample string, rules fs.FS) digest.Digest {
	a.t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "sandbox", "behaviours", "testdata", "observations", sample+".json"))
	if err != nil {
		a.t.Fatal(err)
	}
	var o observation.Observation
	if err := json.Unmarshal(b, &o); err != nil {
		a.t.Fatal(err)
	}
	cfg := judge.Config{}
	if rules != nil {
		cfg.Extra = []fs.FS{rules}
	}
	j, err := judge.New(cfg)
	if err != nil {
		a.t.Fatal(err)
	}
	verdict, err := j.Judge(a.t.Context(), &o)
	if err != nil {
		a.t.Fatal(err)
	}
	raw, err := json.Marshal(judge.Report([]judge.Pass{{Observation: &o, Judgement: verdict}}, verdict, judge.Meta{ID: "the-run", Version: "1.0", Runtime: "test"}))
	if err != nil {
		a.t.Fatal(err)
	}
	packed, err := observation.Encode([]*observation.Observation{&o}, protocol.MaxObservations)
	if err != nil {
		a.t.Fatal(err)
	}
	d := digest.Digest(o.Image.Digest)
	subject := subjectOf(sample)
	subject.Digest = d
	if _, err := a.verdicts.Put(a.t.Context(), subject, raw); err != nil {
		a.t.Fatal(err)
	}
	for _, err := range []error{a.verdicts.PutObservations(a.t.Context(), raw, packed), a.verdicts.PutEvents(a.t.Context(), raw, []byte("events of "+sample))} {
		if err != nil {
			a.t.Fatal(err)
		}
	}
	return d
}

func (a *archive) replay(o analysis.ReplayOptions) (map[digest.Digest]analysis.Replayed, analysis.ReplaySummary) {
	a.t.Helper()
	list := map[digest.Digest]analysis.Replayed{}
	s, err := a.replayer.Replay(a.t.Context(), o, func(one analysis.Replayed) error { list[one.Digest] = one; return nil })
	if err != nil {
		a.t.Fatal(err)
	}
	return list, s
}

func (a *archive) expect(d digest.Digest, want report.Conclusion) verdict.Verdict {
	a.t.Helper()
	v, err := a.verdicts.Get(a.t.Context(), d)
	if err != nil || v.Conclusion != want {
		a.t.Errorf("the verdict is %s, %v, want %s", v.Conclusion, err, want)
	}
	return v
}

// Recorded samples, both clean by the built-in rules.
const (
	server = "benign.web-server" // which the rule of today knows
	hello  = "benign.hello"
)

func disk(t *testing.T) driver.StorageDriver {
	return filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100})
}

// subjectOf is an image that is called seed.
func subjectOf(seed string) verdict.Subject {
	return verdict.Subject{Digest: digest.FromString(seed), MediaType: "application/vnd.oci.image.manifest.v1+json", Size: 100}
}

func reportOf(t *testing.T, d digest.Digest, c report.Conclusion) []byte {
	return reporttest.JSON(t, d, c)
}

// TestWhatIsFoundTodayConvictsYesterdaysImage: with a rule more, a run that was
// not bad is, everywhere and without being run again; without the rule it is not.
func TestWhatIsFoundTodayConvictsYesterdaysImage(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		d := disk(t)
		a, other := newArchive(t, d, connect(), false), newArchive(t, d, connect(), false)
		bad, good := a.ran(server, nil), a.ran(hello, nil)
		before := a.expect(bad, report.Clean)
		other.expect(bad, report.Clean)
		url, _ := rulesOf(t, nil)
		a.use(url)
		if list, s := a.replay(analysis.ReplayOptions{By: "ada"}); len(list) != 0 || s.Current != 2 {
			t.Errorf("nothing is new, but: %+v %+v", list, s)
		}

		url, ruleset := rulesOf(t, rule(today))
		a.use(url)
		list, s := a.replay(analysis.ReplayOptions{DryRun: true})
		if one := list[bad]; len(list) != 1 || one.Outcome != analysis.ReplayRaised || !slices.Equal(one.Added, []string{"known-today"}) || !s.DryRun || s.Same != 1 {
			t.Errorf("the dry run: %+v %+v", list, s)
		}
		a.expect(bad, report.Clean)

		list, s = a.replay(analysis.ReplayOptions{})
		if one := list[bad]; one.Before.Conclusion != report.Clean || one.After.Conclusion != report.Malicious || one.Image == "" || s.Raised != 1 || s.Same != 1 || s.Ruleset != ruleset || s.Version != "9.9" {
			t.Errorf("the replay: %+v %+v", list, s)
		}
		for _, replica := range []*archive{a, other} {
			v := replica.expect(bad, report.Malicious)
			if v.Ruleset != ruleset || v.Rules != "9.9" || !v.Time.Equal(before.Time) || v.Rejudged.IsZero() || v.Version() == before.Version() || v.Run != before.Report {
				t.Errorf("the verdict %+v, before %+v", v, before)
			}
			replica.expect(good, report.Clean)
			raw, err := replica.verdicts.Report(t.Context(), bad)
			if err != nil {
				t.Fatal(err)
			}
			r, err := report.Decode(bytes.NewReader(raw))
			if err != nil || r.ID != "the-run" || r.Tool.Ruleset != ruleset || r.Tool.Version != "9.9" || r.Tool.Runtime != "test" || !r.Malicious {
				t.Errorf("the report: %v, %s %+v %t", err, r.ID, r.Tool, r.Malicious)
			}
			if b, err := replica.verdicts.Events(t.Context(), bad); err != nil || string(b) != "events of "+server {
				t.Errorf("the events: %q, %v", b, err)
			}
			if a, err := replica.verdicts.Artifacts(t.Context(), bad); err != nil || len(a) != 1 || !bytes.Equal(a[0].Blobs[v.Report], raw) {
				t.Errorf("attached: %v, %v", a, err)
			}
		}
		if list, s := a.replay(analysis.ReplayOptions{}); len(list) != 0 || s.Current != 2 {
			t.Errorf("once more: %+v %+v", list, s)
		}
		if _, s := a.replay(analysis.ReplayOptions{All: true, Digests: []digest.Digest{bad, subjectOf("never").Digest}}); s.Same != 1 || s.NotRun != 1 || s.Current != 0 {
			t.Errorf("one of them, whatever judged it: %+v", s)
		}
		if _, s := a.replay(analysis.ReplayOptions{All: true, Since: time.Now().Add(time.Hour)}); s.Same != 0 {
			t.Errorf("runs of the future: %+v", s)
		}

		// The rule was wrong and is taken back.
		url, _ = rulesOf(t, nil)
		a.use(url)
		if list, s := a.replay(analysis.ReplayOptions{}); list[bad].Outcome != analysis.ReplayLowered || !slices.Equal(list[bad].Removed, []string{"known-today"}) || s.Lowered != 1 {
			t.Errorf("taken back: %+v %+v", list, s)
		}
		a.expect(bad, report.Clean)
		reports, err := a.objects.List(t.Context(), "reports")
		if err != nil || len(reports) != 4 {
			t.Errorf("%d reports are kept, want that of each run and its last judgement: %v", len(reports), err)
		}
	})
}

// TestRulesThatTakeNoPartAcquitNobody: a verdict becomes no milder because a
// rule is broken, and a broken rule keeps no other from convicting.
func TestRulesThatTakeNoPartAcquitNobody(t *testing.T) {
	a := newArchive(t, disk(t), redistest.Embedded(t), false)
	bad := a.ran(server, rule(today))
	v := a.expect(bad, report.Malicious)
	url, _ := rulesOf(t, rule(strings.Replace(today, "some id", "some some id", 1)))
	a.use(url)
	list, s := a.replay(analysis.ReplayOptions{})
	if one := list[bad]; one.Outcome != analysis.ReplayKept || !strings.Contains(one.Reason, "rule.rego") || s.Kept != 1 {
		t.Errorf("%+v %+v", list, s)
	}
	if now := a.expect(bad, report.Malicious); now.Version() != v.Version() {
		t.Errorf("it is another verdict: %+v", now)
	}
	both := fstest.MapFS{
		"broken.rego": {Data: []byte("package sallyport.behaviours.propagation.nothing\n")},
		"rule.rego":   {Data: []byte(strings.Replace(today, "known-today", "known-now", 1))},
	}
	url, _ = rulesOf(t, both)
	a.use(url)
	if list, _ := a.replay(analysis.ReplayOptions{}); list[bad].Outcome != analysis.ReplayChanged || !slices.Equal(list[bad].Added, []string{"known-now"}) {
		t.Errorf("%+v", list)
	}
}

// TestWhatCannotBeReplayedIsSaid, and keeps the others from nothing.
func TestWhatCannotBeReplayedIsSaid(t *testing.T) {
	ctx, a := t.Context(), newArchive(t, disk(t), redistest.Embedded(t), false)
	bad := a.ran(server, nil)
	subjects := map[string]verdict.Subject{}
	for _, name := range []string{"unkept", "older", "damaged", "skipped"} {
		subject := subjectOf(name)
		subjects[name] = subject
		c := report.Clean
		if name == "skipped" {
			c = report.Skipped
		}
		raw := reportOf(t, subject.Digest, c)
		if _, err := a.verdicts.Put(ctx, subject, raw); err != nil {
			t.Fatal(err)
		}
		packed := map[string][]byte{"older": gzipped(t, `{"schema_version":0,"processes":[]}`), "damaged": []byte("\x1f\x8bx")}[name]
		if packed == nil {
			continue
		}
		if err := a.verdicts.PutObservations(ctx, raw, packed); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.verdicts.Conclude(ctx, verdict.Verdict{Digest: subjectOf("never").Digest, Conclusion: report.Inconclusive, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	url, _ := rulesOf(t, rule(today))
	a.use(url)
	list, s := a.replay(analysis.ReplayOptions{})
	for name, want := range map[string]struct {
		outcome analysis.ReplayOutcome
		reason  string
	}{
		"unkept": {analysis.ReplayMissing, "no observation"}, "older": {analysis.ReplayUnreadable, "schema version 0"}, "damaged": {analysis.ReplayUnreadable, "gzip"},
	} {
		if one := list[subjects[name].Digest]; one.Outcome != want.outcome || !strings.Contains(one.Reason, want.reason) {
			t.Errorf("%s: %+v", name, one)
		}
		a.expect(subjects[name].Digest, report.Clean)
	}
	if s.Missing != 1 || s.Unreadable != 2 || s.NotRun != 2 || s.Raised != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	a.expect(bad, report.Malicious)
}

// TestALaterRunWins over a judgement of an earlier one, and a wish to run again is not taken for granted.
func TestALaterRunWins(t *testing.T) {
	ctx, a := t.Context(), newArchive(t, disk(t), redistest.Embedded(t), false)
	bad := a.ran(server, nil)
	old := a.expect(bad, report.Clean)
	raw := reportOf(t, bad, report.Suspicious)
	if _, err := a.verdicts.Put(ctx, old.Subject, raw); err != nil {
		t.Fatal(err)
	}
	if _, err := a.verdicts.Rejudge(ctx, old, reportOf(t, bad, report.Malicious)); !errors.Is(err, verdict.ErrSuperseded) {
		t.Errorf("Rejudge: %v", err)
	}
	a.expect(bad, report.Suspicious)
	if _, err := a.verdicts.Rejudge(ctx, old, reportOf(t, subjectOf("another").Digest, report.Malicious)); !errors.Is(err, verdict.ErrSubject) {
		t.Errorf("the report of another image: %v", err)
	}
}

// TestTheGateReplaysByItself when the sandbox has other rules, on one replica.
func TestTheGateReplaysByItself(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		d := disk(t)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop()
		replicas := []*archive{newArchive(t, d, connect(), true), newArchive(t, d, connect(), true), newArchive(t, d, connect(), false)}
		bad := replicas[0].ran(server, nil)
		url, _ := rulesOf(t, rule(today))
		for _, a := range replicas {
			a.use(url)
			wg.Go(func() {
				if err := a.replayer.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		until(t, "convicted", func() bool {
			v, err := replicas[2].verdicts.Get(ctx, bad)
			return err == nil && v.Conclusion == report.Malicious
		})
		url, _ = rulesOf(t, nil)
		for _, a := range replicas {
			a.use(url)
		}
		until(t, "acquitted", func() bool {
			v, err := replicas[2].verdicts.Get(ctx, bad)
			return err == nil && v.Conclusion == report.Clean
		})
		// What a person has judged by other rules, for one image or all, is
		// noticed when the rules are those of before.
		url, _ = rulesOf(t, rule(today))
		byHand := newArchive(t, d, connect(), false)
		byHand.use(url)
		for _, o := range []analysis.ReplayOptions{{Digests: []digest.Digest{bad}}, {}} {
			for {
				_, err := byHand.replayer.Replay(ctx, o, nil)
				if err == nil {
					break
				}
				if !errors.Is(err, analysis.ErrReplaying) {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Millisecond)
			}
			until(t, "as the gate's own sandbox judges", func() bool {
				v, err := byHand.verdicts.Get(ctx, bad)
				return err == nil && v.Conclusion == report.Clean
			})
		}
	})
}

// TestOneReplayAtATime: the second is told whose is under way.
func TestOneReplayAtATime(t *testing.T) {
	a := newArchive(t, disk(t), redistest.Embedded(t), false)
	a.ran(server, nil)
	url, _ := rulesOf(t, rule(today))
	a.use(url)
	_, err := a.replayer.Replay(t.Context(), analysis.ReplayOptions{By: "ada"}, func(analysis.Replayed) error {
		_, err := a.replayer.Replay(t.Context(), analysis.ReplayOptions{By: "bob"}, nil)
		if !errors.Is(err, analysis.ErrReplaying) || !strings.Contains(err.Error(), "ada") {
			t.Errorf("a second replay: %v", err)
		}
		if _, err := a.replayer.Replay(t.Context(), analysis.ReplayOptions{DryRun: true}, nil); err != nil {
			t.Errorf("a dry run beside it: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, fits func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !fits(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is never %s", what)
		}
	}
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
