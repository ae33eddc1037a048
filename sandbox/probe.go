package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// Bounds of a visit.
const (
	visitLimit = 5 * time.Second // for one connection
	visitRead  = 16 << 10        // bytes of an answer
	maxVisits  = 64              // ports
)

// greetings are what a visitor says, each on a connection of its own: a browser,
// somebody who presses return, and one who gives orders by the parameters that
// shells on web servers take. The orders are to repeat a word that only this run
// knows. host is where the visitor is.
func greetings(host, word string) []string {
	const get = "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\nConnection: close\r\n\r\n"
	orders := url.Values{}
	for _, name := range []string{"cmd", "c", "command", "e", "exec", "q", "run", "x"} {
		orders.Set(name, "echo "+word)
	}
	return []string{fmt.Sprintf(get, "/", host), "\r\n", fmt.Sprintf(get, "/?"+orders.Encode(), host)}
}

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
	w.visiting++
	w.work.Go(func() {
		answered := w.call(port)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.visiting--
		w.active = time.Now()
		if answered {
			w.answered = append(w.answered, int(port))
		}
	})
	return true
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

// call says all greetings. It is true when somebody was there.
func (w *watch) call(port uint16) (answered bool) {
	for _, greeting := range greetings(net.JoinHostPort("localhost", strconv.Itoa(int(port))), w.word) {
		err := w.greet(port, greeting)
		var refused *net.OpError
		if errors.As(err, &refused) && refused.Op == "dial" || w.ctx.Err() != nil {
			return answered
		}
		answered = true
		if err != nil && !errors.Is(err, io.EOF) {
			w.log.Debug("a probe ended", "port", port, "error", err)
		}
	}
	return answered
}

// greet says one greeting and listens to the answer.
func (w *watch) greet(port uint16, greeting string) error {
	ctx, cancel := context.WithTimeout(w.ctx, visitLimit)
	defer cancel()
	conn, err := w.world.Dial(ctx, port)
	if err != nil {
		return &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := io.WriteString(conn, greeting); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, conn, visitRead)
	return err
}
