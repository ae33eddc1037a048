// Package lease elects one replica for work that one must do alone.
//
// A Lease (coordination.k8s.io/v1) enters; a function runs as long as this
// replica holds it. It behaves as client-go's leaderelection does, which
// cannot be used here: its package brings every kind of Kubernetes into each
// start of the program, 11,000 allocations and 23 MB. As there, a replica that
// was paused may go on for a moment beside its successor: what it does must
// bear that.
package lease

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/sallyport-dev/sallyport/cluster"
)

var leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

const (
	duration = 30 * time.Second // after which a holder that is silent is replaced
	deadline = 20 * time.Second // after which a holder that cannot renew gives up
	interval = 5 * time.Second  // between two tries
)

// Lease is one election. Run is called once.
type Lease struct {
	cluster  *cluster.Cluster
	name     string
	identity string
	log      *slog.Logger
	holds    atomic.Bool

	// What was seen of the lease, and when by this replica's own clock: clocks of
	// replicas need not agree.
	seen   coordinationv1.LeaseSpec
	seenAt time.Time
}

// New returns the election by the Lease of that name in the gate's namespace.
// identity is this replica's and no other's.
func New(c *cluster.Cluster, name, identity string) *Lease {
	return &Lease{cluster: c, name: name, identity: identity, log: c.Logger()}
}

// Holds tells whether this replica was elected.
func (l *Lease) Holds() bool { return l.holds.Load() }

// Run has lead called each time that this replica is elected, until ctx ends.
// The context of lead ends when the lease is lost. Before Run returns, and
// after lead has, the lease is given back, so that another replica need not
// wait for its end. An error of lead gives it back, too, and is logged.
func (l *Lease) Run(ctx context.Context, lead func(context.Context) error) error {
	for {
		if !l.acquire(ctx) {
			return nil
		}
		l.log.InfoContext(ctx, "elected", "lease", l.name, "identity", l.identity)
		if err := l.hold(ctx, lead); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "what one replica does alone has failed", "lease", l.name, "error", err)
		}
		l.release(ctx)
		select { // others first
		case <-ctx.Done():
		case <-time.After(interval):
		}
	}
}

// acquire returns when this replica was elected, or false when ctx ended.
func (l *Lease) acquire(ctx context.Context) bool {
	failed := false
	for ctx.Err() == nil {
		ok, err := l.try(ctx)
		if ok {
			return true
		}
		if err != nil && ctx.Err() == nil && !failed {
			failed = true // once is enough
			l.log.WarnContext(ctx, "the lease cannot be asked for", "lease", l.name, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(interval):
		}
	}
	return false
}

// hold runs lead while the lease is renewed.
func (l *Lease) hold(ctx context.Context, lead func(context.Context) error) error {
	ctx, lost := context.WithCancel(ctx)
	defer lost()
	l.holds.Store(true)
	defer l.holds.Store(false)
	ended := make(chan error, 1)
	go func() { ended <- lead(ctx) }()
	renewed := time.Now()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return <-ended
		case <-tick.C:
		}
		ok, err := l.try(ctx)
		switch {
		case ok:
			renewed = time.Now()
		case err == nil:
			l.log.WarnContext(ctx, "another replica was elected", "lease", l.name)
			lost()
		case time.Since(renewed) > deadline-interval:
			l.log.WarnContext(ctx, "the lease cannot be renewed", "lease", l.name, "error", err)
			lost()
		}
	}
}

// try takes or renews the lease; false without error says that another holds it.
func (l *Lease) try(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	api := l.cluster.API().Resource(leases).Namespace(l.cluster.Namespace())
	found, err := api.Get(ctx, l.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		o, err := l.encode(&coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: l.cluster.Namespace(), Name: l.name}, Spec: l.spec(coordinationv1.LeaseSpec{}),
		})
		if err != nil {
			return false, err
		}
		_, err = api.Create(ctx, o, metav1.CreateOptions{})
		return l.outcome(err)
	}
	if err != nil {
		return false, cluster.Explain(err, "reading the lease "+l.name, "get", "leases.coordination.k8s.io")
	}
	held, err := cluster.Decode[coordinationv1.Lease](found)
	if err != nil {
		return false, err
	}
	if !equal(held.Spec, l.seen) {
		l.seen, l.seenAt = held.Spec, time.Now()
	}
	if holder := text(held.Spec.HolderIdentity); holder != "" && holder != l.identity && time.Since(l.seenAt) < life(held.Spec) {
		return false, nil
	}
	held.Spec = l.spec(held.Spec)
	o, err := l.encode(held)
	if err != nil {
		return false, err
	}
	_, err = api.Update(ctx, o, metav1.UpdateOptions{}) // of the version that was read
	return l.outcome(err)
}

func (l *Lease) outcome(err error) (bool, error) {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return false, nil // another was faster
	}
	if err != nil {
		return false, cluster.Explain(err, "taking the lease "+l.name, "create and update", "leases.coordination.k8s.io")
	}
	return true, nil
}

// release gives the lease back, if this replica still holds it.
func (l *Lease) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), interval)
	defer cancel()
	api := l.cluster.API().Resource(leases).Namespace(l.cluster.Namespace())
	found, err := api.Get(ctx, l.name, metav1.GetOptions{})
	if err == nil {
		var held *coordinationv1.Lease
		if held, err = cluster.Decode[coordinationv1.Lease](found); err == nil {
			if text(held.Spec.HolderIdentity) != l.identity {
				return
			}
			nobody, second, now := "", int32(1), metav1.NowMicro()
			held.Spec.HolderIdentity, held.Spec.LeaseDurationSeconds, held.Spec.RenewTime = &nobody, &second, &now
			var o *unstructured.Unstructured
			if o, err = l.encode(held); err == nil {
				_, err = api.Update(ctx, o, metav1.UpdateOptions{})
			}
		}
	}
	if err != nil {
		l.log.WarnContext(ctx, "the lease was not given back: others wait for its end", "lease", l.name, "error", err)
	}
}

// spec is what this replica writes after reading old.
func (l *Lease) spec(old coordinationv1.LeaseSpec) coordinationv1.LeaseSpec {
	seconds, now, changes := int32(duration/time.Second), metav1.NowMicro(), int32(0)
	since := &now
	if old.LeaseTransitions != nil {
		changes = *old.LeaseTransitions
	}
	if text(old.HolderIdentity) == l.identity {
		since = old.AcquireTime
	} else if old.HolderIdentity != nil {
		changes++
	}
	return coordinationv1.LeaseSpec{HolderIdentity: &l.identity, LeaseDurationSeconds: &seconds, AcquireTime: since, RenewTime: &now, LeaseTransitions: &changes}
}

func (l *Lease) encode(held *coordinationv1.Lease) (*unstructured.Unstructured, error) {
	o, err := cluster.Encode(coordinationv1.SchemeGroupVersion.String(), "Lease", held)
	if err != nil {
		return nil, fmt.Errorf("the lease %s: %w", l.name, err)
	}
	return o, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func life(s coordinationv1.LeaseSpec) time.Duration {
	if s.LeaseDurationSeconds == nil {
		return 0
	}
	return time.Duration(*s.LeaseDurationSeconds) * time.Second
}

// equal tells whether nobody wrote in between.
func equal(a, b coordinationv1.LeaseSpec) bool {
	return text(a.HolderIdentity) == text(b.HolderIdentity) && a.RenewTime.Equal(b.RenewTime) && life(a) == life(b)
}
