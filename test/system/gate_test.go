package system

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// theGate is one running `sallyport serve`.
type theGate struct {
	t                               *testing.T
	data                            string // its data folder, which outlives restarts
	config                          string
	scratch                         string // where its sandbox works
	proxy, webhook, console, metric string // host:port
	cmd                             *exec.Cmd
	out                             *syncBuffer
	ended                           chan error
}

// startGate starts a gate whose upstream "upstream.test" is the registry at
// upstream. More lines of its configuration are of the section sandbox when they
// are indented.
func startGate(t *testing.T, upstream, redisURL string, more ...string) *theGate {
	t.Helper()
	dir := t.TempDir()
	g := &theGate{t: t, data: filepath.Join(dir, "data"), config: filepath.Join(dir, "sallyport.yaml")}
	g.scratch = scratch(t)
	g.proxy, g.webhook, g.console, g.metric = testenv.FreeAddress(t), testenv.FreeAddress(t), testenv.FreeAddress(t), testenv.FreeAddress(t)
	_, port, _ := net.SplitHostPort(g.proxy)
	text := fmt.Sprintf(`
data: %s
redis: {url: %q}
proxy:
  listen: %s
  names: ["localhost:%s", "127.0.0.1:%s"]
  hold: 3m
  default_upstream: upstream.test
  upstreams: [{registry: upstream.test, endpoints: ["http://%s"]}]
webhook: {listen: %s}
console: {listen: %s}
metrics: {listen: %s}
sandbox:
  dir: %s
  timeout: 60s
  idle: 3s
%s
`, g.data, redisURL, g.proxy, port, port, upstream, g.webhook, g.console, g.metric, g.scratch, strings.Join(more, "\n"))
	if err := os.WriteFile(g.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	g.start()
	t.Cleanup(g.stop)
	return g
}

// start runs the program and waits until it is ready.
func (g *theGate) start() {
	g.t.Helper()
	g.out = new(syncBuffer)
	g.cmd = exec.Command(binary, "serve", "--config", g.config)
	g.cmd.Stdout, g.cmd.Stderr = g.out, g.out
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	g.ended = make(chan error, 1)
	go func() { g.ended <- g.cmd.Wait() }()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		resp, err := http.Get("http://" + g.metric + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-g.ended:
			g.ended <- err
			g.t.Fatalf("the gate ended at its start: %v\n%s", err, g.out)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("the gate is not ready after three minutes\n%s", g.out)
		}
	}
}

// stop ends the gate as Ctrl-C does, and checks that it ends well and leaves nothing.
func (g *theGate) stop() {
	if g.cmd == nil {
		return
	}
	_ = g.cmd.Process.Signal(syscall.SIGINT)
	select {
	case err := <-g.ended:
		if err != nil {
			g.t.Errorf("the gate ended with %v\n%s", err, g.out)
		}
	case <-time.After(2 * time.Minute):
		_ = g.cmd.Process.Kill()
		g.t.Errorf("the gate does not end after SIGINT\n%s", g.out)
	}
	g.cmd = nil
	if g.t.Failed() {
		g.t.Logf("the gate's log:\n%s", g.out)
	}
	noTrace(g.t, g.scratch)
}

// kill ends the gate as a crash would.
func (g *theGate) kill() {
	g.t.Helper()
	if err := g.cmd.Process.Kill(); err != nil {
		g.t.Fatal(err)
	}
	<-g.ended
	g.cmd = nil
}

// image is how clients of the gate call name.
func (g *theGate) image(name string) string {
	_, port, _ := net.SplitHostPort(g.proxy)
	return "localhost:" + port + "/upstream.test/" + name
}

// command runs a client command of the program against this gate.
func (g *theGate) command(args ...string) (string, int) {
	g.t.Helper()
	token, err := os.ReadFile(filepath.Join(g.data, "admin.token"))
	if err != nil {
		g.t.Fatalf("the gate left no administrator's token: %v", err)
	}
	return program(g.t, []string{"SALLYPORT_SERVER=http://" + g.console, "SALLYPORT_TOKEN=" + strings.TrimSpace(string(token))}, args...)
}

// mustCommand is command for what has to work.
func (g *theGate) mustCommand(args ...string) string {
	g.t.Helper()
	out, code := g.command(args...)
	if code != 0 {
		g.t.Fatalf("sallyport %s ends with %d:\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// runs is how many runs of images this process has seen end.
func (g *theGate) runs() (n int) {
	g.t.Helper()
	resp, err := http.Get("http://" + g.metric + "/metrics")
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	if !strings.Contains(string(b), "sallyport_analysis_active_runs ") {
		g.t.Fatal("the metrics of analysis are not served")
	}
	for _, m := range regexp.MustCompile(`(?m)^sallyport_analysis_runs_total\{[^}]*\} (\d+)$`).FindAllSubmatch(b, -1) {
		one, err := strconv.Atoi(string(m[1]))
		if err != nil {
			g.t.Fatal(err)
		}
		n += one
	}
	return n
}

// program runs the binary with args and returns what it printed and its exit code.
func program(t *testing.T, env []string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = t.TempDir()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("sallyport %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// syncBuffer collects what a process prints while tests read it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
