package analysis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/opencontainers/go-digest"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/objects"
)

// Usage is how many runs this installation has asked for.
type Usage struct {
	Period string `json:"period"` // "2026-11", UTC
	Runs   int    `json:"runs"`
}

// usageRecord is one run, kept as an object so that the count outlasts Redis.
type usageRecord struct {
	Digest digest.Digest `json:"digest"`
	Time   time.Time     `json:"time"`
}

// usageAge bounds how long a count that another replica did not correct is believed.
const usageAge = 10 * time.Minute

// Usage counts the runs of the current month.
func (q *Queue) Usage(ctx context.Context) (Usage, error) {
	u := Usage{Period: period(time.Now())}
	n, err := q.cfg.Redis.Get(ctx, usageKey(u.Period)).Int()
	if err == nil {
		u.Runs = n
		return u, nil
	}
	keys, listErr := q.cfg.Objects.List(ctx, objects.Key("runs", u.Period))
	if listErr != nil {
		return u, fmt.Errorf("counting runs: %w", listErr)
	}
	u.Runs = len(keys)
	if errors.Is(err, redis.Nil) {
		// Only a cache: the next question counts again if this fails.
		_ = q.cfg.Redis.Set(ctx, usageKey(u.Period), u.Runs, usageAge).Err()
	}
	return u, nil
}

// count records that a run began.
func (q *Queue) count(ctx context.Context, d digest.Digest) {
	now := time.Now().UTC()
	err := q.cfg.Objects.PutJSON(ctx, objects.Key("runs", period(now), ulid.Make().String()), usageRecord{d, now})
	if err != nil {
		q.cfg.Log.WarnContext(ctx, "recording a run", "digest", d, "error", err)
	}
	_ = q.cfg.Redis.Del(ctx, usageKey(period(now))).Err()
}

func period(t time.Time) string { return t.UTC().Format("2006-01") }

func usageKey(period string) string { return "sallyport:analysis:usage:" + period }
