package redisconn_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/internal/redisconn"
	"github.com/sallyport-dev/sallyport/internal/redistest"
)

func TestBothKindsSpeakRedis(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		ctx, c := t.Context(), connect()
		if err := c.Set(ctx, "k", "v", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		if v, err := c.Get(ctx, "k").Result(); err != nil || v != "v" {
			t.Errorf("Get = %q, %v", v, err)
		}
		sub := c.Subscribe(ctx, "news")
		defer sub.Close()
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		c.Publish(ctx, "news", "hello")
		if m := <-sub.Channel(); m.Payload != "hello" {
			t.Errorf("received %q", m.Payload)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, url := range []string{"redis.example:6379", "http://redis.example", "redis://:s3cret@host:port", "redis://:s3cret@host/nine", "://"} {
		_, _, _, err := redisconn.Connect(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("Connect(%q): %v", url, err)
		}
	}
	for _, url := range []string{"redis://127.0.0.1:1/0", "rediss://user:pw@redis.example/1", "redis://a.example:7000?addr=b.example:7000"} {
		_, stop, embedded, err := redisconn.Connect(t.Context(), url)
		if err != nil || embedded {
			t.Errorf("Connect(%q): embedded %v, %v", url, embedded, err)
			continue
		}
		stop()
	}
}

func TestKeysExpire(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		ctx, c := t.Context(), connect()
		if err := c.Set(ctx, "k", "v", 3*time.Second).Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		if ttl, err := c.PTTL(ctx, "k").Result(); err != nil || ttl <= 0 || ttl > 2800*time.Millisecond {
			t.Errorf("it has %v left of 3s after 300ms, %v", ttl, err)
		}
		for end := time.Now().Add(time.Minute); c.Exists(ctx, "k").Val() != 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it never expires")
			}
		}
		if _, err := c.Get(ctx, "k").Result(); err != redis.Nil {
			t.Errorf("a key outlived its time: %v", err)
		}
	})
}
