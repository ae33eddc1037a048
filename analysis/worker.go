package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis/endpoint"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

// errStopped ends runs when the process ends; the next worker starts over.
var errStopped = errors.New("the worker was stopped")

// failure is a run that went wrong in a way that the image may be the cause of;
// everything else is the sandbox's or our own trouble, and tried again until it works.
type failure struct{ reason string }

func (f *failure) Error() string { return f.reason }

// Run works on the queue until ctx ends; then it ends the runs under way, which
// whoever works next starts over. It is called once.
func (q *Queue) Run(ctx context.Context) error {
	base, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	q.mu.Lock()
	q.base = base
	q.mu.Unlock()

	server := asynq.NewServerFromRedisClient(q.cfg.Redis, asynq.Config{
		Concurrency:              q.cfg.Workers,
		Queues:                   map[string]int{queueName: 1},
		TaskCheckInterval:        200 * time.Millisecond,
		DelayedTaskCheckInterval: time.Second,
		ShutdownTimeout:          10 * time.Second,
		RetryDelayFunc:           func(_ int, err error, _ *asynq.Task) time.Duration { return q.delay(err) },
		IsFailure:                func(err error) bool { return errors.Is(err, asynq.ErrLeaseExpired) },
		Logger:                   asynqLog{q.cfg.Log},
		LogLevel:                 asynq.WarnLevel,
	})
	if err := server.Start(asynq.HandlerFunc(q.handle)); err != nil {
		return fmt.Errorf("starting to work on the analysis queue: %w", err)
	}
	<-ctx.Done()
	cancel(errStopped)
	server.Shutdown()
	q.mu.Lock()
	q.base = nil
	q.mu.Unlock()
	q.wg.Wait()
	return nil
}

// delay is how long to leave a task alone after err.
func (q *Queue) delay(err error) time.Duration {
	var f *failure
	switch {
	case errors.Is(err, errStopped), errors.Is(err, asynq.ErrLeaseExpired):
		return 0
	case errors.As(err, &f):
		return 2 * q.cfg.back
	}
	return q.cfg.back
}

// handle is asynq's handler of one task. The run itself does not belong to the
// task: asynq gives a task up when Redis is away for half a minute, and another
// delivery of the digest then joins the run that goes on.
func (q *Queue) handle(ctx context.Context, task *asynq.Task) error {
	var job Job
	if err := json.Unmarshal(task.Payload(), &job); err != nil || job.Subject.Digest.Validate() != nil {
		q.cfg.Log.ErrorContext(ctx, "a queued job cannot be read; it is dropped", "error", err)
		return fmt.Errorf("%w: unreadable job", asynq.SkipRetry)
	}
	r, err := q.join(job)
	if err != nil {
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// join starts the run of job, or returns the one under way.
func (q *Queue) join(job Job) (*run, error) {
	d := job.Subject.Digest
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.base == nil || q.base.Err() != nil {
		return nil, errStopped
	}
	if r, ok := q.runs[d]; ok {
		return r, nil
	}
	ctx, cancel := context.WithTimeout(q.base, q.limit())
	r := &run{queue: q, job: job, done: make(chan struct{}), state: State{Digest: d, Phase: Queued, Since: time.Now()}}
	q.runs[d] = r
	q.metrics.active.Inc()
	q.wg.Go(func() {
		defer cancel()
		err := r.execute(ctx)
		if errors.Is(context.Cause(ctx), errStopped) {
			err = errStopped
		}
		r.err = q.settle(context.WithoutCancel(ctx), r, err)
		q.mu.Lock()
		delete(q.runs, d)
		q.mu.Unlock()
		q.metrics.active.Dec()
		close(r.done)
		// After the run is gone, so that who is woken finds the verdict.
		q.board.notify(d.String())
	})
	return r, nil
}

func (q *Queue) running(d digest.Digest) (State, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r, ok := q.runs[d]
	if !ok {
		return State{}, false
	}
	return r.snapshot(), true
}

// settle writes down how a run ended, and returns what asynq is to do: nil ends
// the task, an error has it tried again.
func (q *Queue) settle(ctx context.Context, r *run, err error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	log := q.cfg.Log.With("digest", r.job.Subject.Digest, "image", r.job.Reference.String())
	state := State{Digest: r.job.Subject.Digest, Phase: Queued, Since: time.Now(), Beat: time.Now()}
	var f *failure
	switch {
	case err == nil:
		state.Phase = Done
	case errors.Is(err, errStopped):
		state.Reason = err.Error()
	case errors.As(err, &f):
		q.metrics.runs.WithLabelValues("failed").Inc()
		state.Reason, state.Tries = f.reason, q.tries(ctx, r.job.Subject.Digest)+1
		log.WarnContext(ctx, "a run failed", "try", state.Tries, "of", q.cfg.Tries, "reason", f.reason)
		if state.Tries >= q.cfg.Tries {
			if err = q.giveUp(ctx, r.job, state); err == nil {
				state.Phase = Done
			}
		}
	default:
		q.metrics.runs.WithLabelValues("waiting").Inc()
		before, _ := q.board.read(ctx, r.job.Subject.Digest)
		state.Reason, state.Tries = endpoint.Line(err.Error()), before.Tries
		level := slog.LevelWarn
		if before.Reason == state.Reason {
			level = slog.LevelDebug // said when it began
		}
		log.Log(ctx, level, "an image waits for the sandbox", "reason", state.Reason)
	}
	if state.Phase == Done {
		state.Tries = 0
	}
	if err := q.board.write(ctx, state); err != nil {
		log.DebugContext(ctx, "saying how far a run is", "error", err)
	}
	return err
}

// tries is how many runs of d failed before, as far as that is still known.
func (q *Queue) tries(ctx context.Context, d digest.Digest) int {
	s, err := q.board.read(ctx, d)
	if err != nil {
		return 0
	}
	return s.Tries
}

// giveUp concludes that nothing can be concluded, for a while.
func (q *Queue) giveUp(ctx context.Context, job Job, s State) error {
	now := time.Now()
	_, err := q.cfg.Verdicts.Conclude(ctx, verdict.Verdict{
		Digest: job.Subject.Digest, Subject: job.Subject, Conclusion: report.Inconclusive, Time: now, RetryAt: now.Add(q.cfg.Retry),
		Reason: fmt.Sprintf("%d runs failed, the last one: %s", s.Tries, s.Reason),
	})
	return err
}

// asynqLog gives asynq's log lines to slog.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }
