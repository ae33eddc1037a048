package endpoint

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// loyal dials names that stand for several services, as a headless Service of
// Kubernetes does: the first time any of them, in random order so that the
// load is spread, and from then on the one that answered.
type loyal struct {
	lookup func(ctx context.Context, host string) ([]string, error)

	mu     sync.Mutex
	chosen map[string]string // host:port as asked for → address that answered
}

// dialTimeout bounds one attempt, so that a service that is gone leaves time for the next.
const dialTimeout = 5 * time.Second

func (l *loyal) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock() // one at a time, or two could choose differently
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	if chosen, ok := l.chosen[address]; ok {
		return dialer.DialContext(ctx, network, chosen)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	hosts, err := l.lookup(ctx, host) // an address is its own answer
	if err != nil {
		return nil, err
	}
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	var conn net.Conn
	for _, h := range hosts {
		at := net.JoinHostPort(h, port)
		if conn, err = dialer.DialContext(ctx, network, at); err != nil {
			continue
		}
		if l.chosen == nil {
			l.chosen = map[string]string{}
		}
		l.chosen[address] = at
		return conn, nil
	}
	return nil, err
}
