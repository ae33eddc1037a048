// Package certs gives the webhook its TLS certificate: an authority of its own,
// made on first start, and the leaf that it signs.
//
// Names enter; a tls.Config and the authority's certificate, to be put into the
// ValidatingWebhookConfiguration's caBundle, leave. Everything lies in a few
// small files, in a folder or wherever replicas share them, and is renewed long
// before it ends; a new authority is published beside the old one, and seen to
// be, before anything is signed by it. The package speaks to no cluster: who
// does implements Store and Publisher.
//
// It is not open-policy-agent/cert-controller, which replaces authority and
// leaf at once, so that requests fail until every API server has the new
// bundle, and which runs on controller-runtime.
package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what an Authority is made of. Names and one of Dir and Store are
// required.
type Config struct {
	Dir   string   // where the files lie; made with mode 0700
	Store Store    // instead of Dir: where replicas share them
	Names []string // DNS names and addresses of the leaf

	// Publisher tells clusters whom to trust; nil when a person does.
	Publisher Publisher

	AuthorityLife time.Duration // default 10 years
	LeafLife      time.Duration // default 90 days
	// Overlap is how long a new authority is published before it signs: with a
	// Publisher from when it was published on, the time in which all API servers
	// must have noticed; else the time in which a person must have given it to
	// the cluster. Default 7 days.
	Overlap time.Duration

	Logger  *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing
	Now     func() time.Time      // nil for time.Now
}

const day = 24 * time.Hour

// Authority holds the certificates in force. It is safe for concurrent use.
type Authority struct {
	cfg     Config
	store   Store
	mu      sync.Mutex // of renewal
	current atomic.Pointer[state]

	published atomic.Bool // for the first time since the start
}

// state is what the files say.
type state struct {
	authority pair   // the newest, with the certificates of all in use, newest first
	previous  pair   // the one before, which signs until the newest may; zero before the first rotation
	bundle    []byte // PEM of all authorities in use, newest first
	leaf      pair
	shown     tls.Certificate // the leaf, for handshakes
	announced announcement
}

// The files.
const (
	bundleName    = "ca.crt"          // public: authorities to trust
	authorityName = "ca.pem"          // secret: key and certificates, newest first
	leafName      = "tls.pem"         // secret: key and certificate of the listener
	previousName  = "ca-previous.pem" // secret: key and certificate of the authority before
	announcedName = "published.json"  // since when the newest authority is published
)

// Open reads the certificates and makes or renews what is needed.
func Open(ctx context.Context, cfg Config) (*Authority, error) {
	if cfg.Dir == "" && cfg.Store == nil {
		return nil, errors.New("certificates need a folder, or another store")
	}
	if err := checkNames(cfg.Names); err != nil {
		return nil, err
	}
	if cfg.AuthorityLife == 0 {
		cfg.AuthorityLife = 3650 * day
	}
	if cfg.LeafLife == 0 {
		cfg.LeafLife = 90 * day
	}
	if cfg.Overlap == 0 {
		cfg.Overlap = 7 * day
	}
	// A leaf is renewed with a third of its life left, and an authority with a
	// third of its own: the old one must outlive what it signed last.
	if cfg.Overlap > cfg.LeafLife/4 || cfg.LeafLife > cfg.AuthorityLife/4 {
		return nil, fmt.Errorf("certificates: an overlap of %v, a leaf's life of %v and an authority's of %v do not fit: each must be at most a quarter of the next", cfg.Overlap, cfg.LeafLife, cfg.AuthorityLife)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &Authority{cfg: cfg, store: cfg.Store}
	if a.store == nil {
		if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("folder of the webhook's certificates: %w", err)
		}
		a.store = folder(cfg.Dir)
	}
	if err := a.Refresh(ctx); err != nil {
		return nil, err
	}
	return a, a.register(cfg.Metrics)
}

// register adds the gauges that alerts are made of.
func (a *Authority) register(reg prometheus.Registerer) error {
	if reg == nil {
		return nil
	}
	left := func(end func() time.Time) func() float64 {
		return func() float64 { return end().Sub(a.cfg.Now()).Hours() / 24 }
	}
	const name, help = "sallyport_webhook_certificate_days_left", "Days until a certificate of the webhook ends; renewed with a third of its life left."
	for _, c := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sallyport_webhook_certificate_not_after_seconds",
			Help: "When the webhook's certificate ends, as a Unix time.",
		}, func() float64 { return float64(a.NotAfter().Unix()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{"certificate": "leaf"}}, left(a.NotAfter)),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{"certificate": "authority"}},
			left(func() time.Time { return a.current.Load().authority.certs[0].NotAfter })),
	} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("registering the certificates' metrics: %w", err)
		}
	}
	return nil
}

// BundleFile is the file with the authorities that a cluster is to trust, as
// PEM; "" when they are in a Store of somebody else.
func (a *Authority) BundleFile() string {
	if a.cfg.Store != nil {
		return ""
	}
	return filepath.Join(a.cfg.Dir, bundleName)
}

// Bundle is the content of that file: the caBundle of a webhook configuration.
func (a *Authority) Bundle() []byte { return slices.Clone(a.current.Load().bundle) }

// NotAfter is when the leaf ends.
func (a *Authority) NotAfter() time.Time { return a.current.Load().leaf.certs[0].NotAfter }

// TLS is the configuration of a listener. Handshakes see renewed certificates
// at once; connections stay as they are.
func (a *Authority) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, // the API server's own minimum
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &a.current.Load().shown, nil
		},
	}
}

// Refresh reads the files again, which a person or another process may have
// changed, and renews what is due. After an error what was in force stays so.
func (a *Authority) Refresh(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var next state
	err := a.store.Update(ctx, func(kept Files) (Files, error) {
		var err error
		if next, err = read(kept); err != nil {
			return nil, err
		}
		if err := a.renew(&next); err != nil {
			return nil, err
		}
		return next.files(kept)
	})
	if err != nil {
		return fmt.Errorf("the webhook's certificates: %w", err)
	}
	next.shown = next.leaf.tls()
	if last := a.current.Load(); last == nil || !next.leaf.certs[0].Equal(last.leaf.certs[0]) {
		leaf := next.leaf.certs[0]
		a.cfg.Logger.InfoContext(ctx, "the webhook's certificate", "names", namesOf(leaf), "end", leaf.NotAfter, "serial", fmt.Sprintf("%x", leaf.SerialNumber))
	}
	a.current.Store(&next)
	return nil
}

// Run refreshes and publishes every so often until ctx ends.
func (a *Authority) Run(ctx context.Context) error {
	every := min(time.Hour, a.cfg.Overlap/4)
	wait := time.NewTimer(0) // what Open made is to be published at once
	defer wait.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		err := a.Refresh(ctx)
		if err == nil {
			err = a.publish(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		next := every
		if err != nil {
			failures++
			next = min(every, time.Second<<min(failures, 6)) // 2 s to about a minute
			a.cfg.Logger.ErrorContext(ctx, "the webhook's certificates cannot be renewed or published", "error", err, "end", a.NotAfter(), "again_in", next)
		} else {
			failures = 0
		}
		wait.Reset(next)
	}
}

var dnsName = regexp.MustCompile(`^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

func checkNames(names []string) error {
	if len(names) == 0 {
		return errors.New("the webhook's certificate needs at least one DNS name or address (webhook.names)")
	}
	for _, n := range names {
		if net.ParseIP(n) == nil && (len(n) > 253 || !dnsName.MatchString(strings.ToLower(n))) {
			return fmt.Errorf("webhook.names: %q is neither a DNS name nor an address", n)
		}
	}
	return nil
}
