package proxy

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/server"
)

// lines is a writer that several may write to.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *lines) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

var _ io.Writer = (*lines)(nil)

// Who comes through a trusted proxy is told apart from others that do, in limits,
// in the question to the gate and in the log.
func TestClientsBehindATrustedProxy(t *testing.T) {
	proxies, err := server.NewProxies([]string{"127.0.0.0/8"}, "")
	if err != nil {
		t.Fatal(err)
	}
	log := &lines{}
	s := newSite(t, disk(t), func(c *Config) {
		c.Proxies, c.Limits = proxies, Limits{Rate: 0.001, Burst: 1}
		c.Logger = slog.New(slog.NewTextHandler(log, nil))
	})
	s.push("team/app:1.0", 1000)
	ask := func(from string) int {
		return s.ask("GET", path("team/app/manifests/1.0"), "X-Forwarded-For: "+from).status
	}
	for _, c := range []struct {
		from string
		want int
	}{
		{"198.51.100.7", http.StatusOK},
		{"198.51.100.7", http.StatusTooManyRequests},
		{"198.51.100.9, 198.51.100.7", http.StatusTooManyRequests}, // it called itself something else
		{"198.51.100.8", http.StatusOK},
		{"2001:db8::1", http.StatusOK},
		{"2001:db8::2", http.StatusTooManyRequests}, // the same /64
	} {
		if got := ask(c.from); got != c.want {
			t.Errorf("%s: %d, want %d", c.from, got, c.want)
		}
	}
	s.gate.mu.Lock()
	asked := s.gate.asked
	s.gate.mu.Unlock()
	if len(asked) == 0 || asked[0].Client != "198.51.100.7" {
		t.Errorf("the gate was asked %+v", asked)
	}
	eventually(t, "the requests are logged", func() bool { return strings.Count(log.String(), "msg=request") == 6 })
	if got := log.String(); !strings.Contains(got, "client=198.51.100.8 via=127.0.0.1:") {
		t.Errorf("the log has\n%s", got)
	}
}

// By default a header is a stranger's word.
func TestForwardedIsNotBelieved(t *testing.T) {
	s := newSite(t, disk(t), func(c *Config) { c.Limits = Limits{Rate: 0.001, Burst: 1} })
	s.push("team/app:1.0", 1000)
	where := path("team/app/manifests/1.0")
	if r := s.ask("GET", where, "X-Forwarded-For: 198.51.100.7", "Forwarded: for=198.51.100.7"); r.status != http.StatusOK {
		t.Fatal(r.status)
	}
	if r := s.ask("GET", where, "X-Forwarded-For: 198.51.100.8", "Forwarded: for=198.51.100.8"); r.status != http.StatusTooManyRequests {
		t.Errorf("another name got %d", r.status)
	}
	if c := s.gate.asked[0].Client; c != "127.0.0.1" {
		t.Errorf("the gate was asked for %s", c)
	}
}
