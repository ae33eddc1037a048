package rejudge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sallyport-dev/sallyport/cluster"
)

// Mark is the label (true) and the annotation (why) of workloads that run and
// would be denied. It is on the workload itself and not on its pod template, so
// that nothing is rolled out by it.
const Mark = "sallyport.dev/denied"

const maxMark = 1024 // bytes of the annotation

// mark is a Mark that a workload has.
type mark struct {
	resource        schema.GroupVersionResource
	namespace, name string
	text            string
}

// readMarks finds the workloads that are marked.
func (r *round) readMarks(ctx context.Context) (map[types.UID]mark, error) {
	all := map[types.UID]mark{}
	for _, kind := range slices.Sorted(maps.Keys(resources)) {
		resource := resources[kind]
		options := metav1.ListOptions{Limit: 100, LabelSelector: Mark}
		for {
			page, err := r.cfg.Cluster.API().Resource(resource).List(ctx, options)
			if err != nil {
				return nil, cluster.Explain(err, "listing marked workloads", "list", resource.GroupResource().String())
			}
			for i := range page.Items {
				o := &page.Items[i]
				all[o.GetUID()] = mark{resource, o.GetNamespace(), o.GetName(), o.GetAnnotations()[Mark]}
			}
			if options.Continue = page.GetContinue(); options.Continue == "" {
				break
			}
		}
	}
	return all, nil
}

// mark marks the workloads of violations. Kinds that are not built in are left
// as they are: nobody said that the gate may change them.
func (r *round) mark(ctx context.Context, namespace string, violations []violation) error {
	why := map[owner][]string{}
	for _, v := range violations {
		text := v.decision.Reference.String()
		if p := v.decision.Policy; p != "" {
			text += fmt.Sprintf(" (policy %q, control %s)", p, v.decision.Control)
		}
		why[v.owner] = append(why[v.owner], text)
	}
	var errs []error
	for o, texts := range why {
		resource, ok := resources[o.kind()]
		if !ok {
			continue
		}
		r.marked[string(o.UID)] = true
		text := cluster.Cut(strings.Join(texts, "; "), maxMark)
		if r.marks[o.UID].text == text {
			continue
		}
		errs = append(errs, r.patch(ctx, mark{resource, namespace, o.Name, text}, o.UID, "true", text))
	}
	return errors.Join(errs...)
}

// unmark takes the mark from workloads that would be denied no more.
func (r *round) unmark(ctx context.Context) error {
	var errs []error
	for uid, m := range r.marks {
		if !r.marked[string(uid)] {
			errs = append(errs, r.patch(ctx, m, uid, nil, nil))
		}
	}
	return errors.Join(errs...)
}

func (r *round) patch(ctx context.Context, m mark, uid types.UID, label, annotation any) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         uid, // of this workload, and of no other by its name
		"labels":      map[string]any{Mark: label},
		"annotations": map[string]any{Mark: annotation},
	}})
	if err != nil {
		return err
	}
	_, err = r.cfg.Cluster.API().Resource(m.resource).Namespace(m.namespace).Patch(ctx, m.name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "sallyport"})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, or another by now
	}
	return cluster.Explain(err, fmt.Sprintf("marking %s %s/%s", m.resource.Resource, m.namespace, m.name), "patch", m.resource.GroupResource().String())
}
