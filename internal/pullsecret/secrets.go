package pullsecret

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	corev1 "k8s.io/api/core/v1"
)

// ErrNotFound is wrapped when there is no such secret or service account.
var ErrNotFound = errors.New("not found in the cluster")

// Cluster reads objects of a cluster. It is safe for concurrent use. Errors wrap
// ErrNotFound where there is no such object, and repeat nothing that is secret.
type Cluster interface {
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error)
}

const (
	// fresh is how long what was read is used: pods come by the dozen, and a
	// secret that is renewed is renewed before the old one ends.
	fresh = 30 * time.Second
	// missed is the same of what is not there: who makes it now wants it soon.
	missed = 5 * time.Second

	rememberedSecrets  = 1024
	rememberedAccounts = 1024
)

// Secrets are the pull secrets of a cluster. It is safe for concurrent use.
type Secrets struct {
	cluster   Cluster
	namespace string
	now       func() time.Time
	entries   *lru.Cache[string, cached[[]Entry]]
	accounts  *lru.Cache[string, cached[[]string]]
}

// cached is what was read of one object. What failed is asked for again each
// time, unless the object is not there.
type cached[T any] struct {
	value T
	until time.Time
}

// New returns the secrets of c. namespace is the gate's own.
func New(c Cluster, namespace string) *Secrets {
	s := &Secrets{cluster: c, namespace: namespace, now: time.Now}
	// Sizes are positive, which is all that can go wrong.
	s.entries, _ = lru.New[string, cached[[]Entry]](rememberedSecrets)
	s.accounts, _ = lru.New[string, cached[[]string]](rememberedAccounts)
	return s
}

// secret returns what one secret holds; nothing when there is none, as the
// kubelet goes on without it.
func (s *Secrets) secret(ctx context.Context, namespace, name string) ([]Entry, error) {
	if !objectName().MatchString(name) {
		return nil, nil // no secret can have that name
	}
	return remember(s, s.entries, namespace+"/"+name, func() ([]Entry, error) {
		secret, err := s.cluster.Secret(ctx, namespace, name)
		if err != nil {
			return nil, err
		}
		return Parse(secret)
	})
}

// ofAccount returns the names of a service account's pull secrets.
func (s *Secrets) ofAccount(ctx context.Context, namespace, account string) ([]string, error) {
	if account == "" {
		account = "default"
	}
	if !objectName().MatchString(account) {
		return nil, nil
	}
	return remember(s, s.accounts, namespace+"/"+account, func() ([]string, error) {
		a, err := s.cluster.ServiceAccount(ctx, namespace, account)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, r := range a.ImagePullSecrets {
			names = append(names, r.Name)
		}
		return names, nil
	})
}

func remember[T any](s *Secrets, cache *lru.Cache[string, cached[T]], key string, read func() (T, error)) (T, error) {
	if c, ok := cache.Get(key); ok && s.now().Before(c.until) {
		return c.value, nil
	}
	value, err := read()
	life := fresh
	if errors.Is(err, ErrNotFound) {
		err, life = nil, missed
	}
	if err == nil {
		cache.Add(key, cached[T]{value, s.now().Add(life)})
	}
	return value, err
}

// objectName is what names of secrets and service accounts look like (RFC 1123
// subdomains): a pod's list of secrets is not checked by the API server, and a
// name must not lead anywhere else.
var objectName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
})

// named reads secrets that the gate's own settings name: a name in the gate's
// namespace, or namespace/name.
func (s *Secrets) named(ctx context.Context, secrets []string) ([]Entry, error) {
	var all []Entry
	for _, secret := range secrets {
		in, name := s.namespace, secret
		if before, after, ok := strings.Cut(secret, "/"); ok {
			in, name = before, after
		}
		entries, err := s.secret(ctx, in, name)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

// ofPod reads the secrets that the kubelet would take for a pod. A secret that
// cannot be read does not hide the others; err joins what went wrong.
func (s *Secrets) ofPod(ctx context.Context, p Pod) (all []Entry, err error) {
	names := p.Secrets
	if len(names) == 0 {
		// As the API server does when it makes the pod.
		if names, err = s.ofAccount(ctx, p.Namespace, p.Account); err != nil {
			return nil, err
		}
	}
	var errs []error
	for i, name := range names {
		if i == maxSecrets {
			errs = append(errs, fmt.Errorf("more than %d pull secrets: the others were not read", maxSecrets))
			break
		}
		entries, err := s.secret(ctx, p.Namespace, name)
		errs = append(errs, err)
		all = append(all, entries...)
	}
	return all, errors.Join(errs...)
}

// maxSecrets of one pod are read: each is a question to the API server.
const maxSecrets = 32
