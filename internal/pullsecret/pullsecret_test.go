package pullsecret

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// held is a cluster that holds objects by their path; an error is what reading
// one of them fails with.
type held struct {
	objects map[string]any
	reads   int
}

func (h *held) get(path string) (any, error) {
	h.reads++
	switch o := h.objects[path].(type) {
	case nil:
		return nil, fmt.Errorf("%w: %s", ErrNotFound, path)
	case error:
		return nil, o
	default:
		return o, nil
	}
}

func (h *held) Secret(_ context.Context, namespace, name string) (*corev1.Secret, error) {
	o, err := h.get(namespace + "/secrets/" + name)
	if err != nil {
		return nil, err
	}
	return o.(*corev1.Secret), nil
}

func (h *held) ServiceAccount(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	o, err := h.get(namespace + "/serviceaccounts/" + name)
	if err != nil {
		return nil, err
	}
	return o.(*corev1.ServiceAccount), nil
}

func TestKeychain(t *testing.T) {
	c := New(&held{objects: map[string]any{
		"gate/secrets/regcred":         secret("regcred", `{"auths":{"registry.example.com":{"auth":"cm9ib3Q6aHVudGVyMg=="}}}`),
		"other/secrets/regcred":        secret("regcred", `{"auths":{"*.other.example.com":{"username":"u","password":"p"}}}`),
		"gate/secrets/hub":             secret("hub", `{"auths":{"https://index.docker.io/v1/":{"username":"hub","password":"h"}}}`),
		"gate/secrets/denied":          errors.New("no right to get secrets"),
		"gate/secrets/broken":          secret("broken", `{"auths":{"x":{"auth":"s3cret%%"}}}`),
		"gate/serviceaccounts/default": &corev1.ServiceAccount{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "hub"}}},
		"gate/secrets/opaque":          &corev1.Secret{Type: corev1.SecretTypeOpaque},
		"gate/secrets/old":             &corev1.Secret{Type: corev1.SecretTypeDockercfg, Data: map[string][]byte{corev1.DockerConfigKey: []byte(`{"old.example.com":{"username":"o","password":"l"}}`)}},
	}}, "gate")
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
		{"one that may not be read", []string{"denied"}, "example.com", "", "no right to get secrets"},
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
}

func TestAPodPullsWithItsOwnSecrets(t *testing.T) {
	denied := errors.New("no right to get secrets")
	c := New(&held{objects: map[string]any{
		"shop/secrets/regcred":          secret("regcred", `{"auths":{"registry.example.com":{"username":"shop","password":"p"}}}`),
		"shop/secrets/account":          secret("account", `{"auths":{"registry.example.com":{"username":"account","password":"p"}}}`),
		"shop/secrets/denied":           denied,
		"gate/secrets/regcred":          secret("regcred", `{"auths":{"registry.example.com":{"username":"gate","password":"p"}}}`),
		"shop/serviceaccounts/default":  &corev1.ServiceAccount{},
		"shop/serviceaccounts/deployer": &corev1.ServiceAccount{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "account"}}},
	}}, "gate")
	for _, test := range []struct {
		name  string
		pod   Pod
		user  string
		fails bool
	}{
		{"its own", Pod{Namespace: "shop", Secrets: []string{"regcred"}}, "shop", false},
		{"its own before the account's", Pod{Namespace: "shop", Account: "deployer", Secrets: []string{"regcred"}}, "shop", false},
		{"the account's", Pod{Namespace: "shop", Account: "deployer"}, "account", false},
		{"an account without any", Pod{Namespace: "shop"}, "", false},
		{"an account that is not there", Pod{Namespace: "shop", Account: "nobody"}, "", false},
		{"a secret that is not there", Pod{Namespace: "shop", Secrets: []string{"nothing", "regcred"}}, "shop", false},
		{"one that cannot be read, beside one that can", Pod{Namespace: "shop", Secrets: []string{"denied", "regcred"}}, "shop", true},
		{"one that cannot be read", Pod{Namespace: "shop", Secrets: []string{"denied"}}, "", true},
		{"a name that leads to another namespace", Pod{Namespace: "shop", Secrets: []string{"gate/regcred", "../gate/secrets/regcred"}}, "", false},
	} {
		auths, err := c.OfPod(t.Context(), test.pod, "registry.example.com", "team/app")
		got := ""
		if len(auths) > 0 {
			got = auths[0].Username
		}
		if len(auths) > 1 || got != test.user || test.fails != errors.Is(err, denied) || !test.fails && err != nil {
			t.Errorf("%s: %q, %v", test.name, got, err)
		}
	}
}

func TestSecretsAreReadOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &held{objects: map[string]any{"shop/secrets/regcred": secret("regcred", `{"auths":{"registry.example.com":{"username":"old","password":"p"}}}`)}}
		secrets, pod := New(h, "gate"), Pod{Namespace: "shop", Secrets: []string{"regcred", "later"}}
		expect := func(want string, reads int) {
			t.Helper()
			got, err := secrets.OfPod(t.Context(), pod, "registry.example.com", "app")
			if err != nil || len(got) != 1 || got[0].Username != want || h.reads != reads {
				t.Errorf("%v after %d reads, %v; want %q after %d", got, h.reads, err, want, reads)
			}
		}
		expect("old", 2)
		expect("old", 2)
		h.objects["shop/secrets/regcred"] = secret("regcred", `{"auths":{"registry.example.com":{"username":"new","password":"p"}}}`)
		time.Sleep(missed)
		expect("old", 3) // what was not there is looked for sooner
		time.Sleep(fresh)
		expect("new", 5)
	})
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
