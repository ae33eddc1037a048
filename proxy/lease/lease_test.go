package lease

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/internal/redistest"
)

func take(t *testing.T, l *Leases, name, say string) (*Lease, string) {
	t.Helper()
	mine, said, err := l.Take(t.Context(), name, say)
	if err != nil {
		t.Fatal(err)
	}
	return mine, said
}

// free waits until nobody has the name.
func free(t *testing.T, l *Leases, name string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		taken, err := l.Taken(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !taken {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is never free", name)
		}
	}
}

func TestOneHasIt(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		here, there := New(connect(), "test:", time.Minute), New(connect(), "test:", time.Minute)
		mine, _ := take(t, here, "a", "by here")
		if mine == nil {
			t.Fatal("nobody had it, and it was not given")
		}
		if theirs, said := take(t, there, "a", "by there"); theirs != nil || said != "by here" {
			t.Errorf("two have it; said %q", said)
		}
		if other, _ := take(t, there, "b", ""); other == nil {
			t.Error("another name is taken too")
		} else {
			other.Release()
		}
		mine.Release()
		mine.Release()
		free(t, there, "a")
		theirs, _ := take(t, there, "a", "by there")
		if theirs == nil {
			t.Fatal("given back, and not given again")
		}
		theirs.Release()
		here.Wait()
		there.Wait()
	})
}

func TestRenewedAsLongAsItsHolderLives(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		client := connect()
		// Long enough that a busy machine renews in time, too.
		const ttl = 4 * time.Second
		here, there := New(client, "test:", ttl), New(connect(), "test:", ttl)
		mine, _ := take(t, here, "a", "")
		time.Sleep(ttl + ttl/4)
		if theirs, _ := take(t, there, "a", ""); theirs != nil {
			t.Fatal("a lease in use has ended")
		}
		// Its holder is stopped for so long that another gets the name: what
		// the first does afterwards does not concern the other's lease.
		if err := client.Del(t.Context(), "test:a").Err(); err != nil {
			t.Fatal(err)
		}
		theirs, _ := take(t, there, "a", "")
		if theirs == nil {
			t.Fatal("a lost lease is not given to another")
		}
		mine.Release()
		here.Wait()
		if taken, err := here.Taken(t.Context(), "a"); err != nil || !taken {
			t.Errorf("the first took the second's lease away: %v %v", taken, err)
		}
		theirs.Release()
		there.Wait()
	})
}

func TestDeadHoldersLeaseEnds(t *testing.T) {
	server := redistest.Start(t)
	dead := server.Client()
	mine, _ := take(t, New(dead, "test:", 200*time.Millisecond), "a", "")
	if mine == nil {
		t.Fatal("not given")
	}
	_ = dead.Close() // it cannot renew any more
	free(t, New(server.Client(), "test:", time.Minute), "a")
	mine.Release()
}

func TestRedisAwayBlocksNobody(t *testing.T) {
	server := redistest.Start(t)
	l := New(server.Client(), "test:", time.Minute)
	server.Stop()
	start := time.Now()
	for range 50 {
		if _, _, err := l.Take(t.Context(), "a", ""); err == nil {
			t.Fatal("leased without Redis")
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("50 questions waited %s for Redis", took)
	}
	server.Restart()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		mine, _, err := l.Take(t.Context(), "a", "")
		if err == nil {
			mine.Release()
			break
		}
		if time.Now().After(end) {
			t.Fatalf("Redis is back, but not found: %v", err)
		}
	}
	l.Wait()
}
