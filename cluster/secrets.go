package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/sallyport-dev/sallyport/internal/pullsecret"
)

// PullSecrets answers from the cluster's pull secrets.
func (c *Cluster) PullSecrets() *pullsecret.Secrets { return pullsecret.New(c, c.namespace) }

// Secret implements pullsecret.Cluster.
func (c *Cluster) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return get[corev1.Secret](ctx, c, "secrets", namespace, name)
}

// ServiceAccount implements pullsecret.Cluster.
func (c *Cluster) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	return get[corev1.ServiceAccount](ctx, c, "serviceaccounts", namespace, name)
}

func get[T any](ctx context.Context, c *Cluster, resource, namespace, name string) (*T, error) {
	ctx, cancel := c.request(ctx)
	defer cancel()
	o, err := c.api.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	what := fmt.Sprintf("%s %s/%s", resource[:len(resource)-1], namespace, name)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%w: the %s", pullsecret.ErrNotFound, what)
	}
	if err != nil {
		return nil, Explain(err, "reading the "+what, "get", resource)
	}
	return Decode[T](o)
}
