package gate

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Upstream is how manifests call the registry.
const Upstream = "registry.test"

// Labels of images, on which the policies of Policies decide.
var (
	Denied = map[string]string{"test.fate": "denied"} // by the policy label-fate
	Warned = map[string]string{"test.fate": "warned"} // let pass by it
)

// Registry holds images. It is safe for concurrent use.
type Registry struct {
	Address string // host:port, clear text

	server *httptest.Server
	hang   sync.RWMutex // held by who answers, and by Hang
	user   atomic.Pointer[url.Userinfo]
}

// StartRegistry starts an empty registry, which ends with the test.
func StartRegistry(t testing.TB) *Registry {
	t.Helper()
	r := &Registry{}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.hang.RLock()
		defer r.hang.RUnlock()
		if user := r.user.Load(); user != nil {
			password, _ := user.Password()
			if name, shown, _ := req.BasicAuth(); name != user.Username() || shown != password {
				w.Header().Set("WWW-Authenticate", `Basic realm="`+Upstream+`"`)
				http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
				return
			}
		}
		images.ServeHTTP(w, req)
	}))
	t.Cleanup(r.server.Close)
	r.Address = strings.TrimPrefix(r.server.URL, "http://")
	return r
}

// Hang has the registry answer nobody until release is called.
func (r *Registry) Hang() (release func()) {
	r.hang.Lock()
	return r.hang.Unlock
}

// Protect has the registry answer nobody but who shows the credentials. Push
// before.
func (r *Registry) Protect(user, password string) { r.user.Store(url.UserPassword(user, password)) }

// Stop closes the registry for good.
func (r *Registry) Stop() { r.server.Close() }

// Push makes an image with the labels, puts it into the registry, and returns
// the name with which manifests name it by digest: registry.test/shop@sha256:….
func (r *Registry) Push(t testing.TB, repositoryTag string, labels map[string]string) string {
	t.Helper()
	img, err := random.Image(256, 1)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, config(t, img, labels))
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(r.Address + "/" + repositoryTag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return Upstream + "/" + ref.Context().RepositoryStr() + "@" + digest.String()
}

func config(t testing.TB, img v1.Image, labels map[string]string) *v1.ConfigFile {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture = "linux", "amd64"
	c.Config = v1.Config{Labels: labels, Entrypoint: []string{"/shop"}, User: "65532"}
	return c
}
