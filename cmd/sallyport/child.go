package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/config"
)

// nobody is the user as which a root's sandbox child runs: it needs no
// privilege, and so cannot read what the gate keeps in its data folder.
const nobody = 65534

// sandboxChild is the sandbox service as a child process on loopback. It speaks
// the same protocol as one elsewhere, and shares nothing with this process but
// a socket and a pipe.
type sandboxChild struct {
	listener *os.File
	url      string
	token    string
	secrets  string // settings that may hold credentials, one line
	env      []string
	log      *slog.Logger
}

// newSandboxChild opens the child's socket; nothing runs before run.
func newSandboxChild(cfg config.Config, environ []string, log *slog.Logger) (*sandboxChild, error) {
	secrets, err := encodeBundles(cfg.Sandbox.RuleBundles)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("socket of the local sandbox: %w", err)
	}
	defer ln.Close()
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		return nil, fmt.Errorf("socket of the local sandbox: %w", err)
	}
	return &sandboxChild{
		listener: f,
		url:      "http://" + ln.Addr().String(),
		token:    rand.Text(),
		secrets:  secrets,
		env:      childEnv(cfg, environ),
		log:      log,
	}, nil
}

// local is where analysis finds the child.
func (c *sandboxChild) local() analysis.Local { return analysis.Local{URL: c.url, Token: c.token} }

// run keeps the child running until ctx ends. The socket is this process's, so
// that requests wait while a child that died is replaced.
func (c *sandboxChild) run(ctx context.Context) error {
	defer c.listener.Close()
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		began := time.Now()
		err := c.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > time.Minute {
			pause = time.Second
		}
		c.log.Error("the local sandbox ended, it is started again", "error", err, "in", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// once starts the child and waits for its end; the child's lifeline is cut with ctx.
func (c *sandboxChild) once(ctx context.Context) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	var cut sync.Once
	hangUp := func() { cut.Do(func() { write.Close() }) }
	defer hangUp()

	// /proc/self/exe is this binary even where its path is closed to nobody.
	cmd := exec.Command("/proc/self/exe", "sandbox", "--inherit")
	cmd.Args[0] = "sallyport"
	cmd.Env = c.env
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.ExtraFiles = []*os.File{c.listener, read}
	// A process group of its own, so that Ctrl-C at the terminal reaches the
	// child only through its lifeline, after the gate has stopped asking it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	if err := cmd.Start(); err != nil {
		read.Close()
		return fmt.Errorf("starting the local sandbox: %w", err)
	}
	read.Close()
	if _, err := fmt.Fprintf(write, "%s\n%s\n", c.token, c.secrets); err != nil {
		c.log.Warn("the local sandbox did not take its token and settings", "error", err)
	}
	defer context.AfterFunc(ctx, hangUp)()
	return cmd.Wait()
}

// childEnv is what the child may know of the settings: those of the sandbox
// and the log, and nothing of the gate's.
func childEnv(cfg config.Config, environ []string) []string {
	env := []string{
		"SALLYPORT_LOG_LEVEL=" + cfg.Log.Level.String(),
		"SALLYPORT_LOG_FORMAT=" + cfg.Log.Format,
		"SALLYPORT_SANDBOX_DIR=" + cfg.Sandbox.Dir,
		"SALLYPORT_SANDBOX_RULES=" + cfg.Sandbox.Rules,
		"SALLYPORT_SANDBOX_GATEWAY_PROXY=" + cfg.Sandbox.Gateway.Proxy,
		"SALLYPORT_SANDBOX_GATEWAY_RESOLVER=" + cfg.Sandbox.Gateway.Resolver,
		"SALLYPORT_SANDBOX_GATEWAY_DENY=" + strings.Join(cfg.Sandbox.Gateway.Deny, ","),
		"SALLYPORT_SANDBOX_RECORDING=" + cfg.Sandbox.Recording,
		fmt.Sprintf("SALLYPORT_SANDBOX_RUNS=%d", cfg.Sandbox.Runs),
		fmt.Sprintf("SALLYPORT_SANDBOX_LIMIT=%d", cfg.Sandbox.Limit),
		"SALLYPORT_SANDBOX_TIMEOUT=" + cfg.Sandbox.Timeout.String(),
		"SALLYPORT_SANDBOX_IDLE=" + cfg.Sandbox.Idle.String(),
		"SALLYPORT_SANDBOX_SKIP=" + cfg.Sandbox.Skip.String(),
		"SALLYPORT_SANDBOX_OFFSET=" + cfg.Sandbox.Offset.String(),
		fmt.Sprintf("SALLYPORT_SANDBOX_MEMORY=%d", cfg.Sandbox.Memory),
	}
	for _, pair := range environ {
		switch name, _, _ := strings.Cut(pair, "="); name {
		case "PATH", "TMPDIR", "TZ", "LANG", "GOMAXPROCS", "GOMEMLIMIT":
			env = append(env, pair)
		}
	}
	return env
}
