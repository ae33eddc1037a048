package judge

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// TestValueIsItsJSON: what a rule sees of a run is what is stored of it.
func TestValueIsItsJSON(t *testing.T) {
	ref, err := image.Parse("registry.test/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	full := busy(300)
	full.Image.Reference, full.Image.Labels = ref, map[string]string{"a": "b", "": "\xff\xfe<>&\u2028"}
	full.Run.Started = time.Unix(1e9, 5).UTC()
	full.Run.Exit = &event.Status{Code: -1}
	full.Run.LongestSleep = time.Minute
	full.Files.Created = []observation.File{{Path: "/x", Entropy: 7.25, Size: 1 << 62, Head: "a\x00b"}}
	for name, v := range map[string]any{
		"observation":       full,
		"empty observation": &observation.Observation{},
		"findings":          map[string]any{"findings": []map[string]any{{"events": []uint64{1<<64 - 1}, "malicious": true}}, "run": full.Run, "unjudged": []string{}},
		"nothing":           nil,
		"bytes and times": struct {
			B []byte
			T time.Time `json:"t,omitzero"`
		}{B: []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			want, err := ast.ValueFromReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			have, err := value(v)
			if err != nil {
				t.Fatal(err)
			}
			if have.Compare(want) != 0 || have.Hash() != want.Hash() {
				t.Errorf("it is\n%v\nnot\n%v", have, want)
			}
		})
	}
}
