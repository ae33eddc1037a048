package store

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"
)

const (
	recentCount = 8192
	recentBytes = 16 << 20
	// recentLargest keeps a few huge manifests from pushing all others out.
	recentLargest = 256 << 10
)

// recent remembers parsed manifests, within a bound of their bytes. It is safe
// for concurrent use. What it returns is shared, and not to be changed.
type recent struct {
	mu    sync.Mutex
	lru   *lru.Cache[recentKey, Manifest]
	bytes int
}

type recentKey struct {
	name   string
	digest digest.Digest
}

func newRecent() (*recent, error) {
	r := &recent{}
	var err error
	r.lru, err = lru.NewWithEvict(recentCount, func(_ recentKey, m Manifest) { r.bytes -= size(m) })
	return r, err
}

// size is about what a manifest takes in memory: its bytes, and descriptors
// that were parsed from them.
func size(m Manifest) int { return 2*len(m.Raw) + 512 }

func (r *recent) get(name string, d digest.Digest) (Manifest, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lru.Get(recentKey{name, d})
}

func (r *recent) add(name string, m Manifest) {
	if len(m.Raw) > recentLargest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := recentKey{name, m.Digest}
	if r.lru.Contains(key) {
		return
	}
	r.bytes += size(m)
	r.lru.Add(key, m)
	for r.bytes > recentBytes {
		r.lru.RemoveOldest()
	}
}

func (r *recent) remove(name string, d digest.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lru.Remove(recentKey{name, d})
}
