package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// Runner runs one image, and judges.
type Runner interface {
	Run(ctx context.Context, img v1.Image, req sandbox.Request, progress func(protocol.RunState)) (*sandbox.Outcome, error)
	// Judge judges again what was observed in the passes of an earlier run, and tells which rules took no part.
	Judge(ctx context.Context, passes []*observation.Observation) (*report.Report, []judge.Fault, error)
	Ruleset() string
	Platforms() []image.Platform
	Networks() []string // that a profile may ask for, the default first
}

// Config is how the service is offered. Token is required.
type Config struct {
	Token       string        // what clients show as "Authorization: Bearer …"; at least 16 bytes
	Plan        string        // name of the plan in the licence document; default "local"
	Limit       int           // runs allowed per calendar month (UTC), counted since the service started; 0 is no limit
	Workers     int           // runs at a time; default 2
	Waiting     int           // runs that may wait for a worker, more are refused as busy; default 64
	Keep        time.Duration // how long a finished run can be read; default 1 h
	PullTimeout time.Duration // for fetching an image's manifest and configuration; default 1 min
	RunTimeout  time.Duration // for a whole run, from fetching to judging; default 30 min
	Version     string        // of this program
	Logger      *slog.Logger
	Metrics     prometheus.Registerer
}

// minToken keeps tokens out of reach of guessing.
const minToken = 16

// Service holds the runs. It is safe for concurrent use. Close it.
type Service struct {
	cfg     Config
	runner  Runner
	token   [32]byte // SHA-256 of Config.Token
	metrics *metrics
	queue   *queue
	quota   *quota
	judging chan struct{} // holds one: of the observation that is judged again

	stop context.CancelFunc // ends all runs
	ctx  context.Context
	work sync.WaitGroup
}

// New makes a Service and starts its workers.
func New(cfg Config, runner Runner) (*Service, error) {
	if len(cfg.Token) < minToken {
		return nil, fmt.Errorf("sandbox service: the token has %d bytes: give one of at least %d random bytes", len(cfg.Token), minToken)
	}
	if runner == nil {
		return nil, errors.New("sandbox service: there is no runner")
	}
	cfg = cfg.withDefaults()
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, runner: runner, token: hashed(cfg.Token), metrics: m, queue: newQueue(cfg.Waiting), quota: newQuota(cfg.Limit), judging: make(chan struct{}, 1)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	for range cfg.Workers {
		s.work.Go(s.worker)
	}
	s.work.Go(s.expire)
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Plan == "" {
		c.Plan = "local"
	}
	if c.Workers <= 0 {
		c.Workers = 2
	}
	if c.Waiting <= 0 {
		c.Waiting = 64
	}
	if c.Keep <= 0 {
		c.Keep = time.Hour
	}
	if c.PullTimeout <= 0 {
		c.PullTimeout = time.Minute
	}
	if c.RunTimeout <= 0 {
		c.RunTimeout = 30 * time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Serve answers on ln until ctx ends, then ends all runs and deletes them. It
// returns when nothing is left, with nil when ctx was the reason.
func (s *Service) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	// First the runs, so that streams of their states end by themselves.
	closed := s.Close()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if srv.Shutdown(last) != nil {
		srv.Close()
	}
	if err == nil {
		<-served
	}
	return errors.Join(err, closed)
}

// Close ends all runs, waits for them and deletes their traces. New ones are
// refused from now on. It may be called twice.
func (s *Service) Close() error {
	runs := s.queue.close()
	s.stop()
	s.work.Wait()
	var errs []error
	for _, r := range runs {
		errs = append(errs, r.discard())
	}
	return errors.Join(errs...)
}

// expire deletes runs that were kept long enough.
func (s *Service) expire() {
	every := time.NewTicker(max(s.cfg.Keep/10, time.Second))
	defer every.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-every.C:
			for _, r := range s.queue.expired(time.Now().Add(-s.cfg.Keep)) {
				if err := r.discard(); err != nil {
					s.cfg.Logger.Error("deleting an expired run", "run", r.id, "error", err)
				}
			}
		}
	}
}
