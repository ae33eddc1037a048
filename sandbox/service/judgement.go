package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// patience is how long a request waits for the one before it.
const patience = 5 * time.Second

// judge answers what the rules of now make of the run in the body. One
// is judged at a time, beside the runs: it may take as much memory as a run's.
func (s *Service) judge(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	busy := time.NewTimer(patience)
	defer busy.Stop()
	select {
	case s.judging <- struct{}{}:
		defer func() { <-s.judging }()
	case <-busy.C:
		s.fail(w, refuse(protocol.CodeBusy, "another run is judged; try again later"))
		return
	case <-ctx.Done():
		s.fail(w, refuse(protocol.CodeBusy, "the service is going down"))
		return
	}
	passes, err := observation.Decode(http.MaxBytesReader(w, r.Body, protocol.MaxObservations))
	if err != nil {
		s.fail(w, refuse(protocol.CodeInvalid, err.Error()))
		return
	}
	rep, faults, err := s.conclude(ctx, passes)
	if err == nil {
		var body json.RawMessage
		if body, err = json.Marshal(rep); err == nil {
			j := protocol.Judgement{Report: body}
			for _, f := range faults {
				j.Faults = append(j.Faults, f.Error())
			}
			answer(w, http.StatusOK, j)
			return
		}
	}
	if ctx.Err() != nil {
		s.fail(w, refuse(protocol.CodeBusy, "the judgement was broken off"))
		return
	}
	s.cfg.Logger.Error("judging a run again", "image", passes[0].Image.Digest, "error", err)
	s.fail(w, refuse(protocol.CodeInternal, fmt.Sprintf("the observation of %.100q cannot be judged: %v", passes[0].Image.Digest, err)))
}

// conclude judges. A panic on the way is this observation's fault.
func (s *Service) conclude(ctx context.Context, passes []*observation.Observation) (rep *report.Report, faults []judge.Fault, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a fault of the sandbox: %v", p)
		}
	}()
	rep, faults, err = s.runner.Judge(ctx, passes)
	if err == nil && rep == nil {
		err = errors.New("the rules gave no report")
	}
	return rep, faults, err
}
