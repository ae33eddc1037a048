package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/service"
)

const token = "0123456789abcdef-test"

// gated stands for the runner where a test must decide how long a run takes;
// TestWholeRun uses the real one.
type gated struct {
	begin   chan string
	release chan struct{} // one message lets one run end
	panics  bool
}

func newGated() *gated {
	return &gated{begin: make(chan string, 100), release: make(chan struct{})}
}

func (g *gated) Ruleset() string             { return "test rules" }
func (g *gated) Networks() []string          { return []string{protocol.Simulated} }
func (g *gated) Platforms() []image.Platform { return []image.Platform{image.Host()} }

func (g *gated) Run(ctx context.Context, img v1.Image, req sandbox.Request, progress func(protocol.RunState)) (*sandbox.Outcome, error) {
	if g.panics {
		panic("a fault")
	}
	progress(protocol.RunState{State: protocol.Running, Limit: time.Minute})
	g.begin <- req.Reference.String()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-g.release:
	}
	return &sandbox.Outcome{Report: &report.Report{ID: req.ID, Verdict: report.Clean}}, nil
}

func (g *gated) Judge(_ context.Context, passes []*observation.Observation) (*report.Report, []judge.Fault, error) {
	if g.panics {
		panic("a fault")
	}
	return &report.Report{Image: report.Image{Digest: passes[0].Image.Digest}}, []judge.Fault{{Rule: "x", Err: errors.New("broken")}}, nil
}

func newService(t *testing.T, r service.Runner, change func(*service.Config)) *service.Service {
	t.Helper()
	cfg := service.Config{Token: token, Workers: 1, Version: "1.2.3"}
	if change != nil {
		change(&cfg)
	}
	s, err := service.New(cfg, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// call sends a request with the token, and decodes the answer into doc.
func call(t *testing.T, s *service.Service, method, path string, body any, doc any) *httptest.ResponseRecorder {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(method, path, bytes.NewReader(b))
	req.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, req)
	if doc != nil {
		if err := json.Unmarshal(w.Body.Bytes(), doc); err != nil {
			t.Fatalf("%s %s: %v in %q", method, path, err, w.Body)
		}
	}
	return w
}

// post asks for a run that must be accepted.
func post(t *testing.T, s *service.Service, req protocol.RunRequest) protocol.RunState {
	t.Helper()
	var state protocol.RunState
	if w := call(t, s, "POST", "/v1/runs", req, &state); w.Code != http.StatusAccepted {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return state
}

func stateOf(t *testing.T, s *service.Service, id string) protocol.RunState {
	t.Helper()
	var state protocol.RunState
	if w := call(t, s, "GET", "/v1/runs/"+id, nil, &state); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return state
}

// await waits until the run is in the state.
func await(t *testing.T, s *service.Service, id, state string) protocol.RunState {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		got := stateOf(t, s, id)
		if got.State == state {
			return got
		}
		if got.Over() || time.Now().After(end) {
			t.Fatalf("the run is %+v, not %s", got, state)
		}
	}
}

func TestTokenIsNeeded(t *testing.T) {
	s := newService(t, newGated(), nil)
	for name, header := range map[string]string{
		"none": "", "empty": "Bearer ", "wrong": "Bearer 0123456789abcdef-tesT", "longer": "Bearer " + token + "x",
		"other scheme": "Basic " + token, "bare": token,
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/v1/license", "/v1/runs/x", "/nothing"} {
				req := httptest.NewRequest("GET", path, nil)
				req.Header.Set("Authorization", header)
				w := httptest.NewRecorder()
				s.Handler().ServeHTTP(w, req)
				var e protocol.Error
				if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
					t.Fatal(err)
				}
				if w.Code != http.StatusUnauthorized || e.Code != protocol.CodeUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
					t.Errorf("%s: %d %+v", path, w.Code, e)
				}
			}
		})
	}
}

func TestShortTokenIsRefused(t *testing.T) {
	if _, err := service.New(service.Config{Token: "short"}, newGated()); err == nil {
		t.Error("it was taken")
	}
}

func TestLicense(t *testing.T) {
	reg := newRegistry(t)
	g := newGated()
	s := newService(t, g, func(c *service.Config) { c.Limit, c.Plan = 3, "team" })
	post(t, s, reg.request("ok"))
	<-g.begin
	var l protocol.License
	call(t, s, "GET", "/v1/license", nil, &l)
	if !l.Valid || l.Plan != "team" || l.Version != "1.2.3" || l.Ruleset != "test rules" || len(l.Platforms) != 1 {
		t.Errorf("licence %+v", l)
	}
	if q := l.Quota; q.Limit != 3 || q.Used != 1 || q.Period != "month" || q.ResetsAt.Day() != 1 || !q.ResetsAt.After(time.Now()) {
		t.Errorf("quota %+v", q)
	}
}

func TestQuota(t *testing.T) {
	reg := newRegistry(t)
	g := newGated()
	s := newService(t, g, func(c *service.Config) { c.Limit = 2 })
	first := post(t, s, reg.request("ok"))
	<-g.begin
	second := post(t, s, reg.request("ok"))
	var e protocol.Error
	if w := call(t, s, "POST", "/v1/runs", reg.request("ok"), &e); w.Code != http.StatusTooManyRequests || e.Code != protocol.CodeQuotaExceeded {
		t.Errorf("a third run: %d %+v", w.Code, e)
	}
	// A run that never began is given back, one that did is not.
	call(t, s, "DELETE", "/v1/runs/"+second.ID, nil, nil)
	call(t, s, "DELETE", "/v1/runs/"+first.ID, nil, nil)
	var l protocol.License
	call(t, s, "GET", "/v1/license", nil, &l)
	if l.Quota.Used != 1 {
		t.Errorf("used %d", l.Quota.Used)
	}
}

func TestRunsWaitInOrder(t *testing.T) {
	reg := newRegistry(t)
	g := newGated()
	s := newService(t, g, func(c *service.Config) { c.Waiting = 3 })
	var ids []string
	for i := range 4 {
		req := reg.request("ok")
		req.Image.Reference = fmt.Sprintf("samples.test/app:%d", i)
		ids = append(ids, post(t, s, req).ID)
		if i == 0 {
			<-g.begin // the worker has it, the others wait
		}
	}
	for i, id := range ids[1:] {
		if got := stateOf(t, s, id); got.State != protocol.Queued || got.Position != i+1 {
			t.Errorf("run %d is %+v", i+1, got)
		}
	}
	var e protocol.Error
	if w := call(t, s, "POST", "/v1/runs", reg.request("ok"), &e); w.Code != http.StatusServiceUnavailable || e.Code != protocol.CodeBusy || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d %+v", w.Code, e)
	}
	if w := call(t, s, "DELETE", "/v1/runs/"+ids[1], nil, nil); w.Code != http.StatusNoContent {
		t.Errorf("deleting a waiting run: %d %s", w.Code, w.Body)
	}
	if got := stateOf(t, s, ids[2]); got.Position != 1 {
		t.Errorf("the next one is %+v", got)
	}
	for i, id := range []string{ids[0], ids[2], ids[3]} {
		g.release <- struct{}{}
		await(t, s, id, protocol.Done)
		if i < 2 {
			if ref := <-g.begin; !strings.Contains(ref, fmt.Sprintf(":%d@", i+2)) {
				t.Errorf("then %s began", ref)
			}
		}
	}
}

func TestDeleteStopsARun(t *testing.T) {
	reg := newRegistry(t)
	g := newGated()
	s := newService(t, g, nil)
	id := post(t, s, reg.request("ok")).ID
	<-g.begin
	if w := call(t, s, "DELETE", "/v1/runs/"+id, nil, nil); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, m := range []string{"GET", "DELETE"} {
		var e protocol.Error
		if w := call(t, s, m, "/v1/runs/"+id, nil, &e); w.Code != http.StatusNotFound || e.Code != protocol.CodeNotFound {
			t.Errorf("%s afterwards: %d %+v", m, w.Code, e)
		}
	}
}

func TestReportBeforeTheEndAndOfAFailure(t *testing.T) {
	reg := newRegistry(t)
	g := newGated()
	s := newService(t, g, nil)
	id := post(t, s, reg.request("ok")).ID
	<-g.begin
	var e protocol.Error
	if w := call(t, s, "GET", "/v1/runs/"+id+"/report", nil, &e); w.Code != http.StatusNotFound || !strings.Contains(e.Message, "running") {
		t.Errorf("while it runs: %d %+v", w.Code, e)
	}
	g.release <- struct{}{}
	await(t, s, id, protocol.Done)
	var r report.Report
	if w := call(t, s, "GET", "/v1/runs/"+id+"/report", nil, &r); w.Code != http.StatusOK || r.ID != id || r.Verdict != report.Clean {
		t.Errorf("at the end: %d %+v", w.Code, r)
	}
	if w := call(t, s, "GET", "/v1/runs/"+id+"/artifacts/pcap", nil, &e); w.Code != http.StatusNotFound {
		t.Errorf("an artifact that is not there: %d %+v", w.Code, e)
	}
	if w := call(t, s, "GET", "/v1/runs/"+id+"/artifacts/lock", nil, &e); w.Code != http.StatusNotFound || !strings.Contains(e.Message, "fs-diff") {
		t.Errorf("a name that is none: %d %+v", w.Code, e)
	}

	g.panics = true
	id = post(t, s, reg.request("ok")).ID
	if got := await(t, s, id, protocol.Failed); !strings.Contains(got.Error, "a fault") {
		t.Errorf("the run ended as %+v", got)
	}
	if w := call(t, s, "GET", "/v1/runs/"+id+"/report", nil, &e); w.Code != http.StatusNotFound || !strings.Contains(e.Message, "a fault") {
		t.Errorf("of a failed run: %d %+v", w.Code, e)
	}
}

func TestRunsExpire(t *testing.T) {
	req := newRegistry(t).request("none")
	req.Source.Registry = "127.0.0.1:1" // refuses at once
	synctest.Test(t, func(t *testing.T) {
		s, err := service.New(service.Config{Token: token, Keep: time.Hour}, newGated())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		id := post(t, s, req).ID
		time.Sleep(50 * time.Minute)
		if got := stateOf(t, s, id); got.State != protocol.Failed || !strings.Contains(got.Error, "127.0.0.1:1") {
			t.Errorf("before: %+v", got)
		}
		time.Sleep(20 * time.Minute)
		if w := call(t, s, "GET", "/v1/runs/"+id, nil, nil); w.Code != http.StatusNotFound {
			t.Errorf("after: %d %s", w.Code, w.Body)
		}
	})
}

func TestCloseRefusesAndEndsAll(t *testing.T) {
	reg := newRegistry(t)
	g := newGated()
	s := newService(t, g, nil)
	running := post(t, s, reg.request("ok")).ID
	<-g.begin
	waiting := post(t, s, reg.request("ok")).ID
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{running, waiting} {
		if w := call(t, s, "GET", "/v1/runs/"+id, nil, nil); w.Code != http.StatusNotFound {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	var e protocol.Error
	if w := call(t, s, "POST", "/v1/runs", reg.request("ok"), &e); w.Code != http.StatusServiceUnavailable || e.Code != protocol.CodeBusy {
		t.Errorf("a new run: %d %+v", w.Code, e)
	}
}

func TestStream(t *testing.T) {
	reg := newRegistry(t)
	g := newGated()
	s := newService(t, g, nil)
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	id := post(t, s, reg.request("ok")).ID
	req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/v1/runs/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", protocol.Stream)
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != protocol.Stream {
		t.Errorf("content type %q", kind)
	}
	<-g.begin
	g.release <- struct{}{}
	text, err := io.ReadAll(resp.Body) // ends with the run
	if err != nil {
		t.Fatal(err)
	}
	var last protocol.RunState
	for event := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		data, ok := strings.CutPrefix(event, "event: state\ndata: ")
		if !ok {
			t.Fatalf("an event reads %q", event)
		}
		if err := json.Unmarshal([]byte(data), &last); err != nil {
			t.Fatal(err)
		}
	}
	if last.ID != id || last.State != protocol.Done {
		t.Errorf("the last state is %+v", last)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := newService(t, newGated(), nil)
	for _, c := range [][2]string{{"GET", "/"}, {"PUT", "/v1/runs/x"}, {"GET", "/v1/runs/../license/"}, {"GET", "/v1/runs/%00"}} {
		var e protocol.Error
		w := call(t, s, c[0], c[1], nil, nil)
		if w.Code == http.StatusTemporaryRedirect || w.Code == http.StatusMovedPermanently {
			continue // the mux cleans paths
		}
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != http.StatusNotFound || e.Code != protocol.CodeNotFound {
			t.Errorf("%v: %d %s", c, w.Code, w.Body)
		}
	}
}
