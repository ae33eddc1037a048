package gate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/verdict"
)

const (
	// rememberedResults is as many as decisions: fewer would be read from Redis
	// when most decisions are made anew, and share nothing with each other then.
	rememberedResults = rememberedDecisions
	resultAge         = time.Hour
)

// results remembers what policies said, here and in Redis. A key holds
// everything that the answer depends on, so that nothing needs to be invalidated.
type results struct {
	redis   redis.UniversalClient
	local   *lru.Cache[string, result]
	now     func() time.Time
	metrics *metrics
}

type result struct {
	Result policies.Result `json:"result"`
	Until  time.Time       `json:"until"`
}

func newResults(r redis.UniversalClient, now func() time.Time, m *metrics) (*results, error) {
	local, err := lru.New[string, result](rememberedResults)
	return &results{r, local, now, m}, err
}

// resultKey identifies an evaluation: the bytes, what sources found out of
// them, the names and labels that they have, the risks that were acknowledged,
// the verdict, the policies, and what of the context some scope reads.
func resultKey(set Policies, f inspect.Facts, in *policies.Input, known *verdict.Verdict, found inspect.Knowledge) string {
	version := ""
	if known != nil {
		version = known.Version()
	}
	raw, err := json.Marshal([]any{
		f.Digest, f.Version, found.Key(), in.Image.Registry, in.Image.Repository, in.Image.Tags, in.Image.AquaLabels, in.Image.BaseImages.Items,
		in.DTA.Status, in.DTA.Reason, version, set.Generation(), set.ContextKey(in.Context), in.Context.Kind,
		in.Acknowledged,
	})
	if err != nil {
		return "" // strings and numbers: cannot fail; "" is never found
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func (r *results) get(ctx context.Context, key string, shared bool) (policies.Result, bool) {
	if e, ok := r.local.Get(key); ok && r.now().Before(e.Until) {
		r.metrics.hit("local")
		return e.Result, true
	}
	if !shared || key == "" {
		return policies.Result{}, false
	}
	var e result
	raw, err := r.redis.Get(ctx, redisKey(key)).Bytes()
	if err != nil || json.Unmarshal(raw, &e) != nil || !r.now().Before(e.Until) {
		r.metrics.hit("none")
		return policies.Result{}, false
	}
	r.metrics.hit("redis")
	r.local.Add(key, e)
	return e.Result, true
}

// put remembers a result. Redis being away loses a copy, nothing else.
func (r *results) put(ctx context.Context, key string, res policies.Result, shared bool) {
	if key == "" {
		return
	}
	e := result{res, r.now().Add(resultAge)}
	if !res.Until.IsZero() && res.Until.Before(e.Until) {
		e.Until = res.Until
	}
	r.local.Add(key, e)
	if raw, err := json.Marshal(e); err == nil && shared {
		_ = r.redis.Set(ctx, redisKey(key), raw, resultAge).Err()
	}
}

func redisKey(key string) string { return "sallyport:result:" + key }
