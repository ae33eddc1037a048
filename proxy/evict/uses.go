package evict

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/store"
)

const (
	// useEvery is how often the use of a manifest is recorded at most.
	useEvery = 5 * time.Minute
	// usesKept bounds the manifests of which it is known when that was.
	usesKept = 1 << 16
)

type held struct {
	repository string
	digest     digest.Digest
}

// Uses remembers which manifests are used until that is recorded. It is safe
// for concurrent use.
type Uses struct {
	mu       sync.Mutex
	pending  map[held]bool
	now      map[held]int // being read
	recorded *lru.Cache[held, time.Time]
	clock    func() time.Time
}

func newUses(clock func() time.Time) (*Uses, error) {
	recorded, err := lru.New[held, time.Time](usesKept)
	return &Uses{pending: map[held]bool{}, now: map[held]int{}, recorded: recorded, clock: clock}, err
}

// Used says that a manifest was served.
func (u *Uses) Used(repository string, d digest.Digest) {
	h := held{repository, d}
	if t, ok := u.recorded.Get(h); ok && since(t, u.clock()) < useEvery {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pending[h] = true
}

// Hold says that a blob of the manifest is being read until release is called.
func (u *Uses) Hold(repository string, d digest.Digest) (release func()) {
	u.Used(repository, d)
	h := held{repository, d}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now[h]++
	return sync.OnceFunc(func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.now[h]--; u.now[h] <= 0 {
			delete(u.now, h)
		}
	})
}

// record writes down what was used, and what is still being read.
func (u *Uses) record(ctx context.Context, s *store.Store) error {
	now := u.clock()
	u.mu.Lock()
	due := u.pending
	u.pending = map[held]bool{}
	for h := range u.now {
		if t, ok := u.recorded.Peek(h); !ok || since(t, now) >= useEvery {
			due[h] = true
		}
	}
	u.mu.Unlock()
	var failed error
	for h := range due {
		if err := s.Repository(h.repository).Touch(ctx, h.digest, now); err != nil {
			failed = err
			continue
		}
		u.recorded.Add(h, now)
	}
	return failed
}

// reading tells whether a blob of the manifest is being read in this process,
// or lately was and that is not recorded yet.
func (u *Uses) reading(h held) (now, lately bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.now[h] > 0, u.now[h] > 0 || u.pending[h]
}

// since is how long ago t was; a clock that was set back since makes it long.
func since(t, now time.Time) time.Duration {
	if d := now.Sub(t); d >= 0 {
		return d
	}
	return useEvery
}
