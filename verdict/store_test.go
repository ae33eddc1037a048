package verdict_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/internal/reporttest"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

func subject(seed string) verdict.Subject {
	return verdict.Subject{Digest: digest.FromString(seed), MediaType: ocispec.MediaTypeImageManifest, Size: 400}
}

func store(t *testing.T, d driver.StorageDriver, r redis.UniversalClient) *verdict.Store {
	t.Helper()
	s, err := verdict.New(objects.New(d), r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func disk(t *testing.T) driver.StorageDriver {
	return filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100})
}

func put(t *testing.T, s *verdict.Store, seed string, c report.Conclusion) verdict.Verdict {
	t.Helper()
	v, err := s.Put(t.Context(), subject(seed), reporttest.JSON(t, subject(seed).Digest, c))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func expect(t *testing.T, s *verdict.Store, seed string, want report.Conclusion) {
	t.Helper()
	v, err := s.Get(t.Context(), subject(seed).Digest)
	if err != nil || v.Conclusion != want {
		t.Errorf("the verdict of %s is %q, %v, want %q", seed, v.Conclusion, err, want)
	}
}

func expectNone(t *testing.T, s *verdict.Store, seed string) {
	t.Helper()
	if v, err := s.Get(t.Context(), subject(seed).Digest); !errors.Is(err, verdict.ErrNone) {
		t.Errorf("the verdict of %s is %+v, %v, want none", seed, v, err)
	}
}

func TestVerdictsLastAndAreSeenByEveryReplica(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		d := disk(t)
		here, there := store(t, d, connect()), store(t, d, connect())
		expectNone(t, there, "app") // and remembers that there is none
		put(t, here, "app", report.Malicious)
		expect(t, there, "app", report.Malicious)
		expect(t, here, "app", report.Malicious)

		if err := connect().FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		expect(t, there, "app", report.Malicious)
		put(t, there, "app", report.Clean)
		expect(t, here, "app", report.Clean)
		expectNone(t, here, "other")

		restarted := store(t, d, connect())
		expect(t, restarted, "app", report.Clean)
		raw, err := restarted.Report(t.Context(), subject("app").Digest)
		if err != nil || !json.Valid(raw) {
			t.Errorf("the report after a restart: %q, %v", raw, err)
		}
	})
}

func TestVerdictsWithoutRedis(t *testing.T) {
	server, d := redistest.Start(t), disk(t)
	here, there := store(t, d, server.Client()), store(t, d, server.Client())
	put(t, here, "app", report.Clean)
	expect(t, there, "app", report.Clean)
	server.Stop()
	expect(t, there, "app", report.Clean)
	put(t, here, "app", report.Malicious)
	expect(t, there, "app", report.Malicious)
	server.Restart()
	expect(t, there, "app", report.Malicious)
	expect(t, here, "app", report.Malicious)
}

func TestWhatConcludesNothingReplacesNothing(t *testing.T) {
	for _, test := range []struct{ before, after, want report.Conclusion }{
		{report.Malicious, report.Inconclusive, report.Malicious},
		{report.Clean, report.Inconclusive, report.Clean},
		{report.Clean, report.Skipped, report.Clean},
		{report.Malicious, report.Clean, report.Clean},
		{report.Clean, report.Malicious, report.Malicious},
		{report.Inconclusive, report.Clean, report.Clean},
		{report.Inconclusive, report.Inconclusive, report.Inconclusive},
		{report.Skipped, report.Suspicious, report.Suspicious},
	} {
		t.Run(fmt.Sprintf("%s then %s", test.before, test.after), func(t *testing.T) {
			s := store(t, disk(t), redistest.Embedded(t))
			put(t, s, "app", test.before)
			if got := put(t, s, "app", test.after); got.Conclusion != test.want {
				t.Errorf("Put returned %s, want %s", got.Conclusion, test.want)
			}
			expect(t, s, "app", test.want)
		})
	}
}

func TestAnOlderVerdictDoesNotReplaceANewerOne(t *testing.T) {
	s := store(t, disk(t), redistest.Embedded(t))
	now := time.Now()
	for _, v := range []verdict.Verdict{
		{Digest: subject("app").Digest, Conclusion: report.Malicious, Time: now},
		{Digest: subject("app").Digest, Conclusion: report.Clean, Time: now.Add(-time.Minute)},
	} {
		if _, err := s.Conclude(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, s, "app", report.Malicious)
	if _, err := s.Report(t.Context(), subject("app").Digest); !errors.Is(err, verdict.ErrNone) {
		t.Errorf("the report of a verdict without one: %v", err)
	}
}

func TestForeignReportsAreChecked(t *testing.T) {
	s := store(t, disk(t), redistest.Embedded(t))
	if _, err := s.Put(t.Context(), subject("app"), []byte(`{"verdict":"clean"`)); !errors.Is(err, report.ErrInvalid) {
		t.Errorf("a broken report: %v, want ErrInvalid", err)
	}
	other := reporttest.JSON(t, subject("other").Digest, report.Clean)
	if _, err := s.Put(t.Context(), subject("app"), other); !errors.Is(err, verdict.ErrSubject) {
		t.Errorf("the report of another image: %v, want ErrSubject", err)
	}
	expectNone(t, s, "app")
	if _, err := s.Get(t.Context(), "sha256:nonsense"); err == nil || errors.Is(err, verdict.ErrNone) {
		t.Errorf("Get of no digest: %v", err)
	}
}

func TestDamagedVerdictsAreSaidAndHealed(t *testing.T) {
	d := disk(t)
	s := store(t, d, redistest.Embedded(t))
	key := objects.Key("verdicts", "sha256", subject("app").Digest.Encoded())
	if err := objects.New(d).Put(t.Context(), key, []byte(`{"digest":`)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), subject("app").Digest); err == nil || errors.Is(err, verdict.ErrNone) || !strings.Contains(err.Error(), key) {
		t.Errorf("a damaged verdict: %v", err)
	}
	put(t, s, "app", report.Malicious)
	expect(t, s, "app", report.Malicious)
}

func TestFromReport(t *testing.T) {
	r := reporttest.Report(subject("app").Digest, report.Malicious)
	first := r.Findings[0]
	first.Malicious, first.Severity, first.Slug, first.Message = false, report.Critical, "zz", "two\nlines \x1b[31m"
	low := first
	low.Severity, low.Slug, low.Message = report.Low, "low", strings.Repeat("x", 1000)
	r.Findings = append([]report.Finding{low, first}, r.Findings...)
	v := verdict.FromReport(r, subject("app"), "sha256:x", time.Now())
	var slugs []string
	for _, f := range v.Findings {
		slugs = append(slugs, f.Slug)
		if strings.ContainsAny(f.Message, "\n\x1b") || len([]rune(f.Message)) > 300 {
			t.Errorf("message %q is not fit for a line", f.Message)
		}
	}
	if got := strings.Join(slugs, " "); got != "reverse-shell zz low" {
		t.Errorf("findings in the order %s", got)
	}
	if v.Severity != report.Critical {
		t.Errorf("severity %s is milder than the worst finding", v.Severity)
	}
}

func TestReportsAreAttachedToTheirImage(t *testing.T) {
	s := store(t, disk(t), redistest.Embedded(t))
	if a, err := s.Artifacts(t.Context(), subject("app").Digest); err != nil || len(a) != 0 {
		t.Errorf("attached to an unknown image: %v, %v", a, err)
	}
	v := put(t, s, "app", report.Clean)
	artifacts, err := s.Artifacts(t.Context(), subject("app").Digest)
	if err != nil || len(artifacts) != 1 {
		t.Fatalf("attached: %v, %v", artifacts, err)
	}
	a := artifacts[0]
	var m ocispec.Manifest
	if err := json.Unmarshal(a.Manifest, &m); err != nil {
		t.Fatal(err)
	}
	if digest.FromBytes(a.Manifest) != a.Digest || m.MediaType != a.MediaType || m.ArtifactType != report.MediaType ||
		m.Subject == nil || m.Subject.Digest != subject("app").Digest || m.Subject.Size != 400 || m.Subject.MediaType != ocispec.MediaTypeImageManifest {
		t.Errorf("manifest %s", a.Manifest)
	}
	for _, d := range append(m.Layers, m.Config) {
		b, ok := a.Blobs[d.Digest]
		if !ok || digest.FromBytes(b) != d.Digest || int64(len(b)) != d.Size {
			t.Errorf("the blob of %+v is %d bytes, there: %v", d, len(b), ok)
		}
	}
	if m.Layers[0].Digest != v.Report {
		t.Errorf("the layer is %s, the report %s", m.Layers[0].Digest, v.Report)
	}
	again, err := s.Artifacts(t.Context(), subject("app").Digest)
	if err != nil || again[0].Digest != a.Digest {
		t.Errorf("asked again the manifest is %s, %v", again[0].Digest, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		s := store(t, disk(t), connect())
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				seed := fmt.Sprint("app", i%4)
				if _, err := s.Put(t.Context(), subject(seed), reporttest.JSON(t, subject(seed).Digest, report.Malicious)); err != nil {
					t.Error(err)
				}
				expect(t, s, seed, report.Malicious)
			})
		}
		wg.Wait()
	})
}
