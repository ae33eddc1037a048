package service_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/service"
)

// send has an observation judged.
func send(t *testing.T, s *service.Service, packed []byte, doc any) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest("POST", "/v1/judgements", bytes.NewReader(packed))
	req.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, req)
	if err := json.Unmarshal(w.Body.Bytes(), doc); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return w
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestJudgements(t *testing.T) {
	s := newService(t, newGated(), nil)
	packed, err := observation.Encode([]*observation.Observation{{Schema: observation.SchemaVersion, Image: observation.Image{Digest: "sha256:1"}}}, protocol.MaxObservations)
	if err != nil {
		t.Fatal(err)
	}
	var j protocol.Judgement
	if w := send(t, s, packed, &j); w.Code != http.StatusOK || !strings.Contains(string(j.Report), "sha256:1") || len(j.Faults) != 1 || j.Faults[0] != "x: broken" {
		t.Errorf("%d %+v", w.Code, j)
	}
	for name, test := range map[string]struct {
		body []byte
		want string
	}{
		"no archive":       {[]byte("x"), "gzip"},
		"another version":  {zipped(t, `{"schema_version":3}`), "schema version 3"},
		"larger than kept": {bytes.Repeat([]byte("x"), protocol.MaxObservations+1), "gzip"},
	} {
		var e protocol.Error
		if w := send(t, s, test.body, &e); w.Code != http.StatusBadRequest || e.Code != protocol.CodeInvalid || !strings.Contains(e.Message, test.want) {
			t.Errorf("%s: %d %+v", name, w.Code, e)
		}
	}
	broken := newGated()
	broken.panics = true
	var e protocol.Error
	if w := send(t, newService(t, broken, nil), packed, &e); w.Code != http.StatusInternalServerError || !strings.Contains(e.Message, "sha256:1") {
		t.Errorf("rules that panic: %d %+v", w.Code, e)
	}
}
