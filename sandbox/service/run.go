package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// run is one accepted request.
type run struct {
	id  string
	job job

	ctx    context.Context // ends when the run is deleted
	cancel context.CancelFunc
	ended  chan struct{} // closed when no worker will touch the run any more

	mu      sync.Mutex
	state   protocol.RunState
	since   time.Time     // when state.State began
	changed chan struct{} // closed and replaced at every change
	ran     bool          // it got as far as running the image
	outcome *sandbox.Outcome
	reads   sync.WaitGroup // of the outcome's artifacts
}

func newRun(id string, j job) *run {
	r := &run{id: id, job: j, ended: make(chan struct{}), changed: make(chan struct{}), since: time.Now()}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.state = protocol.RunState{ID: id, State: protocol.Queued}
	return r
}

// now is the state, and a channel that is closed when it changes.
func (r *run) now() (protocol.RunState, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state
	if !s.Over() {
		s.Elapsed = time.Since(r.since)
	}
	return s, r.changed
}

// set puts the run into a state. The last state stays.
func (r *run) set(s protocol.RunState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Over() {
		return
	}
	if s.State != r.state.State {
		r.since = time.Now()
	}
	s.ID, s.Elapsed = r.id, 0
	r.ran = r.ran || s.State == protocol.Running
	if s == r.state {
		return
	}
	r.state = s
	close(r.changed)
	r.changed = make(chan struct{})
}

// finish ends the run with an outcome or an error.
func (r *run) finish(o *sandbox.Outcome, err error) {
	if err != nil {
		r.set(protocol.RunState{State: protocol.Failed, Error: err.Error()})
		return
	}
	r.mu.Lock()
	r.outcome = o
	r.mu.Unlock()
	r.set(protocol.RunState{State: protocol.Done})
}

// hasRun tells whether the image was started, which is what a quota counts.
func (r *run) hasRun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ran
}

// finishedBefore tells whether the run was over at t.
func (r *run) finishedBefore(t time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Over() && r.since.Before(t)
}

var errNoOutcome = errors.New("there is no outcome")

// read calls fn with the outcome, which is not deleted meanwhile.
func (r *run) read(fn func(*sandbox.Outcome) error) error {
	r.mu.Lock()
	o := r.outcome
	if o == nil {
		r.mu.Unlock()
		return errNoOutcome
	}
	r.reads.Add(1)
	r.mu.Unlock()
	defer r.reads.Done()
	return fn(o)
}

// discard stops the run where it is, waits until it has stopped, and deletes
// what it left. A run that was still waiting must have left the queue before.
func (r *run) discard() error {
	r.cancel()
	r.set(protocol.RunState{State: protocol.Failed, Error: "the run was deleted"})
	<-r.ended
	r.mu.Lock()
	o := r.outcome
	r.outcome = nil
	r.mu.Unlock()
	if o == nil {
		return nil
	}
	r.reads.Wait()
	return o.Close()
}
