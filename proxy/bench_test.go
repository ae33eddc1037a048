package proxy

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sallyport-dev/sallyport/gate"
)

// nothing takes an answer and forgets it.
type nothing struct{ header http.Header }

func (n *nothing) Header() http.Header         { return n.header }
func (n *nothing) WriteHeader(int)             {}
func (n *nothing) Write(p []byte) (int, error) { return len(p), nil }
func (n *nothing) reset()                      { clear(n.header) }

// BenchmarkManifest is what the front itself costs: the gate is one that is
// told what to answer, and there is no connection.
func BenchmarkManifest(b *testing.B) {
	s := newSite(b, disk(b))
	p := s.push("team/app:1.0", 1000)
	s.gate.say(p.manifest, gate.Decision{Action: gate.Allow, ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV"})
	handler := s.proxy.Handler()
	for name, where := range map[string]string{"tag": path("team/app/manifests/1.0"), "digest": path("team/app/manifests/%s", p.manifest)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w, r := &nothing{http.Header{}}, httptest.NewRequest("GET", where, nil)
				for pb.Next() {
					w.reset()
					handler.ServeHTTP(w, r)
				}
			})
		})
	}
}
