package analysis

import "time"

// Hurried is cfg with intervals for tests.
func Hurried(cfg Config) Config {
	cfg.poll, cfg.back = 5*time.Millisecond, 50*time.Millisecond
	return cfg
}

// SetClock replaces time.Now of g.
func (g *Grants) SetClock(now func() time.Time) { g.now = now }
