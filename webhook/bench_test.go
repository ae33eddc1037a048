package webhook_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/gatetest"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/webhook"
)

// sink is where answers go: what a recorder allocates is not the webhook's.
type sink struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(code int)        { s.code = code }
func (s *sink) Write(b []byte) (int, error) { return s.body.Write(b) }

// post answers body with handler, which must allow it.
func post(b *testing.B, handler http.Handler, s *sink, body []byte) {
	clear(s.header)
	s.code = http.StatusOK
	s.body.Reset()
	r, err := http.NewRequest(http.MethodPost, webhook.Path+"?timeout=10s", io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(s, r)
	if s.code != http.StatusOK || !bytes.Contains(s.body.Bytes(), []byte(`"allowed":true`)) {
		b.Fatalf("%d %s", s.code, s.body.String())
	}
}

// pods are reviews of pods with three images each, of those that w knows.
func pods(images []string) [][]byte {
	bodies := make([][]byte, len(images))
	for i := range images {
		var containers []string
		for c := range 3 {
			containers = append(containers, fmt.Sprintf(`{"name":"c%d","image":"%s"}`, c, images[(i+c)%len(images)]))
		}
		bodies[i] = fmt.Appendf(nil, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"00000000-0000-0000-0000-%012d",
			"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},"name":"pod-%d","namespace":"shop","operation":"CREATE",
			"userInfo":{"username":"bench","groups":["system:authenticated"]},
			"object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-%d","namespace":"shop"},"spec":{"containers":[%s]}},"dryRun":false}}`,
			i, i, i, strings.Join(containers, ","))
	}
	return bodies
}

// known is a webhook on a whole gate that knows so many images.
func known(b *testing.B, n int) (http.Handler, []string) {
	b.Helper()
	w := gatetest.Start(b)
	images := make([]string, n)
	for i := range images {
		images[i] = fmt.Sprintf("registry.test/shop/app%d:1.4.2", i)
		w.Push(b, images[i], report.Clean)
	}
	hook, err := webhook.New(webhook.Config{Logger: quiet}, w.Gate, w)
	if err != nil {
		b.Fatal(err)
	}
	return hook.Handler(), images
}

// BenchmarkKnownReview is a pod with an image that the gate has decided about,
// without the network: the work of a review on top of the API server's own.
func BenchmarkKnownReview(b *testing.B) {
	w := gatetest.Start(b)
	w.Push(b, "registry.test/shop/web:1.4.2", report.Clean)
	hook, err := webhook.New(webhook.Config{Logger: quiet}, w.Gate, w)
	if err != nil {
		b.Fatal(err)
	}
	body, err := os.ReadFile("testdata/pod-benign.json")
	if err != nil {
		b.Fatal(err)
	}
	handler, s := hook.Handler(), &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		post(b, handler, s, body)
	}
}

// BenchmarkThreeKnownImages is the same with pods of three images, sixteen of
// them in flight.
func BenchmarkThreeKnownImages(b *testing.B) {
	handler, images := known(b, 100)
	bodies := pods(images)
	s := &sink{header: http.Header{}}
	for _, body := range bodies {
		post(b, handler, s, body)
	}
	b.SetParallelism(max(1, 16/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		s, i := &sink{header: http.Header{}}, 0
		for pb.Next() {
			post(b, handler, s, bodies[i%len(bodies)])
			i++
		}
	})
}

// BenchmarkReadingAReview is what is done before the gate is asked.
func BenchmarkReadingAReview(b *testing.B) {
	hook, err := webhook.New(webhook.Config{Logger: quiet, Exempt: webhook.Exempt{Namespaces: []string{"shop"}}}, usual(), usual())
	if err != nil {
		b.Fatal(err)
	}
	handler, s, body := hook.Handler(), &sink{header: http.Header{}}, pods([]string{"a:1"})[0]
	b.ReportAllocs()
	for b.Loop() {
		post(b, handler, s, body)
	}
}
