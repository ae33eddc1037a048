package epoch_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/internal/redistest"
)

func read(t *testing.T, e *epoch.Epochs, topics ...epoch.Topic) epoch.Marks {
	t.Helper()
	m, err := e.Read(t.Context(), topics...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestChangesAreSeenByOtherReplicas(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		here, there := epoch.New(connect()), epoch.New(connect())
		before := read(t, here, epoch.Labels, epoch.Names)
		if again := read(t, there, epoch.Labels, epoch.Names); again != before {
			t.Errorf("two replicas see %q and %q", before, again)
		}
		there.Advance(t.Context(), epoch.Policies)
		if after := read(t, here, epoch.Labels, epoch.Names); after != before {
			t.Error("another topic's change is seen")
		}
		there.Advance(t.Context(), epoch.Names)
		after := read(t, here, epoch.Labels, epoch.Names)
		if after == before {
			t.Error("a change is not seen")
		}
		if err := connect().FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		flushed := read(t, here, epoch.Labels, epoch.Names)
		if flushed == after || flushed == before {
			t.Error("marks from before a flush are valid again")
		}
		if again := read(t, there, epoch.Labels, epoch.Names); again != flushed {
			t.Errorf("after a flush two replicas see %q and %q", flushed, again)
		}
	})
}

func TestChangesWhileRedisIsAway(t *testing.T) {
	server := redistest.Start(t)
	here, there := epoch.New(server.Client()), epoch.New(server.Client())
	before := read(t, there, epoch.Labels)
	server.Stop()
	here.Advance(t.Context(), epoch.Labels)
	start := time.Now()
	for range 20 {
		if _, err := here.Read(t.Context(), epoch.Labels); err == nil {
			t.Fatal("marks were read without Redis")
		}
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("20 decisions without Redis waited %v for it", took)
	}
	server.Restart()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := here.Read(t.Context(), epoch.Labels); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("Redis is back, but not found: %v", err)
		}
	}
	if after, err := there.Read(t.Context(), epoch.Labels); err == nil && after == before {
		t.Error("a change made while Redis was away is not seen")
	}
}
