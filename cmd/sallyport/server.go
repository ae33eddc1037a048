package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/internal/server"
)

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

// front is the server of role r, but for its listener. How long one answer may
// take is bounded where the handler does not do that itself.
func (p *parts) front(r role, cfg config.Config) server.Config {
	f := server.Config{Name: string(r), Handler: p.handlers[r], Write: time.Minute, Delay: cfg.Shutdown.Delay, Drain: cfg.Shutdown.Drain, Log: p.log}
	switch r {
	case roleProxy, roleGrants:
		f.Write, f.Headers = 0, cfg.Proxy.Limits.Headers
	case roleConsole:
		f.Write = 0
	case roleMetrics: // ends after the others
		f.Delay = 0
	case roleWebhook:
		if p.certificate != nil {
			f.TLS = p.certificate.TLS()
		}
	}
	if r == roleProxy {
		f.Connections = cfg.Proxy.Limits.Connections
		f.Proxies, _ = reverseProxies(cfg) // read before, without an error
	}
	if k := p.keys[r]; k != nil {
		f.TLS = k.TLS()
	}
	return f
}

// serveFronts serves on all sockets until ctx ends. Fronts take requests until
// after shutdown.delay, which began with /readyz saying no, and then give those
// under way shutdown.drain. The socket that says how the process is ends last.
func (p *parts) serveFronts(ctx context.Context, cfg config.Config, open sockets) error {
	observed, endObserved := context.WithCancel(context.WithoutCancel(ctx))
	defer endObserved()
	all, ctx := errgroup.WithContext(ctx)
	var fronts errgroup.Group
	for _, s := range open {
		if s.role == roleMetrics {
			all.Go(func() error { return server.Run(observed, s.Listener, p.front(s.role, cfg)) })
			continue
		}
		fronts.Go(func() error {
			err := server.Run(ctx, s.Listener, p.front(s.role, cfg))
			if err != nil {
				// What cannot serve ends everything, without delay.
				all.Go(func() error { return err })
			}
			return err
		})
	}
	all.Go(func() error {
		defer endObserved()
		return fronts.Wait()
	})
	return all.Wait()
}
