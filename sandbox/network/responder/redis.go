package responder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Redis is an open server that agrees to everything. The commands are those of
// its protocol's version 2, as arrays or inline.
type Redis struct{}

var redisInline = []string{
	"PING", "INFO", "AUTH", "CONFIG", "SET", "GET", "KEYS", "FLUSHALL", "SLAVEOF", "REPLICAOF", "MODULE", "EVAL", "SAVE", "BGSAVE", "CLIENT", "HELLO", "SELECT",
}

// App implements Responder.
func (*Redis) App() string { return "redis" }

// Claims implements Responder.
func (*Redis) Claims(first []byte, port uint16) Claim {
	if first[0] == '*' {
		for i, c := range first[1:] {
			if c == '\r' && i > 0 {
				return Yes
			}
			if c < '0' || c > '9' || i > 6 {
				return No
			}
		}
		return More
	}
	if port != 6379 { // inline commands are words that others use too
		return No
	}
	return claimWords(first, redisInline, " \r\n")
}

// Serve implements Responder.
func (s *Redis) Serve(_ context.Context, c *Conversation) error {
	for {
		command, err := readRedis(c)
		if err != nil {
			return err
		}
		if len(command) == 0 || command[0] == "" { // an empty line, an empty array
			continue
		}
		name := strings.ToUpper(command[0])
		c.Log.Message(true, clip(name), map[string]string{"args": clip(strings.Join(command[1:], " "))})
		if err := c.say(s.answer(name, command[1:])); err != nil {
			return err
		}
		if name == "QUIT" {
			return nil
		}
	}
}

func (*Redis) answer(name string, args []string) string {
	bulk := func(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }
	switch name {
	case "PING":
		if len(args) > 0 {
			return bulk(args[0])
		}
		return "+PONG\r\n"
	case "ECHO":
		return bulk(strings.Join(args, " "))
	case "HELLO": // version 3 is not spoken here; clients fall back
		return "-ERR unknown command 'HELLO'\r\n"
	case "INFO":
		return bulk("# Server\r\nredis_version:6.0.16\r\nos:Linux 5.15.0-105-generic x86_64\r\narch_bits:64\r\ntcp_port:6379\r\n# Replication\r\nrole:master\r\n")
	case "CONFIG":
		if len(args) > 1 && strings.EqualFold(args[0], "GET") {
			values := map[string]string{"dir": "/var/lib/redis", "dbfilename": "dump.rdb"}
			return "*2\r\n" + bulk(args[1]) + bulk(values[strings.ToLower(args[1])])
		}
	case "GET":
		return "$-1\r\n"
	case "KEYS", "COMMAND", "SCAN", "LRANGE", "SMEMBERS", "HGETALL":
		return "*0\r\n"
	case "DBSIZE", "EXISTS", "DEL", "INCR", "LPUSH", "RPUSH", "SADD", "HSET", "PUBLISH", "TTL":
		return ":1\r\n"
	}
	return "+OK\r\n"
}

// A client may send this many arguments, and bytes in one; of an argument
// longer than that only the beginning is kept, the rest is read over.
const (
	redisArgs  = 1024
	redisKeep  = 4 << 10
	redisBytes = 512 << 20
)

var errRedis = errors.New("not the Redis protocol")

// readRedis reads one command. RESP specification, "Sending commands".
func readRedis(c *Conversation) ([]string, error) {
	head, err := c.line()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(head, "*") {
		return strings.Fields(clip(head)), nil
	}
	n, err := strconv.Atoi(head[1:])
	if err != nil || n < 0 || n > redisArgs {
		return nil, fmt.Errorf("%w: array of %q", errRedis, clip(head[1:]))
	}
	args := make([]string, 0, min(n, 16))
	for range n {
		head, err := c.line()
		if err != nil {
			return nil, err
		}
		size, err := strconv.Atoi(strings.TrimPrefix(head, "$"))
		if err != nil || !strings.HasPrefix(head, "$") || size < 0 || size > redisBytes {
			return nil, fmt.Errorf("%w: string of %q", errRedis, clip(head))
		}
		c.rest()
		kept := make([]byte, min(size, redisKeep))
		if _, err := io.ReadFull(c.Reader, kept); err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, c.Reader, int64(size-len(kept)+2)); err != nil { // and CR LF
			return nil, err
		}
		args = append(args, string(kept))
	}
	return args, nil
}
