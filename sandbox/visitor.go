package sandbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of a conversation.
const (
	visitLimit = 15 * time.Second       // of one connection
	bannerWait = time.Second            // for those who speak first
	lineWait   = 700 * time.Millisecond // for the answer to a line, before the next one
	answerWait = 5 * time.Second        // for the beginning of an answer
	quietWait  = time.Second            // for more of it
	visitRead  = 16 << 10               // bytes of an answer
)

// visitor calls at one port of the guest as several people would: somebody who
// waits for a banner, and then types what one types into a shell; a browser;
// clients of TLS and Redis; and one who gives orders by the parameters that
// shells on web servers take. The orders are to repeat a word that only this
// run knows, so that it is known again where it is obeyed. They say the same
// at every port, in the same order.
type visitor struct {
	port uint16
	word string
	dial func(context.Context) (net.Conn, error)
	// taken waits until the guest takes connections: a Java server listens many
	// seconds before it does. It returns, too, when the guest seems not to.
	taken func(context.Context)
	log   *slog.Logger
}

// webPorts are where a browser comes first; ciphered are those with TLS.
var (
	webPorts = []uint16{80, 81, 591, 3000, 5000, 8000, 8008, 8080, 8081, 8088, 8888, 9000, 9090}
	ciphered = []uint16{443, 465, 636, 853, 993, 995, 2376, 5671, 6443, 8443, 9443}
)

// call says everything. It is true when somebody was there.
func (v *visitor) call(ctx context.Context) (answered bool) {
	page := ""
	switch {
	case slices.Contains(ciphered, v.port):
	case slices.Contains(webPorts, v.port):
		page, answered = v.say(ctx, false, v.get("/"))
	default:
		var heard string
		if heard, answered = v.listen(ctx); !answered || known.MatchString(heard) && !isHTTP(heard) {
			return answered
		}
		page, _ = v.say(ctx, false, v.get("/"))
	}
	if isHTTP(page) && !wantsTLS.MatchString(page) {
		v.browse(ctx, false)
		return true
	}
	// Whatever it is, it may take long to say nothing.
	var all sync.WaitGroup
	all.Go(func() {
		if page, ok := v.say(ctx, true, v.get("/")); ok && isHTTP(page) {
			v.browse(ctx, true)
		}
	})
	all.Go(func() { v.say(ctx, false, "PING\r\n") })
	if slices.Contains(webPorts, v.port) || slices.Contains(ciphered, v.port) {
		_, there := v.listen(ctx)
		answered = answered || there
	}
	all.Wait()
	return answered
}

// browse looks around on a web server, and gives it orders.
func (v *visitor) browse(ctx context.Context, secure bool) {
	form := v.orders().Encode()
	for _, request := range []string{
		v.head("/"),
		v.get("/?" + form),
		v.request("POST", "/", form),
		v.get("/"), // some serve something else the second time
	} {
		v.say(ctx, secure, request)
	}
}

func (v *visitor) orders() url.Values {
	orders := url.Values{}
	for _, name := range []string{"cmd", "c", "command", "e", "exec", "execute", "q", "run", "shell", "x"} {
		orders.Set(name, "echo "+v.word)
	}
	return orders
}

func (v *visitor) get(path string) string  { return v.request("GET", path, "") }
func (v *visitor) head(path string) string { return v.request("HEAD", path, "") }

func (v *visitor) request(method, path, form string) string {
	host := net.JoinHostPort("localhost", strconv.Itoa(int(v.port)))
	r := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\nConnection: close\r\n", method, path, host)
	if form != "" {
		r += fmt.Sprintf("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(form))
	}
	return r + "\r\n" + form
}

var (
	// known are banners of those who speak first, and answers of web servers.
	known    = regexp.MustCompile(`(?s)^(HTTP/|SSH-|220[ -]|\+OK|\* OK|RFB |.{3}\x00\x0a\d+\.\d+)`)
	wantsTLS = regexp.MustCompile(`(?i)HTTP request to an HTTPS|plain HTTP request was sent to HTTPS|speaking plain HTTP to an SSL`)
)

func isHTTP(answer string) bool { return strings.HasPrefix(answer, "HTTP/") }

// listen waits for a banner. Who has none, or has one that says nothing, gets
// lines as one types them into a shell. The last one has it work something out:
// who only repeats what is said does not.
func (v *visitor) listen(ctx context.Context) (heard string, answered bool) {
	c, err := v.open(ctx, false)
	if err != nil {
		return "", false
	}
	defer c.Close()
	banner, _ := c.hear(bannerWait)
	if known.MatchString(banner) {
		return banner, true
	}
	heard = banner
	for _, line := range []string{"\n", "id\n", "echo " + v.word + "\n", sum(v.word) + "\n", "exit\n"} {
		if err := c.tell(line); err != nil {
			return heard, true
		}
		wait := lineWait
		if strings.HasPrefix(line, "exit") || strings.Contains(line, "$((") {
			wait = answerWait
		}
		answer, open := c.hear(wait)
		heard += answer
		if !open || known.MatchString(heard) || answer == "" && wait == answerWait {
			break
		}
	}
	return heard, true
}

// sum is an order that only a shell understands: to put 1337 in front of the
// word. The behaviour bind-shell looks for it.
func sum(word string) string { return "echo $((7*191))" + word }

// say says one thing on a connection of its own and returns the beginning of
// the answer. ok is false when nobody was there, or did not speak TLS.
func (v *visitor) say(ctx context.Context, secure bool, text string) (answer string, ok bool) {
	c, err := v.open(ctx, secure)
	if err != nil {
		return "", false
	}
	defer c.Close()
	if err := c.tell(text); err != nil {
		return "", true
	}
	answer, _ = c.hear(answerWait)
	return answer, true
}

func (v *visitor) open(ctx context.Context, secure bool) (*conversation, error) {
	dialing, dialed := context.WithTimeout(ctx, visitLimit)
	conn, err := v.dial(dialing)
	dialed()
	if err != nil {
		return nil, err
	}
	v.taken(ctx)
	ctx, cancel := context.WithTimeout(ctx, visitLimit)
	c := &conversation{Conn: conn, cancel: cancel}
	c.stop = context.AfterFunc(ctx, func() { conn.Close() })
	if secure {
		// The guest's certificate is of no interest.
		t := tls.Client(conn, &tls.Config{ServerName: "localhost", InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
		hello, done := context.WithTimeout(ctx, answerWait)
		defer done()
		if err := t.HandshakeContext(hello); err != nil {
			c.Close()
			v.log.Debug("no TLS", "port", v.port, "error", err)
			return nil, err
		}
		c.Conn = t
	}
	return c, nil
}

// conversation is one connection. It ends with its context, or with Close.
type conversation struct {
	net.Conn
	stop   func() bool
	cancel context.CancelFunc
	got    int
}

func (c *conversation) Close() error {
	c.stop()
	c.cancel()
	return c.Conn.Close()
}

func (c *conversation) tell(text string) error {
	_, err := c.Write([]byte(text))
	return err
}

// hear returns what is said within wait, and after that until it is quiet. open
// is false when nothing more will come.
func (c *conversation) hear(wait time.Duration) (text string, open bool) {
	var heard bytes.Buffer
	buf := make([]byte, 4<<10)
	for c.got < visitRead {
		_ = c.SetReadDeadline(time.Now().Add(wait))
		n, err := c.Read(buf)
		heard.Write(buf[:n])
		c.got += n
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return heard.String(), true
		case err != nil:
			return heard.String(), false
		}
		wait = min(wait, quietWait)
	}
	return heard.String(), false
}
