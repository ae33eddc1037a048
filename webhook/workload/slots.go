package workload

import (
	"fmt"

	kjson "sigs.k8s.io/json"
)

// Slot is a place in a pod that names an image.
type Slot struct {
	Pointer string // RFC 6901, from the root of the pod
	Image   string // as written
}

// Slots returns all places of a Pod that name an image, in their order.
func Slots(raw []byte) ([]Slot, error) {
	var doc struct {
		Spec podSpec `json:"spec"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &doc); err != nil {
		return nil, fmt.Errorf("the Pod cannot be read: %w", err)
	}
	var slots []Slot
	for _, list := range []struct {
		name string
		of   []container
	}{{"initContainers", doc.Spec.InitContainers}, {"containers", doc.Spec.Containers}, {"ephemeralContainers", doc.Spec.EphemeralContainers}} {
		for i, c := range list.of {
			if c.Image != "" {
				slots = append(slots, Slot{fmt.Sprintf("/spec/%s/%d/image", list.name, i), c.Image})
			}
		}
	}
	for i, v := range doc.Spec.Volumes {
		if v.Image != nil && v.Image.Reference != "" {
			slots = append(slots, Slot{fmt.Sprintf("/spec/volumes/%d/image/reference", i), v.Image.Reference})
		}
	}
	return slots, nil
}
