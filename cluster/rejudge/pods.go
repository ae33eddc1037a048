package rejudge

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/image"
)

var podsResource = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// pod is what is read of a Pod; everything else is dropped with its page.
type pod struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		InitContainers      []container `json:"initContainers"`
		Containers          []container `json:"containers"`
		EphemeralContainers []container `json:"ephemeralContainers"`
		Volumes             []struct {
			Image *struct {
				Reference string `json:"reference"`
			} `json:"image"`
		} `json:"volumes"`
	} `json:"spec"`
	Status struct {
		InitContainers      []running `json:"initContainerStatuses"`
		Containers          []running `json:"containerStatuses"`
		EphemeralContainers []running `json:"ephemeralContainerStatuses"`
	} `json:"status"`
}

type container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

// running is what the kubelet says of a container.
type running struct {
	Name    string `json:"name"`
	ImageID string `json:"imageID"`
	State   struct {
		Waiting *struct{} `json:"waiting"`
	} `json:"state"`
}

// never tells that no such container ran: its image could not be pulled, was
// denied, or is not there yet. The kubelet fills in the image once it has it.
func (r running) never() bool { return r.State.Waiting != nil && r.ImageID == "" }

// images lists the images of p that ran or may run by now: as written, and with
// the digest that the kubelet pulled where it says so. What tags mean by now is
// not what runs.
func (p *pod) images() map[string]digest.Digest {
	found := map[string]digest.Digest{}
	for _, s := range []struct {
		containers []container
		statuses   []running
	}{
		{p.Spec.InitContainers, p.Status.InitContainers},
		{p.Spec.Containers, p.Status.Containers},
		{p.Spec.EphemeralContainers, p.Status.EphemeralContainers},
	} {
		pulled, waits := map[string]digest.Digest{}, map[string]bool{}
		for _, r := range s.statuses {
			pulled[r.Name], waits[r.Name] = pulledDigest(r.ImageID), r.never()
		}
		for _, c := range s.containers {
			if c.Image != "" && !waits[c.Name] && (found[c.Image] == "" || pulled[c.Name] != "") {
				found[c.Image] = pulled[c.Name]
			}
		}
	}
	for _, v := range p.Spec.Volumes {
		if v.Image != nil && v.Image.Reference != "" {
			if _, ok := found[v.Image.Reference]; !ok {
				found[v.Image.Reference] = ""
			}
		}
	}
	return found
}

// pulledDigest is the digest in a status' imageID, which engines write as
// repository@digest, some with a scheme before it. An image that was never in a
// registry has an ID that is no manifest's digest, without a repository.
func pulledDigest(imageID string) digest.Digest {
	_, after, ok := strings.Cut(imageID, "@")
	if !ok {
		return ""
	}
	d := digest.Digest(after)
	if d.Validate() != nil {
		return ""
	}
	return d
}

// unit is one image of one workload: what is judged once, however many pods
// there are of it.
type unit struct {
	written string
	ref     image.Reference
	err     error // of the name
	owner   owner // direct: the ReplicaSet, not its Deployment
	labels  map[string]string
	pods    []types.NamespacedName
	uids    []types.UID
}

// namespace is what runs in one.
type namespace struct {
	name  string
	units map[unitKey]*unit
}

type unitKey struct {
	owner types.UID
	image string
}

const (
	pageSize = 250 // pods; a page is some MB at most
	// evictable bounds the pods that are remembered of one unit.
	evictable = 100
	// maxUnits bounds what is remembered of one namespace. What is more is said.
	maxUnits = 20000
)

// pods lists all pods that have not ended, and calls each with one namespace
// after the other, but for those to skip: the API server gives pages in the order
// of their keys.
func (c *Controller) pods(ctx context.Context, skip func(namespace string) bool, each func(context.Context, *namespace) error) error {
	options := metav1.ListOptions{Limit: pageSize, FieldSelector: "status.phase!=Succeeded,status.phase!=Failed"}
	var current *namespace
	for {
		page, err := c.cfg.Cluster.API().Resource(podsResource).List(ctx, options)
		if err != nil {
			return cluster.Explain(err, "listing what runs", "list", "pods")
		}
		for i := range page.Items {
			o := &page.Items[i]
			in := o.GetNamespace()
			if skip(in) || o.GetDeletionTimestamp() != nil {
				continue
			}
			if current == nil || current.name != in {
				if current != nil {
					if err := each(ctx, current); err != nil {
						return err
					}
				}
				current = &namespace{name: in, units: map[unitKey]*unit{}}
			}
			p, err := cluster.Decode[pod](o)
			if err != nil {
				return err
			}
			if err := c.add(current, p); err != nil {
				return err
			}
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			break
		}
	}
	if current != nil {
		return each(ctx, current)
	}
	return nil
}

// add takes a pod's images into what runs in its namespace.
func (c *Controller) add(n *namespace, p *pod) error {
	by := ownerOf(p)
	for written, d := range p.images() {
		ref, err := image.Parse(written)
		if err == nil {
			if ref = c.cfg.Behind(ref); d != "" {
				ref = ref.WithDigest(d)
			}
		}
		key := unitKey{by.UID, written + "@" + d.String()}
		u := n.units[key]
		if u == nil {
			if len(n.units) == maxUnits {
				return fmt.Errorf("in namespace %s more than %d images of workloads run: they are not judged", n.name, maxUnits)
			}
			u = &unit{written: written, ref: ref, err: err, owner: by, labels: p.Metadata.Labels}
			n.units[key] = u
		}
		// What the kubelet runs from a file cannot be evicted.
		if _, static := p.Metadata.Annotations["kubernetes.io/config.mirror"]; !static && len(u.pods) < evictable {
			u.pods = append(u.pods, types.NamespacedName{Namespace: n.name, Name: p.Metadata.Name})
			u.uids = append(u.uids, p.Metadata.UID)
		}
	}
	return nil
}
