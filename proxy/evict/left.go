package evict

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/redis/go-redis/v9"
)

const (
	// leftFor is how long it is told which manifests left the cache: whoever got
	// one a moment before goes on to ask for its blobs.
	leftFor = time.Hour
	// leftMost bounds them, for each repository; those that left last are kept.
	// Upstreams count what is fetched again.
	leftMost = 64
)

func leftKey(repository string) string { return "sallyport:cache:left:" + repository }

// tell lets the other replicas know what has left: they may never have known it.
func (e *Evictor) tell(ctx context.Context, left map[string][]digest.Digest) {
	if e.cfg.Redis == nil || len(left) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	now := float64(e.cfg.Now().Unix())
	_, err := e.cfg.Redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for repository, digests := range left {
			members := make([]redis.Z, len(digests))
			for i, d := range digests {
				members[i] = redis.Z{Score: now, Member: d.String()}
			}
			key := leftKey(repository)
			pipe.ZAdd(ctx, key, members...)
			pipe.ZRemRangeByRank(ctx, key, 0, -leftMost-1)
			pipe.Expire(ctx, key, leftFor)
		}
		return nil
	})
	if err != nil {
		e.cfg.Log.Warn("other replicas are not told which images left the cache", "error", err)
	}
}

// Left lists the manifests of a repository that any replica took out of the
// cache within the last hour although they may have been in use: somebody purged
// them, or the disk was full. The last one comes first.
func (e *Evictor) Left(ctx context.Context, repository string) []digest.Digest {
	if e.cfg.Redis == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	members, err := e.cfg.Redis.ZRevRange(ctx, leftKey(repository), 0, leftMost-1).Result()
	if err != nil {
		return nil // Redis is away: it is not known
	}
	var all []digest.Digest
	for _, m := range members {
		if d, err := digest.Parse(m); err == nil {
			all = append(all, d)
		}
	}
	return all
}
