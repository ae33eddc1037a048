package pullsecret

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func secret(name, doc string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "gate", Name: name}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(doc)},
	}
}

// api is an API server that holds objects by their path.
func api(t *testing.T, objects map[string]any) *Cluster {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer account-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		o, ok := objects[strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/")]
		switch code, isCode := o.(int); {
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		case isCode:
			w.WriteHeader(code)
		default:
			_ = json.NewEncoder(w).Encode(o)
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	for file, text := range map[string]string{
		"namespace": "gate\n", "token": "account-token\n",
		"ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"KUBERNETES_SERVICE_HOST": u.Hostname(), "KUBERNETES_SERVICE_PORT": u.Port()}
	c, err := open(func(k string) string { return env[k] }, dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestKeychain(t *testing.T) {
	c := api(t, map[string]any{
		"gate/secrets/regcred":           secret("regcred", `{"auths":{"registry.example.com":{"auth":"cm9ib3Q6aHVudGVyMg=="}}}`),
		"other/secrets/regcred":          secret("regcred", `{"auths":{"*.other.example.com":{"username":"u","password":"p"}}}`),
		"gate/secrets/hub":               secret("hub", `{"auths":{"https://index.docker.io/v1/":{"username":"hub","password":"h"}}}`),
		"gate/secrets/denied":            http.StatusForbidden,
		"gate/secrets/broken":            secret("broken", `{"auths":{"x":{"auth":"s3cret%%"}}}`),
		"gate/serviceaccounts/default":   &corev1.ServiceAccount{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "hub"}}},
		"gate/secrets/opaque":            &corev1.Secret{Type: corev1.SecretTypeOpaque},
		"gate/secrets/old":               &corev1.Secret{Type: corev1.SecretTypeDockercfg, Data: map[string][]byte{corev1.DockerConfigKey: []byte(`{"old.example.com":{"username":"o","password":"l"}}`)}},
		"gate/secrets/..%2f..%2fescaped": secret("escaped", `{}`),
	})
	for _, test := range []struct {
		name    string
		secrets []string
		host    string
		user    string
		fails   string
	}{
		{"by name", []string{"regcred"}, "registry.example.com", "robot", ""},
		{"in another namespace", []string{"other/regcred"}, "a.other.example.com", "u", ""},
		{"the account's own", nil, "index.docker.io", "hub", ""},
		{"the old format", []string{"old"}, "old.example.com", "o", ""},
		{"of several", []string{"missing", "hub", "regcred"}, "registry.example.com", "robot", ""},
		{"for another registry", []string{"regcred"}, "example.com", "", ""},
		{"one that may not be read", []string{"denied"}, "example.com", "", "give it a Role with get on secrets"},
		{"one that is no pull secret", []string{"opaque"}, "example.com", "", `of type "Opaque"`},
		{"one that is damaged", []string{"broken"}, "example.com", "", "not readable"},
	} {
		r, err := name.NewRegistry(test.host)
		if err != nil {
			t.Fatal(err)
		}
		a, err := authn.Resolve(context.Background(), c.Keychain(test.secrets), r)
		if test.fails != "" {
			if err == nil || !strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got, err := a.Authorization(); err != nil || got.Username != test.user {
			t.Errorf("%s: %+v %v", test.name, got, err)
		}
	}
	if _, err := c.Secret(context.Background(), "gate", "missing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestMatch(t *testing.T) {
	entries, err := Parse(secret("x", `{"auths":{
		"registry.example.com":{"username":"whole","password":"p"},
		"registry.example.com/team":{"username":"team","password":"p"},
		"registry.example.com/team/app":{"username":"app","password":"p"},
		"*.example.com":{"username":"star","password":"p"},
		"registry.example.com:8443":{"username":"port","password":"p"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ host, repository, user string }{
		{"registry.example.com", "", "whole"},
		{"registry.example.com", "other/app", "whole"},
		{"registry.example.com", "team/x", "team"},
		{"registry.example.com", "team", "team"},
		{"registry.example.com", "teamster", "whole"},
		{"registry.example.com", "team/app", "app"},
		{"REGISTRY.example.com", "team/app", "app"},
		{"registry.example.com:8443", "a", "port"},
		{"mirror.example.com", "a", "star"},
		{"a.mirror.example.com", "a", ""},
		{"example.com", "a", ""},
		{"registry.example.com:9", "a", ""},
	} {
		if got, ok := Match(entries, c.host, c.repository); got.Username != c.user || ok != (c.user != "") {
			t.Errorf("%s/%s: got %q", c.host, c.repository, got.Username)
		}
	}
}

func TestOutsideACluster(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"no variables": {}, "no service account": {"KUBERNETES_SERVICE_HOST": "192.0.2.1", "KUBERNETES_SERVICE_PORT": "443"},
	} {
		if _, err := open(func(k string) string { return env[k] }, t.TempDir()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"auths":{"registry.example.com/team":{"auth":"cm9ib3Q6aHVudGVyMg=="}}}`, "registry.example.com", "team/app")
	f.Add(`{"auths":{"[":{"username":"u"}, "*[.x":{}}}`, "[", "")
	f.Add(`{"auths":{"http://%zz":{}}}`, "a", "b")
	f.Fuzz(func(t *testing.T, doc, host, repository string) {
		entries, err := Parse(secret("x", doc))
		if err != nil {
			if len(err.Error()) > 200 {
				t.Errorf("the error repeats the secret: %v", err)
			}
			return
		}
		Match(entries, host, repository)
	})
}
