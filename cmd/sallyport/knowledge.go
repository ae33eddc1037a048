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

	ends []func() // in reverse order of making
}

func newKnowledge(ctx context.Context, cfg config.Config, redisURL string, store *objects.Store, content inspect.Content, log *slog.Logger, reg prometheus.Registerer) (_ *knowledge, err error) {
	k := &knowledge{objects: store}
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	client, end, embedded, err := redisconn.Connect(ctx, redisURL)
	if err != nil {
		return nil, err
	}
	k.redis, k.ends = client, append(k.ends, end)
	if !embedded {
		if err := client.Ping(ctx).Err(); err != nil {
			log.Warn("Redis is away: the gate works on, slower, until it is back", "error", err)
		}
	}
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
	l, err := library.Open(ctx, library.Config{Folder: cfg.Policies.Dir, Objects: store, Logger: log, Registerer: reg})
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

func (k *knowledge) close() {
	for i := len(k.ends) - 1; i >= 0; i-- {
		k.ends[i]()
	}
	k.ends = nil
}

// errNothingQueued is told where a verdict is missing and no queue could bring it.
var errNothingQueued = errors.New("there is no queue here")
