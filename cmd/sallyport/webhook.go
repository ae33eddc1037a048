package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/pullsecret"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/proxy"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
	"github.com/sallyport-dev/sallyport/webhook"
	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// webhook gives the webhook its settings, and the cluster that it stands in.
func (p *parts) webhook(cfg config.Config, f fronts) (webhook.Config, error) {
	w := cfg.Webhook
	c := webhook.Config{
		Cluster: cfg.Cluster.Name, Mutate: webhook.Mutation(w.Mutate), Gate: w.Gate,
		Exempt: webhook.Exempt{
			Namespaces: w.Exempt.Namespaces, Users: w.Exempt.Users, Groups: w.Exempt.Groups, ServiceAccounts: w.Exempt.ServiceAccounts,
		},
		Permissions: p.gate.Permissions(),
		Behind:      f.behind, Logger: f.log, Metrics: f.reg,
	}
	if w.BreakGlass.Enabled {
		c.BreakGlass = w.BreakGlass.MaxAge
	}
	for _, k := range w.Kinds {
		c.Kinds = append(c.Kinds, workload.Kind(k))
	}
	for _, n := range w.Namespaces {
		c.Namespaces = append(c.Namespaces, webhook.Namespace{Names: n.Names, Mode: webhook.Mode(n.Mode), Pending: policies.Pending(n.Pending)})
	}
	k, err := p.cluster.optional()
	if err != nil {
		return c, fmt.Errorf("cluster: %w", err)
	}
	if k == nil {
		if w.BreakGlass.Enabled {
			return c, errors.New("webhook.break_glass.enabled: the cluster must be asked who may: run in a pod, or set cluster.kubeconfig")
		}
		return c, nil
	}
	// The gate must never be asked about itself: it could not come back.
	c.Exempt.Namespaces = append([]string{k.Namespace()}, c.Exempt.Namespaces...)
	c.Authorizer = k
	if cfg.Cluster.Events {
		events, err := p.cluster.eventsOf(k, f.reg)
		if err != nil {
			return c, err
		}
		c.Events = clusterEvents{events}
	}
	secrets, err := p.cluster.secrets()
	if err != nil {
		return c, err
	}
	c.Registries, c.Credentials = registries{resolver{p.content}}, podCredentials{secrets}
	return c, nil
}

// clusterEvents writes the webhook's events.
type clusterEvents struct{ *cluster.Events }

func (e clusterEvents) Report(one webhook.Event) { e.Events.Report(cluster.Event(one)) }

// podCredentials are those of the pull secrets of a cluster's pods.
type podCredentials struct{ secrets *pullsecret.Secrets }

func (p podCredentials) Of(ctx context.Context, pod webhook.Pod, ref image.Reference) ([]authn.AuthConfig, error) {
	return p.secrets.OfPod(ctx, pullsecret.Pod{Namespace: pod.Namespace, Account: pod.ServiceAccount, Secrets: pod.PullSecrets}, ref.Registry, ref.Repository)
}

// registries are asked on behalf of pods, as the proxy asks on behalf of clients.
type registries struct{ resolver }

func (r registries) TakesCredentials(registry string) bool {
	return r.content.TakesCredentials(registry)
}

func (r registries) With(ctx context.Context, auth authn.AuthConfig) context.Context {
	return upstream.WithCredential(ctx, upstream.Credential{
		Username: auth.Username, Password: auth.Password, Token: auth.RegistryToken, IdentityToken: auth.IdentityToken,
	})
}

// Resolve finds the digest of a tag; of a digest, whether it may be seen.
func (r registries) Resolve(ctx context.Context, ref image.Reference) (image.Reference, error) {
	m, err := r.content.Manifest(ctx, ref)
	if err != nil {
		return image.Reference{}, err
	}
	return ref.WithDigest(m.Digest), nil
}

func (r registries) Refused(err error) bool {
	kind, ok := upstream.KindOf(err)
	return ok && (kind == upstream.Refused || kind == upstream.NotFound)
}

func (r registries) Fetch(ctx context.Context, ref image.Reference) { r.content.Fetch(ctx, ref) }

var _ webhook.Registries = registries{resolver{(*proxy.Content)(nil)}}
