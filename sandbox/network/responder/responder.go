// Package responder is who the guest talks to on the simulated internet: the
// far ends of the protocols, each just good enough for its client to go on.
//
// A connection of the guest goes in; a Table finds out by the first bytes which
// protocol it is, and that protocol's Responder holds the conversation and tells
// the connection's Log what it understood. Nothing that is said causes anything
// outside of the conversation. Everything received is foreign input: lines,
// bodies and fields are bounded before they are kept.
package responder

import (
	"bufio"
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Responder is the far end of one protocol. Its methods are called by many
// conversations at a time.
type Responder interface {
	// App is the protocol's name in a flow.
	App() string
	// Claims judges the first bytes that the guest sent, at least one.
	Claims(first []byte, port uint16) Claim
	// Serve talks until the conversation ends. It returns the reason, which
	// is not interesting to anybody but a log.
	Serve(ctx context.Context, c *Conversation) error
}

// Greeter is a Responder that speaks first, and therefore must be known by the
// port when the guest stays silent.
type Greeter interface {
	Responder
	Greets(port uint16) bool
}

// Claim is how sure a Responder is of its protocol.
type Claim int

// The claims. More is for a prefix that fits and is too short.
const (
	No Claim = iota
	More
	Yes
)

// Log takes what is understood of one conversation.
type Log interface {
	// App names the protocol; the last call counts.
	App(name string)
	// Message notes one protocol message; out when the guest sent it.
	Message(out bool, kind string, fields map[string]string)
	// HTTP notes one request and its answer. Flow and TimeMS are filled in.
	HTTP(observation.HTTP)
	// Understood hands over what the guest said where it cannot be read in the
	// bytes that passed, such as compressed headers: secrets are looked for in it.
	Understood(text []byte)
	// Hello notes how the guest began a TLS conversation, before anything is
	// decrypted.
	Hello(h ClientHello)
	// Decrypted notes that the conversation goes on inside TLS. The
	// connection that it returns is to be used instead of plain.
	Decrypted(plain net.Conn, serverName string) net.Conn
}

// Conversation is one connection of the guest.
type Conversation struct {
	Conn   net.Conn      // for writing and deadlines
	Reader *bufio.Reader // for reading; holds the first bytes
	To     netip.AddrPort
	Peer   string // that To's address was given for, or that a proxy was told; "" for none
	Domain string // as Peer; or the server's name in TLS
	TLS    bool
	Log    Log

	ctx   context.Context // of the requests in it; set by who serves them
	table *Table
	depth int // of conversations within conversations
}

// Within goes on with a conversation inside of this one.
func (c *Conversation) Within(ctx context.Context, conn net.Conn, serverName string) error {
	inner := &Conversation{Conn: conn, Reader: bufio.NewReaderSize(conn, bufferSize), To: c.To, Peer: c.Peer, Domain: c.Domain, TLS: true, Log: c.Log, table: c.table, depth: c.depth + 1}
	if serverName != "" {
		inner.Domain = serverName
	}
	return c.table.converse(ctx, inner)
}

// say writes s at once.
func (c *Conversation) say(s string) error {
	_, err := c.Conn.Write([]byte(s))
	return err
}

// buffered is a connection of which something was read already.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// idle is how long a conversation of lines or requests may rest. The guest's
// own time-outs are shorter; this one is for connections that it forgot.
const idle = 5 * time.Minute

// rest allows the guest another idle period.
func (c *Conversation) rest() { _ = c.Conn.SetReadDeadline(time.Now().Add(idle)) }

// bufferSize bounds one line, and one request's header line.
const bufferSize = 16 << 10

// line reads up to a line feed and returns what came before it. A line longer
// than the buffer comes in pieces.
func (c *Conversation) line() (string, error) {
	c.rest()
	b, err := c.Reader.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return string(b), nil
	}
	if err != nil {
		return "", err
	}
	b = b[:len(b)-1]
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return string(b), nil
}
