package webhook

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
)

// object is what the webhook reads of a workload: one narrow shape for all
// built-in kinds, since the pod's template is only nested at different depths.
// Everything else is skipped unread, so that fields of newer Kubernetes
// versions cannot make a workload unreadable.
type object struct {
	Metadata metadata  `json:"metadata"`
	Spec     *spec     `json:"spec"`
	Template *template `json:"template"` // PodTemplate
}

type metadata struct {
	DeletionTimestamp *string           `json:"deletionTimestamp"`
	Labels            map[string]string `json:"labels"`
}

type spec struct {
	podSpec
	Template    *template `json:"template"` // Deployment, StatefulSet, …, Job
	JobTemplate *struct {
		Spec *struct {
			Template *template `json:"template"`
		} `json:"spec"`
	} `json:"jobTemplate"` // CronJob
}

type template struct {
	Metadata metadata `json:"metadata"`
	Spec     *podSpec `json:"spec"`
}

type podSpec struct {
	InitContainers      []container `json:"initContainers"` // sidecars included
	Containers          []container `json:"containers"`
	EphemeralContainers []container `json:"ephemeralContainers"`
	Volumes             []struct {
		Image *struct {
			Reference string `json:"reference"`
		} `json:"image"`
	} `json:"volumes"`
}

type container struct {
	Image string `json:"image"`
}

// workload is the pods that an object is, or will make.
type workload struct {
	labels   map[string]string // of the pods: the same in a workload and in every pod that it makes
	images   []string          // as written, sorted, without repeats
	deleting bool
}

// shapes say where each kind keeps its pods. Old versions of a kind
// (extensions/v1beta1) keep them in the same place.
var shapes = map[metav1.GroupKind]func(*object) *template{
	{Group: "", Kind: "Pod"}:                   podItself,
	{Group: "", Kind: "PodTemplate"}:           func(o *object) *template { return o.Template },
	{Group: "", Kind: "ReplicationController"}: specTemplate,
	{Group: "apps", Kind: "ReplicaSet"}:        specTemplate,
	{Group: "apps", Kind: "Deployment"}:        specTemplate,
	{Group: "apps", Kind: "StatefulSet"}:       specTemplate,
	{Group: "apps", Kind: "DaemonSet"}:         specTemplate,
	{Group: "extensions", Kind: "ReplicaSet"}:  specTemplate,
	{Group: "extensions", Kind: "Deployment"}:  specTemplate,
	{Group: "extensions", Kind: "DaemonSet"}:   specTemplate,
	{Group: "batch", Kind: "Job"}:              specTemplate,
	{Group: "batch", Kind: "CronJob"}:          jobTemplate,
}

func podItself(o *object) *template {
	if o.Spec == nil {
		return nil
	}
	return &template{Metadata: o.Metadata, Spec: &o.Spec.podSpec}
}

func specTemplate(o *object) *template {
	if o.Spec == nil {
		return nil
	}
	return o.Spec.Template
}

func jobTemplate(o *object) *template {
	if o.Spec == nil || o.Spec.JobTemplate == nil || o.Spec.JobTemplate.Spec == nil {
		return nil
	}
	return o.Spec.JobTemplate.Spec.Template
}

// known tells whether objects of the kind hold images that the webhook finds.
func known(kind metav1.GroupVersionKind) bool {
	return shapes[metav1.GroupKind{Group: kind.Group, Kind: kind.Kind}] != nil
}

// readWorkload reads an object of a known kind.
func readWorkload(kind metav1.GroupVersionKind, raw []byte) (workload, error) {
	var o object
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &o); err != nil {
		return workload{}, fmt.Errorf("the %s cannot be read: %w", kind.Kind, err)
	}
	w := workload{deleting: o.Metadata.DeletionTimestamp != nil}
	t := shapes[metav1.GroupKind{Group: kind.Group, Kind: kind.Kind}](&o)
	if t == nil {
		return w, nil
	}
	w.labels = t.Metadata.Labels
	if t.Spec != nil {
		w.images = t.Spec.images()
	}
	return w, nil
}

// images lists what a pod of the spec would pull. Empty names are left out:
// templates may leave an image to be filled in later, and a pod without one
// does not pass the API server's own validation.
func (s *podSpec) images() []string {
	found := map[string]struct{}{}
	for _, list := range [][]container{s.InitContainers, s.Containers, s.EphemeralContainers} {
		for _, c := range list {
			found[c.Image] = struct{}{}
		}
	}
	for _, v := range s.Volumes {
		if v.Image != nil {
			found[v.Image.Reference] = struct{}{}
		}
	}
	delete(found, "")
	return slices.Sorted(maps.Keys(found))
}

// added are the images of w that old does not have. What runs already is not
// judged again by an update that has other things in mind: scaling down,
// annotating, or replacing the other container must stay possible. Pods made
// anew meet the gate themselves.
func (w workload) added(old workload) []string {
	return slices.DeleteFunc(slices.Clone(w.images), func(s string) bool {
		return slices.Contains(old.images, s)
	})
}
