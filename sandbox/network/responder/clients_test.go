package responder_test

import (
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// shared is notes that several conversations take.
type shared struct {
	mu sync.Mutex
	notes
	understood []string
	hellos     []responder.ClientHello
}

func (s *shared) Understood(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.understood = append(s.understood, string(text))
}

func (s *shared) Hello(h responder.ClientHello) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hellos = append(s.hellos, h)
}

func (s *shared) App(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.App(name)
}

func (s *shared) Message(out bool, kind string, fields map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.Message(out, kind, fields)
}

func (s *shared) HTTP(h observation.HTTP) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.HTTP(h)
}

// serve lets programs of this machine talk to the responders, as if on port.
func serve(t *testing.T, port uint16) (host, at string, log *shared) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log = &shared{}
	table := everything(t)
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			talks.Go(func() {
				defer conn.Close()
				_ = table.Serve(t.Context(), conn, netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), port), "", log)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		talks.Wait()
	})
	host, at, _ = net.SplitHostPort(ln.Addr().String())
	return host, at, log
}

// client runs a program, which may fail, and returns what it prints.
func client(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	testenv.NeedCommand(t, name)
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s: %v\n%s", name, err, out)
	return string(out)
}

func TestPsqlTriesToLogIn(t *testing.T) {
	host, port, log := serve(t, 5432)
	said := client(t, []string{"PGPASSWORD=letmein"}, "psql", "-w", "-h", host, "-p", port, "-U", "postgres", "-d", "app", "-c", "select 1")
	log.mu.Lock()
	defer log.mu.Unlock()
	want := map[string]string{"method": "password", "user": "postgres", "password": "letmein", "database": "app"}
	if !strings.Contains(said, "password authentication failed") || len(log.messages) == 0 || !maps.Equal(log.messages[0].Fields, want) {
		t.Errorf("noted %+v", log.messages)
	}
}
