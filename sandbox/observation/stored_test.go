package observation_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func packed(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestStoredObservationsComeBack: every recorded observation, stored and read,
// is what it was.
func TestStoredObservationsComeBack(t *testing.T) {
	files, err := filepath.Glob("../behaviours/testdata/observations/*.json")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var before observation.Observation
		if err := json.Unmarshal(raw, &before); err != nil {
			t.Fatal(err)
		}
		b, err := observation.Encode([]*observation.Observation{&before, &before}, 16<<20)
		if err != nil {
			t.Fatal(err)
		}
		after, err := observation.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		was, _ := json.Marshal(&before)
		for _, pass := range after {
			if is, _ := json.Marshal(pass); len(after) != 2 || !bytes.Equal(was, is) {
				t.Errorf("%s came back changed", file)
			}
		}
		if _, err := observation.Encode([]*observation.Observation{&before}, 100); !errors.Is(err, observation.ErrTooLarge) {
			t.Errorf("%s in 100 bytes: %v", file, err)
		}
	}
}

func TestForeignObservationsAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		raw  []byte
		want string
	}{
		"nothing":               {nil, "gzip"},
		"not compressed":        {[]byte("{}"), "gzip"},
		"no JSON":               {packed(t, "x"), "invalid character"},
		"no version":            {packed(t, `{"image":{}}`), "schema_version"},
		"a version of text":     {packed(t, `{"schema_version":"1"}`), "schema_version"},
		"an older version":      {packed(t, `{"schema_version":0,"processes":[]}`), "schema version 0"},
		"a newer version":       {packed(t, `{"schema_version":99,"processes":7}`), "schema version 99"},
		"a list for processes":  {packed(t, `{"schema_version":1,"processes":[]}`), "cannot unmarshal"},
		"a process that is not": {packed(t, `{"schema_version":1,"processes":{"1.0":null}}`), "process"},
		"a process of another":  {packed(t, `{"schema_version":1,"processes":{"1.0":{"id":"2.0"}}}`), "process"},
		"an empty content":      {packed(t, `{"schema_version":1,"contents":{"x":null}}`), "content"},
		"nothing in it":         {packed(t, ""), "EOF"},
		"another image":         {packed(t, `{"schema_version":1}{"schema_version":1,"image":{"digest":"x"}}`), "different images"},
		"too many passes":       {packed(t, strings.Repeat(`{"schema_version":1}`, 33)), "passes"},
		"something behind it":   {packed(t, `{"schema_version":1}{}`), "begins with"},
		"cut off":               {packed(t, `{"schema_version":1}`)[:20], "EOF"},
		"too many objects":      {packed(t, `{"schema_version":1,"network":{"flows":[`+strings.Repeat("{},", 1<<20)+"{}]}}"), "objects"},
		"too many values":       {packed(t, `{"schema_version":1,"files":{"deleted":[`+strings.Repeat(`"",`, 1<<24)+`""]}}`), "values"},
	} {
		_, err := observation.Decode(bytes.NewReader(test.raw))
		if !errors.Is(err, observation.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error about %q", name, err, test.want)
		}
	}
	var schema *observation.SchemaError
	if _, err := observation.Decode(bytes.NewReader(packed(t, `{"schema_version":7}`))); !errors.As(err, &schema) || schema.Version != 7 {
		t.Errorf("another version: %v", err)
	}
	if _, err := observation.Decode(bytes.NewReader(packed(t, `{"schema_version":1,"files":{"deleted":["{,{,\"{,"]}}`))); err != nil {
		t.Errorf("braces in texts: %v", err)
	}
}

// FuzzStoredObservation: whatever is stored is an observation or an error.
func FuzzStoredObservation(f *testing.F) {
	for _, text := range []string{`{"schema_version":1}`, `{"schema_version":1,"processes":{"1.0":{"id":"1.0"}},"events":{"open":[{"seq":1}]}}`, `{"schema_version":2}`, `{`} {
		f.Add([]byte(text))
	}
	raw, err := os.ReadFile("../behaviours/testdata/observations/dns-tunnel.hex.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, text []byte) {
		passes, err := observation.Decode(bytes.NewReader(packed(t, string(text))))
		if err != nil {
			if !errors.Is(err, observation.ErrInvalid) {
				t.Fatalf("%v does not say that the document is at fault", err)
			}
			return
		}
		for _, o := range passes {
			o.Sorted()
		}
		if _, err := observation.Encode(passes, 1<<30); err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		_, _ = observation.Decode(bytes.NewReader(text)) // what is no archive
	})
}
