package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/sallyport-dev/sallyport/image"
)

// Bounds of what a registry may answer. Layers are bounded where they are unpacked.
const (
	maxManifest = 8 << 20
	maxConfig   = 8 << 20
)

// fetch opens the image of j. Manifest and configuration are here and verified
// when it returns; layers are verified while they are read. ctx must live as
// long as the image is used.
func fetch(ctx context.Context, j job, limit time.Duration) (v1.Image, error) {
	short, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: limit,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       30 * time.Second,
		ForceAttemptHTTP2:     true,
	}
	context.AfterFunc(ctx, t.CloseIdleConnections)
	img, err := remote.Image(j.source, remote.WithContext(ctx), remote.WithTransport(&bearer{
		inner: t, host: j.source.RegistryStr(), token: j.token, early: short,
	}))
	if err != nil {
		return nil, pullError(j, short, err)
	}
	m, err := img.Manifest()
	if err != nil {
		return nil, pullError(j, short, err)
	}
	if m.Config.Size > maxConfig {
		return nil, fmt.Errorf("pulling %s: its configuration has %d bytes, more than %d", j.reference, m.Config.Size, maxConfig)
	}
	if _, err := img.RawConfigFile(); err != nil {
		return nil, pullError(j, short, err)
	}
	return img, matches(j, img)
}

// matches compares the image with what the request says of it: the verdict
// will be for that platform.
func matches(j job, img v1.Image) error {
	cf, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("pulling %s: its configuration cannot be read: %w", j.reference, err)
	}
	has := image.Platform{OS: cf.OS, Architecture: cf.Architecture, Variant: cf.Variant}
	if differs(has.OS, j.platform.OS) || differs(has.Architecture, j.platform.Architecture) {
		return fmt.Errorf("pulling %s: it is for %s, the request says %s", j.reference, has, j.platform)
	}
	return nil
}

// differs compares two words of a platform. Old images leave them out; the
// runner finds out.
func differs(has, said string) bool { return has != "" && said != "" && has != said }

func pullError(j job, short context.Context, err error) error {
	if cause := context.Cause(short); cause != nil {
		err = cause
	}
	var te *transport.Error
	if errors.As(err, &te) && te.StatusCode == http.StatusNotFound {
		return fmt.Errorf("pulling %s from %s: it is not there: %w", j.reference, j.source.RegistryStr(), err)
	}
	return fmt.Errorf("pulling %s from %s: %w", j.reference, j.source.RegistryStr(), err)
}

var errRefused = errors.New("the registry refused the token of the request")

// bearer shows the token to its registry, and to nobody to whom that redirects.
// A refusal is final: the challenge that comes with it is not followed, since
// this token is all that we may use.
type bearer struct {
	inner http.RoundTripper
	host  string
	token string
	early context.Context // bounds everything but blobs, which take as long as they take
}

func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	shown := req.URL.Host == b.host && b.token != ""
	if shown {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+b.token)
	}
	layer := strings.Contains(req.URL.Path, "/blobs/") || !strings.HasPrefix(req.URL.Path, "/v2/")
	if !layer {
		req = req.WithContext(b.early)
	}
	resp, err := b.inner.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if shown && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) {
		resp.Body.Close()
		return nil, errRefused
	}
	if !layer {
		resp.Body = capped{io.LimitReader(resp.Body, maxManifest), resp.Body}
	}
	return resp, nil
}

// capped reads no more than a limit of a body. What is cut does not have the
// digest that was asked for.
type capped struct {
	io.Reader
	io.Closer
}
