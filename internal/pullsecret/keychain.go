package pullsecret

import (
	"context"
	"errors"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Entries reads secrets, each a name in namespace or namespace/name, and returns
// what they hold in their order. Secrets that do not exist are left out, as the
// kubelet leaves them out.
func (c *Cluster) Entries(ctx context.Context, namespace string, secrets []string) ([]Entry, error) {
	var all []Entry
	for _, s := range secrets {
		in, name := namespace, s
		if before, after, ok := strings.Cut(s, "/"); ok {
			in, name = before, after
		}
		secret, err := c.Secret(ctx, in, name)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries, err := Parse(secret)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

// OfAccount returns the names of a service account's pull secrets.
func (c *Cluster) OfAccount(ctx context.Context, namespace, account string) ([]string, error) {
	a, err := c.ServiceAccount(ctx, namespace, account)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range a.ImagePullSecrets {
		names = append(names, s.Name)
	}
	return names, nil
}

// Keychain answers from the secrets, which are read each time. Without names,
// they are those of the namespace's default service account.
func (c *Cluster) Keychain(secrets []string) authn.Keychain { return &keychain{c, secrets} }

type keychain struct {
	cluster *Cluster
	secrets []string
}

// Resolve implements authn.Keychain.
func (k *keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (k *keychain) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	secrets := k.secrets
	if len(secrets) == 0 {
		var err error
		if secrets, err = k.cluster.OfAccount(ctx, k.cluster.Namespace, "default"); err != nil {
			return nil, err
		}
	}
	entries, err := k.cluster.Entries(ctx, k.cluster.Namespace, secrets)
	if err != nil {
		return nil, err
	}
	repository := strings.TrimPrefix(strings.TrimPrefix(r.String(), r.RegistryStr()), "/")
	if auth, ok := Match(entries, r.RegistryStr(), repository); ok {
		return authn.FromConfig(auth), nil
	}
	return authn.Anonymous, nil
}
