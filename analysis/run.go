package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/analysis/endpoint"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/verdict"
)

// run is one digest on its way through the sandbox, as this process sees it.
type run struct {
	queue *Queue
	job   Job
	done  chan struct{} // closed at the end
	err   error         // set before done is closed

	mu    sync.Mutex
	state State
}

func (r *run) snapshot() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state
	s.Elapsed = time.Since(s.Since)
	return s
}

// execute has the image run and its report stored. A *failure is the run's own;
// nil also means that there was nothing to do.
func (r *run) execute(ctx context.Context) error {
	q := r.queue
	if known, err := r.known(ctx); err != nil || known {
		return err
	}
	set, err := q.cfg.Settings.Get(ctx)
	if err != nil || !set.Enabled {
		return err
	}
	client, err := q.cfg.Settings.client(set)
	if err != nil {
		return err
	}
	defer client.Close()
	license, err := client.License(ctx)
	if err != nil {
		return err
	}
	if platforms, err := json.Marshal(license.Platforms); err == nil {
		_ = q.cfg.Redis.Set(ctx, platformsKey, platforms, time.Hour).Err()
	}
	if reason := unsupportedBy(license.Platforms, r.job.Platform); reason != "" {
		return nil // whoever asks next is told so
	}
	if l := license.Quota; l.Limit > 0 && l.Used >= l.Limit {
		return fmt.Errorf("%w: %d of %d", endpoint.ErrQuota, l.Used, l.Limit)
	}
	started := time.Now()
	v, err := r.detonate(ctx, client)
	if err != nil {
		return err
	}
	q.metrics.seconds.Observe(time.Since(started).Seconds())
	q.metrics.runs.WithLabelValues(string(v.Conclusion)).Inc()
	q.cfg.Log.InfoContext(ctx, "an image was analysed", "image", r.job.Reference.String(), "digest", v.Digest,
		"conclusion", v.Conclusion, "severity", v.Severity, "findings", len(v.Findings), "took", time.Since(started).Round(time.Millisecond))
	return nil
}

// known tells whether there is a verdict already: of a worker that was lost
// before it could say so, or of another replica.
func (r *run) known(ctx context.Context) (bool, error) {
	v, err := r.queue.cfg.Verdicts.Get(ctx, r.job.Subject.Digest)
	switch {
	case errors.Is(err, verdict.ErrNone):
		return false, nil
	case err != nil:
		return false, err
	case v.Time.Before(r.job.Asked), !v.RetryAt.IsZero() && !time.Now().Before(v.RetryAt):
		return false, nil
	}
	r.queue.cfg.Verdicts.Announce(ctx)
	return true, nil
}

// detonate asks the sandbox for the run, follows it and stores its report.
// Whatever happens, the sandbox is told to delete everything.
func (r *run) detonate(ctx context.Context, client *endpoint.Client) (verdict.Verdict, error) {
	q, d := r.queue, r.job.Subject.Digest
	token, err := q.cfg.Grants.Mint(r.job.Reference.WithDigest(d), q.limit())
	if err != nil {
		return verdict.Verdict{}, err
	}
	s, err := client.Start(ctx, protocol.RunRequest{
		Image: protocol.ImageSpec{Reference: r.job.Reference.String(), Digest: d.String(), Platform: r.job.Platform},
		Source: protocol.Source{
			Registry: q.cfg.PullFrom, Repository: r.job.Reference.Registry + "/" + r.job.Reference.Repository, Token: token, Insecure: q.cfg.PullInsecure,
		},
		Profile: protocol.Profile{Name: q.cfg.Profile, Timeout: q.cfg.Timeout, Network: q.cfg.Network},
	})
	if err != nil {
		if errors.Is(err, endpoint.ErrRefused) {
			return verdict.Verdict{}, &failure{err.Error()}
		}
		return verdict.Verdict{}, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := client.Delete(ctx, s.ID); err != nil {
			q.cfg.Log.WarnContext(ctx, "deleting a run from the sandbox", "run", s.ID, "error", err)
		}
	}()
	q.count(ctx, d)
	if err := r.follow(ctx, client, s); err != nil {
		return verdict.Verdict{}, err
	}
	raw, err := client.Report(ctx, s.ID)
	if err != nil {
		return verdict.Verdict{}, answer(err)
	}
	subject := r.job.Subject
	subject.Name = r.job.Reference.String()
	v, err := q.cfg.Verdicts.Put(ctx, subject, raw)
	if errors.Is(err, report.ErrInvalid) || errors.Is(err, verdict.ErrSubject) {
		return v, &failure{endpoint.Line(err.Error())}
	}
	if err == nil {
		r.keep(ctx, "observations", s.ID, raw, client.Observations, q.cfg.Verdicts.PutObservations)
		r.keep(ctx, "events", s.ID, raw, client.Events, q.cfg.Verdicts.PutEvents)
		if q.cfg.Concluded != nil {
			q.cfg.Concluded(ctx, v, raw)
		}
	}
	return v, err
}

// keep stores what is behind a report. A verdict without it is a verdict all the same.
func (r *run) keep(ctx context.Context, what, id string, raw []byte,
	fetch func(context.Context, string) ([]byte, error), put func(ctx context.Context, raw, b []byte) error,
) {
	b, err := fetch(ctx, id)
	if errors.Is(err, endpoint.ErrNotFound) {
		r.queue.cfg.Log.DebugContext(ctx, "a run left none of its "+what, "run", id, "digest", r.job.Subject.Digest, "reason", err)
		return // an image that was not run has no events, a run that made too much noise no observation
	}
	if err == nil {
		err = put(ctx, raw, b)
	}
	if err != nil {
		r.queue.cfg.Log.WarnContext(ctx, "keeping the "+what+" of a run", "run", id, "digest", r.job.Subject.Digest, "error", err)
	}
}

// follow asks for the run's state until it is done.
func (r *run) follow(ctx context.Context, client *endpoint.Client, s protocol.RunState) error {
	// Short runs are asked about often, long ones less so.
	interval := r.queue.cfg.poll / 10
	// A service may be restarted behind the same address: some silence is borne.
	const patience = 20
	for silent := 0; ; {
		r.say(ctx, s)
		switch s.State {
		case protocol.Done:
			return nil
		case protocol.Failed:
			return &failure{endpoint.Line(s.Error)}
		}
		select {
		case <-ctx.Done():
			if context.Cause(ctx) == context.DeadlineExceeded {
				return &failure{fmt.Sprintf("no result within %v", r.queue.limit())}
			}
			return context.Cause(ctx)
		case <-time.After(interval):
			interval = min(interval*5/4, r.queue.cfg.poll)
		}
		next, err := client.State(ctx, s.ID)
		switch {
		case err == nil:
			s, silent = next, 0
		case ctx.Err() != nil: // said above
		case !errors.Is(err, endpoint.ErrUnreachable) && !errors.Is(err, endpoint.ErrBusy), silent >= patience:
			return answer(err)
		default:
			silent++
		}
	}
}

// answer sorts an error of a run that was accepted: a service that lost the run
// or answers nonsense is tried with the image again, but not for ever.
func answer(err error) error {
	if errors.Is(err, endpoint.ErrNotFound) || errors.Is(err, endpoint.ErrAnswer) || errors.Is(err, endpoint.ErrRefused) {
		return &failure{endpoint.Line(err.Error())}
	}
	return err
}

// say writes on the board how far the run is, when that changed or was said long ago.
func (r *run) say(ctx context.Context, s protocol.RunState) {
	phase := map[string]Phase{
		protocol.Queued: Queued, protocol.Pulling: Pulling, protocol.Unpacking: Unpacking,
		protocol.Running: Running, protocol.Judging: Judging, protocol.Done: Judging, protocol.Failed: Judging,
	}[s.State]
	now := time.Now()
	r.mu.Lock()
	same := r.state.Phase == phase && r.state.Position == s.Position
	if r.state.Phase != phase {
		r.state.Since = now
	}
	r.state.Phase, r.state.Position = phase, s.Position
	if same && now.Sub(r.state.Beat) < lost/3 {
		r.mu.Unlock()
		return
	}
	r.state.Beat = now
	state := r.state
	r.mu.Unlock()
	state.Tries = r.queue.tries(ctx, state.Digest)
	if err := r.queue.board.write(ctx, state); err != nil {
		r.queue.cfg.Log.DebugContext(ctx, "saying how far a run is", "digest", state.Digest, "error", err)
	}
}
