package proxy

import (
	"net/http"
	"sync"
	"time"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// clientsKept bounds the clients whose rate is remembered.
const clientsKept = 1 << 16

// clients bounds what each client can take. It is safe for concurrent use.
type clients struct {
	limits Limits
	now    func() time.Time
	rates  *lru.Cache[string, *rate.Limiter]

	mu     sync.Mutex
	active map[string]int // requests under way
}

func newClients(limits Limits, now func() time.Time) (*clients, error) {
	rates, err := lru.New[string, *rate.Limiter](clientsKept)
	return &clients{limits: limits, now: now, rates: rates, active: map[string]int{}}, err
}

// enter lets a request begin, or is the refusal. leave must be called when it
// has ended.
func (c *clients) enter(who requester) (leave func(), err error) {
	if c.limits.Rate <= 0 && c.limits.Requests <= 0 {
		return func() {}, nil
	}
	client := who.client()
	if wait := c.wait(client); wait > 0 {
		return nil, tooMany(wait, "more than %g requests per second come from here (proxy.limits.rate)", c.limits.Rate)
	}
	if c.limits.Requests <= 0 {
		return func() {}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active[client] >= c.limits.Requests {
		return nil, tooMany(time.Second, "%d requests from here are under way, which is all there may be (proxy.limits.requests)", c.active[client])
	}
	c.active[client]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.active[client]--; c.active[client] <= 0 {
			delete(c.active, client)
		}
	}, nil
}

// wait is how long the client must wait for its next request, 0 for not at all.
func (c *clients) wait(client string) time.Duration {
	if c.limits.Rate <= 0 {
		return 0
	}
	fresh := rate.NewLimiter(rate.Limit(c.limits.Rate), c.limits.Burst)
	limit, ok, _ := c.rates.PeekOrAdd(client, fresh)
	if ok {
		c.rates.Get(client) // counts as use
	} else {
		limit = fresh
	}
	now := c.now()
	r := limit.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

func tooMany(wait time.Duration, format string, args ...any) refusal {
	r := refuse(errcode.ErrorCodeTooManyRequests, format, args...)
	r.header = http.Header{"Retry-After": {retryAfter(wait)}}
	return r
}
