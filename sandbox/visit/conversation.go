package visit

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// open connects, and waits until the guest takes connections.
func (v *Visitor) open(ctx context.Context, secure bool) (*conversation, error) {
	dialing, dialed := context.WithTimeout(ctx, visitLimit)
	conn, err := v.Dial(dialing)
	dialed()
	if err != nil {
		return nil, err
	}
	v.Taken(ctx)
	ctx, cancel := context.WithTimeout(ctx, visitLimit)
	c := &conversation{Conn: conn, cancel: cancel}
	c.stop = context.AfterFunc(ctx, func() { conn.Close() })
	if !secure {
		return c, nil
	}
	// The guest's certificate is of no interest.
	t := tls.Client(conn, &tls.Config{ServerName: "localhost", InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
	hello, done := context.WithTimeout(ctx, answerWait)
	defer done()
	if err := t.HandshakeContext(hello); err != nil {
		c.Close()
		v.Log.Debug("no TLS", "port", v.Port, "error", err)
		return nil, err
	}
	c.Conn = t
	if r, ok := conn.(recorder); ok {
		c.Conn = r.Decrypted(t)
	}
	return c, nil
}

// recorder is a connection that notes what passes. Decrypted has it note what
// is said inside of TLS instead, on the connection that it returns.
type recorder interface {
	Decrypted(plain net.Conn) net.Conn
}

// conversation is one connection. It ends with its context, or with Close.
type conversation struct {
	net.Conn
	stop   func() bool
	cancel context.CancelFunc
	got    int
}

func (c *conversation) Close() error {
	c.stop()
	c.cancel()
	return c.Conn.Close()
}

func (c *conversation) tell(text string) error {
	_, err := c.Write([]byte(text))
	return err
}

// hear returns what is said within wait, and after that until it is quiet. open
// is false when nothing more will come.
func (c *conversation) hear(wait time.Duration) (text string, open bool) {
	var heard bytes.Buffer
	buf := make([]byte, 4<<10)
	for c.got < visitRead {
		_ = c.SetReadDeadline(time.Now().Add(wait))
		n, err := c.Read(buf)
		heard.Write(buf[:n])
		c.got += n
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return heard.String(), true
		case err != nil:
			return heard.String(), false
		}
		wait = min(wait, quietWait)
	}
	return heard.String(), false
}
