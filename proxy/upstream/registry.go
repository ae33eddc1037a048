package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
)

// MaxManifest is the largest manifest that is accepted, in bytes: what the
// distribution specification asks a registry to take at least, and what the
// distribution project itself takes at most.
const MaxManifest = 4 << 20

const maxTagList = 16 << 20

// accepted are the manifests that are asked for. Without them a registry may
// answer with schema 1.
var accepted = http.Header{"Accept": {strings.Join([]string{
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.oci.artifact.manifest.v1+json",
}, ", ")}}

// Registry is one upstream. All methods are safe for concurrent use, and all
// their errors are *Error except the end of the caller's own context.
type Registry struct {
	Name      string // normalised
	endpoints []*endpoint
	client    bool                          // clients' credentials are passed on
	secret    []byte                        // makes names of them
	observe   func(registry string, k Kind) // failures, for metrics
	now       func() time.Time
}

func newRegistry(cfg Config) (*Registry, error) {
	cfg = cfg.withDefaults()
	n := image.NormalRegistry(cfg.Registry)
	if cfg.Registry == "" {
		return nil, errors.New("an upstream has no registry name: write e.g. registry: docker.io")
	}
	if ref, err := image.Parse(n + "/a"); err != nil || ref.Registry != n || strings.Contains(cfg.Registry, "/") {
		return nil, fmt.Errorf("upstream %q is not a registry's name: write host or host:port, as it stands in image references", cfg.Registry)
	}
	r := &Registry{Name: n, client: cfg.Client, secret: newSecret(), observe: func(string, Kind) {}, now: time.Now}
	slots := make(chan struct{}, cfg.Requests)
	addresses := cfg.Endpoints
	if len(addresses) == 0 {
		addresses = []string{defaultEndpoint(n)}
	}
	for i, a := range addresses {
		if slices.Contains(addresses[:i], a) {
			return nil, fmt.Errorf("upstream %s: the endpoint %s is listed twice", n, redacted(a))
		}
		// Docker's files keep Hub's credentials under another name than its address.
		var resource authn.Resource
		if a == defaultEndpoint(image.DockerHub) {
			resource, _ = name.NewRegistry(image.DockerHub)
		}
		e, err := newEndpoint(a, cfg, keychainOf(cfg, a), resource, slots, func() time.Time { return r.now() })
		if err != nil {
			return nil, fmt.Errorf("upstream %s: %w", n, err)
		}
		r.endpoints = append(r.endpoints, e)
	}
	return r, nil
}

// keychainOf is where the gate's own credentials for an endpoint come from.
func keychainOf(cfg Config, address string) authn.Keychain {
	own := cfg.Settings[address]
	switch {
	case own.Username != "":
		return static{authn.FromConfig(authn.AuthConfig{Username: own.Username, Password: own.Password})}
	case cfg.Username != "":
		return static{authn.FromConfig(authn.AuthConfig{Username: cfg.Username, Password: cfg.Password})}
	case cfg.Keychain != nil:
		return cfg.Keychain
	}
	return static{authn.Anonymous}
}

// called is a manifest as messages call it.
func called(repository, which string) string {
	if strings.Contains(which, ":") {
		return repository + "@" + which
	}
	return repository + ":" + which
}

// defaultEndpoint is where a registry is found when nothing is configured. As
// for the engines, a registry on this machine is expected in clear text.
func defaultEndpoint(registry string) string {
	if registry == image.DockerHub {
		return "https://registry-1.docker.io"
	}
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = registry
	}
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
		return "http://" + registry
	}
	return "https://" + registry
}

// static is a keychain with one answer.
type static struct{ authn.Authenticator }

func (s static) Resolve(authn.Resource) (authn.Authenticator, error) { return s.Authenticator, nil }

// Manifest is what an upstream holds under a tag or digest; Digest is checked
// against Raw.
type Manifest struct {
	ContentType string // as the upstream calls it
	Digest      digest.Digest
	Raw         []byte // at most MaxManifest
}

// Resolve asks for the digest of a tag, or whether there is a manifest with a
// digest, without fetching it. An upstream that does not say it gives "" and no
// error. While all endpoints are left out for their failures none is asked:
// whoever asks this has, or can do with, an older answer.
func (r *Registry) Resolve(ctx context.Context, repository, which string) (digest.Digest, error) {
	return r.head(ctx, repository, which, false)
}

// Find is Resolve for who has no older answer: it asks endpoints that failed
// lately, too, if no other has an answer.
func (r *Registry) Find(ctx context.Context, repository, which string) (digest.Digest, error) {
	return r.head(ctx, repository, which, true)
}

func (r *Registry) head(ctx context.Context, repository, which string, urgent bool) (digest.Digest, error) {
	what := called(repository, which)
	return ask(ctx, r, what, urgent, func(e *endpoint, who asker) (digest.Digest, error) {
		resp, err := e.do(ctx, who, question{method: http.MethodHead, repository: repository, path: "/manifests/" + which, header: accepted})
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return "", r.status(what, who, resp)
		}
		d := digest.Digest(resp.Header.Get("Docker-Content-Digest"))
		if d.Validate() != nil {
			return "", nil
		}
		return d, nil
	})
}

// Manifest fetches a manifest by tag or digest and checks its digest.
func (r *Registry) Manifest(ctx context.Context, repository, which string) (Manifest, error) {
	what, want := called(repository, which), digest.Digest("")
	if strings.Contains(which, ":") {
		want = digest.Digest(which)
	}
	return ask(ctx, r, what, true, func(e *endpoint, who asker) (Manifest, error) {
		resp, err := e.do(ctx, who, question{method: http.MethodGet, repository: repository, path: "/manifests/" + which, header: accepted})
		if err != nil {
			return Manifest{}, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return Manifest{}, r.status(what, who, resp)
		}
		raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxManifest+1))
		if err != nil {
			return Manifest{}, r.fault(what, "the connection broke within the manifest", err)
		}
		if len(raw) > MaxManifest {
			return Manifest{}, r.fault(what, "its manifest is larger than 4 MiB", nil)
		}
		d := want
		if d == "" {
			d = digest.Digest(resp.Header.Get("Docker-Content-Digest"))
			if d.Validate() != nil {
				d = digest.FromBytes(raw)
			}
		}
		if d.Algorithm().FromBytes(raw) != d {
			return Manifest{}, r.fault(what, "it sent a manifest with another digest", nil)
		}
		return Manifest{ContentType: resp.Header.Get("Content-Type"), Digest: d, Raw: raw}, nil
	})
}

// Blob opens a blob for reading from offset on. The stream is not checked: it
// is the blob only if all of it has the digest. The upstream may begin at 0
// whatever the offset; at says where it begins. size is the whole blob's, -1
// when the upstream does not say.
func (r *Registry) Blob(ctx context.Context, repository string, d digest.Digest, offset int64) (body io.ReadCloser, at, size int64, err error) {
	type stream struct {
		body     io.ReadCloser
		at, size int64
	}
	what := repository + "@" + d.String()
	s, err := ask(ctx, r, what, true, func(e *endpoint, who asker) (stream, error) {
		header := http.Header{}
		if offset > 0 {
			header.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
		}
		resp, err := e.do(ctx, who, question{method: http.MethodGet, repository: repository, path: "/blobs/" + d.String(), header: header})
		if err != nil {
			return stream{}, err
		}
		if resp.StatusCode == http.StatusOK {
			return stream{resp.Body, 0, resp.ContentLength}, nil
		}
		if start, total, ok := contentRange(resp.Header.Get("Content-Range")); resp.StatusCode == http.StatusPartialContent && ok && start == offset {
			return stream{resp.Body, start, total}, nil
		}
		defer resp.Body.Close()
		return stream{}, r.status(what, who, resp)
	})
	return s.body, s.at, s.size, err
}

// HasBlob asks whether the repository has the blob, without fetching it: nil
// says yes.
func (r *Registry) HasBlob(ctx context.Context, repository string, d digest.Digest) error {
	what := repository + "@" + d.String()
	_, err := ask(ctx, r, what, true, func(e *endpoint, who asker) (struct{}, error) {
		resp, err := e.do(ctx, who, question{method: http.MethodHead, repository: repository, path: "/blobs/" + d.String()})
		if err != nil {
			return struct{}{}, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return struct{}{}, r.status(what, who, resp)
		}
		return struct{}{}, nil
	})
	return err
}

// Tags lists a page of the repository's tags. query is passed on as it is;
// next is the query of the following page, nil on the last one.
func (r *Registry) Tags(ctx context.Context, repository string, query url.Values) (tags []string, next url.Values, err error) {
	type page struct {
		tags []string
		next url.Values
	}
	what := "list of tags of " + repository
	p, err := ask(ctx, r, what, true, func(e *endpoint, who asker) (page, error) {
		resp, err := e.do(ctx, who, question{method: http.MethodGet, repository: repository, path: "/tags/list", query: query})
		if err != nil {
			return page{}, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return page{}, r.status(what, who, resp)
		}
		var list struct {
			Tags []string `json:"tags"`
		}
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxTagList)).Decode(&list); err != nil {
			return page{}, r.fault(what, "its list of tags is not readable", err)
		}
		return page{list.Tags, nextPage(resp.Header.Get("Link"))}, nil
	})
	return p.tags, p.next, err
}
