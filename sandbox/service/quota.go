package service

import (
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// quota counts the runs of a calendar month (UTC) in memory: the gate keeps the
// lasting count, this one guards the machine.
type quota struct {
	limit int

	mu    sync.Mutex
	month time.Time // its first moment
	used  int
}

func newQuota(limit int) *quota { return &quota{limit: limit} }

// take uses one run up. It is false when none is left.
func (q *quota) take() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn()
	if q.limit > 0 && q.used >= q.limit {
		return false
	}
	q.used++
	return true
}

// giveBack returns one that came to nothing.
func (q *quota) giveBack() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn()
	q.used = max(q.used-1, 0)
}

func (q *quota) now() protocol.Quota {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn()
	return protocol.Quota{Limit: q.limit, Used: q.used, Period: "month", ResetsAt: q.month.AddDate(0, 1, 0)}
}

// turn begins a new month when it is time.
func (q *quota) turn() {
	now := time.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	if !month.Equal(q.month) {
		q.month, q.used = month, 0
	}
}
