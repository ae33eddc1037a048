package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"github.com/sallyport-dev/sallyport/config"
)

// role is a front that a process can have.
type role string

// The roles; serve has all of them.
const (
	roleProxy   role = "proxy"
	roleWebhook role = "webhook"
	roleConsole role = "console"
)

func newServeCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the whole gate on this machine: proxy, webhook, API, metrics and the local sandbox",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), file, cmd.OutOrStdout(), cmd.ErrOrStderr(), roleProxy, roleWebhook, roleConsole)
		},
	}
	configFlag(c, &file)
	return c
}

func newRoleCommand(r role) *cobra.Command {
	var file string
	short := map[role]string{
		roleProxy:   "Run the registry proxy alone, for scale-out (needs redis.url and shared storage)",
		roleWebhook: "Run the admission webhook alone, for scale-out (needs redis.url and shared storage)",
		roleConsole: "Run the API alone, for scale-out (needs redis.url and shared storage)",
	}
	c := &cobra.Command{
		Use:   string(r),
		Short: short[r],
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), file, cmd.OutOrStdout(), cmd.ErrOrStderr(), r)
		},
	}
	configFlag(c, &file)
	if r == roleWebhook {
		c.AddCommand(newDetachCommand())
	}
	return c
}

// serve builds the parts, opens every socket before anything runs, and runs
// them until ctx ends.
func serve(ctx context.Context, file string, out, errOut io.Writer, roles ...role) (err error) {
	cfg, err := config.Load(file, os.Environ())
	if err != nil {
		return err
	}
	logged := newLines(errOut)
	defer logged.Close()
	log := newLogger(logged, cfg.Log)
	redis.SetLogger(redisLog{log})
	klog.SetSlogLogger(log) // client-go's

	stopAdapting := adaptCollector()
	defer stopAdapting()

	sockets, err := openSockets(cfg, roles)
	if err != nil {
		return err
	}
	defer sockets.close()

	var child *sandboxChild
	if cfg.Analysis.Endpoint == "" && cfg.Sandbox.Local {
		if child, err = newSandboxChild(cfg, os.Environ(), log); err != nil {
			return err
		}
	}
	parts, err := build(ctx, cfg, sockets, child, log)
	if err != nil {
		return err
	}
	defer parts.close()

	// The gate ends first and the sandbox after it, so that no front asks for
	// what is gone.
	sandboxCtx, endSandbox := context.WithCancel(context.WithoutCancel(ctx))
	defer endSandbox()
	children := new(errgroup.Group)
	if child != nil {
		children.Go(func() error { return child.run(sandboxCtx) })
	}

	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return parts.run(gctx) })
	g.Go(func() error { return parts.serveFronts(gctx, cfg, sockets) })
	if cfg.Log.Format == "json" {
		announce(gctx, log, cfg, sockets)
	} else {
		banner(out, cfg, sockets, parts)
	}
	err = g.Wait()
	endSandbox()
	if e := children.Wait(); err == nil {
		err = e
	}
	return err
}

// Sockets that processes have beside their fronts.
const (
	roleMetrics role = "metrics"
	// roleGrants is where sandboxes fetch what they are to run: where the settings
	// say so, else on this machine, when the proxy itself speaks TLS with a name
	// that is not this address.
	roleGrants role = "grants"
)

// socket is an open listener and the front that answers on it.
type socket struct {
	net.Listener
	role role
}

type sockets []socket

// openSockets opens what the roles listen on. All or none stay open.
func openSockets(cfg config.Config, roles []role) (open sockets, err error) {
	address := map[role]string{
		roleProxy: cfg.Proxy.Listen, roleWebhook: cfg.Webhook.Listen,
		roleConsole: cfg.Console.Listen, roleMetrics: cfg.Metrics.Listen, roleGrants: cmp.Or(cfg.Proxy.GrantsListen, "127.0.0.1:0"),
	}
	wanted := append(slices.Clone(roles), roleMetrics)
	if slices.Contains(roles, roleProxy) && (cfg.Proxy.GrantsListen != "" || cfg.Proxy.TLS.On() && cfg.Analysis.PullFrom == "") {
		wanted = append(wanted, roleGrants)
	}
	for _, r := range wanted {
		ln, err := listen(string(r)+".listen", address[r])
		if err != nil {
			open.close()
			return nil, err
		}
		open = append(open, socket{ln, r})
	}
	return open, nil
}

func (s sockets) close() {
	for _, ln := range s {
		_ = ln.Close()
	}
}

// of returns the address of a role's socket, or nil.
func (s sockets) of(r role) net.Addr {
	for _, ln := range s {
		if ln.role == r {
			return ln.Addr()
		}
	}
	return nil
}

// loopback is the address at which this machine reaches what listens on addr.
func loopback(addr net.Addr) string {
	a, ok := addr.(*net.TCPAddr)
	if !ok {
		return ""
	}
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	return a.String()
}

// announce is the banner for machines: where a log is read by one, every line is of
// its form.
func announce(ctx context.Context, log *slog.Logger, cfg config.Config, s sockets) {
	listening := []any{"version", version}
	for _, ln := range s {
		listening = append(listening, string(ln.role), ln.Addr().String())
	}
	log.InfoContext(ctx, "listening", append(listening, "sandbox", sandboxPlace(cfg), "data", cfg.Data)...)
}

// sandboxPlace is where images are run: local, none, or an endpoint.
func sandboxPlace(cfg config.Config) string {
	switch {
	case cfg.Analysis.Endpoint != "":
		return cfg.Analysis.Endpoint
	case cfg.Sandbox.Local:
		return "local"
	}
	return "none"
}

// banner says where everything is, and what to type next.
func banner(out io.Writer, cfg config.Config, s sockets, p *parts) {
	fmt.Fprintf(out, "sallyport %s\n\n", version)
	line := func(r role, format string, args ...any) {
		if s.of(r) != nil {
			fmt.Fprintf(out, "  %-9s %-22s %s\n", r, s.of(r), fmt.Sprintf(format, args...))
		}
	}
	name := "localhost:5000"
	if len(cfg.Proxy.Names) > 0 {
		name = cfg.Proxy.Names[0]
	}
	example := "docker.io/library/nginx:1.27"
	if u := cfg.Proxy.Upstreams; len(u) > 0 && !slices.ContainsFunc(u, func(u config.Upstream) bool { return u.Registry == "docker.io" }) {
		example = u[0].Registry + "/REPOSITORY:TAG"
	}
	line(roleProxy, "docker pull %s/%s", name, example)
	line(roleWebhook, "https, /validate; %s", p.webhookTrust)
	line(roleConsole, "API; token: %s", p.adminTokenFile)
	line(roleMetrics, "/metrics, /healthz, /readyz")
	switch place := sandboxPlace(cfg); place {
	case "local":
		fmt.Fprintf(out, "  %-9s %-22s %s\n", "sandbox", place, "gVisor, a process of its own")
	case "none":
		fmt.Fprintf(out, "  %-9s %-22s %s\n", "sandbox", place, "no image is run: set analysis.endpoint, or sandbox.local")
	default:
		fmt.Fprintf(out, "  %-9s %s\n", "sandbox", place)
	}
	fmt.Fprintf(out, "  %-9s %s\n\n", "data", cfg.Data)
	fmt.Fprintf(out, "Next: `sallyport demo` in another terminal serves two sample images and says what to type.\nCtrl-C ends it.\n\n")
}
