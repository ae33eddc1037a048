package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/visit"
)

// watch tells when a guest only waits, and visits the ports it opens. A guest
// waits when for a whole idle time no event came, nothing moved on the network
// and next to no CPU time was used, and all its ports were visited. Then its
// clocks jump, until there is nothing left that it waits for.
type watch struct {
	world   *network.World
	time    *guestTime
	idle    time.Duration
	exposed []uint16
	paths   *webPaths // where visitors ask of a web server
	word    string    // what they order to repeat
	log     *slog.Logger
	late    time.Duration // since its start, when a guest that never waits is visited again; 0: never
	still   chan struct{} // closed when the run is to end; for runtime.Spec.Stop

	pin    chan struct{} // tells that what follows is said to visitors
	hangUp chan struct{} // tells the first process to hang up, before the end; nil: it is not told
	hungUp time.Time     // when it was told

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	began    time.Time // when the first process ran
	active   time.Time // the last sign of life
	acted    time.Time // the last one that was more than the use of a processor
	cpu      time.Duration
	total    time.Duration // of processor time that was used
	delayed  time.Duration // in which there was no processor for it
	loaded   time.Time     // when these were told
	rate     float64       // processors used of late
	frames   uint64
	visitors map[uint16]*visit.Visitor
	calling  map[uint16]bool // ports at which somebody calls
	reopened map[uint16]bool // ports that were opened again since somebody called
	listens  map[uint16]bool // ports at which the guest ever listened
	takes    map[uint16]bool // ports at which the guest took a connection, or will not
	answered []int
	visiting int
	again    bool   // all ports were visited again
	ending   bool   // nothing more seemed to come of the guest
	obeyed   bool   // an order of a visitor was
	early    string // why still was closed
}

// busy is the share of one CPU below which a guest counts as waiting. An idle
// Sentry uses next to nothing.
const busy = 0.03

// starved is the share of time for which a guest that does not wait is kept from
// running on a machine that has too much to do. The few threads of an idle Sentry
// that wake up now and then have far less of it.
const starved = 0.25

// looksBusy is how many idle times a guest must have done nothing but compute
// or little for its clocks to jump.
const looksBusy = 3

// mayStart is how many times longer that is while it may still be starting.
const mayStart = 3

// little is the share of one CPU below which a guest that acts does not work.
const little = 0.25

func newWatch(world *network.World, time *guestTime, exposed []uint16, paths *webPaths, word string, idle time.Duration, log *slog.Logger) *watch {
	w := &watch{world: world, time: time, exposed: exposed, paths: paths, word: word, idle: idle, log: log, still: make(chan struct{}), pin: make(chan struct{}, 1), visitors: map[uint16]*visit.Visitor{}, calling: map[uint16]bool{}, reopened: map[uint16]bool{}, listens: map[uint16]bool{}, takes: map[uint16]bool{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// start is called when the first process runs.
func (w *watch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began = time.Now()
	w.active, w.acted = w.began, w.began
	w.work.Go(w.wait)
}

// stop ends everything that start began.
func (w *watch) stop() {
	w.cancel()
	w.work.Wait()
}

// event notes a sign of life, and visits a port when one was opened.
func (w *watch) event(e event.Event) {
	if w.time.event(e) {
		return
	}
	w.paths.event(e)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.active = time.Now(); !e.OwnSignal() {
		w.acted = w.active
	}
	w.obeyed = w.obeyed || w.obeys(e)
	switch {
	case e.Kind == event.Listen && e.Errno == 0 && reachable(e.Local):
		port := e.Local.Port
		w.listens[port] = true
		if !w.visit(port) && w.visitors[port] != nil && !w.calling[port] {
			w.reopened[port] = true
		}
	case e.Kind == event.Accept && reachable(e.Local):
		w.takes[e.Local.Port] = true
	}
}

// load is told the CPU time that the guest has used so far, and for how long it
// was kept from using it: on a busy machine a guest that does nothing may only
// wait for its turn.
func (w *watch) load(cpu, delayed time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if !w.loaded.IsZero() {
		since := float64(now.Sub(w.loaded))
		w.rate = float64(cpu-w.total) / since
		if float64(delayed-w.delayed) > starved*since {
			w.active = now
		}
	}
	w.total, w.delayed, w.loaded = cpu, delayed, now
	// Measured from the last sign of life: slow work shows after a while.
	if float64(cpu-w.cpu) > busy*float64(w.idle) {
		w.cpu, w.active = cpu, time.Now()
	}
}

// used is the processor time that the guest has used.
func (w *watch) used() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

// wait closes still when the guest only waits, and nothing can come of it.
func (w *watch) wait() {
	every := time.NewTicker(min(w.idle/4, time.Second))
	defer every.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-every.C:
			over, why := false, fmt.Sprintf("it only waited for %v", w.idle)
			jumping, done := w.time.tick()
			switch {
			case jumping:
				over = done && w.quiet()
			case w.waiting():
				over = w.time.wait()
			case w.computing():
				w.time.wait()
			case w.pacing():
				over, why = w.time.wait(), fmt.Sprintf("it did little for %v and longer, however far its clocks were put on", looksBusy*w.idle)
			}
			if over || w.resting(!jumping || done) {
				if w.settled(over) {
					w.end(why)
					return
				}
			}
			w.beLate()
		}
	}
}

// end has the run end, once.
func (w *watch) end(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.early == "" {
		w.early = why
		close(w.still)
	}
}

// why is why the guest was ended early, in words.
func (w *watch) why() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.early
}

// settles is how long a guest that only waits is watched after its first
// process was told to hang up.
const settles = 2 * time.Second

// settled is asked when nothing more seems to come of a guest. All its ports are
// then visited once more, and its first process gets SIGHUP, which has daemons
// read their settings again: some show then what they are. It is true when
// nothing came of that either. over is false when the guest has not waited for a
// whole idle time since.
func (w *watch) settled(over bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ending = true
	quiet := min(w.idle, settles)
	switch {
	case !w.again:
		if w.again = true; w.visitAgain() {
			return false
		}
	case w.visiting > 0 || !over && time.Since(w.active) < quiet:
		return false
	}
	if w.hangUp == nil {
		return true
	}
	if w.hungUp.IsZero() {
		w.hungUp = time.Now()
		w.hangUp <- struct{}{} // there is room for it
		return false
	}
	since := time.Since(w.hungUp)
	return since >= quiet && time.Since(w.active) >= quiet || over && since >= 3*quiet // some are never quiet
}

// resting tells whether a guest of which nothing more seemed to come may be
// asked again whether something did. waits: it has nothing to wait for.
func (w *watch) resting(waits bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ending && waits
}

// beLate visits a guest again that never waits, before its time is over.
func (w *watch) beLate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.again && w.late > 0 && time.Since(w.began) >= w.late {
		w.again = true
		w.visitAgain()
	}
}

// wasDone tells whether the guest was seen to only wait, and what was done to it
// then: it need not have ended by itself.
func (w *watch) wasDone() (by string, done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hungUp.IsZero() {
		return "it was visited once more", w.ending
	}
	return "it was told to hang up", true
}

// quiet tells whether nobody visits the guest, and it does not compute.
func (w *watch) quiet() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.visiting == 0 && w.rate < 0.25
}

// computing tells whether the guest has done nothing but compute for long. It
// may wait for a time, and look at the clock all the while.
func (w *watch) computing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.visiting == 0 && time.Since(w.acted) >= w.patience()
}

// patience is how long a guest must have done nothing but compute, or little,
// for its clocks to jump. One that has yet to open a port which its image
// exposes may still be starting: on a busy machine that takes long.
func (w *watch) patience() time.Duration {
	if slices.ContainsFunc(w.exposed, func(port uint16) bool { return !w.listens[port] }) {
		return mayStart * looksBusy * w.idle
	}
	return looksBusy * w.idle
}

// pacing tells whether the guest has for long done a little, again and again: it
// looks at the clock and sleeps, or asks whether there is news.
func (w *watch) pacing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := time.Since(w.began)
	return w.visiting == 0 && since >= w.patience() && float64(w.total) < little*float64(since)
}

func (w *watch) waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.world.Frames(); now != w.frames || w.world.Fetching() {
		w.frames, w.active, w.acted = now, time.Now(), time.Now()
	}
	if w.visiting > 0 || time.Since(w.active) < w.idle {
		return false
	}
	// What the image promises is asked for even if nothing seems to listen.
	asked := false
	for _, port := range w.exposed {
		asked = w.visit(port) || asked
	}
	return !asked
}
