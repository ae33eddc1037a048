package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Config is one front.
type Config struct {
	Name        string // for errors and the log
	Handler     http.Handler
	TLS         *tls.Config   // nil: clear text
	Write       time.Duration // bound on one whole answer, unless its handler sets another; 0: none
	Headers     int           // bytes that a request's headers may have; default 64 KiB
	Connections int           // of one address at the same time; 0: any number
	Proxies     Proxies       // whose connections are not counted: each is of many clients
	Delay       time.Duration // how long requests are still taken once the end is announced; 0: not
	Drain       time.Duration // how long requests under way may take after that; 0: none
	Log         *slog.Logger  // nil for slog.Default()
}

const (
	// headersWithin bounds how long a client may take to send a request's headers.
	headersWithin = 10 * time.Second
	// bodyWithin bounds how long it may take to send a whole request. An answer
	// may take longer: the bound ends with the request's last byte.
	bodyWithin = time.Minute
	// idleFor is how long a connection without request is kept.
	idleFor = 2 * time.Minute
)

// Run serves on ln until ctx ends, which announces the end: for the time of Delay
// each answer asks the client to go on with another connection, so that none is
// in use when they are closed. Then it takes no new connections, and gives
// requests under way the time of Drain. An error is why it could not serve.
func Run(ctx context.Context, ln net.Listener, cfg Config) error {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Headers <= 0 {
		cfg.Headers = 64 << 10
	}
	s := &http.Server{
		Handler:           leaving(ctx, cfg.Handler),
		TLSConfig:         cfg.TLS,
		ReadHeaderTimeout: headersWithin,
		ReadTimeout:       bodyWithin,
		WriteTimeout:      cfg.Write,
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    cfg.Headers,
		ErrorLog:          slog.NewLogLogger(cfg.Log.With("server", cfg.Name).Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 250, // of one connection, the specification's advice is at least 100
			// Nothing large is received, so little need be buffered for it. How
			// much is sent ahead is the client's to say.
			MaxReceiveBufferPerConnection: 1 << 20,
			MaxReceiveBufferPerStream:     64 << 10,
			// A connection whose other end is gone, or takes nothing any more.
			SendPingTimeout:  30 * time.Second,
			PingTimeout:      15 * time.Second,
			WriteByteTimeout: time.Minute,
		},
	}
	if cfg.Connections > 0 {
		ln = &counting{Listener: ln, limit: cfg.Connections, exempt: cfg.Proxies, open: map[string]int{}}
	}
	served := make(chan error, 1)
	go func() {
		if cfg.TLS != nil {
			served <- s.ServeTLS(ln, "", "")
			return
		}
		served <- s.Serve(ln)
	}()
	select {
	case err := <-served:
		return fmt.Errorf("%s: %w", cfg.Name, err)
	case <-ctx.Done():
	}
	if cfg.Delay > 0 {
		select {
		case err := <-served:
			return fmt.Errorf("%s: %w", cfg.Name, err)
		case <-time.After(cfg.Delay):
		}
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Drain)
	defer cancel()
	if err := s.Shutdown(late); err != nil {
		cfg.Log.Warn("requests were cut off: they took longer than the time to drain", "server", cfg.Name, "drain", cfg.Drain)
		_ = s.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: %w", cfg.Name, err)
	}
	return nil
}

// leaving is h, which once ctx has ended has each connection closed after the
// answer on it. In HTTP/2 the server says GOAWAY for this header field. Closing
// connections that only seem to be idle breaks requests that are on their way.
func leaving(ctx context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
