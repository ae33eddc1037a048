package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// drain is how long requests under way may take after the program was told to end.
const drain = 10 * time.Second

// listen opens address for the setting key, so that a port in use is said by name.
func listen(key, address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use by another program: end it, or set another address", key, address)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return ln, nil
}

// front is one HTTP server.
type front struct {
	name    string
	handler http.Handler
	tls     *tls.Config   // nil: clear text
	writes  time.Duration // bound on one whole answer
}

// serveHTTP adds to g a server of f on ln that ends with ctx: it takes no new
// connections then, and gives requests under way the time of drain.
func serveHTTP(ctx context.Context, g *errgroup.Group, ln net.Listener, f front, log *slog.Logger) {
	s := &http.Server{
		Handler:           f.handler,
		TLSConfig:         f.tls,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      f.writes,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.With("server", f.name).Handler(), slog.LevelDebug),
	}
	serve := func() error { return s.Serve(ln) }
	if f.tls != nil {
		serve = func() error { return s.ServeTLS(ln, "", "") }
	}
	g.Go(func() error {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err := s.Shutdown(late); err != nil {
			return s.Close()
		}
		return nil
	})
}
