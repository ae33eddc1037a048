// Package lease gives work to one process at a time among those that share a
// Redis: a name is leased to whoever took it first, until it is given back or
// its holder is silent for longer than the lease's time.
//
// A lease saves work; it protects nothing. A holder that was stopped for too
// long does not notice that another has the name by now, so what is done under
// a lease must also be right when two do it. Renewing and giving back are
// fenced: they concern the holder's own lease only. When Redis is away every
// call fails at once, after one that waited.
package lease

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"
)

// pause is how long a failed Redis is left alone.
const pause = time.Second

// Leases are those of one prefix. It is safe for concurrent use.
type Leases struct {
	redis  redis.UniversalClient
	prefix string
	ttl    time.Duration
	answer time.Duration // bounds one exchange with Redis

	mu     sync.Mutex
	closed time.Time // until when Redis is not asked, after it failed
	last   error
	wg     sync.WaitGroup
}

// New returns the leases below prefix. A silent holder's lease ends after ttl,
// which Redis measures. One exchange with Redis may take a twelfth of that, at
// least 500 ms.
func New(r redis.UniversalClient, prefix string, ttl time.Duration) *Leases {
	return &Leases{redis: r, prefix: prefix, ttl: ttl, answer: max(ttl/12, 500*time.Millisecond)}
}

// Lease is a name that this process has.
type Lease struct {
	of    *Leases
	key   string
	value string // the token, unique to this lease, and what the holder said
	end   context.CancelFunc
	once  sync.Once
}

// Take leases name and says what the others get to see. When another process
// has the name, the lease is nil and said is what that one said.
func (l *Leases) Take(ctx context.Context, name, say string) (mine *Lease, said string, err error) {
	if err := l.paused(); err != nil {
		return nil, "", err
	}
	ask, cancel := context.WithTimeout(ctx, l.answer)
	defer cancel()
	m := &Lease{of: l, key: l.prefix + name, value: ulid.Make().String() + say}
	for range 3 { // the other's lease may end between the two questions
		ok, err := l.redis.SetNX(ask, m.key, m.value, l.ttl).Result()
		if err != nil {
			return nil, "", l.failed(ctx, err)
		}
		if ok {
			renewing, end := context.WithCancel(context.Background())
			m.end = end
			l.wg.Go(func() { m.renew(renewing) })
			return m, "", nil
		}
		value, err := l.redis.Get(ask, m.key).Result()
		if err == nil && len(value) >= ulid.EncodedSize {
			return nil, value[ulid.EncodedSize:], nil
		}
		if err != nil && err != redis.Nil {
			return nil, "", l.failed(ctx, err)
		}
	}
	return nil, "", fmt.Errorf("the lease of %s changes hands too fast", name)
}

// Taken tells whether any process has the name.
func (l *Leases) Taken(ctx context.Context, name string) (bool, error) {
	if err := l.paused(); err != nil {
		return false, err
	}
	ask, cancel := context.WithTimeout(ctx, l.answer)
	defer cancel()
	n, err := l.redis.Exists(ask, l.prefix+name).Result()
	if err != nil {
		return false, l.failed(ctx, err)
	}
	return n > 0, nil
}

// Wait returns when all leases of this process are given back.
func (l *Leases) Wait() { l.wg.Wait() }

var (
	prolong = redis.NewScript(`if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("pexpire", KEYS[1], ARGV[2]) end return 0`)
	giveUp  = redis.NewScript(`if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end return 0`)
)

// renew keeps the lease until it is given back, and gives it back.
func (m *Lease) renew(ctx context.Context) {
	tick := time.NewTicker(max(m.of.ttl/3, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// A failure is made up for by the next time, or the lease ends.
			_ = m.run(prolong, m.value, m.of.ttl.Milliseconds())
		case <-ctx.Done():
			_ = m.run(giveUp, m.value)
			return
		}
	}
}

func (m *Lease) run(s *redis.Script, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), m.of.answer)
	defer cancel()
	return s.Run(ctx, m.of.redis, []string{m.key}, args...).Err()
}

// Release gives the lease back, without waiting for Redis.
func (m *Lease) Release() { m.once.Do(m.end) }

func (l *Leases) paused() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.closed) {
		return l.last
	}
	return nil
}

func (l *Leases) failed(ctx context.Context, err error) error {
	err = fmt.Errorf("asking Redis whose work it is: %w", err)
	if ctx.Err() != nil {
		return err // the asker left; that says nothing about Redis
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.last = time.Now().Add(pause), err
	return err
}
