package responder

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// serve2 is HTTP/2: agreed upon in TLS, or simply begun (RFC 9113 §3.3).
func (s *HTTP) serve2(ctx context.Context, c *Conversation) error {
	var asked sync.WaitGroup // requests may outlast the connection for a moment
	once := &single{Conn: &borrowed{buffered: buffered{c.Conn, c.Reader}}, over: make(chan struct{})}
	// What is in TLS is bytes in the clear by here.
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Protocols: protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReadFrameSize: 1 << 20},
		IdleTimeout: idle, MaxHeaderBytes: maxHeader, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			asked.Add(1)
			defer asked.Done()
			s.answer2(c, w, req)
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(once.over)
			}
		},
	}
	_ = server.Serve(once) // net.ErrClosed, when the connection is over
	_ = once.Conn.Close()
	asked.Wait()
	return nil
}

// single is a listener with one connection, which closes when that is over.
type single struct {
	net.Conn
	over  chan struct{}
	taken bool
}

// Accept implements net.Listener.
func (l *single) Accept() (net.Conn, error) {
	if l.taken {
		<-l.over
		return nil, net.ErrClosed
	}
	l.taken = true
	return l.Conn, nil
}

// Close implements net.Listener. The server closes the connection itself.
func (l *single) Close() error { return nil }

// Addr implements net.Listener.
func (l *single) Addr() net.Addr { return l.LocalAddr() }

// answer2 answers one request, in a goroutine of its own.
func (s *HTTP) answer2(c *Conversation, w http.ResponseWriter, req *http.Request) {
	c.Log.Understood(heads(req))
	body, size, sent, err := upload(c, req)
	if err != nil {
		return
	}
	a := s.ask(&request{Request: req, host: hostOf(req, c), body: body, size: size, to: c})
	s.note(c, req, body, sent, a)
	header := s.header(a)
	for _, name := range []string{"Connection", "Upgrade", "Keep-Alive", "Transfer-Encoding"} {
		header.Del(name) // RFC 9113 §8.2.2
	}
	for name, value := range a.trailer {
		header.Set(http.TrailerPrefix+name, value)
	}
	if len(a.trailer) > 0 {
		header.Del("Content-Length")
	}
	maps.Copy(w.Header(), header)
	status := a.status
	if status < 200 {
		status = http.StatusBadRequest // there is no upgrade in this version
	}
	w.WriteHeader(status)
	if req.Method != http.MethodHead && status != http.StatusNoContent {
		_, _ = w.Write(a.body)
	}
}

// heads is a request's line and headers as version 1.1 has them: in version 2
// they are compressed.
func heads(req *http.Request) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/2.0\r\nHost: %s\r\n", req.Method, req.URL.RequestURI(), req.Host)
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		for _, value := range req.Header[name] {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	return []byte(b.String())
}

// header is what goes out before an answer's body, in any version.
func (s *HTTP) header(a *answer) http.Header {
	header := http.Header{
		"Date": {s.now().UTC().Format(http.TimeFormat)}, "Server": {"nginx"},
		"Content-Length": {strconv.Itoa(len(a.body))}, "Content-Type": {a.kind},
	}
	if a.kind == "" {
		header.Del("Content-Type")
	}
	if a.status == http.StatusNoContent || a.status < 200 { // RFC 9110 §8.6; all else needs it, to come to an end
		header.Del("Content-Length")
		header.Del("Content-Type")
	}
	if a.tunnel { // RFC 9110 §9.3.6
		header.Del("Content-Length")
	}
	for name, value := range a.header {
		header.Set(name, value)
	}
	return header
}
