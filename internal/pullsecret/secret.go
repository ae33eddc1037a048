package pullsecret

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	corev1 "k8s.io/api/core/v1"
)

// Entry is one credential of a pull secret, and what it is for.
type Entry struct {
	Host string // pattern of a host, "*" standing for parts of it: registry.example.com:8443, *.example.com
	Path string // beginning of a repository's path, "" for all
	Auth authn.AuthConfig
}

// Parse reads a secret of type kubernetes.io/dockerconfigjson or
// kubernetes.io/dockercfg.
func Parse(s *corev1.Secret) ([]Entry, error) {
	var auths map[string]json.RawMessage
	var err error
	switch s.Type {
	case corev1.SecretTypeDockerConfigJson:
		var doc struct {
			Auths map[string]json.RawMessage `json:"auths"`
		}
		err = json.Unmarshal(s.Data[corev1.DockerConfigJsonKey], &doc)
		auths = doc.Auths
	case corev1.SecretTypeDockercfg:
		err = json.Unmarshal(s.Data[corev1.DockerConfigKey], &auths)
	default:
		return nil, fmt.Errorf("the secret %s/%s is of type %q: pull secrets are %s or %s", s.Namespace, s.Name, s.Type, corev1.SecretTypeDockerConfigJson, corev1.SecretTypeDockercfg)
	}
	if err != nil {
		return nil, unreadable(s)
	}
	var entries []Entry
	for key, raw := range auths {
		e, err := entry(key, raw)
		if err != nil {
			return nil, unreadable(s)
		}
		entries = append(entries, e)
	}
	sorted(entries)
	return entries, nil
}

// unreadable does not say what was read: it is a secret.
func unreadable(s *corev1.Secret) error {
	return fmt.Errorf("the pull secret %s/%s is not readable: make it with kubectl create secret docker-registry", s.Namespace, s.Name)
}

func entry(key string, raw []byte) (Entry, error) {
	var a struct {
		Username      string `json:"username"`
		Password      string `json:"password"`
		Auth          string `json:"auth"`
		IdentityToken string `json:"identitytoken"`
		RegistryToken string `json:"registrytoken"`
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return Entry{}, err
	}
	if a.Username == "" && a.Auth != "" {
		plain, err := base64.StdEncoding.DecodeString(a.Auth)
		if err != nil {
			if plain, err = base64.RawStdEncoding.DecodeString(a.Auth); err != nil {
				return Entry{}, err
			}
		}
		a.Username, a.Password, _ = strings.Cut(string(plain), ":")
	}
	if !strings.Contains(key, "://") {
		key = "https://" + key
	}
	u, err := url.Parse(key)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Host: strings.ToLower(u.Host), Path: strings.Trim(u.Path, "/"), Auth: authn.AuthConfig{
		Username: a.Username, Password: a.Password, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
	}}
	// Docker writes its registries' old API versions behind the host.
	if e.Path == "v1" || e.Path == "v2" {
		e.Path = ""
	}
	return e, nil
}

// sorted puts the more exact entries first.
func sorted(entries []Entry) {
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if n := len(b.Path) - len(a.Path); n != 0 {
			return n
		}
		if n := strings.Count(a.Host, "*") - strings.Count(b.Host, "*"); n != 0 {
			return n
		}
		return strings.Compare(a.Host+"/"+a.Path, b.Host+"/"+b.Path)
	})
}

// Match returns the most exact credential for a repository, by the kubelet's
// rules; repository may be empty for one that holds for the registry whole.
// Docker Hub is known by each of its names.
func Match(entries []Entry, host, repository string) (authn.AuthConfig, bool) {
	all := All(entries, host, repository)
	if len(all) == 0 {
		return authn.AuthConfig{}, false
	}
	return all[0], true
}

// All returns all credentials for a repository, the most exact first.
func All(entries []Entry, host, repository string) []authn.AuthConfig {
	hosts := []string{strings.ToLower(host)}
	if dockerHub(host) {
		hosts = []string{"docker.io", "index.docker.io", "registry-1.docker.io"}
	}
	entries = slices.Clone(entries)
	sorted(entries)
	var all []authn.AuthConfig
	for _, e := range entries {
		if e.Path != "" && repository != e.Path && !strings.HasPrefix(repository, e.Path+"/") {
			continue
		}
		if slices.ContainsFunc(hosts, func(h string) bool { return hostMatches(e.Host, h) }) {
			all = append(all, e.Auth)
		}
	}
	return all
}

func dockerHub(host string) bool {
	return slices.Contains([]string{"docker.io", "index.docker.io", "registry-1.docker.io"}, strings.ToLower(host))
}

// hostMatches compares part by part: a "*" does not reach over a dot.
func hostMatches(pattern, host string) bool {
	p, pport, _ := strings.Cut(pattern, ":")
	h, hport, _ := strings.Cut(host, ":")
	if pport != hport {
		return false
	}
	pp, hp := strings.Split(p, "."), strings.Split(h, ".")
	if len(pp) != len(hp) {
		return false
	}
	for i := range pp {
		if ok, err := path.Match(pp[i], hp[i]); err != nil || !ok {
			return false
		}
	}
	return true
}
