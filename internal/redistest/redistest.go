// Package redistest runs a test against both kinds of Redis that the program
// speaks to: the one embedded in the process and a real redis-server.
package redistest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/internal/redisconn"
	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// Each runs test as a subtest with either kind, each fresh and empty. connect
// gives one more client, as another replica would have; the embedded Redis
// serves one process, so there it is the same client each time.
func Each(t *testing.T, test func(t *testing.T, connect func() redis.UniversalClient)) {
	t.Run("embedded", func(t *testing.T) {
		client := Embedded(t)
		test(t, func() redis.UniversalClient { return client })
	})
	t.Run("redis-server", func(t *testing.T) {
		server := Start(t)
		test(t, server.Client)
	})
}

// Embedded returns a client of a fresh embedded Redis, closed with the test.
func Embedded(t testing.TB) redis.UniversalClient {
	t.Helper()
	client, stop, embedded, err := redisconn.Connect(context.Background(), "")
	if err != nil || !embedded {
		t.Fatalf("embedded Redis: embedded %v, %v", embedded, err)
	}
	t.Cleanup(stop)
	return client
}

// Server is a redis-server of the test's own, on a socket in its folder.
type Server struct {
	t      testing.TB
	binary string
	socket string
	cmd    *exec.Cmd
}

// Start starts a redis-server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	binary := testenv.NeedCommand(t, "redis-server")
	dir, err := os.MkdirTemp("", "redis") // t.TempDir() can be longer than a socket's path may be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{t: t, binary: binary, socket: filepath.Join(dir, "s")}
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

// URL is where the server listens.
func (s *Server) URL() string { return "unix://" + s.socket }

// Client returns a new client, closed with the test.
func (s *Server) Client() redis.UniversalClient {
	s.t.Helper()
	client, stop, _, err := redisconn.Connect(context.Background(), s.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(stop)
	return client
}

// Stop kills the server; what it held is lost.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Restart starts the server again, empty, after Stop.
func (s *Server) Restart() {
	s.t.Helper()
	s.cmd = exec.Command(s.binary, "--port", "0", "--unixsocket", s.socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(s.socket))
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket})
	defer client.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		err := client.Ping(context.Background()).Err()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("redis-server does not answer: %v", err)
		}
	}
}
