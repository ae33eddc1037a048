package sensor

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// all reads every event of a stream.
func all(t *testing.T, stream []byte) []event.Event {
	t.Helper()
	r := NewReader(bytes.NewReader(stream))
	var events []event.Event
	for {
		ev, err := r.Next()
		if errors.Is(err, ErrSynced) {
			continue
		}
		if err == io.EOF {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, ev)
	}
}

// fill puts so many non-critical events that the next one is dropped.
func fill(q *queue) (put int) {
	for len(q.buf) < queueSoft {
		q.put(&event.Event{Kind: event.Open, Path: strings.Repeat("x", 1000)}, nil)
		put++
	}
	return put
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	q := newQueue()
	put := fill(q)
	for range 5 {
		q.put(&event.Event{Kind: event.Open}, nil)
	}
	q.put(&event.Event{Kind: event.Exec}, nil)
	events := all(t, q.take())
	if len(events) != put+2 {
		t.Fatalf("%d events, want %d", len(events), put+2)
	}
	gap, exec := events[put], events[put+1]
	if gap.Kind != event.Lost || gap.Args[0] != 5 || exec.Kind != event.Exec {
		t.Errorf("then %+v, %+v", gap, exec)
	}
	if want := uint64(put + 5 + 1); gap.Seq != want || exec.Seq != want+1 {
		t.Errorf("numbers %d and %d, want %d and the next", gap.Seq, exec.Seq, want)
	}
}

// TestCopiesLeaveRoomForEvents: a guest cannot have what it does forgotten by
// making the sensor copy a large file at the same time.
func TestCopiesLeaveRoomForEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		var guest task
		var copying sync.WaitGroup
		copying.Go(func() {
			for range 64 {
				q.raw(frameData, 1, make([]byte, copyChunk), &guest)
			}
		})
		synctest.Wait()
		if guest.asleep.Load() != 1 || len(q.buf) >= queueSoft {
			t.Fatalf("the copy does not wait: %d bytes are held", len(q.buf))
		}
		q.put(&event.Event{Kind: event.Kill}, nil)
		if q.lost > 0 {
			t.Error("an event was lost")
		}
		q.close()
		copying.Wait()
	})
}

// TestOpensForWritingAreKept: what was opened to be changed waits, what was
// opened to be read is dropped.
func TestOpensForWritingAreKept(t *testing.T) {
	q := newQueue()
	fill(q)
	q.put(&event.Event{Kind: event.Open, Path: "/etc/hosts"}, nil)
	q.put(&event.Event{Kind: event.Open, Path: "/etc/ld.so.preload", Flags: unix.O_WRONLY | unix.O_APPEND}, nil)
	events := all(t, q.take())
	if last := events[len(events)-1]; last.Path != "/etc/ld.so.preload" || events[len(events)-2].Kind != event.Lost {
		t.Errorf("the last events are %+v", events[len(events)-2:])
	}
}

func TestSyncTellsOfLosses(t *testing.T) {
	q := newQueue()
	fill(q)
	q.put(&event.Event{Kind: event.Open}, nil)
	q.sync()
	events := all(t, q.take())
	if last := events[len(events)-1]; last.Kind != event.Lost || last.Args[0] != 1 {
		t.Errorf("last event %+v", last)
	}
}

// task counts how often it was told to sleep.
type task struct{ asleep, woken atomic.Int32 }

func (t *task) UninterruptibleSleepStart()  { t.asleep.Add(1) }
func (t *task) UninterruptibleSleepFinish() { t.woken.Add(1) }

func TestCriticalEventsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		big := strings.Repeat("x", 4000)
		put := 0
		for len(q.buf) < queueHard {
			q.put(&event.Event{Kind: event.Exec, Path: big}, nil)
			put++
		}
		var guest task
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { q.put(&event.Event{Kind: event.Connect}, &guest) })
		}
		synctest.Wait()
		if guest.asleep.Load() != 3 || guest.woken.Load() != 0 {
			t.Fatalf("%d tasks sleep, %d woke up", guest.asleep.Load(), guest.woken.Load())
		}
		stream := bytes.Clone(q.take())
		wg.Wait()
		if guest.woken.Load() != 3 {
			t.Errorf("%d tasks woke up", guest.woken.Load())
		}
		stream = append(stream, q.take()...)
		if got := len(all(t, stream)); got != put+3 {
			t.Errorf("%d events, want %d", got, put+3)
		}
	})
}

// TestNobodyWaitsWithoutSleeper: where kernel locks are held, a full queue grows.
func TestNobodyWaitsWithoutSleeper(t *testing.T) {
	q := newQueue()
	big := strings.Repeat("x", 4000)
	for len(q.buf) < queueHard+1<<20 {
		q.put(&event.Event{Kind: event.Exit, Path: big}, nil)
	}
}

func TestCloseWakesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		done := make(chan []byte)
		go func() { done <- q.take() }()
		synctest.Wait()
		q.close()
		if b := <-done; b != nil {
			t.Errorf("took %q", b)
		}
		q.put(&event.Event{Kind: event.Exec}, &task{})
		if len(q.buf) > 0 {
			t.Error("a closed queue keeps events")
		}
	})
}

func TestOrderIsTotal(t *testing.T) {
	q := newQueue()
	var stream []byte
	read := make(chan struct{})
	go func() {
		defer close(read)
		for b := q.take(); b != nil; b = q.take() {
			stream = append(stream, b...)
		}
	}()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 500 {
				q.put(&event.Event{Kind: event.Clone, Child: int32(i)}, &task{})
			}
		})
	}
	wg.Wait()
	q.close()
	<-read
	events := all(t, stream)
	if len(events) != 4000 {
		t.Fatalf("%d events", len(events))
	}
	for i, ev := range events {
		if ev.Seq != uint64(i+1) {
			t.Fatalf("event %d has number %d", i, ev.Seq)
		}
	}
}
