package keychain

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/sallyport-dev/sallyport/internal/pullsecret"
)

func registry(t *testing.T, host string) authn.Resource {
	t.Helper()
	r, err := name.NewRegistry(host)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// given is what a keychain knows of a registry.
func given(t *testing.T, k authn.Keychain, host string) authn.AuthConfig {
	t.Helper()
	a, err := authn.Resolve(context.Background(), k, registry(t, host))
	if err != nil {
		t.Fatalf("%s: %v", host, err)
	}
	c, err := a.Authorization()
	if err != nil {
		t.Fatalf("%s: %v", host, err)
	}
	return *c
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestDockerFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.json")
	write(t, file, `{"auths":{"registry.example.com":{"auth":"cm9ib3Q6aHVudGVyMg=="},"https://index.docker.io/v1/":{"auth":"aHViOnNlY3JldA=="}},
		"credHelpers":{"helped.example.com":"sallyporttest"}}`, 0o600)
	write(t, filepath.Join(dir, "docker-credential-sallyporttest"), `#!/bin/sh
read host
[ "$host" = helped.example.com ] || exit 1
echo '{"ServerURL":"helped.example.com","Username":"from","Secret":"helper"}'
`, 0o700)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	k, err := Open(Config{Sources: []string{Docker}, DockerConfig: file})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]authn.AuthConfig{
		"registry.example.com": {Username: "robot", Password: "hunter2"},
		"index.docker.io":      {Username: "hub", Password: "secret"},
		"helped.example.com":   {Username: "from", Password: "helper"},
		"other.example.com":    {},
	} {
		got := given(t, k, host)
		got.Auth = ""
		if got != want {
			t.Errorf("%s: got %+v", host, got)
		}
	}
	// It is read again, and what cannot be read is no anonymity.
	write(t, file, `{"auths":{"registry.example.com":{"auth":"cm9ib3Q6bmV3"}}}`, 0o600)
	if got := given(t, k, "registry.example.com"); got.Password != "new" {
		t.Errorf("after a change: %+v", got)
	}
	for _, text := range []string{"{", `{"auths":{"registry.example.com":{"auth":"%%"}}}`} {
		write(t, file, text, 0o600)
		if _, err := k.Resolve(registry(t, "registry.example.com")); err == nil || !strings.Contains(err.Error(), "docker_config") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAmazon(t *testing.T) {
	for host, ours := range map[string]bool{
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com":        true,
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com":  true,
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":       true,
		"123456789012.dkr-ecr.eu-central-1.on.aws":               true,
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.t": false,
		"evil.test": false, "12345.dkr.ecr.eu-central-1.amazonaws.com": false,
	} {
		if ecrHost.MatchString(host) != ours {
			t.Errorf("%s: %v", host, !ours)
		}
	}
	var asked []string
	answer := http.StatusOK
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("X-Amz-Target"))
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(answer)
		data := map[string]any{"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:pass"))}
		var doc any = map[string]any{"authorizationData": []any{data}}
		if strings.Contains(r.Header.Get("X-Amz-Target"), "Spencer") {
			doc = map[string]any{"authorizationData": data}
		}
		_ = json.NewEncoder(w).Encode(doc)
	}))
	defer api.Close()
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": api.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "", "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(k, v)
	}
	k, err := Open(Config{Sources: []string{ECR}})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"123456789012.dkr.ecr.eu-central-1.amazonaws.com", "public.ecr.aws"} {
		if got := given(t, k, host); got != (authn.AuthConfig{Username: "AWS", Password: "pass"}) {
			t.Errorf("%s: %+v", host, got)
		}
	}
	if got := given(t, k, "registry.example.com"); got != (authn.AuthConfig{}) || len(asked) != 2 {
		t.Errorf("another registry: %+v, asked %v", got, asked)
	}
	answer = http.StatusForbidden
	if _, err := k.Resolve(registry(t, "public.ecr.aws")); err == nil || !strings.Contains(err.Error(), "asking AWS") {
		t.Errorf("refused: %v", err)
	}
	for _, token := range []string{"", "%", base64.StdEncoding.EncodeToString([]byte("nocolon"))} {
		if _, err := basic(token); err == nil {
			t.Errorf("the token %q is taken", token)
		}
	}
}

// identity is an identity of Azure.
type identity struct{ err error }

func (i identity) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "for " + strings.Join(o.Scopes, " ")}, i.err
}

// to sends everything to one server.
type to struct{ server *httptest.Server }

func (s to) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Host", r.URL.Host)
	r.URL.Scheme, r.URL.Host = "http", s.server.Listener.Addr().String()
	return http.DefaultTransport.RoundTrip(r)
}

func TestAzure(t *testing.T) {
	body := `{"refresh_token":"refresh"}`
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("X-Host")+r.URL.Path+" "+r.FormValue("grant_type")+" "+r.FormValue("service")+" "+r.FormValue("access_token"))
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	a := &azure{identity: identity{}, client: &http.Client{Transport: to{server}}}
	if got := given(t, a, "team.azurecr.io"); got != (authn.AuthConfig{Username: azureUser, IdentityToken: "refresh"}) {
		t.Errorf("got %+v", got)
	}
	if want := "team.azurecr.io/oauth2/exchange access_token team.azurecr.io for https://containerregistry.azure.net/.default"; len(asked) != 1 || asked[0] != want {
		t.Errorf("asked %q", asked)
	}
	if got := given(t, a, "azurecr.io.evil.test"); got != (authn.AuthConfig{}) || len(asked) != 1 {
		t.Errorf("another registry: %+v", got)
	}
	for _, body = range []string{"{}", "<html>"} {
		if _, err := a.Resolve(registry(t, "team.azurecr.io")); err == nil {
			t.Errorf("%s: no error", body)
		}
	}
	a.identity = identity{errors.New("no identity here")}
	if _, err := a.Resolve(registry(t, "team.azurecr.io")); err == nil || !strings.Contains(err.Error(), "no identity here") {
		t.Errorf("got %v", err)
	}
}

func TestGoogle(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"machine","token_type":"Bearer","expires_in":3600}`))
	}))
	defer server.Close()
	t.Setenv("PATH", t.TempDir()) // no gcloud
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/does/not/exist")
	k, err := Open(Config{Sources: []string{Google}})
	if err != nil {
		t.Fatal(err)
	}
	if got := given(t, k, "registry.example.com"); got != (authn.AuthConfig{}) {
		t.Errorf("another registry: %+v", got)
	}
	if _, err := k.Resolve(registry(t, "europe-docker.pkg.dev")); err == nil {
		t.Error("no identity, and no error")
	}
	// As soon as there is one, it is found.
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(server.URL, "http://"))
	if got := given(t, k, "europe-docker.pkg.dev"); got.Username != "_token" && got.Username != "oauth2accesstoken" || got.Password != "machine" {
		t.Errorf("got %+v", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{"no source": {}, "an unknown one": {Sources: []string{"vault"}}} {
		if _, err := Open(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	outside := errors.New("this is no pod of a cluster")
	for name, of := range map[string]func() (*pullsecret.Secrets, error){"no cluster": nil, "outside a cluster": func() (*pullsecret.Secrets, error) { return nil, outside }} {
		if _, err := Open(Config{Sources: []string{Kubernetes}, Cluster: of}); err == nil || of != nil && !errors.Is(err, outside) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
