package service_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sallyport-dev/sallyport/demo"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

const pullToken = "only.for-this_digest"

// registryServer is a source: a registry that serves whoever shows pullToken.
type registryServer struct {
	t      *testing.T
	host   string
	images map[string]v1.Hash // by repository
	asked  chan string        // paths
}

func newRegistry(t *testing.T) *registryServer {
	t.Helper()
	r := &registryServer{t: t, images: map[string]v1.Hash{}, asked: make(chan string, 1000)}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked <- req.URL.Path
		if strings.HasPrefix(req.URL.Path, "/token") {
			t.Error("the challenge was followed to a token server")
		}
		if req.Header.Get("Authorization") != "Bearer "+pullToken {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="x"`, req.Host))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	filling := httptest.NewServer(inner)
	defer filling.Close()
	r.host = strings.TrimPrefix(srv.URL, "http://")

	images, err := demo.Images(image.Host().Architecture)
	if err != nil {
		t.Fatal(err)
	}
	for i, repository := range []string{"ok", "bad"} {
		r.push(strings.TrimPrefix(filling.URL, "http://"), repository, images[i].Image)
	}
	return r
}

func (r *registryServer) push(host, repository string, img v1.Image) {
	r.t.Helper()
	ref, err := name.NewTag(host+"/"+repository+":v1", name.Insecure)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		r.t.Fatal(err)
	}
	if r.images[repository], err = img.Digest(); err != nil {
		r.t.Fatal(err)
	}
}

// request asks for the image of a repository; for one that it does not have, a
// digest that nobody has.
func (r *registryServer) request(repository string) protocol.RunRequest {
	digest := "sha256:" + strings.Repeat("0", 64)
	if h, ok := r.images[repository]; ok {
		digest = h.String()
	} else {
		repository = "none"
	}
	return protocol.RunRequest{
		Image:  protocol.ImageSpec{Reference: "samples.test/" + repository + ":v1", Digest: digest, Platform: image.Host()},
		Source: protocol.Source{Registry: r.host, Repository: repository, Token: pullToken, Insecure: true},
	}
}
