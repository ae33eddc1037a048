package upstream

import (
	"math/rand/v2"
	"sync"
	"time"
)

// How long an endpoint that failed is left out: doubled with each failure in a
// row, spread by a fifth so that replicas do not come back together.
const (
	firstBackOff = time.Second
	maxBackOff   = time.Minute
)

// health is whether an endpoint worked when it was last asked.
type health struct {
	mu       sync.Mutex
	failures int       // in a row, one for each time that it was left out
	until    time.Time // left out so long
	probing  bool      // one question is finding out whether it is back
}

// usable tells whether to ask the endpoint before those that are left out.
// When its time is over, one question is let through to find out; whoever got
// true must call answered, failed or abandoned.
func (h *health) usable(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures == 0 {
		return true
	}
	// A wait that no back-off gives is a clock that jumped.
	if wait := h.until.Sub(now); h.probing || wait > 0 && wait <= 2*maxBackOff {
		return false
	}
	h.probing = true
	return true
}

func (h *health) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures, h.probing = 0, false
}

func (h *health) failed(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probing = false
	// Of many questions that fail together the first one counts.
	if wait := h.until.Sub(now); h.failures > 0 && wait > 0 && wait <= 2*maxBackOff {
		return
	}
	wait := min(maxBackOff, firstBackOff<<min(h.failures, 10))
	h.failures++
	h.until = now.Add(time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64())))
}

// abandoned is for a question that its asker gave up.
func (h *health) abandoned() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probing = false
}

func (h *health) healthy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures == 0
}
