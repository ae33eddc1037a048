package responder

import (
	"context"
	"io"
	"strings"
)

// raw is the far end of what nobody knows: it listens and stays.
type raw struct{}

func (*raw) App() string { return "raw" }

func (*raw) Claims([]byte, uint16) Claim { return Yes }

// Serve reads whatever comes. A shell that shows its prompt gets an order, so
// that it does something; anything else gets no answer.
func (*raw) Serve(_ context.Context, c *Conversation) error {
	if isPrompt(c.Reader) && c.await(c.Reader.Buffered()+1, silentAfter) != nil {
		if err := c.say("id\n"); err != nil {
			return err
		}
		c.Log.Message(false, "order", map[string]string{"text": "id"})
	}
	if err := c.await(1, 0); err != nil {
		return err
	}
	_, err := c.Reader.WriteTo(io.Discard)
	return err
}

// isPrompt tells whether the last that was said looks like a shell's prompt.
func isPrompt(r interface {
	Buffered() int
	Peek(int) ([]byte, error)
}) bool {
	said, _ := r.Peek(r.Buffered())
	end := strings.TrimRight(string(said[max(0, len(said)-64):]), " ")
	return end != "" && strings.ContainsRune("$#>%", rune(end[len(end)-1]))
}
