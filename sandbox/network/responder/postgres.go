package responder

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Postgres asks for the password in plain words and finds it wrong. PostgreSQL,
// "Frontend/Backend Protocol", "Message Formats".
type Postgres struct{}

// App implements Responder.
func (*Postgres) App() string { return "postgresql" }

const (
	pgVersion3 = 3 << 16
	pgSSL      = 80877103
	pgGSS      = 80877104
	pgStartup  = 10_000 // bytes of the first message, as the server allows
)

// Claims implements Responder: a length, then a version or one of the requests
// that precede it.
func (*Postgres) Claims(first []byte, _ uint16) Claim {
	if first[0] != 0 || len(first) > 1 && first[1] != 0 {
		return No
	}
	if len(first) < 8 {
		return More
	}
	n, code := binary.BigEndian.Uint32(first), binary.BigEndian.Uint32(first[4:])
	if n >= 8 && n <= pgStartup && (code == pgSSL || code == pgGSS || code == pgVersion3) {
		return Yes
	}
	return No
}

var errPostgres = errors.New("not the PostgreSQL protocol")

// Serve implements Responder.
func (*Postgres) Serve(_ context.Context, c *Conversation) error {
	user, database, err := pgHello(c)
	if err != nil {
		return err
	}
	if err := c.say("R\x00\x00\x00\x08\x00\x00\x00\x03"); err != nil { // AuthenticationCleartextPassword
		return err
	}
	c.rest()
	var head [5]byte
	if _, err := io.ReadFull(c.Reader, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if head[0] != 'p' || n < 4 || n > pgStartup {
		return fmt.Errorf("%w: message %q of %d bytes instead of a password", errPostgres, head[0], n)
	}
	password := make([]byte, n-4)
	if _, err := io.ReadFull(c.Reader, password); err != nil {
		return err
	}
	fields := map[string]string{"method": "password", "password": clip(strings.TrimRight(string(password), "\x00"))}
	put(fields, "user", user)
	put(fields, "database", database)
	c.Log.Message(true, "auth", fields)
	refusal := "SFATAL\x00VFATAL\x00C28P01\x00Mpassword authentication failed for user \"" + user + "\"\x00\x00"
	return c.say("E" + string(binary.BigEndian.AppendUint32(nil, uint32(4+len(refusal)))) + refusal)
}

// pgHello declines encryption and reads who wants to come in.
func pgHello(c *Conversation) (user, database string, err error) {
	for range 3 { // TLS, GSSAPI, then the startup message
		c.rest()
		var head [8]byte
		if _, err := io.ReadFull(c.Reader, head[:]); err != nil {
			return "", "", err
		}
		n, code := binary.BigEndian.Uint32(head[:]), binary.BigEndian.Uint32(head[4:])
		if n < 8 || n > pgStartup {
			return "", "", fmt.Errorf("%w: a first message of %d bytes", errPostgres, n)
		}
		body := make([]byte, n-8)
		if _, err := io.ReadFull(c.Reader, body); err != nil {
			return "", "", err
		}
		if code == pgSSL || code == pgGSS {
			if err := c.say("N"); err != nil {
				return "", "", err
			}
			continue
		}
		words := strings.Split(string(body), "\x00")
		for i := 0; i+1 < len(words) && words[i] != ""; i += 2 {
			switch words[i] {
			case "user":
				user = clip(words[i+1])
			case "database":
				database = clip(words[i+1])
			}
		}
		return user, database, nil
	}
	return "", "", fmt.Errorf("%w: no startup message", errPostgres)
}
