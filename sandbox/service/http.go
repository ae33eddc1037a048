package service

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// Handler serves the protocol.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/license", s.license)
	mux.HandleFunc("POST /v1/runs", s.post)
	mux.HandleFunc("GET /v1/runs/{id}", s.withRun(s.state))
	mux.HandleFunc("GET /v1/runs/{id}/report", s.withRun(s.report))
	mux.HandleFunc("GET /v1/runs/{id}/artifacts/{name}", s.withRun(s.artifact))
	mux.HandleFunc("DELETE /v1/runs/{id}", s.delete)
	mux.HandleFunc("POST /v1/judgements", s.judge)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, refuse(protocol.CodeNotFound, "this sandbox service has no "+r.Method+" at this path; see /v1/license"))
	})
	return s.authorized(mux)
}

func hashed(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// authorized lets in who shows the token. Hashes are compared, so that the time
// it takes tells nothing, not even the token's length.
func (s *Service) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		given := hashed(strings.TrimSpace(token))
		if subtle.ConstantTimeCompare(given[:], s.token[:]) != 1 || !strings.EqualFold(scheme, "Bearer") {
			s.fail(w, refuse(protocol.CodeUnauthorized, "the token is missing or wrong: send 'Authorization: Bearer TOKEN' with the token of this sandbox service"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Service) license(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, protocol.License{
		Valid: true, Plan: s.cfg.Plan, Quota: s.quota.now(), Platforms: s.runner.Platforms(), Networks: s.runner.Networks(),
		Version: s.cfg.Version, Ruleset: s.runner.Ruleset(),
	})
}

func (s *Service) post(w http.ResponseWriter, r *http.Request) {
	j, err := decode(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		s.fail(w, refuse(protocol.CodeInvalid, err.Error()))
		return
	}
	if n := j.profile.Network; n != "" && !slices.Contains(s.runner.Networks(), n) {
		s.fail(w, refuse(protocol.CodeInvalid, fmt.Sprintf("profile.network: %q is not offered here, only %s", n, strings.Join(s.runner.Networks(), ", "))))
		return
	}
	if !s.quota.take() {
		q := s.quota.now()
		s.fail(w, refuse(protocol.CodeQuotaExceeded, fmt.Sprintf("all %d runs of this %s are used; more from %s on", q.Limit, q.Period, q.ResetsAt.Format("2006-01-02"))))
		return
	}
	run := newRun(rand.Text(), j)
	if !s.queue.add(run) {
		s.quota.giveBack()
		s.fail(w, refuse(protocol.CodeBusy, fmt.Sprintf("%d runs wait already, or the service is going down; try again later", s.cfg.Waiting)))
		return
	}
	state, _ := run.now()
	w.Header().Set("Location", "/v1/runs/"+run.id)
	answer(w, http.StatusAccepted, state)
}

// withRun finds the run of the path.
func (s *Service) withRun(next func(http.ResponseWriter, *http.Request, *run)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		run := s.queue.get(r.PathValue("id"))
		if run == nil {
			s.fail(w, s.noRun(r))
			return
		}
		next(w, r, run)
	}
}

func (s *Service) noRun(r *http.Request) *protocol.Error {
	return refuse(protocol.CodeNotFound, fmt.Sprintf("there is no run %.64q: it was deleted, is older than %v, or the service was restarted", r.PathValue("id"), s.cfg.Keep))
}

func (s *Service) state(w http.ResponseWriter, r *http.Request, run *run) {
	if strings.Contains(r.Header.Get("Accept"), protocol.Stream) {
		s.stream(w, r, run)
		return
	}
	state, _ := run.now()
	answer(w, http.StatusOK, state)
}

func (s *Service) report(w http.ResponseWriter, r *http.Request, run *run) {
	err := run.read(func(o *sandbox.Outcome) error {
		answer(w, http.StatusOK, o.Report)
		return nil
	})
	if err != nil {
		s.fail(w, s.notYet(run))
	}
}

// notYet says why a run has no outcome.
func (s *Service) notYet(run *run) *protocol.Error {
	state, _ := run.now()
	if state.State == protocol.Failed {
		return refuse(protocol.CodeNotFound, fmt.Sprintf("run %s has no report, it failed: %s", run.id, state.Error))
	}
	return refuse(protocol.CodeNotFound, fmt.Sprintf("run %s has no report yet, it is %s", run.id, state.State))
}

// artifacts maps what can be had of a run to its media type.
var artifacts = map[string]string{
	protocol.Observations: "application/gzip",
	protocol.Events:       "application/gzip",
	protocol.PCAP:         "application/vnd.tcpdump.pcap",
	protocol.FSDiff:       "application/x-tar",
}

func (s *Service) artifact(w http.ResponseWriter, r *http.Request, run *run) {
	name := r.PathValue("name")
	kind, ok := artifacts[name]
	if !ok {
		s.fail(w, refuse(protocol.CodeNotFound, fmt.Sprintf("there is no artifact %.64q: there are observations, events, pcap and fs-diff", name)))
		return
	}
	err := run.read(func(o *sandbox.Outcome) error {
		f, err := o.Artifact(name)
		if err != nil {
			return err
		}
		defer f.Close()
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(http.StatusOK)
		_, _ = io.Copy(w, f) // the client is gone when this fails
		return nil
	})
	switch {
	case err == nil:
	case errors.Is(err, errNoOutcome):
		s.fail(w, s.notYet(run))
	case errors.Is(err, observation.ErrTooLarge):
		s.cfg.Logger.Warn("observations are not kept", "run", run.id, "error", err)
		s.fail(w, refuse(protocol.CodeNotFound, fmt.Sprintf("run %s left no %s: %v", run.id, name, err)))
	case errors.Is(err, fs.ErrNotExist):
		s.fail(w, refuse(protocol.CodeNotFound, fmt.Sprintf("run %s left no %s", run.id, name)))
	default:
		s.cfg.Logger.Error("reading an artifact", "run", run.id, "artifact", name, "error", err)
		s.fail(w, refuse(protocol.CodeInternal, fmt.Sprintf("the %s of run %s cannot be read", name, run.id)))
	}
}

func (s *Service) delete(w http.ResponseWriter, r *http.Request) {
	run, waiting := s.queue.remove(r.PathValue("id"))
	if run == nil {
		s.fail(w, s.noRun(r))
		return
	}
	if waiting {
		s.quota.giveBack()
	}
	if err := run.discard(); err != nil {
		s.cfg.Logger.Error("deleting a run", "run", run.id, "error", err)
		s.fail(w, refuse(protocol.CodeInternal, fmt.Sprintf("run %s was stopped, but not all of it could be deleted; the next start sweeps it up", run.id)))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
