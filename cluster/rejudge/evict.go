package rejudge

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sallyport-dev/sallyport/cluster"
)

var namespacesResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// evict asks the API server to evict the pods of violations, within what
// disruption budgets and Config.PerMinute leave.
func (r *round) evict(ctx context.Context, namespace string, violations []violation) error {
	n, err := r.cfg.Cluster.API().Resource(namespacesResource).Get(ctx, namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return cluster.Explain(err, "reading the namespace "+namespace, "get", "namespaces")
	}
	if !r.cfg.Enforced(namespace, n.GetLabels()) {
		return nil
	}
	gone := map[types.UID]bool{} // a pod may have several such images
	for _, v := range violations {
		for i, p := range v.unit.pods {
			uid := v.unit.uids[i]
			if gone[uid] {
				continue
			}
			gone[uid] = true
			if !r.evicted.Allow() {
				r.unfinished = true
				return nil
			}
			if err := r.evictPod(ctx, v, p, uid); err != nil {
				return err
			}
		}
		if len(v.unit.pods) == evictable {
			r.unfinished = true // there may be more
		}
	}
	return nil
}

func (r *round) evictPod(ctx context.Context, v violation, p types.NamespacedName, uid types.UID) error {
	// Pods that the API server refuses to evict for now answer 429, which the
	// client would otherwise wait out.
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := r.cfg.Cluster.API().Resource(podsResource).Namespace(p.Namespace).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "policy/v1", "kind": "Eviction",
		"metadata":      map[string]any{"namespace": p.Namespace, "name": p.Name},
		"deleteOptions": map[string]any{"preconditions": map[string]any{"uid": string(uid)}},
	}}, metav1.CreateOptions{}, "eviction")
	switch {
	case err == nil:
		r.metrics.evicted.WithLabelValues("evicted").Inc()
		r.log.WarnContext(ctx, "evicted a pod that would be denied now", "namespace", p.Namespace, "pod", p.Name, "image", v.unit.written, "decision", v.decision.ID)
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		// It has ended meanwhile.
	case apierrors.IsTooManyRequests(err):
		r.metrics.evicted.WithLabelValues("refused").Inc()
		r.unfinished = true
	default:
		r.metrics.evicted.WithLabelValues("failed").Inc()
		return cluster.Explain(err, "evicting the pod "+p.String(), "create", "pods/eviction")
	}
	return nil
}
