package proxy

import (
	"sync"
	"time"
)

// clock is the time that a test turns.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

// set has a site go by the clock.
func (c *clock) set(cfg *Config) {
	cfg.now = func() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
}

// turn moves the clock on, or back.
func (c *clock) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
