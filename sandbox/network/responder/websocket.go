package responder

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the protocol's own choice
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// websocket takes requests to go on with messages. RFC 6455. Pools for miners
// that run in browsers are behind such, too.
type websocket struct{ pool Stratum }

const websocketKey = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

func (s websocket) answer(r *request) *answer {
	key := r.Header.Get("Sec-Websocket-Key")
	if r.ProtoMajor != 1 || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" {
		return nil
	}
	sum := sha1.Sum([]byte(key + websocketKey)) //nolint:gosec
	a := &answer{status: http.StatusSwitchingProtocols, app: "websocket", then: s.talk, header: map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Accept": base64.StdEncoding.EncodeToString(sum[:]),
	}}
	if first, _, _ := strings.Cut(r.Header.Get("Sec-Websocket-Protocol"), ","); first != "" {
		a.header["Sec-Websocket-Protocol"] = strings.TrimSpace(first)
	}
	return a
}

// The kinds of frames.
const (
	wsContinued = 0x0
	wsText      = 0x1
	wsBinary    = 0x2
	wsClose     = 0x8
	wsPing      = 0x9
	wsPong      = 0xa
	wsFinal     = 0x80
	wsMasked    = 0x80
)

const (
	wsLargest = 16 << 20 // bytes of a frame, as far as they are read over
	wsKept    = 64 << 10 // of a frame
)

// talk reads messages until the guest closes.
func (s websocket) talk(_ context.Context, c *Conversation, reader *bufio.Reader) error {
	pool := session{}
	for {
		kind, text, err := wsRead(c, reader)
		if err != nil {
			return err
		}
		c.Log.Understood(text)
		switch kind {
		case wsPing:
			if err := wsWrite(c, wsPong, text); err != nil {
				return err
			}
		case wsClose:
			return wsWrite(c, wsClose, text[:min(len(text), 2)])
		case wsText, wsBinary, wsContinued:
			line := bytes.TrimSpace(text)
			if len(line) > 0 && s.pool.Claims(append(line, '\n'), 0) == Yes {
				c.Log.App(s.pool.App())
				for answer := range strings.Lines(s.pool.request(c, line, &pool)) {
					if err := wsWrite(c, wsText, []byte(answer)); err != nil {
						return err
					}
				}
				continue
			}
			c.Log.Message(true, map[byte]string{wsText: "text", wsBinary: "binary", wsContinued: "continued"}[kind], map[string]string{"data": clip(string(text))})
		}
	}
}

var errWebsocket = errors.New("not the WebSocket protocol")

// wsRead reads one frame, and keeps its beginning. RFC 6455 §5.2.
func wsRead(c *Conversation, reader *bufio.Reader) (kind byte, text []byte, err error) {
	c.rest()
	var head [2]byte
	if _, err := io.ReadFull(reader, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1] &^ wsMasked)
	var long [8]byte
	switch n {
	case 126:
		if _, err := io.ReadFull(reader, long[6:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(long[:])
	case 127:
		if _, err := io.ReadFull(reader, long[:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(long[:])
	}
	if n > wsLargest || head[1]&wsMasked == 0 {
		return 0, nil, fmt.Errorf("%w: a frame of %d bytes, head %x", errWebsocket, n, head)
	}
	var mask [4]byte
	if _, err := io.ReadFull(reader, mask[:]); err != nil {
		return 0, nil, err
	}
	text = make([]byte, min(n, wsKept))
	if _, err := io.ReadFull(reader, text); err != nil {
		return 0, nil, err
	}
	for i := range text {
		text[i] ^= mask[i%4]
	}
	_, err = io.CopyN(io.Discard, reader, int64(n)-int64(len(text)))
	return head[0] & 0x0f, text, err
}

// wsWrite sends one whole message.
func wsWrite(c *Conversation, kind byte, text []byte) error {
	frame := []byte{wsFinal | kind}
	switch n := len(text); {
	case n < 126:
		frame = append(frame, byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(n))
	}
	_, err := c.Conn.Write(append(frame, text...))
	return err
}
