// Package process runs the programs of a test: each with a log of its own, and
// none of them outlives the test, however that ends.
package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is one running program. It is safe for concurrent use.
type Process struct {
	Name string
	Log  string // file with all that it prints

	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended, after err is set
	err   error
}

// Start runs cmd and writes what it prints to dir/name.log, after what is there
// already. The kernel kills the program when this process ends.
func Start(dir, name string, cmd *exec.Cmd) (*Process, error) {
	p := &Process{Name: name, Log: filepath.Join(dir, name+".log"), cmd: cmd, ended: make(chan struct{})}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the program has its own
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Stop ends the program with SIGTERM, and with SIGKILL when that does not end it
// in 2 min, which is an error, as is any exit but that of success.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(2 * time.Minute):
		p.Kill()
		return fmt.Errorf("%s does not end after SIGTERM\n%s", p.Name, p.Tail())
	}
	// A program without a handler of its own ends well by the signal, too.
	if exit := new(exec.ExitError); errors.As(p.err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGTERM {
			return nil
		}
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", p.Name, p.err, p.Tail())
	}
	return nil
}

// Kill ends the program as a crash does.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Freeze stops the program from running without ending it: its sockets stay
// open, and nobody answers. Thaw lets it go on.
func (p *Process) Freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw is the end of Freeze.
func (p *Process) Thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// Tail is the end of what the program printed, long lines cut.
func (p *Process) Tail() string {
	const lines, width = 25, 400
	b, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		if len(line) > width {
			all[i] = strings.ToValidUTF8(line[:width], "") + "…"
		}
	}
	return fmt.Sprintf("the end of the log of %s:\n%s\n", p.Name, strings.Join(all, "\n"))
}

// Wait calls ready until it returns nil. It gives up when the program ends, or
// with the context, and then says what ready last missed.
func (p *Process) Wait(ctx context.Context, ready func(context.Context) error) error {
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %v\n%s", p.Name, p.err, p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.Name, err, p.Tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Answers is a condition for Wait: a GET of the URL is answered with 200. token
// is a bearer token, or empty.
func Answers(client *http.Client, url, token string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, resp.Status)
		}
		return nil
	}
}

// handedOut are the ports that FreeAddress has returned.
var handedOut sync.Map

// FreeAddress is a loopback address, host:port, on which nobody listens now, and
// which it returns once. The port is below those that the kernel gives to
// outgoing connections: it stays free until it is listened on, and while its
// program is restarted.
func FreeAddress() (string, error) {
	var last error
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(22000))
		if _, taken := handedOut.LoadOrStore(address, true); taken {
			continue
		}
		ln, err := net.Listen("tcp", address)
		if err == nil {
			return address, ln.Close()
		}
		last = err
	}
	return "", fmt.Errorf("no free port on loopback: %w", last)
}
