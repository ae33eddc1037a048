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

// reachable tells listeners that the network card leads to.
func reachable(at *event.Endpoint) bool {
	if at == nil || at.Port == 0 || at.Family != "inet" && at.Family != "inet6" {
		return false
	}
	ip, err := netip.ParseAddr(at.IP)
	return err != nil || !ip.Unmap().IsLoopback() // without an address: any
}

// visit calls at a port, once in a run. It is false when nothing is to be done.
// w.mu is held.
func (w *watch) visit(port uint16) bool {
	if w.visited[port] || len(w.visited) >= maxVisits || w.ctx.Err() != nil {
		return false
	}
	w.visited[port] = true
	if w.visiting++; w.visiting == 1 {
		w.time.hold(true)
	}
	w.work.Go(func() {
		v := &visit.Visitor{
			Port: port, Word: w.word, Log: w.log,
			Dial:   func(ctx context.Context) (net.Conn, error) { return w.world.Dial(ctx, port) },
			Taken:  func(ctx context.Context) { w.taken(ctx, port) },
			Paths:  w.paths.list,
			Obeyed: w.hasObeyed,
		}
		answered := v.Call(w.ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.visiting--; w.visiting == 0 {
			w.time.hold(false)
		}
		w.active, w.acted = time.Now(), time.Now()
		if answered {
			w.answered = append(w.answered, int(port))
		}
	})
	return true
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
		if w.visited[port] && !slices.Contains(answered, int(port)) {
			silent = append(silent, int(port))
		}
	}
	slices.Sort(silent)
	return answered, silent
}
