package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/proxy/lease"
)

// silence is how long a replica that replays may be silent before another may.
const silence = 30 * time.Second

// newReplayer judges earlier runs again, on one replica at a time.
func newReplayer(auto bool, k *knowledge, concluded concluded, settings *analysis.SettingsStore, log *slog.Logger, reg prometheus.Registerer) (*analysis.Replayer, error) {
	return analysis.NewReplayer(analysis.ReplayConfig{
		Objects: k.objects, Verdicts: k.verdicts, Settings: settings, Auto: auto, Concluded: concluded,
		Lock: lock{lease.New(k.redis, "sallyport:analysis:lease:", silence)}, Log: log, Metrics: reg,
	})
}

// lock is leases in the words of package analysis.
type lock struct{ leases *lease.Leases }

func (l lock) Take(ctx context.Context, name, say string) (release func(), said string, err error) {
	mine, said, err := l.leases.Take(ctx, name, say)
	if mine == nil || err != nil {
		return nil, said, err
	}
	return func() { mine.Release(); l.leases.Wait() }, "", nil
}
