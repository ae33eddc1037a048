package workload

import (
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
)

// Kind is a kind of object beyond the built-in ones, in every version that it has.
type Kind struct {
	Group string   // argoproj.io
	Kind  string   // Rollout
	Paths []string // to its pods: fields joined by dots, with [*] behind lists and maps of which every item counts
}

// Kinds are all kinds that can be read. It is safe for concurrent use.
type Kinds struct{ custom map[metav1.GroupKind][]path }

// maxPaths bounds the paths of one kind.
const maxPaths = 32

// NewKinds returns the built-in kinds and more. The error joins all that is
// wrong with more, each with its kind.
func NewKinds(more []Kind) (*Kinds, error) {
	k := &Kinds{custom: make(map[metav1.GroupKind][]path, len(more))}
	var errs []error
	for _, m := range more {
		paths, err := k.check(m)
		if err != nil {
			errs = append(errs, fmt.Errorf("kind %q of group %q: %w", m.Kind, m.Group, err))
			continue
		}
		k.custom[metav1.GroupKind{Group: m.Group, Kind: m.Kind}] = paths
	}
	return k, errors.Join(errs...)
}

func (k *Kinds) check(m Kind) ([]path, error) {
	gk := metav1.GroupKind{Group: m.Group, Kind: m.Kind}
	switch {
	case m.Kind == "" || strings.ContainsAny(m.Kind, "./ \t*"):
		return nil, errors.New("write the kind as it stands in manifests, e.g. Rollout")
	case strings.ContainsAny(m.Group, "/ \t*"):
		return nil, errors.New("write the group without its version, e.g. argoproj.io")
	case shapes[gk] != nil:
		return nil, errors.New("it is built in: leave it out")
	case k.custom[gk] != nil:
		return nil, errors.New("it is listed twice: put all its paths into one entry")
	case len(m.Paths) == 0:
		return nil, errors.New("it has no paths: name at least one, e.g. spec.template")
	case len(m.Paths) > maxPaths:
		return nil, fmt.Errorf("it has %d paths: at most %d are read", len(m.Paths), maxPaths)
	}
	paths := make([]path, len(m.Paths))
	for i, text := range m.Paths {
		var err error
		if paths[i], err = parsePath(text); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// Knows tells whether objects of the kind can be read.
func (k *Kinds) Knows(kind metav1.GroupVersionKind) bool {
	gk := groupKind(kind)
	return shapes[gk] != nil || k.custom[gk] != nil
}

// Read reads an object of a known kind. Keys are matched with their case, as
// the API server does: a "Containers" beside "containers" is an unknown field,
// not a second list.
func (k *Kinds) Read(kind metav1.GroupVersionKind, raw []byte) (Object, error) {
	gk := groupKind(kind)
	if shape := shapes[gk]; shape != nil {
		return readBuiltIn(kind.Kind, shape, raw)
	}
	paths, ok := k.custom[gk]
	if !ok {
		return Object{}, fmt.Errorf("a %s of %q is no known kind", kind.Kind, kind.Group)
	}
	return readCustom(kind.Kind, paths, raw)
}

// object is the one narrow shape of all built-in kinds: the pod's template is
// only nested at different depths.
type object struct {
	Metadata meta      `json:"metadata"`
	Spec     *spec     `json:"spec"`
	Template *template `json:"template"` // PodTemplate
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

// shapes say where each built-in kind keeps its pods. Old versions of a kind
// (extensions/v1beta1) keep them in the same place.
var shapes = map[metav1.GroupKind]func(*object) *template{
	{Group: "", Kind: "Pod"}:                               podItself,
	{Group: "", Kind: "PodTemplate"}:                       func(o *object) *template { return o.Template },
	{Group: "", Kind: "ReplicationController"}:             specTemplate,
	{Group: "apps", Kind: "ReplicaSet"}:                    specTemplate,
	{Group: "apps", Kind: "Deployment"}:                    specTemplate,
	{Group: "apps", Kind: "StatefulSet"}:                   specTemplate,
	{Group: "apps", Kind: "DaemonSet"}:                     specTemplate,
	{Group: "extensions", Kind: "ReplicaSet"}:              specTemplate,
	{Group: "extensions", Kind: "Deployment"}:              specTemplate,
	{Group: "extensions", Kind: "DaemonSet"}:               specTemplate,
	{Group: "batch", Kind: "Job"}:                          specTemplate,
	{Group: "batch", Kind: "CronJob"}:                      jobTemplate,
	{Group: "", Kind: "DeploymentConfig"}:                  specTemplate, // OpenShift, before it had groups
	{Group: "apps.openshift.io", Kind: "DeploymentConfig"}: specTemplate,
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

func readBuiltIn(kind string, shape func(*object) *template, raw []byte) (Object, error) {
	var doc object
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &doc); err != nil {
		return Object{}, fmt.Errorf("the %s cannot be read: %w", kind, err)
	}
	var o Object
	doc.Metadata.into(&o)
	if p, ok := shape(&doc).pod(); ok {
		o.Pods = []Pod{p}
	}
	return o, nil
}
