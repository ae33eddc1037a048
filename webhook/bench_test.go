package webhook_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/gatetest"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/webhook"
)

// BenchmarkKnownReview is a pod with an image that the gate has decided about,
// without the network: the work of a review on top of the API server's own.
func BenchmarkKnownReview(b *testing.B) {
	w := gatetest.Start(b)
	w.Push(b, "registry.test/shop/web:1.4.2", report.Clean)
	hook, err := webhook.New(webhook.Config{Logger: quiet}, w.Gate, w)
	if err != nil {
		b.Fatal(err)
	}
	handler := hook.Handler()
	body, err := os.ReadFile("testdata/pod-benign.json")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, webhook.Path, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK || !bytes.Contains(rec.Body.Bytes(), []byte(`"allowed":true`)) {
			b.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
}
