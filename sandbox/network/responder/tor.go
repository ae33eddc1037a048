package responder

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
)

// Tor is an onion router as far as its first cell: enough to know that one was
// wanted. Tor's tor-spec, "Negotiating and initializing channels".
type Tor struct{}

// App implements Responder.
func (*Tor) App() string { return "tor" }

const (
	torVersions = 7
	torMost     = 64 // bytes of a list of versions
)

// Claims implements Responder: a VERSIONS cell of circuit 0, whose ids have two
// bytes at first.
func (*Tor) Claims(first []byte, _ uint16) Claim {
	for i, want := range []byte{0, 0, torVersions, 0} {
		if i == len(first) {
			return More
		}
		if first[i] != want {
			return No
		}
	}
	if len(first) < 5 {
		return More
	}
	n := int(first[4])
	if n == 0 || n%2 == 1 || n > torMost {
		return No
	}
	for i := 5; i+1 < len(first) && i < 5+n; i += 2 {
		if v := binary.BigEndian.Uint16(first[i:]); v == 0 || v > 32 {
			return No
		}
	}
	if len(first) < 5+n {
		return More
	}
	return Yes
}

// Serve implements Responder. No router could show the certificates that a
// client asks for now; it hears our versions, and goes on alone.
func (*Tor) Serve(_ context.Context, c *Conversation) error {
	c.rest()
	var head [5]byte
	if _, err := io.ReadFull(c.Reader, head[:]); err != nil {
		return err
	}
	list := make([]byte, head[4])
	if _, err := io.ReadFull(c.Reader, list); err != nil {
		return err
	}
	versions := ""
	for i := 0; i+1 < len(list); i += 2 {
		versions += fmt.Sprintf(" %d", binary.BigEndian.Uint16(list[i:]))
	}
	c.Log.Message(true, "versions", map[string]string{"versions": versions[1:]})
	if err := c.say("\x00\x00\x07\x00\x04\x00\x04\x00\x05"); err != nil { // link protocols 4 and 5
		return err
	}
	_, err := c.Reader.WriteTo(io.Discard)
	return err
}
