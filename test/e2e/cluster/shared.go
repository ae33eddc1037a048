package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// Shared is one cluster for all tests of a package, started by the first that
// needs it. The zero value is ready.
type Shared struct {
	mu  sync.Mutex
	c   *Cluster
	dir string
	err error
}

// Main runs the tests of a package and stops their cluster: for TestMain.
func (s *Shared) Main(m *testing.M) int {
	defer s.stop()
	code := m.Run()
	if code != 0 && s.c != nil {
		fmt.Fprintln(os.Stderr, s.c.Logs())
	}
	return code
}

// Start returns the cluster. Where it cannot run the test is skipped; when tests
// have failed, Main shows the ends of the cluster's logs.
func (s *Shared) Start(t testing.TB) *Cluster {
	t.Helper()
	tools := NeedTools(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil && s.err == nil {
		s.c, s.err = s.start(tools)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.c
}

func (s *Shared) start(tools Tools) (_ *Cluster, err error) {
	if s.dir, err = os.MkdirTemp("", "sallyport-e2e"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), 3*time.Minute, errors.New("the cluster has 3 minutes to start"))
	defer cancel()
	return Start(ctx, tools, s.dir)
}

func (s *Shared) stop() {
	if s.c != nil {
		s.c.Stop()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
