package keychain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/sallyport-dev/sallyport/internal/pullsecret"
)

// The sources.
const (
	Docker     = "docker"     // Docker's configuration file and credential helpers
	ECR        = "ecr"        // Amazon: the machine's or pod's role, or AWS_… variables
	Google     = "google"     // Google: application default credentials, else gcloud
	ACR        = "acr"        // Azure: workload or managed identity, or AZURE_… variables
	Kubernetes = "kubernetes" // secrets of the cluster that the gate runs in
)

// Known are all sources.
var Known = []string{Docker, ECR, Google, ACR, Kubernetes}

// Config says what a keychain is made of.
type Config struct {
	Sources      []string // asked in order, the first that knows the registry answers
	DockerConfig string   // file for Docker; default Docker's and Podman's own places
	PullSecrets  []string // for Kubernetes: name, or namespace/name; default those of the gate's service account

	// Cluster has the secrets for Kubernetes. It is called when they are wanted;
	// nil where there is no cluster.
	Cluster func() (*pullsecret.Secrets, error)
}

// Open returns the keychain. Nothing is asked yet, but a source that cannot
// work here is an error.
func Open(cfg Config) (authn.Keychain, error) {
	var all []authn.Keychain
	for _, s := range cfg.Sources {
		if !slices.Contains(Known, s) {
			return nil, fmt.Errorf("%q is no source of credentials: known are %v", s, Known)
		}
		switch s {
		case Docker:
			if cfg.DockerConfig == "" {
				all = append(all, authn.DefaultKeychain)
				continue
			}
			all = append(all, dockerFile(cfg.DockerConfig))
		case ECR:
			all = append(all, &amazon{})
		case Google:
			all = append(all, &google{})
		case ACR:
			all = append(all, &azure{})
		case Kubernetes:
			if cfg.Cluster == nil {
				return nil, errors.New("credentials from the cluster's pull secrets: there is no cluster")
			}
			secrets, err := cfg.Cluster()
			if err != nil {
				return nil, fmt.Errorf("credentials from the cluster's pull secrets: %w", err)
			}
			all = append(all, secrets.Keychain(cfg.PullSecrets))
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no source of credentials is named")
	}
	return chain(all), nil
}

// chain asks one keychain after the other. Other than authn.NewMultiKeychain,
// it does not hide an error behind the next one's silence.
type chain []authn.Keychain

// Resolve implements authn.Keychain.
func (c chain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return c.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (c chain) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	for _, k := range c {
		a, err := authn.Resolve(ctx, k, r)
		if err != nil || a != authn.Anonymous {
			return a, err
		}
	}
	return authn.Anonymous, nil
}
