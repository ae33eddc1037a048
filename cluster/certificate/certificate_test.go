package certificate_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/cluster/certificate"
)

func connect(t *testing.T, objects ...runtime.Object) (*cluster.Cluster, *fake.FakeDynamicClient) {
	t.Helper()
	api := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		configurations: "ValidatingWebhookConfigurationList",
	}, objects...)
	return cluster.New(api, "gate", 10*time.Second, slog.New(slog.NewTextHandler(io.Discard, nil))), api
}

var configurations = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}

func TestTheSecretIsMadeAndKept(t *testing.T) {
	c, _ := connect(t)
	s := certificate.NewSecret(c, "sallyport-webhook")
	for i := range 3 {
		seen := -1
		if err := s.Update(t.Context(), func(kept map[string][]byte) (map[string][]byte, error) {
			seen = len(kept)
			return map[string][]byte{"ca.crt": []byte("public"), "tls.pem": fmt.Append(nil, "leaf ", i)}, nil
		}); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 0, false: 2}[i == 0]; seen != want {
			t.Errorf("update %d saw %d files, want %d", i, seen, want)
		}
	}
	held, err := c.Secret(t.Context(), "gate", "sallyport-webhook")
	if err != nil || string(held.Data["tls.pem"]) != "leaf 2" || held.Type != "Opaque" {
		t.Errorf("%+v, %v", held, err)
	}
}

// Others are faster twice: what is written in the end was made from what they wrote.
func TestUpdatesBeginAgainWhenOthersAreFaster(t *testing.T) {
	c, api := connect(t)
	s := certificate.NewSecret(c, "sallyport-webhook")
	conflicts := 0
	api.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		if conflicts++; conflicts > 1 {
			return false, nil, nil
		}
		return true, nil, apierrors.NewAlreadyExists(schema.GroupResource{Resource: "secrets"}, "sallyport-webhook")
	})
	calls := 0
	count := func(kept map[string][]byte) (map[string][]byte, error) {
		calls++
		return map[string][]byte{"n": append(kept["n"], 'x')}, nil
	}
	if err := s.Update(t.Context(), count); err != nil || calls != 2 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	updates := 0
	api.PrependReactor("update", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		if updates++; updates > 2 {
			return false, nil, nil
		}
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "secrets"}, "sallyport-webhook", errors.New("modified"))
	})
	if err := s.Update(t.Context(), count); err != nil || calls != 5 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	held, err := c.Secret(t.Context(), "gate", "sallyport-webhook")
	if err != nil || string(held.Data["n"]) != "xx" {
		t.Errorf("%q, %v", held.Data["n"], err)
	}
	if err := s.Update(t.Context(), func(map[string][]byte) (map[string][]byte, error) { return nil, errors.New("damaged") }); err == nil || !strings.Contains(err.Error(), "Secret gate/sallyport-webhook") {
		t.Errorf("a fault: %v", err)
	}
}

func configuration(hooks ...string) *unstructured.Unstructured {
	var all []any
	for _, h := range hooks {
		all = append(all, map[string]any{"name": h, "clientConfig": map[string]any{"service": map[string]any{"namespace": "gate", "name": "webhook"}}})
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
		"metadata": map[string]any{"name": "sallyport", "resourceVersion": "1"}, "webhooks": all,
	}}
}

func bundles(t *testing.T, api *fake.FakeDynamicClient) []string {
	t.Helper()
	o, err := api.Resource(configurations).Get(t.Context(), "sallyport", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
	var all []string
	for _, h := range hooks {
		text, _, _ := unstructured.NestedString(h.(map[string]any), "clientConfig", "caBundle")
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

func TestTheBundleIsPublishedInEveryWebhook(t *testing.T) {
	c, api := connect(t, configuration("enforce.sallyport.dev", "audit.sallyport.dev"))
	p, err := certificate.NewPublisher(c, []string{"validatingwebhookconfigurations/sallyport", "mutatingwebhookconfigurations/absent"})
	if err != nil {
		t.Fatal(err)
	}
	for _, bundle := range []string{authority("one"), authority("two"), authority("two")} {
		if err := p.Publish(t.Context(), []byte(bundle)); err != nil {
			t.Fatal(err)
		}
		if got := bundles(t, api); got[0] != bundle || got[1] != bundle {
			t.Errorf("%q, want %s", got, bundle)
		}
	}
	patches := 0
	for _, a := range api.Actions() {
		if a, ok := a.(clienttesting.PatchAction); ok {
			patches++
			if !strings.Contains(string(a.GetPatch()), `{"op":"test","path":"/metadata/resourceVersion"`) {
				t.Errorf("a patch that could hit another version: %s", a.GetPatch())
			}
		}
	}
	if patches != 2 {
		t.Errorf("%d patches for two bundles", patches)
	}
	api.PrependReactor("patch", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(configurations.GroupResource(), "sallyport", errors.New("RBAC"))
	})
	if err := p.Publish(t.Context(), []byte(authority("three"))); err == nil || !strings.Contains(err.Error(), "no right to patch validatingwebhookconfigurations/sallyport") {
		t.Errorf("without the right: %v", err)
	}
}

// authority stands for a certificate in a bundle.
func authority(name string) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(name)}))
}

// One replica has made a new authority, which the other has not heard of: the
// one that looks after the bundle does not take it out again.
func TestReplicasDoNotUndoEachOther(t *testing.T) {
	c, api := connect(t, configuration("enforce.sallyport.dev"))
	var publishers []*certificate.Publisher
	for range 2 {
		p, err := certificate.NewPublisher(c, []string{"validatingwebhookconfigurations/sallyport"})
		if err != nil {
			t.Fatal(err)
		}
		publishers = append(publishers, p)
	}
	old, both := authority("old"), authority("new")+authority("old")
	if err := publishers[1].Publish(t.Context(), []byte(old)); err != nil {
		t.Fatal(err)
	}
	watched := make(chan struct{})
	var once sync.Once
	api.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) {
		once.Do(func() { close(watched) })
		return false, nil, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- publishers[1].Run(ctx) }()
	defer func() { cancel(); <-ended }()
	<-watched
	if err := publishers[0].Publish(t.Context(), []byte(both)); err != nil {
		t.Fatal(err)
	}
	foreign := configuration("enforce.sallyport.dev", "new.sallyport.dev")
	hooks, _, _ := unstructured.NestedSlice(foreign.Object, "webhooks")
	hooks[0].(map[string]any)["clientConfig"].(map[string]any)["caBundle"] = base64.StdEncoding.EncodeToString([]byte(both))
	foreign.Object["webhooks"] = hooks
	deadline := time.Now().Add(time.Minute)
	for i := 0; ; i++ {
		if i%50 == 0 { // the watch may begin a little after it was asked for
			if _, err := api.Resource(configurations).Update(t.Context(), foreign, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Millisecond)
		got := bundles(t, api)
		if got[0] != both {
			t.Fatalf("the new authority was taken out: %q", got[0])
		}
		if got[1] == old { // the one that watches has been here
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the webhook without a bundle was not mended")
		}
	}
}

func TestWhatTakesTheBundleOutIsMended(t *testing.T) {
	c, api := connect(t, configuration("enforce.sallyport.dev"))
	p, err := certificate.NewPublisher(c, []string{"validatingwebhookconfigurations/sallyport"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context(), []byte(authority("one"))); err != nil {
		t.Fatal(err)
	}
	watched := make(chan struct{})
	var once sync.Once
	api.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) {
		once.Do(func() { close(watched) })
		return false, nil, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	<-watched
	deadline := time.Now().Add(time.Minute)
	for again := true; again; time.Sleep(10 * time.Millisecond) {
		// Until the watch sees it: it may begin a little later than it was asked for.
		if _, err := api.Resource(configurations).Update(t.Context(), configuration("enforce.sallyport.dev", "new.sallyport.dev"), metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			got := bundles(t, api)
			if again = len(got) != 2 || got[0] != authority("one") || got[1] != authority("one"); !again {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if time.Now().After(deadline) {
			t.Fatal("not mended")
		}
	}
}

func TestWhatCannotBePublishedTo(t *testing.T) {
	c, _ := connect(t)
	for _, bad := range []string{"sallyport", "pods/x", "validatingwebhookconfigurations/"} {
		if _, err := certificate.NewPublisher(c, []string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
