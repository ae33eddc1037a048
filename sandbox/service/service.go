package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// Runner runs one image.
type Runner interface {
	Run(ctx context.Context, img v1.Image, req sandbox.Request, progress func(protocol.RunState)) (*sandbox.Outcome, error)
	Ruleset() string
	Platforms() []image.Platform
}

// Config is how the service is offered. Token is required.
type Config struct {
	Token   string        // what clients show as "Authorization: Bearer …"
	Plan    string        // name of the plan in the licence document; default "local"
	Limit   int           // runs allowed per calendar month (UTC); 0 is no limit
	Workers int           // runs at a time; default 2
	Waiting int           // runs that may wait for a worker, more are refused as busy; default 64
	Keep    time.Duration // how long a finished run can be read; default 1 h
	Version string
	Logger  *slog.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time
}

// Service holds the runs. Close it.
type Service struct{}

// New makes a Service and starts its workers.
func New(cfg Config, runner Runner) (*Service, error) { return nil, errors.ErrUnsupported }

// Handler serves the protocol.
func (s *Service) Handler() http.Handler { return nil }

// Serve answers on ln until ctx ends, then ends all runs and deletes them. It
// returns when nothing is left.
func (s *Service) Serve(ctx context.Context, ln net.Listener) error { return errors.ErrUnsupported }

// Close ends all runs and deletes their traces. It may be called twice.
func (s *Service) Close() error { return nil }
