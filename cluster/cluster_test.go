package cluster_test

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/internal/pullsecret"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// connect returns a cluster of which the test says what it answers.
func connect(t *testing.T, objects ...runtime.Object) (*cluster.Cluster, *fake.FakeDynamicClient) {
	t.Helper()
	api := fake.NewSimpleDynamicClient(runtime.NewScheme(), objects...)
	return cluster.New(api, "gate", 10*time.Second, quiet), api
}

func TestConnect(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if _, err := cluster.Connect(cluster.Config{}); !errors.Is(err, cluster.ErrOutside) {
		t.Errorf("outside: %v", err)
	}
	if cluster.InPod() {
		t.Error("this is a pod")
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(`
apiVersion: v1
kind: Config
clusters: [{name: one, cluster: {server: "https://192.0.2.1:6443"}}]
users: [{name: gate, user: {token: t}}]
contexts:
  - {name: first, context: {cluster: one, user: gate}}
  - {name: second, context: {cluster: one, user: gate, namespace: guarded}}
current-context: first
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, namespace, fails string
		cfg                    cluster.Config
	}{
		{"the current context", "default", "", cluster.Config{Kubeconfig: file}},
		{"another context", "guarded", "", cluster.Config{Kubeconfig: file, Context: "second"}},
		{"a namespace of its own", "own", "", cluster.Config{Kubeconfig: file, Context: "second", Namespace: "own"}},
		{"a context that is not there", "", "third", cluster.Config{Kubeconfig: file, Context: "third"}},
		{"a file that is not there", "", "nothing", cluster.Config{Kubeconfig: filepath.Join(t.TempDir(), "nothing")}},
	} {
		c, err := cluster.Connect(test.cfg)
		if test.fails != "" {
			if err == nil || !strings.Contains(err.Error(), test.fails) || !strings.Contains(err.Error(), "cluster.kubeconfig") {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil || c.Namespace() != test.namespace {
			t.Errorf("%s: %v, %v", test.name, c, err)
		}
	}
}

func TestWhoMayBreakTheGlass(t *testing.T) {
	user := authenticationv1.UserInfo{Username: "jane", UID: "7", Groups: []string{"oncall"}, Extra: map[string]authenticationv1.ExtraValue{"scopes": {"a", "b"}}}
	for _, test := range []struct {
		name    string
		status  map[string]any
		fault   error
		allowed bool
		fails   string
	}{
		{"one who may", map[string]any{"allowed": true, "reason": `RBAC: allowed by RoleBinding "oncall/shop"`}, nil, true, ""},
		{"one who may not", map[string]any{"allowed": false}, nil, false, ""},
		{"one whom another authoriser forbids", map[string]any{"allowed": true, "denied": true}, nil, false, ""},
		{"an authoriser at fault", map[string]any{"allowed": false, "evaluationError": "webhook timed out"}, nil, false, "webhook timed out"},
		{"a fault elsewhere", map[string]any{"allowed": true, "evaluationError": "role not found"}, nil, true, ""},
		{"a gate that may not ask", nil, apierrors.NewForbidden(schema.GroupResource{Resource: "subjectaccessreviews"}, "", errors.New("no")), false, "has no right to create subjectaccessreviews"},
	} {
		c, api := connect(t)
		var asked map[string]any
		api.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
			o := action.(clienttesting.CreateAction).GetObject().(*unstructured.Unstructured).DeepCopy()
			asked, _, _ = unstructured.NestedMap(o.Object, "spec")
			o.Object["status"] = test.status
			return true, o, test.fault
		})
		allowed, reason, err := c.MayBreakGlass(t.Context(), user, "shop")
		if allowed != test.allowed || (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s: %v, %q, %v", test.name, allowed, reason, err)
		}
		if allowed && test.status["reason"] != nil && reason != test.status["reason"] {
			t.Errorf("%s: reason %q", test.name, reason)
		}
		attributes, _, _ := unstructured.NestedStringMap(asked, "resourceAttributes")
		extra, _, _ := unstructured.NestedStringSlice(asked, "extra", "scopes")
		if asked["user"] != "jane" || asked["uid"] != "7" || !slices.Equal(extra, []string{"a", "b"}) ||
			attributes["verb"] != "break-glass" || attributes["group"] != "sallyport.dev" || attributes["resource"] != "images" || attributes["namespace"] != "shop" {
			t.Errorf("%s: asked %v", test.name, asked)
		}
	}
}

func TestSecretsOfTheCluster(t *testing.T) {
	object := func(kind string, o any) runtime.Object {
		u, err := cluster.Encode("v1", kind, o)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	c, api := connect(t,
		object("Secret", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "regcred"},
			Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"registry.example.com":{"username":"robot","password":"p"}}}`)}}),
		object("ServiceAccount", &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "default"},
			ImagePullSecrets: []corev1.LocalObjectReference{{Name: "regcred"}}}),
		&unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"namespace": "shop", "name": "odd"}, "data": "s3cret"}},
	)
	got, err := c.PullSecrets().OfPod(t.Context(), pullsecret.Pod{Namespace: "shop"}, "registry.example.com", "app")
	if err != nil || len(got) != 1 || got[0].Username != "robot" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.Secret(t.Context(), "shop", "nothing"); !errors.Is(err, pullsecret.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	if _, err := c.Secret(t.Context(), "shop", "odd"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("one that is not readable: %v", err)
	}
	api.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "regcred", errors.New("RBAC"))
	})
	if _, err := c.Secret(t.Context(), "shop", "regcred"); err == nil || !strings.Contains(err.Error(), "no right to get secrets") {
		t.Errorf("without the right: %v", err)
	}
}
