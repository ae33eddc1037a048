package responder

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

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
	server, _, _, err := ssh.NewServerConn(buffered{c.Conn, c.Reader}, config)
	if err == nil { // cannot be: no method lets anybody in
		return server.Close()
	}
	return err
}
