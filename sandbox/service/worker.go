package service

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// worker runs one run after the other until the service closes.
func (s *Service) worker() {
	for r := s.queue.next(s.ctx); r != nil; r = s.queue.next(s.ctx) {
		s.do(r)
		close(r.ended)
	}
}

// do conducts a run to its last state.
func (s *Service) do(r *run) {
	// A registry that sends a byte a minute must not hold a worker for ever.
	ctx, cancel := context.WithTimeoutCause(r.ctx, s.cfg.RunTimeout, fmt.Errorf("it was not done within %v", s.cfg.RunTimeout))
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	s.metrics.running.Inc()
	defer s.metrics.running.Dec()

	log := s.cfg.Logger.With("run", r.id, "image", r.job.reference.String())
	log.Info("run begins")
	outcome, err := s.conduct(ctx, r)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("running %s: %w", r.job.reference, context.Cause(ctx))
	}
	switch {
	case err == nil:
		log.Info("run ended", "verdict", outcome.Report.Verdict)
		s.metrics.runs.WithLabelValues(string(outcome.Report.Verdict)).Inc()
	case errors.Is(ctx.Err(), context.Canceled):
		log.Info("run was stopped")
		s.metrics.runs.WithLabelValues("stopped").Inc()
	default:
		log.Error("run failed", "error", err)
		s.metrics.runs.WithLabelValues("failed").Inc()
	}
	if err != nil && !r.hasRun() {
		s.quota.giveBack()
	}
	r.finish(outcome, err)
}

// conduct fetches and runs the image. A panic on the way is this run's fault,
// not the end of the service.
func (s *Service) conduct(ctx context.Context, r *run) (o *sandbox.Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			o, err = nil, fmt.Errorf("run %s: a fault of the sandbox: %v", r.id, p)
		}
	}()
	r.set(protocol.RunState{State: protocol.Pulling})
	var img v1.Image
	if img, err = fetch(ctx, r.job, s.cfg.PullTimeout); err != nil {
		return nil, err
	}
	req := sandbox.Request{ID: r.id, Reference: r.job.reference, Profile: r.job.profile}
	if o, err = s.runner.Run(ctx, img, req, r.set); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errors.New("the sandbox gave no outcome")
	}
	return o, nil
}
