package webhook_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/gatetest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/report"
)

// TestARealGateDecides asks a whole gate: what the cluster reads is what the
// gate says, the first review of an image has it analysed, and a dry run none.
func TestARealGateDecides(t *testing.T) {
	w := gatetest.Start(t)
	evil := w.Push(t, "registry.test/evil/shell:v1", report.Malicious)
	w.Push(t, "registry.test/shop/web:1.4.2", report.Clean)
	fresh := w.Push(t, "registry.test/new/app:v1", report.Clean)
	if err := w.Labels.Add(t.Context(), label.Registry("registry.test"), "DTA"); err != nil {
		t.Fatal(err)
	}
	c := connectTo(t, w.Gate, w, nil)

	if a := c.review(t, "pod-dry-run", "?timeout=5s"); a.Allowed || a.Result.Code != http.StatusTooManyRequests {
		t.Errorf("a dry run with an unknown image: %+v", a)
	}
	if n := w.Sandbox.Started(fresh); n != 0 {
		t.Errorf("a dry run had the image run %d times", n)
	}
	for _, kind := range []string{"pod", "deployment", "cronjob"} {
		// The first review waits within its time for the analysis that it set off.
		if a := c.review(t, kind+"-benign", "?timeout=30s"); !a.Allowed {
			t.Errorf("%s: the benign image: %+v", kind, a.Result)
		}
		a := c.review(t, kind+"-malicious", "?timeout=30s")
		if a.Allowed || a.Result.Code != http.StatusForbidden {
			t.Fatalf("%s: the malicious image: %+v", kind, a)
		}
		for _, part := range []string{"registry.test/evil/shell:v1@" + evil.String()[:19], `policy "DTA"`, "control dta", "reverse-shell", "203.0.113.7:4444", "sallyport image allow registry.test/evil/shell@" + evil.String()} {
			if !strings.Contains(a.Result.Message, part) {
				t.Errorf("%s: the message misses %q: %s", kind, part, a.Result.Message)
			}
		}
		_, id, _ := strings.Cut(a.AuditAnnotations["decisions"], ":")
		if d, err := w.Gate.Record(t.Context(), id); err != nil || d.Decision.Action != gate.Deny || !strings.Contains(a.Result.Message, id) {
			t.Errorf("%s: decision %q: %+v, %v", kind, id, d, err)
		}
	}

	ref := label.Target{Registry: "registry.test", Repository: "evil/shell", Which: evil.String()}
	if err := w.Gate.Permissions().Set(t.Context(), gate.Permission{Target: ref, Action: gate.Allow, Comment: "ticket 42", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	if a := c.review(t, "pod-malicious", ""); !a.Allowed {
		t.Errorf("an exempted image: %+v", a.Result)
	}
}

// TestAReviewEndsBeforeItsTime holds the sandbox, so that the gate can only wait.
func TestAReviewEndsBeforeItsTime(t *testing.T) {
	w := gatetest.Start(t)
	w.Push(t, "registry.test/new/app:v1", report.Clean)
	if err := w.Labels.Add(t.Context(), label.Registry("registry.test"), "DTA"); err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	w.Sandbox.Do(func() { w.Sandbox.Hold = hold })
	defer close(hold)
	start := time.Now()
	a := connectTo(t, w.Gate, w, nil).review(t, "pod-not-analysed", "?timeout=5s")
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("answered after %v", took)
	}
	if a.Allowed || a.Result.Code != http.StatusTooManyRequests || !strings.Contains(a.Result.Message, "is being analysed") || !strings.Contains(a.Result.Message, "try again in") {
		t.Errorf("answer %+v", a)
	}
}
