package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// webhookAPI is an API server that holds a configuration of each kind for every name.
func webhookAPI(names ...string) *fake.FakeDynamicClient {
	var held []runtime.Object
	for _, name := range names {
		for _, kind := range []string{"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"} {
			held = append(held, &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": map[string]any{"name": name},
			}})
		}
	}
	return fake.NewSimpleDynamicClient(runtime.NewScheme(), held...)
}

func TestDetach(t *testing.T) {
	api, busy := webhookAPI("sallyport", "somebody-else"), 3
	api.PrependReactor("delete", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		busy--
		return busy >= 0, nil, apierrors.NewServiceUnavailable("starting")
	})
	var out strings.Builder
	if err := detach(t.Context(), api, []string{"sallyport", "gone-already"}, time.Millisecond, &out); err != nil {
		t.Fatal(err)
	}
	if want := "deleted: validatingwebhookconfigurations sallyport\ndeleted: mutatingwebhookconfigurations sallyport\n"; out.String() != want {
		t.Errorf("said %q", out.String())
	}
	for _, kind := range []string{"validatingwebhookconfigurations", "mutatingwebhookconfigurations"} {
		kept := api.Resource(schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: kind})
		if _, err := kept.Get(t.Context(), "sallyport", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("%s sallyport: %v, want it gone", kind, err)
		}
		if _, err := kept.Get(t.Context(), "somebody-else", metav1.GetOptions{}); err != nil {
			t.Errorf("%s somebody-else: %v", kind, err)
		}
	}
}

func TestDetachSaysWhatToDoWhenItMayNot(t *testing.T) {
	api := webhookAPI()
	api.PrependReactor("delete", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "validatingwebhookconfigurations"}, "sallyport", errors.New("RBAC"))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := detach(ctx, api, []string{"sallyport"}, time.Millisecond, new(strings.Builder))
	if err == nil || !strings.Contains(err.Error(), "kubectl delete validatingwebhookconfigurations sallyport") {
		t.Errorf("the error is %v", err)
	}
}
