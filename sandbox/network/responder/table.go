package responder

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// How long the guest may be silent before something happens. A client of a
// protocol in which the server speaks first waits for it; one that is silent
// on any other port may be a shell that waits for orders.
const (
	greetAfter  = 200 * time.Millisecond
	silentAfter = time.Second
	decideAfter = time.Second // for a prefix that could be several things
)

// Table is the protocols that are known, in the order in which they are asked.
type Table struct {
	responders []Responder
	raw        *raw
}

// NewTable makes a table that asks responders in their order.
func NewTable(responders ...Responder) *Table {
	return &Table{responders: responders, raw: &raw{}}
}

// Serve finds out what conn speaks and talks to it until it ends, or until conn
// is closed. It does not close conn.
func (t *Table) Serve(ctx context.Context, conn net.Conn, to netip.AddrPort, domain string, log Log) error {
	return t.converse(ctx, &Conversation{
		Conn: conn, Reader: bufio.NewReaderSize(conn, bufferSize),
		To: to, Peer: domain, Domain: domain, Log: log, table: t,
	})
}

// deepest is how many conversations may be held within each other: more only
// wants to use up our stack.
const deepest = 8

var errDeep = errors.New("too many conversations within each other")

func (t *Table) converse(ctx context.Context, c *Conversation) error {
	if c.depth > deepest {
		return errDeep
	}
	found, err := t.find(c)
	if err != nil {
		return err
	}
	c.Log.App(found.App())
	_ = c.Conn.SetReadDeadline(time.Time{})
	return found.Serve(ctx, c)
}

// find waits for first bytes, unless the port tells that the guest waits for ours.
func (t *Table) find(c *Conversation) (Responder, error) {
	if g := t.greeter(c.To.Port()); g != nil {
		if err := c.await(1, greetAfter); isTimeout(err) {
			return g, nil
		}
	}
	if err := c.await(1, silentAfter); isTimeout(err) {
		// An order to a waiting shell; a client of anything else is none the worse.
		if err := c.say("id\n"); err != nil {
			return nil, err
		}
		c.Log.Message(false, "order", map[string]string{"text": "id"})
		if err := c.await(1, 0); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return t.byFirstBytes(c)
}

func (t *Table) byFirstBytes(c *Conversation) (Responder, error) {
	deadline := time.Now().Add(decideAfter)
	for {
		first, _ := c.Reader.Peek(c.Reader.Buffered())
		open := false
		for _, r := range t.responders {
			switch r.Claims(first, c.To.Port()) {
			case Yes:
				return r, nil
			case More:
				open = true
			}
		}
		if !open || len(first) >= c.Reader.Size() {
			return t.raw, nil
		}
		err := c.await(len(first)+1, time.Until(deadline))
		if err != nil && !isTimeout(err) && c.Reader.Buffered() == 0 {
			return nil, err
		}
		if err != nil {
			return t.raw, nil
		}
	}
}

func (t *Table) greeter(port uint16) Greeter {
	for _, r := range t.responders {
		if g, ok := r.(Greeter); ok && g.Greets(port) {
			return g
		}
	}
	return nil
}

// await waits until n bytes are there to be read, for at most patience; 0 is
// for as long as it takes.
func (c *Conversation) await(n int, patience time.Duration) error {
	var deadline time.Time
	if patience != 0 {
		deadline = time.Now().Add(patience)
	}
	if err := c.Conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	_, err := c.Reader.Peek(n)
	return err
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
