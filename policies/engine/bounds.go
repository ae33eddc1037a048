package engine

import (
	"context"
	"fmt"
	"runtime/metrics"
	"time"
)

// Bounds limit one evaluation of rules that somebody else wrote.
type Bounds struct {
	Time   time.Duration // of the clock on the wall; 0 is DefaultTime
	Memory uint64        // bytes by which the heap may grow meanwhile; 0 is DefaultMemory
}

// The bounds where nothing else is said. An ordinary check takes less than a
// millisecond and a megabyte.
const (
	DefaultTime   = time.Second
	DefaultMemory = 512 << 20
)

// look is how often the heap is looked at. Rego that doubles a string in every
// step gets about this far beyond its bound.
const look = 2 * time.Millisecond

// Within returns a context that ends when the bounds are reached; its cause
// says which. The caller calls release when the evaluation is over, which
// waits for the watch to end.
//
// The heap is everybody's: what others allocate in the same moment counts too.
// The bound is a brake for rules that grow without end, not an account.
func (b Bounds) Within(ctx context.Context) (bounded context.Context, release func()) {
	if b.Time <= 0 {
		b.Time = DefaultTime
	}
	if b.Memory == 0 {
		b.Memory = DefaultMemory
	}
	ctx, cancelTime := context.WithTimeoutCause(ctx, b.Time, fmt.Errorf("took longer than %v", b.Time))
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		begin := heap()
		tick := time.NewTicker(look)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if now := heap(); now > begin && now-begin > b.Memory {
					cancel(fmt.Errorf("took more than %d MiB of memory", b.Memory>>20))
					return
				}
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		cancelTime()
		<-done
	}
}

func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
