package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/internal/redisconn"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies/library"
	"github.com/sallyport-dev/sallyport/verdict"
)

// knowledge is everything that a gate decides by. A server's is on its storage
// and Redis, a scan's is in memory: one code path.
type knowledge struct {
	objects   *objects.Store
	redis     redis.UniversalClient
	epochs    *epoch.Epochs
	inspector *inspect.Inspector
	verdicts  *verdict.Store
	labels    *label.Labels
	policies  *shelf
}

// connect connects to Redis, which need not be there yet.
func connect(ctx context.Context, url string, log *slog.Logger) (redis.UniversalClient, func(), error) {
	client, end, embedded, err := redisconn.Connect(ctx, url)
	if err == nil && !embedded {
		if err := client.Ping(ctx).Err(); err != nil {
			log.Warn("Redis is away: the gate works on, slower, until it is back", "error", err)
		}
	}
	return client, end, err
}

func newKnowledge(ctx context.Context, cfg config.Config, client redis.UniversalClient, store *objects.Store, content inspect.Content, log *slog.Logger, reg prometheus.Registerer) (*knowledge, error) {
	k := &knowledge{objects: store, redis: client}
	var err error
	k.epochs = epoch.New(client)
	if k.inspector, err = inspect.New(content, store, inspect.Log(log)); err != nil {
		return nil, err
	}
	if k.verdicts, err = verdict.New(store, client, verdict.Log(log)); err != nil {
		return nil, err
	}
	if k.labels, err = label.New(store, k.epochs); err != nil {
		return nil, err
	}
	l, err := library.Open(ctx, library.Config{Folder: cfg.Policies.Dir, Bundles: bundles(cfg), Objects: store, Logger: log, Registerer: reg})
	if err != nil {
		return nil, err
	}
	k.policies = newShelf(l, k.epochs)
	return k, nil
}

// gate returns a gate on what is known, which queues with q.
func (k *knowledge) gate(q gate.Queue, log *slog.Logger, reg prometheus.Registerer) (*gate.Gate, error) {
	return gate.New(gate.Config{
		Inspector: k.inspector,
		Policies:  k.policies.current,
		Verdicts:  k.verdicts,
		Labels:    k.labels,
		Queue:     q,
		Objects:   k.objects,
		Redis:     k.redis,
		Epochs:    k.epochs,
		Log:       log,
		Metrics:   reg,
	})
}

// errNothingQueued is told where a verdict is missing and no queue could bring it.
var errNothingQueued = errors.New("there is no queue here")
