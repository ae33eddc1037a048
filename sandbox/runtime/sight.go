package runtime

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/sensor"
)

// sight reads the sensor's stream and hands events on.
type sight struct {
	socket *os.File
	first  *event.Program // what the Start event cannot know
	hand   func(event.Event)
	copies *copyStore // nil: none are kept

	initEnded chan struct{} // one value when the first process is held at its end
	synced    chan struct{} // one value for each answered sync
	broken    chan struct{} // closed when the stream was malformed
	done      chan struct{} // closed when the stream has ended

	// Valid once done is closed.
	events, lost uint64
	sawEnd       bool // the end of the first process was in the stream
	malformed    bool
	clock        Clock
	fault        error // of the disk, while copies were written
}

func newSight(spec *Spec, first *event.Program, socket *os.File, copies *copyStore) *sight {
	s := &sight{
		socket: socket, first: first, hand: spec.Events, copies: copies,
		initEnded: make(chan struct{}, 1),
		synced:    make(chan struct{}, 1),
		broken:    make(chan struct{}),
		done:      make(chan struct{}),
	}
	if s.hand == nil {
		s.hand = func(event.Event) {}
	}
	go s.read()
	return s
}

func (s *sight) read() {
	defer close(s.done)
	r := sensor.NewReader(s.socket)
	if s.copies != nil {
		r.Copies = s.keep
	}
	for {
		ev, err := r.Next()
		var malformed *sensor.MalformedError
		switch {
		case errors.Is(err, sensor.ErrSynced):
			signal(s.synced)
			continue
		case errors.As(err, &malformed):
			s.malformed = true
			close(s.broken)
			return
		case err != nil:
			return
		}
		switch ev.Kind {
		case event.Lost:
			if len(ev.Args) > 0 && ev.Args[0] > 0 {
				s.lost += uint64(ev.Args[0])
			}
		case event.Start:
			s.events++
			complete(ev.Exec, s.first)
		default:
			s.events++
		}
		s.clock.tell(ev)
		s.hand(ev)
		if ev.Kind == event.ClockJump {
			_ = sensor.Known(s.socket) // a sandbox that is gone needs no answer
		}
		if ev.Kind == event.Exit && ev.Task.PID == 1 {
			s.sawEnd = true
			signal(s.initEnded)
		}
	}
}

// keep stores a piece of a copy. A disk that is full costs copies, not the run.
func (s *sight) keep(p sensor.Piece) error {
	if s.fault == nil {
		s.fault = s.copies.take(p)
	}
	return nil
}

// collect has the sensor tell what is left, and waits until that was handed on.
func (s *sight) collect(ctx context.Context) error {
	if err := sensor.Collect(s.socket); err != nil {
		return err
	}
	return s.sync(ctx)
}

// tellClock has the sensor tell of the guest's time, which ends with a pause.
func (s *sight) tellClock(ctx context.Context) error {
	if err := sensor.TellClock(s.socket); err != nil {
		return err
	}
	return s.sync(ctx)
}

// release lets the first process end.
func (s *sight) release() error { return sensor.Release(s.socket) }

// sync waits until everything that the guest did has been handed on.
func (s *sight) sync(ctx context.Context) error {
	if err := sensor.Sync(s.socket); err != nil {
		return err
	}
	limit := time.NewTimer(askLimit)
	defer limit.Stop()
	select {
	case <-s.synced:
		return nil
	case <-s.done:
		return errors.New("the sensor's stream ended")
	case <-limit.C:
		return errors.New("the sensor did not answer")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// signal leaves one value in a channel of length one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
