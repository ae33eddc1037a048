package webhook_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/webhook"
)

// TestASlowReviewSaysWhy: who wonders why kubectl took long finds in the log
// and in the metrics what took it, and only then.
func TestASlowReviewSaysWhy(t *testing.T) {
	body, err := os.ReadFile("testdata/pod-benign.json")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := usual()
		resolve, decide := w.resolve, w.decide
		var far, long time.Duration
		w.resolve = func(ctx context.Context, ref image.Reference) (image.Reference, error) {
			time.Sleep(far)
			return resolve(ctx, ref)
		}
		w.decide = func(ctx context.Context, req gate.Request) (gate.Decision, error) {
			time.Sleep(long)
			return decide(ctx, req)
		}
		var log bytes.Buffer
		registry := prometheus.NewPedanticRegistry()
		hook, err := webhook.New(webhook.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Metrics: registry}, w, w)
		if err != nil {
			t.Fatal(err)
		}
		handler := hook.Handler()
		ask := func() {
			r := httptest.NewRequest(http.MethodPost, webhook.Path+"?timeout=20s", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
		ask()
		if log.Len() > 0 {
			t.Errorf("a review that took no time is told: %s", &log)
		}
		far, long = 2*time.Second, 3*time.Second
		ask()
		for _, part := range []string{"slow admission review", "took=5s", "resolve=2s", "decide=3s", "namespace="} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("the log misses %q: %s", part, &log)
			}
		}
		if got := seconds(t, registry); got["resolve"] != 2 || got["decide"] != 3 {
			t.Errorf("stages took %v", got)
		}
	})
}

// seconds is the sum of each stage.
func seconds(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "sallyport_webhook_stage_seconds" {
			for _, m := range f.GetMetric() {
				sums[m.GetLabel()[0].GetValue()] = m.GetHistogram().GetSampleSum()
			}
		}
	}
	return sums
}
