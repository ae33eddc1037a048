package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/sandbox"
	egress "github.com/sallyport-dev/sallyport/sandbox/network/gateway"
	"github.com/sallyport-dev/sallyport/sandbox/network/recording"
	"github.com/sallyport-dev/sallyport/sandbox/rules"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
	"github.com/sallyport-dev/sallyport/sandbox/service"
)

// Descriptors that a child of `serve` finds open.
const (
	inheritedListener = 3 // the loopback socket it serves on
	inheritedLifeline = 4 // a pipe: a line with the token, one with settings that may hold credentials, then its end is the parent's end
)

func newSandboxCommand() *cobra.Command {
	var file string
	var inherit bool
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve the sandbox: run images for gates that know the token",
		Long: `Serves the sandbox over HTTP, for gates on other machines. Detonation belongs on machines of its own:
this process runs hostile code in gVisor, and holds nothing of the gate's. The setting sandbox.token
(SALLYPORT_SANDBOX_TOKEN) is what gates must present.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(file, os.Environ())
			if err != nil {
				return err
			}
			log := newLogger(cmd.ErrOrStderr(), cfg.Log)
			if inherit {
				return serveAsChild(cmd.Context(), cfg, log)
			}
			if cfg.Sandbox.Token == "" {
				return errors.New("sandbox.token is empty: whoever reaches a sandbox without a token could run anything on it; set SALLYPORT_SANDBOX_TOKEN")
			}
			ln, err := listen("sandbox.listen", cfg.Sandbox.Listen)
			if err != nil {
				return err
			}
			return serveSandboxAlone(cmd.Context(), cfg, ln, log)
		},
	}
	configFlag(c, &file)
	c.Flags().BoolVar(&inherit, "inherit", false, "serve on the socket that the parent process left open")
	_ = c.Flags().MarkHidden("inherit")
	c.AddCommand(newInstallProfileCommand())
	return c
}

// serveAsChild serves on the inherited socket until ctx ends or the parent is gone.
func serveAsChild(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lifeline := bufio.NewReader(os.NewFile(inheritedLifeline, "lifeline"))
	token, err := lifeline.ReadString('\n')
	if err != nil {
		return fmt.Errorf("reading the token from the parent process: %w", err)
	}
	cfg.Sandbox.Token = strings.TrimSpace(token)
	bundles, err := lifeline.ReadString('\n')
	if err == nil {
		cfg.Sandbox.RuleBundles, err = decodeBundles(bundles)
	}
	if err != nil {
		return fmt.Errorf("reading settings from the parent process: %w", err)
	}
	ln, err := net.FileListener(os.NewFile(inheritedListener, "listener"))
	if err != nil {
		return fmt.Errorf("the inherited socket: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, lifeline) // ends when the parent does, however it does
		cancel()
	}()
	return serveSandbox(ctx, cfg, ln, log, prometheus.NewRegistry())
}

// serveSandbox serves runs on ln until ctx ends; nothing of them is left then.
func serveSandbox(ctx context.Context, cfg config.Config, ln net.Listener, log *slog.Logger, reg *prometheus.Registry) error {
	library, err := openRules(ctx, cfg, log, reg)
	if err != nil {
		return err
	}
	runner, err := newRunner(cfg, library, log, reg)
	if err != nil {
		return err
	}
	s, err := service.New(service.Config{
		Token:   cfg.Sandbox.Token,
		Limit:   cfg.Sandbox.Limit,
		Workers: cfg.Sandbox.Runs,
		Version: version,
		Logger:  log,
		Metrics: reg,
	}, runner)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	followed := make(chan error, 1)
	go func() { followed <- library.Run(ctx) }()
	err = s.Serve(ctx, ln)
	cancel()
	err = errors.Join(err, <-followed)
	removeScratch(cfg)
	return err
}

// removeScratch takes away the folders in which nothing is left.
func removeScratch(cfg config.Config) {
	dir := scratchOf(cfg)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		_ = os.Remove(filepath.Join(dir, e.Name())) // not if somebody still works there
	}
	if cfg.Sandbox.Dir == "" {
		_ = os.Remove(dir)
	}
}

// scratchOf is where runs work.
func scratchOf(cfg config.Config) string {
	if cfg.Sandbox.Dir != "" {
		return cfg.Sandbox.Dir
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("sallyport-sandbox-%d", os.Geteuid()))
}

// claim makes a folder of our own in a place where everybody may make one, and
// refuses what somebody else has put there.
func claim(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("scratch folder of the sandbox: %w: set sandbox.dir (SALLYPORT_SANDBOX_DIR) to another", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("scratch folder of the sandbox: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || info.Mode().Perm()&0o077 != 0 || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("scratch folder of the sandbox: %s is not a folder of this user's alone: delete it, or set sandbox.dir (SALLYPORT_SANDBOX_DIR)", dir)
	}
	return nil
}

// newRunner builds what runs images on this machine.
func newRunner(cfg config.Config, j *rules.Library, log *slog.Logger, reg prometheus.Registerer) (*sandbox.Runner, error) {
	err := runtime.Check()
	if err != nil {
		return nil, err
	}
	if cfg.Sandbox.Dir == "" {
		if err := claim(scratchOf(cfg)); err != nil {
			return nil, err
		}
	}
	var recorded *recording.Recording
	if cfg.Sandbox.Recording != "" {
		if recorded, err = recording.Open(cfg.Sandbox.Recording); err != nil {
			return nil, fmt.Errorf("sandbox.recording: %w", err)
		}
	}
	var way *egress.Gateway
	if g := cfg.Sandbox.Gateway; g.Proxy != "" {
		if way, err = egress.New(egress.Config{Proxy: g.Proxy, Resolver: g.Resolver, Deny: g.Deny}); err != nil {
			return nil, fmt.Errorf("sandbox.gateway: %w", err)
		}
		log.Warn("runs may ask for network gateway, in which web requests of images leave this machine", "resolver", g.Resolver)
	}
	return sandbox.New(sandbox.Config{
		Dir:         scratchOf(cfg),
		Judge:       j,
		Timeout:     cfg.Sandbox.Timeout,
		Idle:        cfg.Sandbox.Idle,
		Clocks:      clocks(cfg.Sandbox),
		Concurrency: cfg.Sandbox.Runs,
		Recording:   recorded,
		Gateway:     way,
		Version:     version,
		Logger:      log,
		Metrics:     reg,
	})
}

// clocks are what those of guests do.
func clocks(s config.Sandbox) sandbox.Clocks {
	c := sandbox.Clocks{MaxSkip: s.Skip, Offset: s.Offset}
	if s.Skip == 0 {
		c.MaxSkip = -1
	}
	return c
}

// configFlag adds --config to c.
func configFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "config", os.Getenv("SALLYPORT_CONFIG"), "settings file (YAML); every key can be set as SALLYPORT_… too")
}
