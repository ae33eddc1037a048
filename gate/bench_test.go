package gate_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/redistest"
)

// BenchmarkKnownImage is the common case: asked before, nothing changed.
func BenchmarkKnownImage(b *testing.B) {
	for name, connect := range map[string]func() redis.UniversalClient{
		"embedded":     func() redis.UniversalClient { return redistest.Embedded(b) },
		"redis-server": func() redis.UniversalClient { return redistest.Start(b).Client() },
	} {
		b.Run(name, func(b *testing.B) {
			client := connect()
			w := newWorld(b, func() redis.UniversalClient { return client })
			r := w.start()
			req := tagged(w.content.AddImage(b, "app", amd64), "1")
			for range 3 {
				r.expect(req, gate.Allow)
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := r.gate.Decide(b.Context(), req); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
