package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Serve offers Images for this machine's CPU as a registry on ln, in memory,
// until ctx ends; then it returns nil. What is pushed to it is lost with it.
func Serve(ctx context.Context, ln net.Listener) error {
	images, err := Images(runtime.GOARCH)
	if err != nil {
		ln.Close()
		return err
	}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if err := push(ctx, handler, images); err != nil {
		ln.Close()
		return fmt.Errorf("demo: filling the registry: %w", err)
	}
	return serve(ctx, handler, ln, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
}

// push fills the registry before anybody else can ask it.
func push(ctx context.Context, handler http.Handler, images []Image) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return serve(ctx, handler, ln, func(ctx context.Context) error {
		for _, im := range images {
			ref, err := name.NewTag(fmt.Sprintf("%s/%s:%s", ln.Addr(), im.Repository, im.Tag), name.Insecure)
			if err != nil {
				return err
			}
			if err := remote.Write(ref, im.Image, remote.WithContext(ctx)); err != nil {
				return err
			}
		}
		return nil
	})
}

// serve answers on ln until the end of fn, whose error it returns. fn's context
// ends early when serving fails.
func serve(ctx context.Context, handler http.Handler, ln net.Listener, fn func(context.Context) error) error {
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		err := srv.Serve(ln)
		cancel()
		served <- err
	}()
	err := fn(inner)
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if srv.Shutdown(last) != nil {
		srv.Close()
	}
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
