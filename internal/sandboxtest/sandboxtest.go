// Package sandboxtest is a sandbox service for tests of those who use one: it
// speaks the whole protocol, but concludes what the test says instead of
// running anything.
package sandboxtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/reporttest"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// Token is what clients must show.
const Token = "sandbox-token"

// Service is a sandbox service. Its fields may be changed between runs, under Do.
type Service struct {
	URL string

	mu          sync.Mutex
	Platforms   []image.Platform
	Quota       protocol.Quota
	Conclusions map[digest.Digest]report.Conclusion // others are clean
	Fail        string                              // when set, runs fail with it
	Broken      bool                                // when true, reports are no JSON
	Down        bool                                // when true, every call is answered 503
	Hold        chan struct{}                       // when set, runs stay running until it is closed

	runs    map[string]*state
	started map[digest.Digest]int
	sources []protocol.Source
}

type state struct {
	request protocol.RunRequest
	began   time.Time
	asked   int
	hold    chan struct{}
}

// Start starts a service that ends with the test.
func Start(t testing.TB) *Service {
	s := &Service{
		Platforms:   []image.Platform{{OS: "linux", Architecture: "amd64"}},
		Conclusions: map[digest.Digest]report.Conclusion{},
		runs:        map[string]*state{},
		started:     map[digest.Digest]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/license", s.license)
	mux.HandleFunc("POST /v1/runs", s.start)
	mux.HandleFunc("GET /v1/runs/{id}", s.state)
	mux.HandleFunc("GET /v1/runs/{id}/report", func(w http.ResponseWriter, r *http.Request) { s.report(t, w, r) })
	mux.HandleFunc("DELETE /v1/runs/{id}", s.delete)
	server := httptest.NewServer(s.guard(mux))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Do calls change while no request is answered.
func (s *Service) Do(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Started is how many runs of d were asked for.
func (s *Service) Started(d digest.Digest) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started[d]
}

// Left is how many runs were not deleted.
func (s *Service) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.runs)
}

// Sources are where the runs so far were to be fetched.
func (s *Service) Sources() []protocol.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sources)
}

// Digests are the images that were run.
func (s *Service) Digests() []digest.Digest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.started))
}

func (s *Service) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case s.Down:
			refuse(w, http.StatusServiceUnavailable, "busy", "down for the test")
		case r.Header.Get("Authorization") != "Bearer "+Token:
			refuse(w, http.StatusUnauthorized, "unauthorized", "the token is not known here")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (s *Service) license(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, protocol.License{Valid: true, Plan: "test", Quota: s.Quota, Platforms: s.Platforms, Version: "test", Ruleset: "rules-1"})
}

func (s *Service) start(w http.ResponseWriter, r *http.Request) {
	var req protocol.RunRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		refuse(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	d, err := digest.Parse(req.Image.Digest)
	if err != nil || req.Source.Token == "" {
		refuse(w, http.StatusBadRequest, "invalid", "a run needs a digest and a token")
		return
	}
	id := fmt.Sprintf("run-%d", len(s.sources)+1)
	s.runs[id] = &state{request: req, began: time.Now(), hold: s.Hold}
	s.sources = append(s.sources, req.Source)
	s.started[d]++
	answer(w, http.StatusAccepted, protocol.RunState{ID: id, State: protocol.Queued, Position: 1})
}

// progress is what a run is asked about one after another.
var progress = []string{protocol.Pulling, protocol.Unpacking, protocol.Running, protocol.Judging, protocol.Done}

func (s *Service) state(w http.ResponseWriter, r *http.Request) {
	run, ok := s.runs[r.PathValue("id")]
	if !ok {
		refuse(w, http.StatusNotFound, "not_found", "no such run")
		return
	}
	answered := protocol.RunState{ID: r.PathValue("id"), Elapsed: time.Since(run.began), State: progress[min(run.asked, len(progress)-1)]}
	held := false
	if run.hold != nil && answered.State == protocol.Running {
		select {
		case <-run.hold:
		default:
			held = true
		}
	}
	if !held {
		run.asked++
	}
	if s.Fail != "" && answered.State == protocol.Running {
		answered.State, answered.Error = protocol.Failed, s.Fail
	}
	answer(w, http.StatusOK, answered)
}

func (s *Service) report(t testing.TB, w http.ResponseWriter, r *http.Request) {
	run, ok := s.runs[r.PathValue("id")]
	if !ok {
		refuse(w, http.StatusNotFound, "not_found", "no such run")
		return
	}
	if s.Broken {
		_, _ = w.Write([]byte("<html>"))
		return
	}
	d := digest.Digest(run.request.Image.Digest)
	conclusion, ok := s.Conclusions[d]
	if !ok {
		conclusion = report.Clean
	}
	_, _ = w.Write(reporttest.JSON(t, d, conclusion))
}

func (s *Service) delete(w http.ResponseWriter, r *http.Request) {
	delete(s.runs, r.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, protocol.Error{Code: code, Message: message})
}
