package service_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/runtimetest"
	"github.com/sallyport-dev/sallyport/sandbox/service"
)

func TestMain(m *testing.M) {
	runtime.ReexecIfSandbox()
	os.Exit(m.Run())
}

// TestWholeRun goes the whole way: over HTTP, from a registry that wants a
// token, through a real sandbox, to the report and its artifacts.
func TestWholeRun(t *testing.T) {
	runtimetest.Need(t)
	dir := t.TempDir()
	testenv.NoLeaks(t, dir)
	rules, err := judge.New(judge.Config{})
	if err != nil {
		t.Fatal(err)
	}
	runner, err := sandbox.New(sandbox.Config{Dir: dir, Judge: rules, Idle: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s, err := service.New(service.Config{Token: token, Version: "test"}, runner)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()

	reg := newRegistry(t)
	bad, good, endless := post(t, s, reg.request("bad")).ID, post(t, s, reg.request("ok")).ID, reg.request("ok")
	await(t, s, bad, protocol.Done)
	await(t, s, good, protocol.Done)

	var r report.Report
	call(t, s, "GET", "/v1/runs/"+bad+"/report", nil, &r)
	found := slices.ContainsFunc(r.Findings, func(f report.Finding) bool { return f.Slug == "reverse-shell" && len(f.Evidence) > 0 })
	if r.Verdict != report.Malicious || !found || r.ID != bad || r.Image.Digest != reg.images["bad"].String() {
		t.Errorf("the backdoor: %s, findings %+v, image %+v", r.Verdict, r.Findings, r.Image)
	}
	var clean report.Report
	call(t, s, "GET", "/v1/runs/"+good+"/report", nil, &clean)
	if clean.Verdict != report.Clean {
		t.Errorf("the web server: %s, findings %+v", clean.Verdict, clean.Findings)
	}
	for name, begin := range map[string]string{protocol.Events: "\x1f\x8b", protocol.PCAP: "\xd4\xc3\xb2\xa1", protocol.FSDiff: ""} {
		body := fetch(t, "http://"+ln.Addr().String()+"/v1/runs/"+bad+"/artifacts/"+name)
		if len(body) == 0 || string(body[:len(begin)]) != begin {
			t.Errorf("%s has %d bytes", name, len(body))
		}
	}

	// What it was judged from comes to the same judgement again.
	var again protocol.Judgement
	packed := fetch(t, "http://"+ln.Addr().String()+"/v1/runs/"+bad+"/artifacts/"+protocol.Observations)
	if w := send(t, s, packed, &again); w.Code != http.StatusOK {
		t.Fatalf("judged again: %d %s", w.Code, w.Body)
	}
	var second report.Report
	if err := json.Unmarshal(again.Report, &second); err != nil {
		t.Fatal(err)
	}
	if second.Verdict != r.Verdict || second.Behash != r.Behash || len(second.Findings) != len(r.Findings) || len(again.Faults) > 0 {
		t.Errorf("judged again it is %s, faults %q, findings %+v", second.Verdict, again.Faults, second.Findings)
	}

	// The service ends while one run is under way and two are kept.
	last := post(t, s, endless).ID
	await(t, s, last, protocol.Running)
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the service ended with %v", err)
	}
	if conn, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		conn.Close()
		t.Error("it still answers")
	}
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %.200s (%v)", url, resp.StatusCode, body, err)
	}
	return body
}

// A report survives its way over HTTP as it is.
func TestReportIsJSON(t *testing.T) {
	reg := newRegistry(t)
	g := newGated()
	s := newService(t, g, nil)
	id := post(t, s, reg.request("ok")).ID
	<-g.begin
	g.release <- struct{}{}
	await(t, s, id, protocol.Done)
	w := call(t, s, "GET", "/v1/runs/"+id+"/report", nil, nil)
	if w.Header().Get("Content-Type") != "application/json" || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s: %s", w.Header().Get("Content-Type"), w.Body)
	}
}
