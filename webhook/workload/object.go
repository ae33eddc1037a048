package workload

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Object is what is read of an object that is a pod or makes pods. Everything
// else is skipped unread, so that fields of newer versions of Kubernetes cannot
// make an object unreadable.
type Object struct {
	UID         types.UID // "" when it has none yet
	Annotations map[string]string
	Owner       *Owner // the controller that made it; nil when a person did
	Deleting    bool
	Mirror      bool  // a pod that stands for one which a node runs from a file
	Pods        []Pod // one for each template that pulls anything
}

// Owner is the controller of an object.
type Owner struct {
	APIVersion string
	Kind       string
	Name       string
	UID        types.UID
}

// Pod is what every pod of one template is.
type Pod struct {
	Labels         map[string]string
	Annotations    map[string]string
	ServiceAccount string   // "" for the namespace's default
	PullSecrets    []string // names of secrets in the pod's namespace
	Images         []string // as written, sorted, without repeats
}

// Added is o without the images that old has, and without the pods that have no
// others. What runs already is not judged again by an update that has other
// things in mind: scaling down, annotating, or replacing the other container
// must stay possible. Pods made anew meet the gate themselves.
func (o Object) Added(old Object) Object {
	var known []string
	for _, p := range old.Pods {
		known = append(known, p.Images...)
	}
	pods := make([]Pod, 0, len(o.Pods))
	for _, p := range o.Pods {
		p.Images = slices.DeleteFunc(slices.Clone(p.Images), func(s string) bool { return slices.Contains(known, s) })
		if len(p.Images) > 0 {
			pods = append(pods, p)
		}
	}
	o.Pods = pods
	return o
}

// Annotation is the value of key on the object, else on the first of its
// templates that has it; "" for none.
func (o Object) Annotation(key string) string {
	if v := o.Annotations[key]; v != "" {
		return v
	}
	for _, p := range o.Pods {
		if v := p.Annotations[key]; v != "" {
			return v
		}
	}
	return ""
}

// meta is ObjectMeta as far as it is read.
type meta struct {
	UID               types.UID         `json:"uid"`
	DeletionTimestamp *string           `json:"deletionTimestamp"`
	Labels            map[string]string `json:"labels"`
	Annotations       map[string]string `json:"annotations"`
	OwnerReferences   []owner           `json:"ownerReferences"`
}

type owner struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Name       string    `json:"name"`
	UID        types.UID `json:"uid"`
	Controller *bool     `json:"controller"`
}

// into fills in what an object's metadata say.
func (m *meta) into(o *Object) {
	o.UID = m.UID
	o.Annotations, o.Deleting = m.Annotations, m.DeletionTimestamp != nil
	_, o.Mirror = m.Annotations["kubernetes.io/config.mirror"]
	for _, r := range m.OwnerReferences {
		if r.Controller != nil && *r.Controller {
			o.Owner = &Owner{r.APIVersion, r.Kind, r.Name, r.UID}
		}
	}
}

// template is a PodTemplateSpec.
type template struct {
	Metadata meta     `json:"metadata"`
	Spec     *podSpec `json:"spec"`
}

type podSpec struct {
	InitContainers      []container `json:"initContainers"` // sidecars included
	Containers          []container `json:"containers"`
	EphemeralContainers []container `json:"ephemeralContainers"`
	Volumes             []volume    `json:"volumes"`
	ServiceAccountName  string      `json:"serviceAccountName"`
	ImagePullSecrets    []struct {
		Name string `json:"name"`
	} `json:"imagePullSecrets"`
}

type container struct {
	Image string `json:"image"`
}

type volume struct {
	Image *struct {
		Reference string `json:"reference"`
	} `json:"image"`
}

// pod is what a pod of the template is; false when it pulls nothing.
func (t *template) pod() (Pod, bool) {
	if t == nil || t.Spec == nil {
		return Pod{}, false
	}
	p := Pod{Labels: t.Metadata.Labels, Annotations: t.Metadata.Annotations, ServiceAccount: t.Spec.ServiceAccountName, Images: t.Spec.images()}
	for _, s := range t.Spec.ImagePullSecrets {
		if s.Name != "" {
			p.PullSecrets = append(p.PullSecrets, s.Name)
		}
	}
	return p, len(p.Images) > 0
}

// images lists what a pod of the spec would pull. Blank names are left out:
// templates may leave an image to be filled in later, and a pod without one
// does not pass the API server's own validation.
func (s *podSpec) images() []string {
	found := make([]string, 0, len(s.Containers)+len(s.InitContainers)+len(s.EphemeralContainers)+len(s.Volumes))
	for _, list := range [...][]container{s.InitContainers, s.Containers, s.EphemeralContainers} {
		for _, c := range list {
			found = append(found, c.Image)
		}
	}
	for _, v := range s.Volumes {
		if v.Image != nil {
			found = append(found, v.Image.Reference)
		}
	}
	return distinct(found)
}

// distinct sorts names, and leaves out repeats and blank ones.
func distinct(names []string) []string {
	names = slices.DeleteFunc(names, func(s string) bool { return strings.TrimSpace(s) == "" })
	slices.Sort(names)
	return slices.Compact(names)
}

// groupKind names a kind whatever its version.
func groupKind(k metav1.GroupVersionKind) metav1.GroupKind {
	return metav1.GroupKind{Group: k.Group, Kind: k.Kind}
}
