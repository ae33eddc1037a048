// Package redisconn gives the one kind of Redis client that all parts share:
// of a server by its URL, or of an in-memory Redis inside this process when
// none is configured.
//
// A URL enters, a client leaves; who asked closes it. The embedded server has
// no port and no socket, so nobody else on the machine can speak to it.
package redisconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis is allowed to be away, so nobody waits for it long: what it would have
// answered is read from objects instead.
const (
	dialTimeout = 500 * time.Millisecond
	ioTimeout   = 2 * time.Second
)

// Connect returns a client of the Redis at rawURL (redis://, rediss://; several
// addresses of a cluster with "addr=" parameters), or of an embedded one when
// rawURL is empty, which embedded tells. A server that is down is no error
// here: everything works on without it, degraded. close ends the client and
// the embedded server; the data of the latter is gone then.
func Connect(ctx context.Context, rawURL string) (client redis.UniversalClient, close func(), embedded bool, err error) {
	if rawURL == "" {
		client, close = embed()
		return client, close, true, nil
	}
	client, err = dial(rawURL)
	if err != nil {
		return nil, nil, false, err
	}
	return client, func() { _ = client.Close() }, false, nil
}

func dial(rawURL string) (redis.UniversalClient, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix") {
		// The text may hold a password: the error does not repeat it.
		return nil, errors.New("redis.url is not a Redis address: write redis://[user:password@]host:port/db, or rediss:// for TLS")
	}
	if u.Query().Has("addr") {
		o, err := redis.ParseClusterURL(rawURL)
		if err != nil {
			return nil, fmt.Errorf("redis.url of the cluster at %s: %w", u.Host, err)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, ioTimeout, ioTimeout
		o.MaxRetries, o.ContextTimeoutEnabled = 1, true
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, fmt.Errorf("redis.url at %s: %w", u.Host, err)
	}
	limit(o)
	return redis.NewClient(o), nil
}

func embed() (redis.UniversalClient, func()) {
	server := miniredis.NewMiniRedis()
	// Keys expire when the server is told that time went by. It could look
	// itself (ClockTTL), but would then sort all keys for each command.
	stop := every(tick, server.FastForward)
	o := &redis.Options{
		Addr:   "embedded",
		Dialer: func(context.Context, string, string) (net.Conn, error) { return server.Dial() },
		// Only servers of Redis Inc. send these notifications; the embedded one
		// does not know the handshake.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		DisableIdentity:          true,
	}
	limit(o)
	client := redis.NewClient(o)
	return client, func() {
		stop()
		_ = client.Close()
		server.Close()
	}
}

// tick is how much earlier or later than asked for a key of the embedded server
// may expire: what went by is taken from keys that were just set, too.
const tick = 50 * time.Millisecond

// every calls f with the time that went by since the last call, until stop
// has returned.
func every(d time.Duration, f func(time.Duration)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for last := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				now := time.Now()
				f(now.Sub(last))
				last = now
			}
		}
	}()
	return func() { cancel(); <-ended }
}

func limit(o *redis.Options) {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, ioTimeout, ioTimeout
	o.MaxRetries, o.ContextTimeoutEnabled = 1, true
	o.DialerRetries = 1
}
