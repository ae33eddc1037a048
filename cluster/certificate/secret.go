// Package certificate shares the webhook's certificates among its replicas, and
// tells the API server whom to trust.
//
// Files enter and leave a Secret, as a whole and only when nobody else was
// faster: the API server's own version of the object decides, so that no
// replica need be elected. A bundle of authorities is written into webhook
// configurations, and written again when somebody changes it. What
// certificates are and when they are renewed is webhook/certs' business.
package certificate

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/sallyport-dev/sallyport/cluster"
)

var secrets = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// Secret keeps files in a Secret of the gate's namespace. It is safe for
// concurrent use, also by other replicas.
type Secret struct {
	cluster *cluster.Cluster
	name    string
}

// NewSecret returns the Secret of that name, which need not exist yet.
func NewSecret(c *cluster.Cluster, name string) *Secret { return &Secret{c, name} }

const (
	// contended is how often an update is begun again because another replica
	// was faster: with each try at least one of them succeeds.
	contended = 20
	pause     = 50 * time.Millisecond // before the next try, at most
	limit     = 30 * time.Second      // of one update
)

// Update calls change with the files that are kept, and keeps all that it
// returns; nil changes nothing. When another replica is faster it begins again.
func (s *Secret) Update(ctx context.Context, change func(kept map[string][]byte) (map[string][]byte, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for range contended {
		again, err := s.try(ctx, change)
		if err != nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("writing %s: %w", s, ctx.Err())
		case <-time.After(rand.N(pause)):
		}
	}
	return fmt.Errorf("writing %s: others were faster %d times", s, contended)
}

// String names the secret, as errors do.
func (s *Secret) String() string {
	return fmt.Sprintf("the Secret %s/%s (webhook.certificates.secret)", s.cluster.Namespace(), s.name)
}

func (s *Secret) try(ctx context.Context, change func(map[string][]byte) (map[string][]byte, error)) (again bool, err error) {
	api := s.cluster.API().Resource(secrets).Namespace(s.cluster.Namespace())
	found, err := api.Get(ctx, s.name, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return false, cluster.Explain(err, "reading "+s.String(), "get", "secrets")
	}
	held := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.cluster.Namespace(), Name: s.name}, Type: corev1.SecretTypeOpaque}
	if !missing {
		if held, err = cluster.Decode[corev1.Secret](found); err != nil {
			return false, err
		}
	}
	next, err := change(maps.Clone(held.Data))
	if err != nil {
		return false, fmt.Errorf("%s: %w", s, err)
	}
	if next == nil || maps.EqualFunc(next, held.Data, bytes.Equal) {
		return false, nil
	}
	held.Data = next
	o, err := cluster.Encode("v1", "Secret", held)
	if err != nil {
		return false, err
	}
	if missing {
		_, err = api.Create(ctx, o, metav1.CreateOptions{})
	} else {
		_, err = api.Update(ctx, o, metav1.UpdateOptions{}) // with the version that was read
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) && !missing {
		return true, nil
	}
	return false, cluster.Explain(err, "writing "+s.String(), "create and update", "secrets")
}
