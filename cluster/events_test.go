package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sallyport-dev/sallyport/cluster"
)

func denied(namespace, name string) cluster.Event {
	return cluster.Event{
		Object:  corev1.ObjectReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Namespace: namespace, Name: name, UID: "u"},
		Warning: true, Reason: "ImageDenied", Action: "Deny", Note: "denied by policy DTA",
	}
}

func counts(reg *prometheus.Registry) string {
	families, _ := reg.Gather()
	var all []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			all = append(all, fmt.Sprintf("%s=%g", m.GetLabel()[0].GetValue(), m.GetCounter().GetValue()))
		}
	}
	return strings.Join(all, " ")
}

func TestRepeatedEventsAreCountedInOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, api := connect(t)
		reg := prometheus.NewRegistry()
		e, err := cluster.NewEvents(c, reg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		for range 5 {
			e.Report(denied("shop", "web-1"))
			synctest.Wait()
		}
		if got := counts(reg); got != "counted=4 dropped=0 failed=0 written=1" {
			t.Error(got)
		}
		time.Sleep(2 * time.Minute)
		e.Report(denied("shop", "web-1"))
		synctest.Wait()
		var created *eventsv1.Event
		var patched string
		for _, a := range api.Actions() {
			switch a := a.(type) {
			case clienttesting.CreateAction:
				if created, err = cluster.Decode[eventsv1.Event](a.GetObject().(*unstructured.Unstructured)); err != nil {
					t.Fatal(err)
				}
			case clienttesting.PatchAction:
				patched = string(a.GetPatch())
			}
		}
		if created == nil || created.Namespace != "shop" || created.Regarding.Kind != "ReplicaSet" || created.Regarding.UID != "u" || created.Type != "Warning" ||
			created.Reason != "ImageDenied" || created.Action != "Deny" || created.Note != "denied by policy DTA" || created.ReportingController != "sallyport.dev/gate" ||
			created.ReportingInstance == "" || created.EventTime.IsZero() || !strings.HasPrefix(created.Name, "web-1.") {
			t.Errorf("created %+v", created)
		}
		if !strings.Contains(patched, `"count":6`) {
			t.Errorf("patched %s", patched)
		}
		time.Sleep(time.Hour) // the API server has forgotten it
		e.Report(denied("shop", "web-1"))
		synctest.Wait()
		if got := counts(reg); got != "counted=5 dropped=0 failed=0 written=2" {
			t.Error(got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAFloodOfEventsIsCutAndHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, api := connect(t)
		reg := prometheus.NewRegistry()
		e, err := cluster.NewEvents(c, reg)
		if err != nil {
			t.Fatal(err)
		}
		hold := make(chan struct{})
		api.PrependReactor("create", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
			<-hold
			return false, nil, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		for i := range 3000 { // returns although nothing is written
			e.Report(denied("noisy", fmt.Sprint("web-", i)))
			synctest.Wait()
		}
		close(hold)
		synctest.Wait()
		e.Report(denied("quiet", "db-1"))
		synctest.Wait()
		cancel()
		<-ended
		written := 0
		quiet := false
		for _, a := range api.Actions() {
			if a, ok := a.(clienttesting.CreateAction); ok {
				written++
				quiet = quiet || a.GetNamespace() == "quiet"
			}
		}
		if written > 60 || written < 20 || !quiet {
			t.Errorf("%d written, the quiet namespace's among them: %v (%s)", written, quiet, counts(reg))
		}
	})
}

func TestEventsThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, api := connect(t)
		api.PrependReactor("create", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, errors.New("the API server is away")
		})
		reg := prometheus.NewRegistry()
		e, err := cluster.NewEvents(c, reg)
		if err != nil {
			t.Fatal(err)
		}
		long := denied("shop", strings.Repeat("w", 253))
		long.Note = strings.Repeat("ü", 2000)
		e.Report(long)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := e.Run(ctx); err != nil { // what waits is still tried
			t.Error(err)
		}
		if n, err := testutil.GatherAndCount(reg); err != nil || n != 4 || !strings.Contains(counts(reg), "failed=1") {
			t.Errorf("%s, %v", counts(reg), err)
		}
		o := api.Actions()[0].(clienttesting.CreateAction).GetObject().(*unstructured.Unstructured)
		note, _, _ := unstructured.NestedString(o.Object, "note")
		if len(o.GetName()) > 253 || len(note) > 1024 || !strings.HasSuffix(note, "ü…") {
			t.Errorf("name of %d, note of %d: …%s", len(o.GetName()), len(note), note[len(note)-10:])
		}
	})
}
