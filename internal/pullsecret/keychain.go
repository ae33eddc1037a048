package pullsecret

import (
	"context"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Keychain answers from secrets that the gate's settings name: name in the
// gate's namespace, or namespace/name. Without names they are those of the
// namespace's default service account.
func (s *Secrets) Keychain(secrets []string) authn.Keychain {
	return keychain(func(ctx context.Context) ([]Entry, error) {
		if len(secrets) == 0 {
			own, err := s.ofAccount(ctx, s.namespace, "")
			if err != nil {
				return nil, err
			}
			return s.named(ctx, own)
		}
		return s.named(ctx, secrets)
	})
}

// Pod is what decides with which secrets a pod's images are pulled. Its
// content is foreign: names lead nowhere but into Namespace.
type Pod struct {
	Namespace string
	Account   string   // service account; "" for default
	Secrets   []string // the pod's own; without any, those of Account
}

// OfPod returns what a kubelet would show for an image of the pod, in its
// order: the more exact credentials first. None is no error; an error says why
// some secrets could not be read, and comes with what the others hold.
func (s *Secrets) OfPod(ctx context.Context, p Pod, host, repository string) ([]authn.AuthConfig, error) {
	entries, err := s.ofPod(ctx, p)
	return All(entries, host, repository), err
}

// keychain answers from the entries that it returns, and with its error where
// none fits.
type keychain func(context.Context) ([]Entry, error)

// Resolve implements authn.Keychain.
func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (k keychain) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	entries, err := k(ctx)
	repository := strings.TrimPrefix(strings.TrimPrefix(r.String(), r.RegistryStr()), "/")
	if auth, ok := Match(entries, r.RegistryStr(), repository); ok {
		return authn.FromConfig(auth), nil
	}
	return authn.Anonymous, err
}
