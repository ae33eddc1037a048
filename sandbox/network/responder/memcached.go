package responder

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Memcached is an open cache in which nothing is, and which stores everything.
// memcached's doc/protocol.txt, and the binary protocol, revision 1.6.
type Memcached struct{}

// App implements Responder.
func (*Memcached) App() string { return "memcached" }

var (
	memcachedStores = []string{"set", "add", "replace", "append", "prepend", "cas"}
	memcachedWords  = append([]string{"get", "gets", "gat", "delete", "incr", "decr", "touch", "stats", "version", "flush_all", "verbosity", "quit", "mg", "ms", "mn"}, memcachedStores...)
)

const (
	memcachedBinary = 0x80
	memcachedPort   = 11211
	memcachedBytes  = 64 << 20 // of a value, as far as it is read over
)

// Claims implements Responder. The commands are words that others use as well.
func (*Memcached) Claims(first []byte, port uint16) Claim {
	if port != memcachedPort {
		return No
	}
	if first[0] == memcachedBinary {
		return Yes
	}
	return claimWords(first, memcachedWords, " \r\n")
}

// memcachedFrame precedes each datagram: a request's number, the datagram's, how
// many there are, and two bytes of nothing. doc/protocol.txt, "UDP protocol".
const memcachedFrame = 8

// MemcachedDatagram answers a command that came over UDP, as the amplifiers do
// that are looked for. nil is for what is none.
func MemcachedDatagram(payload []byte, log Log) []byte {
	if len(payload) <= memcachedFrame || binary.BigEndian.Uint16(payload[4:]) != 1 {
		return nil
	}
	line, _, _ := strings.Cut(string(payload[memcachedFrame:]), "\r\n")
	words := strings.Fields(line)
	if len(words) == 0 || !slices.Contains(memcachedWords, strings.ToLower(words[0])) {
		return nil
	}
	name := strings.ToLower(words[0])
	fields := map[string]string{}
	put(fields, "args", strings.Join(words[1:], " "))
	log.App("memcached")
	log.Message(true, name, fields)
	answer := append([]byte{payload[0], payload[1], 0, 0, 0, 1, 0, 0}, memcachedAnswer(name, words)...)
	return answer
}

var errMemcached = errors.New("not the memcached protocol")

// Serve implements Responder.
func (s *Memcached) Serve(_ context.Context, c *Conversation) error {
	if first, err := c.Reader.Peek(1); err == nil && first[0] == memcachedBinary {
		return memcachedFrames(c)
	}
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		name := strings.ToLower(words[0])
		fields := map[string]string{}
		put(fields, "args", strings.Join(words[1:], " "))
		for _, store := range memcachedStores {
			if name != store {
				continue
			}
			if err := memcachedValue(c, words, fields); err != nil {
				return err
			}
		}
		c.Log.Message(true, clip(name), fields)
		if name == "quit" {
			return nil
		}
		if words[len(words)-1] == "noreply" {
			continue
		}
		if err := c.say(memcachedAnswer(name, words)); err != nil {
			return err
		}
	}
}

// memcachedValue reads the value that follows a command to store it.
func memcachedValue(c *Conversation, words []string, fields map[string]string) error {
	if len(words) < 5 {
		return fmt.Errorf("%w: %s of %d words", errMemcached, clip(words[0]), len(words))
	}
	n, err := strconv.Atoi(words[4])
	if err != nil || n < 0 || n > memcachedBytes {
		return fmt.Errorf("%w: a value of %q bytes", errMemcached, clip(words[4]))
	}
	value := make([]byte, min(n, maxField))
	if _, err := io.ReadFull(c.Reader, value); err != nil {
		return err
	}
	put(fields, "value", string(value))
	c.rest()
	_, err = io.CopyN(io.Discard, c.Reader, int64(n-len(value)+2)) // and CR LF
	return err
}

func memcachedAnswer(name string, words []string) string {
	switch name {
	case "get", "gets", "gat":
		return "END\r\n"
	case "mg", "mn":
		return "EN\r\n"
	case "ms":
		return "HD\r\n"
	case "stats":
		if len(words) > 1 {
			return "END\r\n"
		}
		return "STAT pid 1\r\nSTAT uptime 1043221\r\nSTAT version 1.6.18\r\nSTAT curr_items 0\r\nSTAT total_items 4\r\nEND\r\n"
	case "version":
		return "VERSION 1.6.18\r\n"
	case "delete", "incr", "decr", "touch":
		return "NOT_FOUND\r\n"
	case "flush_all", "verbosity":
		return "OK\r\n"
	}
	for _, store := range memcachedStores {
		if name == store {
			return "STORED\r\n"
		}
	}
	return "ERROR\r\n"
}

// memcachedFrames answers requests of 24 bytes of header and a body: all that
// store succeed, all that look up find nothing.
func memcachedFrames(c *Conversation) error {
	for {
		c.rest()
		var head [24]byte
		if _, err := io.ReadFull(c.Reader, head[:]); err != nil {
			return err
		}
		key, body := int(binary.BigEndian.Uint16(head[2:])), int64(binary.BigEndian.Uint32(head[8:]))
		extras := int(head[4])
		if head[0] != memcachedBinary || int64(key+extras) > body || body > memcachedBytes {
			return fmt.Errorf("%w: a header of %x", errMemcached, head)
		}
		kept := make([]byte, min(body, int64(extras+key+maxField)))
		if _, err := io.ReadFull(c.Reader, kept); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, c.Reader, body-int64(len(kept))); err != nil {
			return err
		}
		fields := map[string]string{}
		put(fields, "key", string(kept[extras:extras+key]))
		put(fields, "value", string(kept[extras+key:]))
		c.Log.Message(true, fmt.Sprintf("opcode %d", head[1]), fields)
		answer := make([]byte, 24)
		answer[0], answer[1] = 0x81, head[1]
		copy(answer[12:16], head[12:16]) // opaque
		if head[1] == 0x00 || head[1] == 0x0c {
			answer[7] = 1 // key not found
		}
		if _, err := c.Conn.Write(answer); err != nil {
			return err
		}
	}
}
