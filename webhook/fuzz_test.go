package webhook_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/sallyport-dev/sallyport/webhook"
	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// FuzzReview posts anything to every path: the answer is an AdmissionReview
// with the request's UID that the API server takes, or a plain 4xx.
func FuzzReview(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no recorded reviews", err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"UPDATE","kind":{"kind":"Pod"},"object":null}}`))
	f.Add([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","kind":{"group":"batch","version":"v1","kind":"CronJob"},"object":{"spec":{"jobTemplate":null}}}}`))
	w := usual()
	hook, err := webhook.New(webhook.Config{
		Logger: quiet, Mutate: webhook.MutateDigest,
		Kinds: []workload.Kind{{Group: "argoproj.io", Kind: "Rollout", Paths: []string{"spec.template", "spec.x[*].y"}}},
	}, w, w)
	if err != nil {
		f.Fatal(err)
	}
	handler := hook.Handler()
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{webhook.Path, webhook.AuditPath, webhook.MutatePath} {
			r := httptest.NewRequest(http.MethodPost, path+"?timeout=10s", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			if rec.Code/100 == 4 {
				continue
			}
			var sent, got admissionv1.AdmissionReview
			if err := json.Unmarshal(rec.Body.Bytes(), &got); rec.Code != http.StatusOK || err != nil || got.Response == nil {
				t.Fatalf("%s: %d %s: %v", path, rec.Code, rec.Body, err)
			}
			a := got.Response
			// encoding/json matches keys without their case, so that it may find another one.
			if err := json.Unmarshal(body, &sent); err == nil && sent.Request != nil && a.UID == "" {
				t.Errorf("%s: an answer without UID", path)
			}
			if !a.Allowed && (a.Result == nil || a.Result.Message == "" || a.Result.Code < 400) {
				t.Errorf("%s: denied without a reason: %s", path, rec.Body)
			}
			if path != webhook.Path && !a.Allowed {
				t.Errorf("%s denies: %s", path, rec.Body)
			}
			size := 0
			for _, text := range a.Warnings {
				if size += len(text); len(text) > 256 {
					t.Errorf("%s: a warning of %d bytes", path, len(text))
				}
			}
			if size > 4096 {
				t.Errorf("%s: %d bytes of warnings", path, size)
			}
		}
		w.mu.Lock()
		w.requests, w.resolved = nil, nil
		w.mu.Unlock()
	})
}
