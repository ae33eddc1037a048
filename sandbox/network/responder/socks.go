package responder

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// SOCKS is a proxy that lets everybody through, to wherever they want: the
// conversation goes on with who that is. RFC 1928 and RFC 1929.
type SOCKS struct{}

// App implements Responder.
func (*SOCKS) App() string { return "socks" }

const (
	socksVersion  = 5
	socksMethods  = 16 // more than there are
	socksOpen     = 0
	socksPassword = 2
	socksRefused  = 0xff
)

// Claims implements Responder: the version, and a list of ways to log in.
func (*SOCKS) Claims(first []byte, _ uint16) Claim {
	if first[0] != socksVersion {
		return No
	}
	if len(first) < 2 {
		return More
	}
	n := int(first[1])
	if n == 0 || n > socksMethods {
		return No
	}
	for _, method := range first[2:min(len(first), 2+n)] {
		if method > 9 && method < 0x80 { // none is assigned
			return No
		}
	}
	if len(first) < 2+n {
		return More
	}
	return Yes
}

var errSOCKS = errors.New("not the SOCKS protocol")

// Serve implements Responder.
func (s *SOCKS) Serve(ctx context.Context, c *Conversation) error {
	if err := s.greet(c); err != nil {
		return err
	}
	host, port, err := socksTarget(c)
	if err != nil {
		return err
	}
	c.Log.Message(true, "connect", map[string]string{"host": clip(host), "port": strconv.Itoa(int(port))})
	if err := c.say("\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"); err != nil { // succeeded
		return err
	}
	return c.beyond(ctx, c.Reader, host, port)
}

// greet agrees on a way to log in, and takes every name and password.
func (*SOCKS) greet(c *Conversation) error {
	c.rest()
	var head [2]byte
	if _, err := io.ReadFull(c.Reader, head[:]); err != nil {
		return err
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(c.Reader, methods); err != nil {
		return err
	}
	chosen := byte(socksRefused)
	for _, m := range methods {
		if m == socksOpen || m == socksPassword && chosen != socksOpen {
			chosen = m
		}
	}
	if err := c.say(string([]byte{socksVersion, chosen})); err != nil || chosen != socksPassword {
		return err
	}
	if _, err := c.Reader.ReadByte(); err != nil { // the version of RFC 1929
		return err
	}
	user, err := socksText(c)
	if err != nil {
		return err
	}
	password, err := socksText(c)
	if err != nil {
		return err
	}
	c.Log.Message(true, "login", map[string]string{"user": clip(user), "password": clip(password)})
	return c.say("\x01\x00")
}

// socksText is a length and as many bytes.
func socksText(c *Conversation) (string, error) {
	n, err := c.Reader.ReadByte()
	if err != nil {
		return "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(c.Reader, b)
	return string(b), err
}

// socksTarget reads where the client wants to go.
func socksTarget(c *Conversation) (host string, port uint16, err error) {
	var head [4]byte
	if _, err := io.ReadFull(c.Reader, head[:]); err != nil {
		return "", 0, err
	}
	if head[0] != socksVersion || head[1] != 1 {
		return "", 0, fmt.Errorf("%w: command %d", errSOCKS, head[1])
	}
	switch head[3] {
	case 1, 4:
		ip := make(net.IP, map[byte]int{1: net.IPv4len, 4: net.IPv6len}[head[3]])
		if _, err := io.ReadFull(c.Reader, ip); err != nil {
			return "", 0, err
		}
		host = ip.String()
	case 3:
		if host, err = socksText(c); err != nil {
			return "", 0, err
		}
	default:
		return "", 0, fmt.Errorf("%w: address of type %d", errSOCKS, head[3])
	}
	var number [2]byte
	_, err = io.ReadFull(c.Reader, number[:])
	return host, binary.BigEndian.Uint16(number[:]), err
}
