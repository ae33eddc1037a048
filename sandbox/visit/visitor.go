package visit

import (
	"context"
	"fmt"
	"log/slog"
	"net"
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
	againWait  = 2 * time.Second        // for an answer when it is called again
	visitRead  = 16 << 10               // bytes of an answer
)

// Visitor calls at one port of the guest as several people would: somebody who
// waits for a banner, and then types what one types into a shell; a browser;
// clients of TLS and Redis; and one who gives orders by the parameters that
// shells on web servers take. The orders are to repeat a word that only this
// run knows, so that it is known again where it is obeyed. They say the same
// at every port, in the same order. Its calls must not overlap.
type Visitor struct {
	Port uint16
	Word string // at least 16 capital letters and digits
	Dial func(context.Context) (net.Conn, error)
	// Taken waits until the guest takes connections: a Java server listens many
	// seconds before it does. It returns, too, when the guest seems not to.
	Taken func(context.Context)
	// Paths lists where something may answer on a web server that its pages do
	// not tell, the most promising first; nil: nothing is known.
	Paths func() []string
	// Obeyed tells whether the guest was seen to do what it was told: then
	// nothing more is asked of it. nil: nobody sees that.
	Obeyed func() bool
	Log    *slog.Logger

	// What the first call found, for the next one.
	met     met
	asked   map[string]bool // paths, of a web server
	ordered int             // orders given, each of which has a word of its own
}

// met is who answers at a port.
type met int

const (
	nobody met = iota
	somebody
	familiar // it speaks first, and is no shell
	web
	webTLS
	obedient // a shell
)

// webPorts are where a browser comes first; ciphered are those with TLS.
var (
	webPorts = []uint16{80, 81, 591, 3000, 5000, 8000, 8008, 8080, 8081, 8088, 8888, 9000, 9090}
	ciphered = []uint16{443, 465, 636, 853, 993, 995, 2376, 5671, 6443, 8443, 9443}
)

// Call says everything. It is true when somebody was there.
func (v *Visitor) Call(ctx context.Context) (answered bool) {
	page := ""
	switch {
	case slices.Contains(ciphered, v.Port):
	case slices.Contains(webPorts, v.Port):
		page, answered = v.say(ctx, false, v.get("/"))
	default:
		var heard string
		if heard, answered = v.listen(ctx); !answered {
			return false
		}
		if known.MatchString(heard) && !isHTTP(heard) {
			v.met = familiar
			return true
		}
		if v.met == obedient {
			return true
		}
		page, _ = v.say(ctx, false, v.get("/"))
	}
	if isHTTP(page) && !wantsTLS.MatchString(page) {
		v.met = web
		v.greet(ctx)
		return true
	}
	// Whatever it is, it may take long to say nothing.
	secure := false
	var all sync.WaitGroup
	all.Go(func() {
		page, ok := v.say(ctx, true, v.get("/"))
		secure = ok && isHTTP(page)
	})
	all.Go(func() { v.say(ctx, false, "PING\r\n") })
	if slices.Contains(webPorts, v.Port) || slices.Contains(ciphered, v.Port) {
		_, there := v.listen(ctx)
		answered = answered || there
	}
	all.Wait()
	switch {
	case secure:
		v.met = webTLS
		v.greet(ctx)
		return true
	case answered && v.met != obedient:
		v.met = somebody
	}
	return answered
}

// Again calls once more, later on: some obey only then. On a web server it asks
// wherever that leads to; of others it asks what it asked before, if much has
// changed since, such as the time, and all in one breath.
func (v *Visitor) Again(ctx context.Context, changed bool) (answered bool) {
	switch {
	case v.met == nobody:
		return v.Call(ctx)
	case v.met == web || v.met == webTLS:
		v.explore(ctx)
	case v.met == somebody && changed:
		c, err := v.open(ctx, false)
		if err != nil {
			return false
		}
		defer c.Close()
		if c.tell(strings.Join(lines(v.Word), "")) == nil {
			_, _ = c.hear(againWait)
		}
	}
	return true
}

func (v *Visitor) get(path string) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: close\r\n\r\n", path, v.host(), browser)
}

const browser = "Mozilla/5.0 (X11; Linux x86_64)"

func (v *Visitor) host() string { return net.JoinHostPort("localhost", strconv.Itoa(int(v.Port))) }

var (
	// known are banners of those who speak first, and answers of web servers.
	known    = regexp.MustCompile(`(?s)^(HTTP/|SSH-|220[ -]|\+OK|\* OK|RFB |.{3}\x00\x0a\d+\.\d+)`)
	wantsTLS = regexp.MustCompile(`(?i)HTTP request to an HTTPS|plain HTTP request was sent to HTTPS|speaking plain HTTP to an SSL`)
)

func isHTTP(answer string) bool { return strings.HasPrefix(answer, "HTTP/") }

// lines are what one types into a shell. The last order has it work something
// out: who only repeats what is said does not.
func lines(word string) []string {
	return []string{"\n", "id\n", "echo " + word + "\n", sum(word) + "\n", "exit\n"}
}

// listen waits for a banner. Who has none, or has one that says nothing, gets
// lines as one types them into a shell.
func (v *Visitor) listen(ctx context.Context) (heard string, answered bool) {
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
	for _, line := range lines(v.Word) {
		if err := c.tell(line); err != nil {
			return heard, true
		}
		wait := lineWait
		if strings.HasPrefix(line, "exit") || strings.Contains(line, "$((") {
			wait = answerWait
		}
		answer, open := c.hear(wait)
		heard += answer
		if strings.Contains(heard, "1337"+v.Word) {
			v.met = obedient
		}
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
func (v *Visitor) say(ctx context.Context, secure bool, text string) (answer string, ok bool) {
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
