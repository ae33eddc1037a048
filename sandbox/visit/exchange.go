package visit

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"time"
)

// line is an open connection to a web server. It is not left to net/http, which
// writes to the log of this process what a server says unasked.
type line struct {
	*conversation
	left *io.LimitedReader // what may still be read
	r    *bufio.Reader     // of left
}

// Bounds of one answer.
const (
	maxHead    = 32 << 10 // bytes before its body
	maxAnswer  = 64 << 10 // bytes of its body
	maxInterim = 5        // answers that announce it: RFC 9110, §15.2
)

// exchange sends one request and returns the answer with the beginning of its
// body. It goes on with the connection of the one before, while the server lets it.
func (b *browse) exchange(req *http.Request, body []byte) (*http.Response, []byte, error) {
	again := b.line != nil
	for {
		if b.line == nil {
			c, err := b.v.open(b.ctx, b.v.met == webTLS)
			if err != nil {
				return nil, nil, err
			}
			left := &io.LimitedReader{R: c}
			b.line = &line{c, left, bufio.NewReader(left)}
		}
		resp, answer, keep, err := b.line.exchange(req)
		if err != nil || !keep {
			b.hangUp()
		}
		if err == nil || !again {
			return resp, answer, err
		}
		// The server may have ended the connection meanwhile.
		again = false
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
}

// hangUp ends the connection that is open.
func (b *browse) hangUp() {
	if b.line != nil {
		b.line.Close()
		b.line = nil
	}
}

// exchange is that of one connection. keep tells whether it can be used again.
func (l *line) exchange(req *http.Request) (resp *http.Response, answer []byte, keep bool, err error) {
	_ = l.SetDeadline(time.Now().Add(answerWait))
	if err := req.Write(l); err != nil {
		return nil, nil, false, err
	}
	l.left.N = maxHead + maxAnswer
	for range maxInterim {
		if resp, err = http.ReadResponse(l.r, req); err != nil || resp.StatusCode >= http.StatusOK {
			break
		}
	}
	if err != nil {
		return nil, nil, false, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1)) // what there is
	keep = err == nil && len(answer) <= maxAnswer && !resp.Close && l.r.Buffered() == 0
	return resp, answer, keep, nil
}
