package sensor

import "sync"

// maxOpened is how many descriptors are remembered.
const maxOpened = 4096

// opened remembers by which path descriptors were opened that lose it: those
// of namespaces have none of their own. It forgets the oldest; a wrong answer
// needs a descriptor that was closed and opened again as another namespace by
// a way that is not watched.
type opened struct {
	mu    sync.Mutex
	names map[descriptorOf]string
	order []descriptorOf
}

type descriptorOf struct{ pid, fd int32 }

func newOpened() *opened { return &opened{names: map[descriptorOf]string{}} }

func (o *opened) add(pid, fd int32, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := descriptorOf{pid, fd}
	if _, known := o.names[key]; !known {
		if len(o.order) >= maxOpened {
			delete(o.names, o.order[0])
			o.order = o.order[1:]
		}
		o.order = append(o.order, key)
	}
	o.names[key] = name
}

func (o *opened) name(pid, fd int32) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.names[descriptorOf{pid, fd}]
}
