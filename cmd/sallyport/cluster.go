package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/cluster/certificate"
	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/internal/pullsecret"
	"github.com/sallyport-dev/sallyport/webhook/certs"
)

// clusterLink is the way to the cluster that the gate guards, if there is one.
type clusterLink struct {
	connect func() (*cluster.Cluster, error) // once; errors wrap cluster.ErrOutside where there is none
	secrets func() (*pullsecret.Secrets, error)
	tasks   []func(context.Context) error // that run as long as the process
	events  *cluster.Events               // nil until somebody wants to write some
}

func newClusterLink(cfg config.Cluster, log *slog.Logger) *clusterLink {
	l := &clusterLink{connect: sync.OnceValues(func() (*cluster.Cluster, error) {
		return cluster.Connect(cluster.Config{
			Kubeconfig: cfg.Kubeconfig, Context: cfg.Context, Namespace: cfg.Namespace,
			QPS: cfg.QPS, Burst: cfg.Burst, Timeout: cfg.Timeout, Version: version, Logger: log,
		})
	})}
	l.secrets = sync.OnceValues(func() (*pullsecret.Secrets, error) {
		c, err := l.connect()
		if err != nil {
			return nil, err
		}
		return c.PullSecrets(), nil
	})
	return l
}

// optional connects where there is a cluster; nil where there is none.
func (l *clusterLink) optional() (*cluster.Cluster, error) {
	c, err := l.connect()
	if errors.Is(err, cluster.ErrOutside) {
		return nil, nil
	}
	return c, err
}

// openCertificate gives the webhook its certificate: somebody else's, which
// openKeys has read, or one of its own.
func (p *parts) openCertificate(ctx context.Context, cfg config.Config, reg prometheus.Registerer) error {
	if p.keys[roleWebhook] != nil {
		p.webhookTrust = "its certificate: " + cfg.Webhook.TLS.Certificate
		return nil
	}
	own := cfg.Webhook.Certificates
	c := certs.Config{
		Names: cfg.Webhook.Names, AuthorityLife: own.Authority, LeafLife: own.Leaf, Overlap: own.Overlap,
		Logger: p.log, Metrics: reg,
	}
	if own.Secret == "" {
		c.Dir = filepath.Join(cfg.Data, "webhook")
	} else {
		k, err := p.cluster.connect()
		if err != nil {
			return fmt.Errorf("webhook.certificates.secret: %w", err)
		}
		c.Store = certificateStore{certificate.NewSecret(k, own.Secret)}
		p.webhookTrust = fmt.Sprintf("its CA: ca.crt in the Secret %s/%s", k.Namespace(), own.Secret)
		if len(own.Publish) > 0 {
			publisher, err := certificate.NewPublisher(k, own.Publish)
			if err != nil {
				return fmt.Errorf("webhook.certificates.publish: %w", err)
			}
			c.Publisher = publisher
			p.cluster.tasks = append(p.cluster.tasks, publisher.Run)
		}
	}
	a, err := certs.Open(ctx, c)
	if err != nil {
		return err
	}
	if p.certificate = a; a.BundleFile() != "" {
		p.webhookTrust = "its CA: " + a.BundleFile()
	}
	return nil
}

// certificateStore lets the webhook keep its certificates in a Secret.
type certificateStore struct{ *certificate.Secret }

// Update implements certs.Store.
func (s certificateStore) Update(ctx context.Context, change func(certs.Files) (certs.Files, error)) error {
	return s.Secret.Update(ctx, func(kept map[string][]byte) (map[string][]byte, error) { return change(kept) })
}
