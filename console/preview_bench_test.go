package console_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/report"
)

// BenchmarkPreview compares over 10,000 known images of as many repositories.
func BenchmarkPreview(b *testing.B) {
	const images = 10_000
	s := open(b)
	d := s.Push(b, "demo.test/pay/api:v1", report.Clean)
	for i := range images {
		ref := image.Reference{Registry: "demo.test", Repository: fmt.Sprintf("pay/r%d", i), Tag: "v1", Digest: d}
		key := objects.Key("names", ref.Registry, ref.Repository, d.String(), "tag", ref.Tag)
		if err := s.Objects.PutJSON(b.Context(), key, gate.Name{Reference: ref, Seen: time.Now()}); err != nil {
			b.Fatal(err)
		}
	}
	c := s.client(b)
	for b.Loop() {
		progress := 0
		done, err := c.Preview(b.Context(), console.PreviewRequest{Policies: given(b, denyPay)}, func(line console.PreviewLine) error {
			if line.Progress != nil {
				progress++
			}
			return nil
		})
		if err != nil || done.Images != images || done.ToDenied != images || progress < 90 {
			b.Fatalf("%+v %d %v", done, progress, err)
		}
	}
}
