// Package analysis has images run: it holds the queue and the quota, and asks
// sandbox services over their HTTP protocol.
//
// A digest enters once, however many ask; its report goes to the verdicts. The
// queue lives in Redis and may be lost: what has no verdict is queued again
// when next asked for. The package does not run anything itself, knows no
// policies, and of the sandbox nothing but its protocol.
package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/verdict"
)

// Config is what a Queue is made of.
type Config struct {
	Redis    redis.UniversalClient
	Objects  *objects.Store
	Verdicts *verdict.Store
	Settings *SettingsStore
	Grants   *Grants

	PullFrom     string // host:port at which the sandbox reaches the proxy
	PullInsecure bool   // plain HTTP there

	Workers int           // runs at the same time by this process; default 2
	Tries   int           // failed runs until the image is inconclusive; default 3
	Retry   time.Duration // how long an inconclusive image is left alone then; default 1 h
	Timeout time.Duration // wall time of one run, all its passes together; default 180 s
	Profile string        // protocol.Profile.Name of every run; empty for the sandbox's default
	Network string        // protocol.Profile.Network of every run; empty for the sandbox's default

	// Concluded, if not nil, is told of each verdict with the report behind it, when both are stored.
	Concluded func(ctx context.Context, v verdict.Verdict, raw []byte)

	Log     *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing

	poll time.Duration // between questions to the sandbox; tests are in a hurry
	back time.Duration // first back-off
}

func (c Config) withDefaults() Config {
	if c.Workers <= 0 {
		c.Workers = 2
	}
	if c.Tries <= 0 {
		c.Tries = 3
	}
	if c.Retry <= 0 {
		c.Retry = time.Hour
	}
	if c.Timeout <= 0 {
		c.Timeout = 180 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.poll <= 0 {
		c.poll = 500 * time.Millisecond
	}
	if c.back <= 0 {
		c.back = 5 * time.Second
	}
	return c
}

// ErrUnavailable is what errors wrap when the queue itself cannot be asked.
var ErrUnavailable = errors.New("the analysis queue is not available: is Redis up?")

// asynq's names in Redis.
const (
	queueName = "analysis"
	taskType  = "analysis:run"
	queueSet  = "asynq:queues"
)

// Queue is the way of digests to their verdicts. It is safe for concurrent use,
// also by several processes on one Redis: each digest is run by one of them.
type Queue struct {
	cfg       Config
	client    *asynq.Client
	inspector *asynq.Inspector
	board     *board
	metrics   *metrics

	mu   sync.Mutex
	runs map[digest.Digest]*run // in this process
	base context.Context        // of runs; nil before Run and after
	wg   sync.WaitGroup         // of runs
}

// New returns the queue; nothing is worked on before Run.
func New(cfg Config) (*Queue, error) {
	if cfg.Redis == nil || cfg.Objects == nil || cfg.Verdicts == nil || cfg.Settings == nil || cfg.Grants == nil {
		return nil, errors.New("a queue needs Redis, objects, verdicts, settings and grants")
	}
	cfg = cfg.withDefaults()
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return &Queue{
		cfg:       cfg,
		client:    asynq.NewClientFromRedisClient(cfg.Redis),
		inspector: asynq.NewInspectorFromRedisClient(cfg.Redis),
		board:     newBoard(cfg.Redis),
		metrics:   m,
		runs:      map[digest.Digest]*run{},
	}, nil
}

// Job is one platform's image to be run.
type Job struct {
	Reference image.Reference `json:"reference"` // as it was asked for; registry and repository are where it is fetched
	Platform  image.Platform  `json:"platform"`
	Subject   verdict.Subject `json:"subject"` // the platform manifest

	// Asked is when a person wanted the image run again: only a verdict from
	// later answers that. Zero for the first run.
	Asked time.Time `json:"asked,omitzero"`

	// Look has Enqueue tell what it would answer, and queue nothing.
	Look bool `json:"-"`
}

// Enqueue has the image run if it is not queued or running already, however
// many ask for it at once. The state may be Off or Unsupported: then it is not
// queued. Errors wrap ErrUnavailable or are the storage's.
func (q *Queue) Enqueue(ctx context.Context, job Job) (State, error) {
	s, _, err := q.enqueue(ctx, job)
	return s, err
}

// enqueue is Enqueue; queued tells whether this call put the job into the queue.
func (q *Queue) enqueue(ctx context.Context, job Job) (s State, queued bool, err error) {
	d := job.Subject.Digest
	if err := d.Validate(); err != nil {
		return State{}, false, fmt.Errorf("queueing %s: %q: %w", job.Reference, d, err)
	}
	set, err := q.cfg.Settings.Get(ctx)
	if err != nil {
		return State{}, false, err
	}
	if !set.Enabled {
		return State{Digest: d, Phase: Off, Reason: "dynamic threat analysis is switched off"}, false, nil
	}
	if reason := q.unsupported(ctx, job.Platform); reason != "" {
		return State{Digest: d, Phase: Unsupported, Reason: reason}, false, nil
	}
	if s, ok := q.running(d); ok {
		return s, false, nil
	}
	if job.Look {
		s, err := q.State(ctx, d)
		return s, false, err
	}
	payload, err := json.Marshal(job)
	if err != nil {
		return State{}, false, fmt.Errorf("queueing %s: %w", job.Reference, err)
	}
	for try := 0; ; try++ {
		err := q.submit(ctx, d, payload)
		if err == nil {
			queued = true
			break
		}
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			return State{}, false, fmt.Errorf("%w: queueing %s: %w", ErrUnavailable, job.Reference, err)
		}
		if again, err := q.over(ctx, d); err != nil {
			return State{}, false, fmt.Errorf("%w: queueing %s: %w", ErrUnavailable, job.Reference, err)
		} else if !again || try == 5 {
			break
		}
	}
	s, err = q.State(ctx, d)
	return s, queued, err
}

// over tells whether the task of d that is in the way is none any more, so that
// submitting is worth another try.
func (q *Queue) over(ctx context.Context, d digest.Digest) (bool, error) {
	info, err := q.inspector.GetTaskInfo(queueName, d.String())
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return true, nil
	case err != nil:
		return false, err
	case info.State == asynq.TaskStateArchived:
		// Given up by asynq, after its workers were lost too often.
		err = q.inspector.DeleteTask(queueName, d.String())
		if errors.Is(err, asynq.ErrTaskNotFound) {
			err = nil
		}
		return true, err
	case info.State != asynq.TaskStateActive:
		return false, nil
	}
	// Active but done: asynq is about to delete it.
	if s, err := q.board.read(ctx, d); err != nil || s.Phase != Done {
		return false, err
	}
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return true, nil
	}
}

func (q *Queue) submit(ctx context.Context, d digest.Digest, payload []byte) error {
	// asynq lists a queue once per process and cannot find its tasks when a flush
	// took it off the list.
	if err := q.cfg.Redis.SAdd(ctx, queueSet, queueName).Err(); err != nil {
		return err
	}
	// The digest as the task's ID makes it unique for as long as it is queued or
	// running. Failed runs are counted by the worker, other faults not at all;
	// the limit is there for tasks that kill their workers.
	_, err := q.client.EnqueueContext(ctx, asynq.NewTask(taskType, payload),
		asynq.TaskID(d.String()), asynq.Queue(queueName), asynq.MaxRetry(20), asynq.Timeout(q.limit()+time.Minute))
	return err
}

// Rescan has the image run again although there is a verdict, which stays in
// force until then.
func (q *Queue) Rescan(ctx context.Context, job Job) (State, error) {
	job.Asked = time.Now()
	for deadline := job.Asked.Add(10 * time.Second); ; {
		s, queued, err := q.enqueue(ctx, job)
		if err != nil || queued || s.Phase == Off || s.Phase == Unsupported || s.Phase == Queued {
			return s, err
		}
		// What is in the way may be a run that has its verdict already and only
		// clears up: it would swallow this wish.
		v, err := q.cfg.Verdicts.Get(ctx, job.Subject.Digest)
		clearing := err == nil && (s.Phase == Done || v.Time.After(time.Now().Add(-s.Elapsed)))
		if !clearing || time.Now().After(deadline) {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// limit is how long a run may take in all: waiting at the service, fetching and judging included.
func (q *Queue) limit() time.Duration { return q.cfg.Timeout + 15*time.Minute }

// platformsKey holds what the sandbox can run, as its last licence said.
const platformsKey = "sallyport:analysis:platforms"

// unsupported says why the sandbox would not run p, or "" when it would or that
// is not known.
func (q *Queue) unsupported(ctx context.Context, p image.Platform) string {
	raw, err := q.cfg.Redis.Get(ctx, platformsKey).Bytes()
	var known []image.Platform
	if err != nil || json.Unmarshal(raw, &known) != nil {
		return ""
	}
	return unsupportedBy(known, p)
}

func unsupportedBy(known []image.Platform, p image.Platform) string {
	for _, k := range known {
		if k.OS == p.OS && k.Architecture == p.Architecture {
			return ""
		}
	}
	if len(known) == 0 {
		return ""
	}
	return fmt.Sprintf("the sandbox does not run %s images", p)
}
