package responder

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
)

// MSSQL reads one login, whose password is only disguised, and finds it wrong.
// [MS-TDS] §2.2.6.4 and §2.2.6.5.
type MSSQL struct{}

// App implements Responder.
func (*MSSQL) App() string { return "mssql" }

const (
	tdsPreLogin = 0x12
	tdsLogin7   = 0x10
	tdsResponse = 0x04
	tdsLargest  = 32 << 10
)

// Claims implements Responder: a packet of the type that begins every conversation.
func (*MSSQL) Claims(first []byte, _ uint16) Claim {
	if first[0] != tdsPreLogin && first[0] != tdsLogin7 || len(first) > 1 && first[1] > 1 {
		return No
	}
	if len(first) < 8 {
		return More
	}
	if n := binary.BigEndian.Uint16(first[2:]); n > 8 && n <= tdsLargest && first[7] == 0 {
		return Yes
	}
	return No
}

var errTDS = errors.New("not the TDS protocol")

// Serve implements Responder.
func (*MSSQL) Serve(_ context.Context, c *Conversation) error {
	for range 2 {
		kind, body, err := tdsPacket(c)
		if err != nil {
			return err
		}
		if kind == tdsPreLogin {
			// version 15.0, and that encryption is not supported
			answer := "\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff" + "\x0f\x00\x07\xd0\x00\x00" + "\x02"
			if err := c.say(tdsAnswer(answer)); err != nil {
				return err
			}
			continue
		}
		fields, err := tdsLogin(body)
		if err != nil {
			return err
		}
		c.Log.Message(true, "auth", fields)
		return c.say(tdsAnswer(tdsError("Login failed for user '" + fields["user"] + "'.")))
	}
	return fmt.Errorf("%w: no login", errTDS)
}

func tdsPacket(c *Conversation) (kind byte, body []byte, err error) {
	c.rest()
	var head [8]byte
	if _, err := io.ReadFull(c.Reader, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(head[2:]))
	if n < 8 || n > tdsLargest || head[0] != tdsPreLogin && head[0] != tdsLogin7 {
		return 0, nil, fmt.Errorf("%w: packet of type %#x with %d bytes", errTDS, head[0], n)
	}
	body = make([]byte, n-8)
	_, err = io.ReadFull(c.Reader, body)
	return head[0], body, err
}

func tdsAnswer(body string) string {
	return string([]byte{tdsResponse, 1, byte((len(body) + 8) >> 8), byte(len(body) + 8), 0, 0, 1, 0}) + body
}

// tdsError is an ERROR token, number 18456, and a DONE token.
func tdsError(message string) string {
	wide := func(s string) []byte {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return b
	}
	text := wide(message)
	b := binary.LittleEndian.AppendUint32(nil, 18456)
	b = append(b, 1, 14) // state, severity
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)/2))
	b = append(b, text...)
	b = append(b, 0, 0)       // server, procedure
	b = append(b, 1, 0, 0, 0) // line
	token := binary.LittleEndian.AppendUint16([]byte{0xaa}, uint16(len(b)))
	return string(append(token, b...)) + "\xfd\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
}

// tdsLogin reads name and password of a LOGIN7: offsets and lengths from byte 36.
func tdsLogin(body []byte) (map[string]string, error) {
	const fixed = 36 + 4*5
	if len(body) < fixed {
		return nil, fmt.Errorf("%w: a login of %d bytes", errTDS, len(body))
	}
	text := func(field int, disguised bool) (string, error) {
		at := 36 + 4*field
		start, n := int(binary.LittleEndian.Uint16(body[at:])), 2*int(binary.LittleEndian.Uint16(body[at+2:]))
		if start+n > len(body) {
			return "", fmt.Errorf("%w: a text beyond the end of a login", errTDS)
		}
		units := make([]uint16, 0, n/2)
		for i := start; i < start+n; i += 2 {
			lo, hi := body[i], body[i+1]
			if disguised {
				lo, hi = (lo^0xa5)<<4|(lo^0xa5)>>4, (hi^0xa5)<<4|(hi^0xa5)>>4
			}
			units = append(units, uint16(lo)|uint16(hi)<<8)
		}
		return clip(string(utf16.Decode(units))), nil
	}
	user, err := text(1, false)
	if err != nil {
		return nil, err
	}
	password, err := text(2, true)
	if err != nil {
		return nil, err
	}
	return map[string]string{"method": "password", "user": user, "password": password}, nil
}
