package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/internal/server"
)

// serveSandboxAlone serves the sandbox for gates elsewhere: with its
// certificate, and with metrics and probes beside it.
func serveSandboxAlone(ctx context.Context, cfg config.Config, ln net.Listener, log *slog.Logger) error {
	observed, err := listen("metrics.listen", cfg.Metrics.Listen)
	if err != nil {
		ln.Close()
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	g, ctx := errgroup.WithContext(ctx)
	if t := cfg.Sandbox.TLS; t.On() {
		k, err := server.OpenKeyPair(t.Certificate, t.Key, log)
		if err != nil {
			ln.Close()
			observed.Close()
			return fmt.Errorf("sandbox.tls: %w", err)
		}
		ln = tls.NewListener(ln, k.TLS())
		g.Go(func() error { k.Watch(ctx); return nil })
	} else if a, ok := ln.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		log.Warn("the token travels in clear text, and gates elsewhere refuse that: set sandbox.tls, or put TLS in front", "address", a.String())
	}
	log.Info("sandbox listens", "address", ln.Addr().String(), "metrics", observed.Addr().String())
	g.Go(func() error { return serveSandbox(ctx, cfg, ln, log, reg) })
	g.Go(func() error {
		return server.Run(ctx, observed, server.Config{Name: string(roleMetrics), Handler: sandboxProbes(reg), Write: time.Minute, Log: log})
	})
	return g.Wait()
}

// sandboxProbes is what Prometheus and whoever restarts processes ask. The
// listener of runs takes none before it can run, so there is no more to ask.
func sandboxProbes(reg *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg}))
	ok := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }
	mux.HandleFunc("GET /healthz", ok)
	mux.HandleFunc("GET /readyz", ok)
	return mux
}
