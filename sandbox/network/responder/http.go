package responder

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/network/recording"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// HTTP is every web server, in versions 1.1 and 2. Which site answers is for the sites
// to say, in their order.
type HTTP struct {
	sites []site
	now   func() time.Time
}

// site is a web server, or one side of it.
type site interface {
	// answer takes a request whose body, as far as it is kept, was read; nil
	// when it is none of this site's.
	answer(r *request) *answer
}

type request struct {
	*http.Request
	host string // lower case, without port
	body []byte // its beginning
	size int64  // of all of it
	to   *Conversation
}

type answer struct {
	status  int
	kind    string // media type
	header  map[string]string
	body    []byte
	payload string // script or elf
	source  string // where it is from, when not made up here
	app     string // of the flow, when it is not http
	message *message
	orders  []string          // what it tells the guest to do
	last    bool              // closes the connection
	trailer map[string]string // of version 2
	tunnel  bool              // what follows is somebody else's

	// then goes on with the connection after an upgrade. reader holds what came early.
	then func(ctx context.Context, c *Conversation, reader *bufio.Reader) error
}

type message struct {
	kind   string
	fields map[string]string
}

// HTTPConfig is what the sites need.
type HTTPConfig struct {
	Payloads Payloads
	Secret   func(name string) string                   // a canary's value
	Resolve  func(query []byte, c *Conversation) []byte // a DNS message's answer, nil for what is none; nil: no DNS over HTTPS
	Token    string                                     // what the guest prints when it obeys an order
	Now      func() time.Time

	Recording *recording.Recording // answered from before all else; nil: none
	Egress    Egress               // where real answers are from; nil: none
	Logger    *slog.Logger         // nil: slog.Default
}

// NewHTTP makes a web server of all sites.
func NewHTTP(cfg HTTPConfig) *HTTP {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &HTTP{now: cfg.Now, sites: []site{
		tunnel{}, recorded{cfg.Recording, cfg.Logger}, &metadata{secret: cfg.Secret, now: cfg.Now}, &aws{secret: cfg.Secret, now: cfg.Now}, docker{}, etcd{}, kubernetes{}, getwork{}, doh{cfg.Resolve}, chat{cfg.Token}, publish{}, websocket{},
		forward{cfg.Egress}, closedShop{}, drops{}, &payloads{cfg.Payloads}, page{},
	}}
}

// App implements Responder.
func (*HTTP) App() string { return "http" }

var httpMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND"}

// Claims implements Responder: a request line, RFC 9112 §3. The version tells it
// from other protocols with a command GET.
func (*HTTP) Claims(first []byte, _ uint16) Claim {
	if len(first) >= len(http2Preface) && bytes.HasPrefix(first, []byte(http2Preface)) {
		return Yes
	}
	if len(first) < len(http2Preface) && strings.HasPrefix(http2Preface, string(first)) {
		return More
	}
	claim := claimWords(first, httpMethods, " ")
	if claim != Yes {
		return claim
	}
	line, _, whole := bytes.Cut(first, []byte("\n"))
	switch {
	case bytes.Contains(line, []byte(" HTTP/1.")):
		return Yes
	case whole:
		return No
	}
	return More
}

// http2Preface begins every connection of version 2. RFC 9113 §3.4.
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	maxHeader = 64 << 10 // bytes of a request before its body
	maxBody   = 64 << 10 // bytes of a body that are kept
)

// Serve implements Responder.
func (s *HTTP) Serve(ctx context.Context, c *Conversation) error {
	c.ctx = ctx
	if first, err := c.Reader.Peek(4); err == nil && string(first) == "PRI " { // claimed as a whole
		return s.serve2(ctx, c)
	}
	limited := &io.LimitedReader{R: c.Reader}
	reader := bufio.NewReader(limited)
	for {
		c.rest()
		limited.N = maxHeader
		req, err := http.ReadRequest(reader)
		if err != nil {
			if err != io.EOF {
				_ = c.say("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			}
			return err
		}
		limited.N = math.MaxInt64
		if strings.EqualFold(req.Header.Get("Expect"), "100-continue") {
			if err := c.say("HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return err
			}
		}
		body, size, sent, err := upload(c, req)
		if err != nil {
			return err
		}
		a := s.ask(&request{Request: req, host: hostOf(req, c), body: body, size: size, to: c})
		last := a.last || req.Close
		s.note(c, req, body, sent, a)
		if err := s.write(c, req, a, last); err != nil {
			return err
		}
		if a.then != nil {
			return a.then(ctx, c, reader)
		}
		if last {
			return nil
		}
	}
}

func (s *HTTP) ask(r *request) *answer {
	for _, site := range s.sites {
		if a := site.answer(r); a != nil {
			return a
		}
	}
	return notFound()
}

func (s *HTTP) note(c *Conversation, req *http.Request, body []byte, sent []string, a *answer) {
	if a.app != "" {
		c.Log.App(a.app)
	}
	if a.message != nil {
		c.Log.Message(true, clip(a.message.kind), a.message.fields)
	}
	for _, o := range a.orders {
		c.Log.Message(false, "order", map[string]string{"text": o})
	}
	headers := make(map[string]string, len(req.Header))
	for name, values := range req.Header {
		if len(headers) == maxHeaders {
			break
		}
		headers[clip(name)] = clip(strings.Join(values, ", "))
	}
	sum := sha256.Sum256(a.body)
	c.Log.HTTP(observation.HTTP{
		TLS: c.TLS, Method: clip(req.Method), Host: hostOf(req, c), Port: c.To.Port(),
		Path: clipPath(req), Headers: headers, Body: string(body),
		Status: a.status, Payload: a.payload, Source: a.source, SHA256: hex.EncodeToString(sum[:]), Sent: sent,
	})
}

func (s *HTTP) write(c *Conversation, req *http.Request, a *answer, last bool) error {
	header := s.header(a)
	if last && header.Get("Connection") == "" { // an upgrade names its own
		header.Set("Connection", "close")
	}
	var out bytes.Buffer
	out.WriteString("HTTP/1.1 " + strconv.Itoa(a.status) + " " + http.StatusText(a.status) + "\r\n")
	_ = header.Write(&out) // to memory: cannot fail
	out.WriteString("\r\n")
	if req.Method != http.MethodHead {
		out.Write(a.body)
	}
	_, err := c.Conn.Write(out.Bytes())
	return err
}

// hostOf is the name or address that the request is for.
func hostOf(req *http.Request, c *Conversation) string {
	host := req.Host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	host = strings.ToLower(strings.Trim(host, "[]."))
	if host == "" {
		host = c.To.Addr().String()
	}
	return clip(host)
}

func clipPath(req *http.Request) string {
	const most = 8 << 10
	path := req.URL.RequestURI()
	return strings.ToValidUTF8(path[:min(len(path), most)], "\uFFFD")
}

func text(status int, body string) *answer {
	return &answer{status: status, kind: "text/plain; charset=utf-8", body: []byte(body)}
}

func jsonText(status int, body string) *answer {
	return &answer{status: status, kind: "application/json", body: []byte(body)}
}

func notFound() *answer { return text(http.StatusNotFound, "404 page not found\n") }
