package rejudge

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// owner is a workload, or a pod that nobody made.
type owner struct {
	APIVersion string
	Kind       string
	Name       string
	UID        types.UID
}

func (o owner) reference(namespace string) corev1.ObjectReference {
	return corev1.ObjectReference{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: namespace, Name: o.Name, UID: o.UID}
}

func ownerOf(p *pod) owner {
	if c := metav1.GetControllerOf(&p.Metadata); c != nil && c.Kind != "Node" {
		return owner{c.APIVersion, c.Kind, c.Name, c.UID}
	}
	return owner{"v1", "Pod", p.Metadata.Name, p.Metadata.UID}
}

// made are the kinds that other workloads make, which is where people look.
var made = map[string]schema.GroupVersionResource{
	"apps/v1 ReplicaSet": {Group: "apps", Version: "v1", Resource: "replicasets"},
	"batch/v1 Job":       {Group: "batch", Version: "v1", Resource: "jobs"},
}

// resources are the built-in kinds of workloads.
var resources = map[string]schema.GroupVersionResource{
	"v1 Pod":                   podsResource,
	"v1 ReplicationController": {Version: "v1", Resource: "replicationcontrollers"},
	"apps/v1 ReplicaSet":       made["apps/v1 ReplicaSet"],
	"apps/v1 Deployment":       {Group: "apps", Version: "v1", Resource: "deployments"},
	"apps/v1 StatefulSet":      {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"apps/v1 DaemonSet":        {Group: "apps", Version: "v1", Resource: "daemonsets"},
	"batch/v1 Job":             made["batch/v1 Job"],
	"batch/v1 CronJob":         {Group: "batch", Version: "v1", Resource: "cronjobs"},
}

func (o owner) kind() string { return o.APIVersion + " " + o.Kind }

// top is the workload that a person wrote: the Deployment of a ReplicaSet, the
// CronJob of a Job. What cannot be found out leaves o as it is.
func (c *Controller) top(ctx context.Context, namespace string, o owner) owner {
	kind, ok := made[o.kind()]
	if !ok {
		return o
	}
	if known, ok := c.owners.Get(string(o.UID)); ok {
		return known
	}
	found, err := c.cfg.Cluster.API().Resource(kind).Namespace(namespace).Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil || found.GetUID() != o.UID {
		c.log.DebugContext(ctx, "the owner of a workload was not found", "kind", o.Kind, "namespace", namespace, "name", o.Name, "error", err)
		return o
	}
	over := o
	if by := metav1.GetControllerOf(found); by != nil {
		over = owner{by.APIVersion, by.Kind, by.Name, by.UID}
	}
	c.owners.Add(string(o.UID), over)
	return over
}
