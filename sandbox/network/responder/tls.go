package responder

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"time"
)

// TLS takes the encryption off, as whatever server the guest asks for, and goes
// on with what is inside.
type TLS struct {
	// Certificate signs for a name or an address.
	Certificate func(name string) (*tls.Certificate, error)
}

// App implements Responder.
func (*TLS) App() string { return "tls" }

// Claims implements Responder: a handshake record that begins with a
// ClientHello. RFC 8446 §4 and §5.1.
func (*TLS) Claims(first []byte, _ uint16) Claim {
	const handshake, clientHello = 22, 1
	for i, ok := range []func(byte) bool{
		func(b byte) bool { return b == handshake },
		func(b byte) bool { return b == 3 },
		func(b byte) bool { return b <= 4 },
		func(byte) bool { return true }, // length
		func(byte) bool { return true },
		func(b byte) bool { return b == clientHello },
	} {
		if i == len(first) {
			return More
		}
		if !ok(first[i]) {
			return No
		}
	}
	return Yes
}

// handshakeTimeout bounds the handshake; a client that does not trust us ends
// it at once.
const handshakeTimeout = 10 * time.Second

// Serve implements Responder.
func (s *TLS) Serve(ctx context.Context, c *Conversation) error {
	s.hello(c)
	serverName := ""
	config := &tls.Config{
		MinVersion: tls.VersionTLS10, //nolint: old clients are welcome; nothing secret is kept here
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			serverName = strings.ToLower(hello.ServerName)
			name := serverName
			if name == "" {
				name = c.To.Addr().String()
			}
			certificate, err := s.Certificate(name)
			if err != nil {
				return nil, err
			}
			config := &tls.Config{MinVersion: tls.VersionTLS10, Certificates: []tls.Certificate{*certificate}, SessionTicketsDisabled: true}
			config.NextProtos = chosen(hello.SupportedProtos)
			return config, nil
		},
	}
	conn := tls.Server(buffered{c.Conn, c.Reader}, config)
	handshake, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(handshake); err != nil {
		fields := map[string]string{"server_name": clip(serverName), "error": clip(err.Error())}
		if remote := (*net.OpError)(nil); errors.As(err, &remote) && remote.Op == "remote error" {
			fields["refused"] = "true" // by the guest, once it saw the certificate: it trusts only some
		}
		c.Log.Message(true, "handshake_failed", fields)
		return err
	}
	state := conn.ConnectionState()
	c.Log.Message(true, "handshake", map[string]string{"server_name": clip(serverName), "version": tls.VersionName(state.Version)})
	return c.Within(ctx, c.Log.Decrypted(closing{conn}, serverName), serverName)
}

// chosen is the protocol inside, out of those that the client offers: HTTP where
// it can be, else what it wants most, and never a refusal.
func chosen(offered []string) []string {
	for _, p := range []string{"h2", "http/1.1"} {
		if slices.Contains(offered, p) {
			return []string{p}
		}
	}
	return offered[:min(len(offered), 1)]
}

// hello notes the first message, as far as one record holds it. RFC 8446 §5.1.
func (s *TLS) hello(c *Conversation) {
	const header = 5
	head, err := c.Reader.Peek(header)
	if err != nil {
		return
	}
	_ = c.await(min(header+int(binary.BigEndian.Uint16(head[3:])), bufferSize), handshakeTimeout)
	_ = c.Conn.SetReadDeadline(time.Time{})
	record, _ := c.Reader.Peek(min(header+int(binary.BigEndian.Uint16(head[3:])), c.Reader.Buffered()))
	if h, ok := ParseClientHello(record[header:]); ok {
		c.Log.Hello(h)
	}
}

// closing leaves the close of the connection below to whoever opened it.
type closing struct{ *tls.Conn }

func (c closing) Close() error { return c.CloseWrite() }

var _ net.Conn = closing{}
