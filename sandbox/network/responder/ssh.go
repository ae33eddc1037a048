package responder

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSH lets everybody try to log in and nobody in. Each try is noted.
type SSH struct{ host ssh.Signer }

// NewSSH makes a host key from rand.
func NewSSH(rand io.Reader) (*SSH, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return nil, fmt.Errorf("ssh host key: %w", err)
	}
	host, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		return nil, fmt.Errorf("ssh host key: %w", err)
	}
	return &SSH{host: host}, nil
}

// App implements Responder.
func (*SSH) App() string { return "ssh" }

// Claims implements Responder. RFC 4253 §4.2.
func (*SSH) Claims(first []byte, _ uint16) Claim {
	const ident = "SSH-"
	n := min(len(first), len(ident))
	switch {
	case !bytes.Equal(first[:n], []byte(ident[:n])):
		return No
	case n < len(ident):
		return More
	}
	return Yes
}

// Greets implements Greeter.
func (*SSH) Greets(port uint16) bool { return port == 22 || port == 2222 || port == 22222 }

var errRefused = errors.New("permission denied")

// Serve implements Responder.
func (s *SSH) Serve(_ context.Context, c *Conversation) error {
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10",
		MaxAuthTries:  20,
		PasswordCallback: func(meta ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			c.Log.Message(true, "auth", map[string]string{"method": "password", "user": clip(meta.User()), "password": clip(string(password))})
			return nil, errRefused
		},
		PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			c.Log.Message(true, "auth", map[string]string{"method": "publickey", "user": clip(meta.User()), "key": ssh.FingerprintSHA256(key)})
			return nil, errRefused
		},
	}
	config.AuthLogCallback = func(meta ssh.ConnMetadata, method string, _ error) {
		if method == "none" { // every client's first try; it asks what else there is
			c.Log.Message(true, "ident", map[string]string{"version": clip(string(meta.ClientVersion())), "user": clip(meta.User())})
		}
	}
	config.AddHostKey(s.host)
	c.rest()
	conn := &borrowed{buffered: buffered{c.Conn, c.Reader}}
	_, _, _, err := ssh.NewServerConn(conn, config) // never succeeds: no method lets anybody in
	_ = conn.Close()
	return err
}

// borrowed is a connection that its borrower's goroutines, which nobody waits
// for, do not touch any more after Close.
type borrowed struct {
	buffered
	mu     sync.Mutex
	closed bool
	using  sync.WaitGroup
}

func (b *borrowed) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.using.Add(1)
	return true
}

// Read implements net.Conn.
func (b *borrowed) Read(p []byte) (int, error) {
	if !b.enter() {
		return 0, net.ErrClosed
	}
	defer b.using.Done()
	return b.buffered.Read(p)
}

// Write implements net.Conn.
func (b *borrowed) Write(p []byte) (int, error) {
	if !b.enter() {
		return 0, net.ErrClosed
	}
	defer b.using.Done()
	return b.buffered.Write(p)
}

// Close takes the connection back; it stays open.
func (b *borrowed) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	_ = b.SetDeadline(time.Unix(1, 0)) // ends what is in the middle of waiting
	b.using.Wait()
	return nil
}
