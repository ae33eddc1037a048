package sandbox

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/visit"
)

// maxVisits is how many ports are visited.
const maxVisits = 64

// wordLength is how much of a run's token visitors say: enough to be unique, and
// for the behaviours that look for it.
const wordLength = 16

// reachable tells listeners that the network card leads to.
func reachable(at *event.Endpoint) bool {
	if at == nil || at.Port == 0 || at.Family != "inet" && at.Family != "inet6" {
		return false
	}
	ip, err := netip.ParseAddr(at.IP)
	return err != nil || !ip.Unmap().IsLoopback() // without an address: any
}

// visit calls at a port that nobody called at before. It is false when nothing
// is to be done. w.mu is held.
func (w *watch) visit(port uint16) bool {
	if w.visitors[port] != nil || len(w.visitors) >= maxVisits || w.ctx.Err() != nil {
		return false
	}
	v := &visit.Visitor{
		Port: port, Word: w.word, Log: w.log,
		Dial:   func(ctx context.Context) (net.Conn, error) { return w.world.Dial(ctx, port) },
		Taken:  func(ctx context.Context) { w.taken(ctx, port) },
		Paths:  w.paths.list,
		Obeyed: w.hasObeyed,
	}
	w.visitors[port] = v
	w.send(port, v.Call)
	return true
}

// visitAgain calls at all ports once more, some of which may have been opened
// anew by others. It is false when nothing is to be done. w.mu is held.
func (w *watch) visitAgain() bool {
	if w.obeyed || w.ctx.Err() != nil {
		return false
	}
	if len(w.visitors) > 0 {
		w.pin <- struct{}{} // there is room for it
	}
	changed := w.time.leapt() >= changes
	for port, v := range w.visitors {
		if w.calling[port] { // the first call is not over yet
			continue
		}
		anew := w.reopened[port]
		w.send(port, func(ctx context.Context) bool {
			if anew {
				v.Call(ctx)
			}
			return v.Again(ctx, changed)
		})
	}
	return len(w.visitors) > 0
}

// changes is how much of a guest's time must have been skipped for its ports to
// be worth the whole conversation again.
const changes = time.Minute

// send has somebody call at a port. The clocks stand meanwhile. w.mu is held.
func (w *watch) send(port uint16, call func(context.Context) bool) {
	if w.visiting++; w.visiting == 1 {
		w.time.hold(true)
	}
	w.calling[port] = true
	w.work.Go(func() {
		answered := call(w.ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.visiting--; w.visiting == 0 {
			w.time.hold(false)
		}
		delete(w.calling, port)
		w.active, w.acted = time.Now(), time.Now()
		if answered && !slices.Contains(w.answered, int(port)) {
			w.answered = append(w.answered, int(port))
		}
	})
}

// obeys tells whether an event shows that an order of a visitor was carried out.
func (w *watch) obeys(e event.Event) bool {
	if e.Kind != event.Exec || e.Probe || e.Exec == nil {
		return false
	}
	_, order, ordered := strings.Cut(strings.Join(e.Exec.Argv, " "), "echo ")
	return ordered && strings.Contains(order, w.word)
}

// hasObeyed tells whether the guest was seen to do what a visitor ordered.
func (w *watch) hasObeyed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.obeyed
}

// taken waits until the guest has taken a connection at port, or has only
// waited for an idle time without doing so; then it is not waited for again.
func (w *watch) taken(ctx context.Context, port uint16) {
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for began := time.Now(); ; {
		w.mu.Lock()
		if time.Since(w.active) >= w.idle && time.Since(began) >= w.idle {
			w.takes[port] = true
		}
		done := w.takes[port]
		w.mu.Unlock()
		if done {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// probed lists the ports that took a connection, and the exposed ones that
// were asked and did not, each in order.
func (w *watch) probed() (answered, silent []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	answered = slices.Sorted(slices.Values(w.answered))
	for _, port := range w.exposed {
		if w.visitors[port] != nil && !slices.Contains(answered, int(port)) {
			silent = append(silent, int(port))
		}
	}
	slices.Sort(silent)
	return answered, silent
}
