package webhook

import (
	"encoding/json"
	"fmt"
	"slices"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// workload is what the gate needs of an object: the images that it would run.
type workload struct {
	deleting bool              // the object has a deletionTimestamp
	labels   map[string]string // of the pods
	images   []string          // as written, without repeats, in order
}

// added lists the images that old does not have.
func (w workload) added(old workload) (names []string) {
	for _, name := range w.images {
		if !slices.Contains(old.images, name) {
			names = append(names, name)
		}
	}
	return names
}

// known tells the kinds whose objects hold pods.
func known(kind metav1.GroupVersionKind) bool {
	_, ok := newObject(kind)
	return ok
}

// object is a typed object and the places in it that matter.
type object struct {
	into   any
	meta   *metav1.ObjectMeta
	pod    *core.PodSpec
	labels *map[string]string
}

// newObject makes an empty object of kind, if that kind holds pods. Versions are
// not told apart: the API server converts to the one that is registered.
func newObject(kind metav1.GroupVersionKind) (object, bool) {
	of := func(into any, meta *metav1.ObjectMeta, t *core.PodTemplateSpec) (object, bool) {
		return object{into, meta, &t.Spec, &t.Labels}, true
	}
	switch kind.Group + "/" + kind.Kind {
	case "/Pod":
		v := new(core.Pod)
		return object{v, &v.ObjectMeta, &v.Spec, &v.Labels}, true
	case "/PodTemplate":
		v := new(core.PodTemplate)
		return of(v, &v.ObjectMeta, &v.Template)
	case "/ReplicationController":
		v := &core.ReplicationController{Spec: core.ReplicationControllerSpec{Template: new(core.PodTemplateSpec)}}
		return of(v, &v.ObjectMeta, v.Spec.Template)
	case "apps/ReplicaSet":
		v := new(apps.ReplicaSet)
		return of(v, &v.ObjectMeta, &v.Spec.Template)
	case "apps/Deployment":
		v := new(apps.Deployment)
		return of(v, &v.ObjectMeta, &v.Spec.Template)
	case "apps/StatefulSet":
		v := new(apps.StatefulSet)
		return of(v, &v.ObjectMeta, &v.Spec.Template)
	case "apps/DaemonSet":
		v := new(apps.DaemonSet)
		return of(v, &v.ObjectMeta, &v.Spec.Template)
	case "batch/Job":
		v := new(batch.Job)
		return of(v, &v.ObjectMeta, &v.Spec.Template)
	case "batch/CronJob":
		v := new(batch.CronJob)
		return of(v, &v.ObjectMeta, &v.Spec.JobTemplate.Spec.Template)
	}
	return object{}, false
}

// readWorkload reads an object of a known kind.
func readWorkload(kind metav1.GroupVersionKind, raw []byte) (workload, error) {
	o, ok := newObject(kind)
	if !ok {
		return workload{}, fmt.Errorf("a %s holds no pods", kind.Kind)
	}
	if err := json.Unmarshal(raw, o.into); err != nil {
		return workload{}, fmt.Errorf("the %s cannot be read: %w", kind.Kind, err)
	}
	return workload{deleting: o.meta.DeletionTimestamp != nil, labels: *o.labels, images: images(o.pod)}, nil
}

// images lists what a pod pulls: of containers of all three sorts, and of
// volumes that are images.
func images(pod *core.PodSpec) (names []string) {
	seen := map[string]bool{}
	add := func(name string) {
		if name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, c := range pod.InitContainers {
		add(c.Image)
	}
	for _, c := range pod.Containers {
		add(c.Image)
	}
	for _, c := range pod.EphemeralContainers {
		add(c.Image)
	}
	for _, v := range pod.Volumes {
		if v.Image != nil {
			add(v.Image.Reference)
		}
	}
	return names
}
