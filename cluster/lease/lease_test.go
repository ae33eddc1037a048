package lease_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/cluster/lease"
)

// replica is one that wants to be elected. away cuts it off from the API server.
type replica struct {
	lease   *lease.Lease
	leads   atomic.Int32 // 1 while it does
	away    atomic.Bool
	stop    context.CancelFunc
	stopped chan error
}

func start(t *testing.T, shared *fake.FakeDynamicClient, name string, lead func(context.Context) error) *replica {
	t.Helper()
	r := &replica{stopped: make(chan error, 1)}
	api := fake.NewSimpleDynamicClient(runtime.NewScheme())
	api.PrependReactor("*", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if r.away.Load() {
			return true, nil, errors.New("connection refused")
		}
		return forward(shared, a)
	})
	c := cluster.New(api, "gate", 10*time.Second, slog.New(slog.NewTextHandler(io.Discard, nil)))
	r.lease = lease.New(c, "rejudge", name)
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() {
		r.stopped <- r.lease.Run(ctx, func(ctx context.Context) error {
			r.leads.Add(1)
			defer r.leads.Add(-1)
			return lead(ctx)
		})
	}()
	return r
}

func forward(to *fake.FakeDynamicClient, a clienttesting.Action) (bool, runtime.Object, error) {
	api := to.Resource(a.GetResource()).Namespace(a.GetNamespace())
	ctx := context.Background()
	var o *unstructured.Unstructured
	var err error
	switch a := a.(type) {
	case clienttesting.UpdateAction: // and create, which has the same methods
		object := a.GetObject().(*unstructured.Unstructured)
		if a.GetVerb() == "create" {
			o, err = api.Create(ctx, object, metav1.CreateOptions{})
		} else {
			o, err = api.Update(ctx, object, metav1.UpdateOptions{})
		}
	case clienttesting.GetAction:
		o, err = api.Get(ctx, a.GetName(), metav1.GetOptions{})
	}
	return true, o, err
}

func until(ctx context.Context) error { <-ctx.Done(); return nil }

func holder(t *testing.T, shared *fake.FakeDynamicClient) (string, int64) {
	t.Helper()
	o, err := shared.Resource(schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}).Namespace("gate").Get(t.Context(), "rejudge", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := unstructured.NestedString(o.Object, "spec", "holderIdentity")
	changes, _, _ := unstructured.NestedInt64(o.Object, "spec", "leaseTransitions")
	return name, changes
}

func TestOneReplicaLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := fake.NewSimpleDynamicClient(runtime.NewScheme())
		one := start(t, shared, "one", until)
		synctest.Wait()
		two := start(t, shared, "two", until)
		expect := func(when string, first, second int32, name string) {
			t.Helper()
			synctest.Wait()
			if one.leads.Load() != first || two.leads.Load() != second || one.lease.Holds() != (first == 1) || two.lease.Holds() != (second == 1) {
				t.Errorf("%s: %d and %d lead", when, one.leads.Load(), two.leads.Load())
			}
			if got, _ := holder(t, shared); got != name {
				t.Errorf("%s: %q holds the lease", when, got)
			}
		}
		time.Sleep(10 * time.Minute)
		expect("after ten minutes", 1, 0, "one")

		one.away.Store(true)
		time.Sleep(21 * time.Second)
		expect("the holder cannot renew: it gives up before another is elected", 0, 0, "one")
		time.Sleep(20 * time.Second)
		expect("the lease ended", 0, 1, "two")
		one.away.Store(false)
		time.Sleep(time.Minute)
		expect("the old holder is back", 0, 1, "two")

		two.stop()
		if err := <-two.stopped; err != nil {
			t.Error(err)
		}
		expect("the holder was stopped and gave it back", 0, 0, "")
		time.Sleep(6 * time.Second)
		expect("another takes it at once", 1, 0, "one")
		if _, changes := holder(t, shared); changes != 2 {
			t.Errorf("%d transitions", changes)
		}
		one.stop()
		<-one.stopped
	})
}

func TestWorkThatFailsIsTakenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		times := 0
		r := start(t, fake.NewSimpleDynamicClient(runtime.NewScheme()), "one", func(ctx context.Context) error {
			if times++; times < 3 {
				return errors.New("broken")
			}
			return until(ctx)
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if times != 3 || !r.lease.Holds() {
			t.Errorf("%d times, holds %v", times, r.lease.Holds())
		}
		r.stop()
		<-r.stopped
	})
}
