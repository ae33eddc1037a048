package analysis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis/endpoint"
)

// Phase is where a digest is on its way to a verdict.
type Phase string

// The phases, in their order; Off and Unsupported are instead of all others.
const (
	None        Phase = ""            // not queued
	Queued      Phase = "queued"      // waits for its turn or for the sandbox
	Pulling     Phase = "pulling"     // the sandbox fetches it
	Unpacking   Phase = "unpacking"   // the sandbox prepares its file system
	Running     Phase = "running"     // it runs
	Judging     Phase = "judging"     // what it did is judged
	Done        Phase = "done"        // there is a verdict
	Off         Phase = "off"         // analysis is switched off
	Unsupported Phase = "unsupported" // the sandbox does not run this platform
)

// State is how far the analysis of one digest is.
type State struct {
	Digest   digest.Digest `json:"digest"`
	Phase    Phase         `json:"phase"`
	Position int           `json:"position,omitempty"`   // in the queue, from 1; 0 when not known
	Since    time.Time     `json:"since,omitzero"`       // when the phase began
	Elapsed  time.Duration `json:"elapsed_ns,omitempty"` // since then
	Tries    int           `json:"tries,omitempty"`      // that failed
	Reason   string        `json:"reason,omitempty"`     // of the last failure, or why it waits, is off or unsupported
	Beat     time.Time     `json:"beat,omitzero"`        // when the worker last said so
}

// String is the state in words: "queued, position 2", "running for 40s".
func (s State) String() string {
	text := string(s.Phase)
	switch s.Phase {
	case None:
		text = "not queued"
	case Queued:
		if s.Position > 0 {
			text = fmt.Sprintf("queued, position %d", s.Position)
		}
	case Pulling, Unpacking, Running, Judging:
		if e := s.Elapsed.Round(time.Second); e > 0 {
			text += " for " + e.String()
		}
	case Off:
		text = "switched off"
	}
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	return text
}

// lost is how long a worker may be silent about a run before it counts as dead.
const lost = 30 * time.Second

// positions is how many waiting tasks are looked through for a position.
const positions = 1000

// State tells how far d is. Errors wrap ErrUnavailable.
func (q *Queue) State(ctx context.Context, d digest.Digest) (State, error) {
	if s, ok := q.running(d); ok {
		return s, nil
	}
	s, err := q.board.read(ctx, d)
	if err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if s.Phase != None && s.Phase != Queued && time.Since(s.Beat) < lost {
		s.Elapsed = time.Since(s.Since)
		return s, nil
	}
	info, err := q.inspector.GetTaskInfo(queueName, d.String())
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return State{Digest: d}, nil
	case err != nil:
		return State{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	state := State{Digest: d, Phase: Queued, Tries: s.Tries, Reason: endpoint.Line(info.LastErr)}
	switch info.State {
	case asynq.TaskStateArchived, asynq.TaskStateCompleted:
		return State{Digest: d}, nil
	case asynq.TaskStatePending:
		state.Position = q.position(d)
	case asynq.TaskStateActive:
		if q.orphaned(d) {
			state.Reason = "the worker was lost; another takes over within two minutes"
		}
	}
	return state, nil
}

func (q *Queue) position(d digest.Digest) int {
	waiting, err := q.inspector.ListPendingTasks(queueName, asynq.PageSize(positions))
	if err != nil {
		return 0
	}
	for i, t := range waiting {
		if t.ID == d.String() {
			return i + 1
		}
	}
	return 0
}

// orphaned tells whether the worker of d, which is active, stopped saying that it lives.
func (q *Queue) orphaned(d digest.Digest) bool {
	active, err := q.inspector.ListActiveTasks(queueName, asynq.PageSize(positions))
	if err != nil {
		return false
	}
	for _, t := range active {
		if t.ID == d.String() {
			return t.IsOrphaned
		}
	}
	return false
}
