package service

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

func good() protocol.RunRequest {
	return protocol.RunRequest{
		Image: protocol.ImageSpec{
			Reference: "nginx:1.27", Digest: "sha256:" + strings.Repeat("a", 64), Platform: image.Platform{OS: "linux", Architecture: "amd64"},
		},
		Source:  protocol.Source{Registry: "gate.test:5000", Repository: "docker.io/library/nginx", Token: "t0ken", Insecure: true},
		Profile: protocol.Profile{Timeout: 30 * time.Second},
	}
}

func TestDecode(t *testing.T) {
	b, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	j, err := decode(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := j.reference.String(), "docker.io/library/nginx:1.27@sha256:"+strings.Repeat("a", 64); got != want {
		t.Errorf("reference %s", got)
	}
	if got, want := j.source.String(), "gate.test:5000/docker.io/library/nginx@sha256:"+strings.Repeat("a", 64); got != want {
		t.Errorf("source %s", got)
	}
	if j.source.Scheme() != "http" || j.token != "t0ken" || j.profile.Timeout != 30*time.Second {
		t.Errorf("job %+v", j)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	tests := map[string]struct {
		change func(*protocol.RunRequest)
		names  string
	}{
		"no reference":            {func(r *protocol.RunRequest) { r.Image.Reference = "" }, "image.ref"},
		"reference with a scheme": {func(r *protocol.RunRequest) { r.Image.Reference = "https://x/y" }, "image.ref"},
		"no digest":               {func(r *protocol.RunRequest) { r.Image.Digest = "" }, "image.digest"},
		"short digest":            {func(r *protocol.RunRequest) { r.Image.Digest = "sha256:abc" }, "image.digest"},
		"other algorithm":         {func(r *protocol.RunRequest) { r.Image.Digest = "sha512:" + strings.Repeat("a", 128) }, "sha512"},
		"attestation's platform": {func(r *protocol.RunRequest) {
			r.Image.Platform = image.Platform{OS: "unknown", Architecture: "unknown"}
		}, "image.platform"},
		"no registry":              {func(r *protocol.RunRequest) { r.Source.Registry = "" }, "source.registry"},
		"registry with a path":     {func(r *protocol.RunRequest) { r.Source.Registry = "a/b" }, "source.registry"},
		"registry with a user":     {func(r *protocol.RunRequest) { r.Source.Registry = "u:p@host" }, "source.registry"},
		"no repository":            {func(r *protocol.RunRequest) { r.Source.Repository = "" }, "source.repository"},
		"repository that climbs":   {func(r *protocol.RunRequest) { r.Source.Repository = "../x" }, "source.repository"},
		"repository with a query":  {func(r *protocol.RunRequest) { r.Source.Repository = "x?y=z" }, "source.repository"},
		"token with a line break":  {func(r *protocol.RunRequest) { r.Source.Token = "a\r\nX: y" }, "source.token"},
		"giant token":              {func(r *protocol.RunRequest) { r.Source.Token = strings.Repeat("x", maxToken+1) }, "source.token"},
		"unknown profile":          {func(r *protocol.RunRequest) { r.Profile.Name = "slow" }, "thorough"},
		"control character":        {func(r *protocol.RunRequest) { r.Profile.Name = "a\x1b[2J" }, "profile.name"},
		"too short a time":         {func(r *protocol.RunRequest) { r.Profile.Timeout = time.Millisecond }, "profile.timeout_ns"},
		"too long a time":          {func(r *protocol.RunRequest) { r.Profile.Timeout = time.Hour }, "profile.timeout_ns"},
		"time that runs backwards": {func(r *protocol.RunRequest) { r.Profile.Timeout = -time.Second }, "profile.timeout_ns"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req := good()
			test.change(&req)
			if _, err := check(req); err == nil || !strings.Contains(err.Error(), test.names) {
				t.Errorf("got %v, not an error that names %s", err, test.names)
			}
		})
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	b, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"empty": "", "no JSON": "image=nginx", "a list": "[]", "cut": string(b[:len(b)-1]), "two": string(b) + string(b),
		"too large": `{"image":{"ref":"` + strings.Repeat("x", maxRequest) + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := decode(strings.NewReader(body)); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	b, err := json.Marshal(good())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	f.Add(`{"image":{"ref":"a","digest":"sha256:","platform":{}},"source":{"registry":"[::1]:5000","repository":"a"},"profile":{"timeout_ns":1e99}}`)
	f.Add(`{"source":{"registry":"a b","token":"\u0000"}}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		j, err := decode(strings.NewReader(body))
		if err != nil {
			return
		}
		// What was understood is safe to put into a URL and a header.
		url := "http://" + j.source.RegistryStr() + "/v2/" + j.source.RepositoryStr() + "/manifests/" + j.source.DigestStr()
		if strings.ContainsAny(url+j.token, " \t\r\n\x00?#\\") || strings.Contains(url, "/../") || strings.Contains(j.source.RegistryStr(), "@") {
			t.Errorf("%q would be fetched with token %q", url, j.token)
		}
		if d := j.profile.Timeout; d != 0 && (d < minTimeout || d > maxTimeout) {
			t.Errorf("timeout %v", d)
		}
	})
}
