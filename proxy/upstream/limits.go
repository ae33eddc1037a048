package upstream

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long nothing is asked after a 429 that does not say it: doubled with
// each further one in a row.
const (
	firstPause = 30 * time.Second
	maxPause   = 15 * time.Minute
	// longestPause is the most that is believed of a Retry-After.
	longestPause = 24 * time.Hour
)

// pausesKept bounds the clients' credentials whose pauses are remembered.
const pausesKept = 4096

// limits is what an endpoint said about how often it may be asked. Registries
// count by credential, so one client's pause is not another's.
type limits struct {
	mu     sync.Mutex
	pauses map[string]pause // by asker's id
	own    allowance        // of the gate itself
}

type pause struct {
	until time.Time
	times int // 429 in a row
}

// allowance is what the rate-limit headers of an answer say; -1 where they say
// nothing.
type allowance struct {
	limit, remaining int64
	reset            time.Duration
}

func newLimits() *limits {
	return &limits{pauses: map[string]pause{}, own: allowance{-1, -1, -1}}
}

// note reads an answer.
func (l *limits) note(now time.Time, id string, status int, h http.Header) {
	a := rateLimit(now, h)
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == "" {
		if a.limit >= 0 {
			l.own.limit = a.limit
		}
		if a.remaining >= 0 {
			l.own.remaining = a.remaining
		}
	}
	p, paused := l.pauses[id]
	switch {
	case status == http.StatusTooManyRequests:
		wait := retryAfter(now, h.Get("Retry-After"))
		if wait <= 0 {
			wait = a.reset
		}
		if wait <= 0 {
			wait = min(maxPause, firstPause<<min(p.times, 10))
		}
		l.set(now, id, pause{now.Add(min(wait, longestPause)), p.times + 1})
	case a.remaining == 0 && a.reset > 0 && status < 400:
		// The next one would be refused, and might be held against us.
		l.set(now, id, pause{now.Add(min(a.reset, longestPause)), 0})
	case paused && status < 400:
		delete(l.pauses, id)
	}
}

func (l *limits) set(now time.Time, id string, p pause) {
	if len(l.pauses) >= pausesKept {
		for k, old := range l.pauses {
			if k != "" && (now.After(old.until) || len(l.pauses) >= pausesKept) {
				delete(l.pauses, k)
			}
		}
	}
	l.pauses[id] = p
}

// pause tells how long the asker must not ask.
func (l *limits) pause(now time.Time, id string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := l.pauses[id].until.Sub(now)
	// A wait longer than was ever set is a clock that jumped.
	if wait > longestPause {
		return 0
	}
	return max(0, wait)
}

func (l *limits) allowance() allowance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.own
}

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110
// §10.2.3); Docker Hub has been seen to send the time in Unix seconds. 0 when
// it says nothing of use.
func retryAfter(now time.Time, s string) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
		return seconds(now, n)
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, min(t.Sub(now), longestPause))
	}
	return 0
}

// seconds is a count of seconds, or the Unix time if it is too large for one.
func seconds(now time.Time, n int64) time.Duration {
	if n > 1_000_000_000 {
		n -= now.Unix()
	}
	if n < 0 {
		return 0
	}
	return time.Duration(min(n, int64(longestPause/time.Second))) * time.Second
}

// rateLimit reads the headers that registries tell their limits by: Docker
// Hub's "RateLimit-Limit: 100;w=21600", X-RateLimit-…, and the drafts of the
// IETF ("RateLimit: limit=100, remaining=50, reset=30" and
// `RateLimit: "default";r=50;t=30`).
func rateLimit(now time.Time, h http.Header) allowance {
	a := allowance{-1, -1, -1}
	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-"} {
		if n, ok := leading(h.Get(prefix + "Limit")); ok {
			a.limit = n
		}
		if n, ok := leading(h.Get(prefix + "Remaining")); ok {
			a.remaining = n
		}
		if n, ok := leading(h.Get(prefix + "Reset")); ok {
			a.reset = seconds(now, n)
		}
	}
	for part := range strings.FieldsFuncSeq(h.Get("Ratelimit"), func(c rune) bool { return c == ',' || c == ';' }) {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, ok := leading(value)
		if !ok {
			continue
		}
		switch strings.ToLower(key) {
		case "limit", "q":
			a.limit = n
		case "remaining", "r":
			a.remaining = n
		case "reset", "t":
			a.reset = seconds(now, n)
		}
	}
	return a
}

// leading reads the number at the beginning of "100;w=21600" or "100, 200".
func leading(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	return n, err == nil
}
