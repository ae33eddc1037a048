package responder

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MySQL greets, reads one login and finds it wrong. MySQL, "Client/Server
// Protocol", "Connection Phase". The challenge is always the same, so that the
// same password gives the same answer.
type MySQL struct{}

// App implements Responder.
func (*MySQL) App() string { return "mysql" }

// Claims implements Responder: the client never speaks first.
func (*MySQL) Claims([]byte, uint16) Claim { return No }

// Greets implements Greeter.
func (*MySQL) Greets(port uint16) bool { return port == 3306 || port == 33060 || port == 3307 }

const (
	// capabilities: long password, connect with a database, protocol 4.1, secure
	// connection, plugins for passwords.
	mysqlCapabilities = 0x00000001 | 0x00000008 | 0x00000200 | 0x00008000 | 0x00080000
	mysqlWithDatabase = 0x00000008
	mysqlLogin        = 64 << 10 // bytes of a login
	mysqlChallenge    = "3Kq8vT1xZ7wLpN5cR2yD"
)

var errMySQL = errors.New("not the MySQL protocol")

// Serve implements Responder.
func (*MySQL) Serve(_ context.Context, c *Conversation) error {
	caps := []byte{mysqlCapabilities & 0xff, mysqlCapabilities >> 8 & 0xff, mysqlCapabilities >> 16 & 0xff, mysqlCapabilities >> 24 & 0xff}
	greeting := "\x0a8.0.36\x00" + "\x2a\x00\x00\x00" + mysqlChallenge[:8] + "\x00" + string(caps[:2]) + "\x2d\x02\x00" + string(caps[2:]) + "\x15" +
		strings.Repeat("\x00", 10) + mysqlChallenge[8:] + "\x00mysql_native_password\x00"
	if err := c.say(mysqlPacket(0, greeting)); err != nil {
		return err
	}
	c.rest()
	var head [4]byte
	if _, err := io.ReadFull(c.Reader, head[:]); err != nil {
		return err
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if n < 33 || n > mysqlLogin {
		return fmt.Errorf("%w: a login of %d bytes", errMySQL, n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c.Reader, body); err != nil {
		return err
	}
	fields, err := mysqlFields(body)
	if err != nil {
		return err
	}
	c.Log.Message(true, "auth", fields)
	return c.say(mysqlPacket(head[3]+1, "\xff\x15\x04#28000Access denied for user '"+fields["user"]+"'@'10.0.0.7' (using password: YES)"))
}

// mysqlFields reads a HandshakeResponse41.
func mysqlFields(body []byte) (map[string]string, error) {
	caps := uint32(body[0]) | uint32(body[1])<<8 | uint32(body[2])<<16 | uint32(body[3])<<24
	user, rest, ok := strings.Cut(string(body[32:]), "\x00")
	if !ok || rest == "" {
		return nil, fmt.Errorf("%w: a login without name or password", errMySQL)
	}
	n := int(rest[0])
	if n > len(rest)-1 {
		return nil, fmt.Errorf("%w: an answer of %d bytes", errMySQL, n)
	}
	fields := map[string]string{"method": "challenge", "user": clip(user), "answer": hex.EncodeToString([]byte(rest[1 : 1+n]))}
	if caps&mysqlWithDatabase != 0 {
		database, _, _ := strings.Cut(rest[1+n:], "\x00")
		put(fields, "database", database)
	}
	return fields, nil
}

func mysqlPacket(number byte, body string) string {
	n := len(body)
	return string([]byte{byte(n), byte(n >> 8), byte(n >> 16), number}) + body
}
