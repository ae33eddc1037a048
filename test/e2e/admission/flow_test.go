package admission

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
)

// flow makes pods without end, every second one with a denied image, and notes
// what the API server says to each.
type flow struct {
	s      *scene
	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex
	next    int
	made    map[string]bool // pods that the API server said were made
	retries map[string]int  // by what was said
	lost    []string        // allowed pods that no retry brought about
	refused int             // denied ones
	slipped []string
}

// startFlow starts so many makers of pods, each of which rests so long after a pod.
func (s *scene) startFlow(t testing.TB, makers int, rest time.Duration) *flow {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &flow{s: s, ctx: ctx, cancel: cancel, made: map[string]bool{}, retries: map[string]int{}}
	for range makers {
		f.wait.Go(func() { f.run(rest) })
	}
	t.Cleanup(func() { cancel(); f.wait.Wait() })
	return f
}

func (f *flow) run(rest time.Duration) {
	for f.ctx.Err() == nil {
		f.mu.Lock()
		f.next++
		n := f.next
		f.mu.Unlock()
		image, name := good, fmt.Sprintf("good-%05d", n)
		if n%2 == 0 {
			image, name = evil, fmt.Sprintf("evil-%05d", n)
		}
		f.one(name, image)
		time.Sleep(rest)
	}
}

// one makes one pod, as a controller does: again and again until it is made or
// denied. It goes on with what it has begun when the flow ends.
func (f *flow) one(name, image string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.ctx), 3*time.Minute)
	defer cancel()
	for {
		status, err := f.s.CreatePod(ctx, f.s.namespace, name, image)
		if f.done(name, image, status, err) {
			return
		}
		select {
		case <-ctx.Done():
			f.mu.Lock()
			f.lost = append(f.lost, fmt.Sprintf("%s: %v %v", name, status, err))
			f.mu.Unlock()
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// done notes an answer, and tells whether it is final.
func (f *flow) done(name, image string, status cluster.Status, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil:
		f.retries["connection to the API server"]++
		return false
	case status.Code == 201 && image == good, status.Reason == "AlreadyExists" && image == good:
		f.made[name] = true
		return true
	case status.Code == 201, status.Reason == "AlreadyExists":
		f.slipped = append(f.slipped, name)
		return true
	case status.Refused() && image == evil:
		f.refused++
		return true
	case status.Refused():
		f.lost = append(f.lost, name+": denied: "+status.Message)
		return true
	}
	f.retries[status.Reason]++
	return false
}

// settle lets the flow go on until so many more pods were made and as many
// denied.
func (f *flow) settle(t testing.TB, more int) {
	t.Helper()
	count := func() (int, int) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.made), f.refused
	}
	made, refused := count()
	cluster.Eventually(t, "pods are made and denied again", func() bool {
		m, r := count()
		return m >= made+more && r >= refused+more
	})
}

// falter lets the flow go on until the API server has said of some pods that it
// could not ask.
func (f *flow) falter(t testing.TB) {
	t.Helper()
	count := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.retries["InternalError"]
	}
	before := count()
	cluster.Eventually(t, "the API server cannot ask", func() bool { return count() >= before+10 })
}

// end ends the flow and checks that what the API server holds is what it said.
func (f *flow) end(t testing.TB) {
	t.Helper()
	f.cancel()
	f.wait.Wait()
	names, err := f.s.PodNames(t.Context(), f.s.namespace)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d made, %d denied, tried again: %v", len(f.made), f.refused, f.retries)
	for _, l := range f.lost {
		t.Errorf("lost: %s", l)
	}
	for _, name := range f.slipped {
		t.Errorf("slipped in: %s", name)
	}
	for name := range names {
		if strings.HasPrefix(name, "evil-") {
			t.Errorf("the cluster has %s", name)
		}
	}
	for name := range f.made {
		if !names[name] {
			t.Errorf("the cluster has no %s, though it said so", name)
		}
	}
}
