// Package certs gives the webhook its TLS certificate: an authority of its own,
// made on first start, and the leaf that it signs.
//
// Names enter; a tls.Config and the authority's certificate, to be put into the
// ValidatingWebhookConfiguration's caBundle, leave. Everything lies in three
// files of one folder and is renewed long before it ends; a new authority is
// published beside the old one before anything is signed by it. The package
// speaks to no cluster.
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

// Config is what an Authority is made of. Dir and Names are required.
type Config struct {
	Dir   string   // where the files lie; made with mode 0700
	Names []string // DNS names and addresses of the leaf

	AuthorityLife time.Duration // default 10 years
	LeafLife      time.Duration // default 90 days
	// Overlap is how long a new authority is published before it signs: the
	// time in which the cluster's configuration must have been given it.
	// Default 7 days.
	Overlap time.Duration

	Logger  *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing
	Now     func() time.Time      // nil for time.Now
}

const day = 24 * time.Hour

// Authority holds the certificates in force. It is safe for concurrent use.
type Authority struct {
	cfg     Config
	mu      sync.Mutex // of renewal
	current atomic.Pointer[state]
}

// state is what is read from the files.
type state struct {
	authority pair   // the newest, which signs
	bundle    []byte // PEM of all authorities in use, newest first
	leaf      tls.Certificate
}

// The files.
const (
	bundleName    = "ca.crt"  // public: authorities to trust
	authorityName = "ca.pem"  // secret: key and certificates, newest first
	leafName      = "tls.pem" // secret: key and certificate of the listener
)

// Open reads the certificates from cfg.Dir and makes or renews what is needed.
func Open(cfg Config) (*Authority, error) {
	if cfg.Dir == "" {
		return nil, errors.New("certificates need a folder")
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
	a := &Authority{cfg: cfg}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the webhook's certificates: %w", err)
	}
	if err := a.Refresh(); err != nil {
		return nil, err
	}
	if cfg.Metrics != nil {
		if err := cfg.Metrics.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sallyport_webhook_certificate_not_after_seconds",
			Help: "When the webhook's certificate ends, as a Unix time.",
		}, func() float64 { return float64(a.NotAfter().Unix()) })); err != nil {
			return nil, fmt.Errorf("registering the certificates' metrics: %w", err)
		}
	}
	return a, nil
}

// BundleFile is the file with the authorities that a cluster is to trust, as PEM.
func (a *Authority) BundleFile() string { return filepath.Join(a.cfg.Dir, bundleName) }

// Bundle is the content of that file: the caBundle of a webhook configuration.
func (a *Authority) Bundle() []byte { return slices.Clone(a.current.Load().bundle) }

// NotAfter is when the leaf ends.
func (a *Authority) NotAfter() time.Time { return a.current.Load().leaf.Leaf.NotAfter }

// TLS is the configuration of a listener. Handshakes see renewed certificates
// at once; connections stay as they are.
func (a *Authority) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, // the API server's own minimum
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &a.current.Load().leaf, nil
		},
	}
}

// Refresh reads the files again, which a person or another process may have
// changed, and renews what is due. After an error what was in force stays so.
func (a *Authority) Refresh() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	unlock, err := lock(a.cfg.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	next, err := a.load()
	if err != nil {
		return err
	}
	if err := a.renew(&next); err != nil {
		return err
	}
	a.current.Store(&next)
	return nil
}

// Run refreshes every so often until ctx ends.
func (a *Authority) Run(ctx context.Context) error {
	every := min(time.Hour, a.cfg.Overlap/4)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := a.Refresh(); err != nil {
				a.cfg.Logger.ErrorContext(ctx, "the webhook's certificates cannot be renewed", "error", err, "end", a.NotAfter())
			}
		}
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
