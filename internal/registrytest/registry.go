// Package registrytest is a registry in memory for tests that need one which
// holds to the whole OCI distribution specification: referrers, sha512,
// uploads in chunks. The conformance suite itself is run against it.
//
// It checks digests, keeps everything until it is collected, and knows no
// credentials.
package registrytest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	_ "crypto/sha256" // the algorithms of digests
	_ "crypto/sha512"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Registry is a http.Handler, safe for concurrent use. The zero value is empty
// and ready.
type Registry struct {
	mu      sync.Mutex
	repos   map[string]*repository
	uploads map[string][]byte
	started int
}

type repository struct {
	blobs     map[digest.Digest][]byte
	manifests map[digest.Digest]manifest
	tags      map[string]digest.Digest
}

type manifest struct {
	mediaType string
	raw       []byte
	doc       document
}

type document struct {
	MediaType    string               `json:"mediaType"`
	ArtifactType string               `json:"artifactType"`
	Config       *ocispec.Descriptor  `json:"config"`
	Subject      *ocispec.Descriptor  `json:"subject"`
	Layers       []ocispec.Descriptor `json:"layers"`
	Manifests    []ocispec.Descriptor `json:"manifests"`
	Annotations  map[string]string    `json:"annotations"`
}

// ServeHTTP implements http.Handler.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	if path == "" {
		w.WriteHeader(http.StatusOK)
		return
	}
	for _, verb := range []struct {
		part string
		do   func(http.ResponseWriter, *http.Request, *repository, string, string)
	}{
		{"/blobs/uploads/", g.upload}, {"/blobs/", g.blob}, {"/manifests/", g.manifest}, {"/tags/", g.list}, {"/referrers/", g.referrers},
	} {
		if i := strings.LastIndex(path, verb.part); i > 0 {
			name := path[:i]
			verb.do(w, r, g.repository(name), name, path[i+len(verb.part):])
			return
		}
	}
	refuse(w, http.StatusNotFound, "UNSUPPORTED")
}

func (g *Registry) repository(name string) *repository {
	if g.repos == nil {
		g.repos, g.uploads = map[string]*repository{}, map[string][]byte{}
	}
	if g.repos[name] == nil {
		g.repos[name] = &repository{map[digest.Digest][]byte{}, map[digest.Digest]manifest{}, map[string]digest.Digest{}}
	}
	return g.repos[name]
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": strings.ToLower(code)}}})
}

// upload takes blobs in: at once, whole, or chunk by chunk.
func (g *Registry) upload(w http.ResponseWriter, r *http.Request, repo *repository, name, id string) {
	query := r.URL.Query()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "BLOB_UPLOAD_INVALID")
		return
	}
	if r.Method == http.MethodPost {
		if from, d := query.Get("from"), digest.Digest(query.Get("mount")); d != "" && g.repos[from] != nil {
			if b, ok := g.repos[from].blobs[d]; ok {
				repo.blobs[d] = b
				created(w, "/v2/"+name+"/blobs/"+d.String(), d)
				return
			}
		}
		if d := query.Get("digest"); d != "" {
			g.finish(w, repo, name, "", d, body)
			return
		}
		g.started++
		id = strconv.Itoa(g.started)
		g.uploads[id] = nil
	} else if _, known := g.uploads[id]; !known {
		refuse(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
		return
	}
	so := g.uploads[id]
	if chunk := r.Header.Get("Content-Range"); chunk != "" {
		first, last, _ := strings.Cut(chunk, "-")
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || from != len(so) || to-from+1 != len(body) {
			progress(w, name, id, len(so))
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID")
			return
		}
	}
	so = append(so, body...)
	switch r.Method {
	case http.MethodPost, http.MethodPatch:
		g.uploads[id] = so
		progress(w, name, id, len(so))
		w.WriteHeader(http.StatusAccepted)
	case http.MethodGet:
		progress(w, name, id, len(so))
		w.WriteHeader(http.StatusNoContent)
	case http.MethodDelete:
		delete(g.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPut:
		g.finish(w, repo, name, id, query.Get("digest"), so)
	default:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED")
	}
}

func progress(w http.ResponseWriter, name, id string, size int) {
	w.Header().Set("Location", "/v2/"+name+"/blobs/uploads/"+id)
	w.Header().Set("Range", "0-"+strconv.Itoa(max(0, size-1)))
}

func (g *Registry) finish(w http.ResponseWriter, repo *repository, name, id, want string, b []byte) {
	d, err := digest.Parse(want)
	if err != nil || d.Algorithm().FromBytes(b) != d {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID")
		return
	}
	delete(g.uploads, id)
	repo.blobs[d] = b
	created(w, "/v2/"+name+"/blobs/"+want, d)
}

func created(w http.ResponseWriter, location string, d digest.Digest) {
	w.Header().Set("Location", location)
	w.Header().Set("Docker-Content-Digest", d.String())
	w.WriteHeader(http.StatusCreated)
}

func (g *Registry) blob(w http.ResponseWriter, r *http.Request, repo *repository, _, which string) {
	d, err := digest.Parse(which)
	if err != nil {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID")
		return
	}
	b, ok := repo.blobs[d]
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN")
	case r.Method == http.MethodDelete:
		delete(repo.blobs, d)
		w.WriteHeader(http.StatusAccepted)
	default:
		serve(w, r, "application/octet-stream", d, b)
	}
}

// list answers tags/list with n and last.
func (g *Registry) list(w http.ResponseWriter, r *http.Request, repo *repository, name, _ string) {
	tags := []string{}
	for t := range repo.tags {
		if t > r.URL.Query().Get("last") {
			tags = append(tags, t)
		}
	}
	slices.Sort(tags)
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n < len(tags) {
		tags = tags[:n]
		if n > 0 {
			w.Header().Set("Link", "</v2/"+name+"/tags/list?n="+strconv.Itoa(n)+"&last="+tags[n-1]+`>; rel="next"`)
		}
	}
	answer(w, "application/json", map[string]any{"name": name, "tags": tags})
}

func (g *Registry) referrers(w http.ResponseWriter, r *http.Request, repo *repository, _, subject string) {
	if _, err := digest.Parse(subject); err != nil {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID")
		return
	}
	wanted := r.URL.Query().Get("artifactType")
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{}}
	for d, m := range repo.manifests {
		if m.doc.Subject == nil || m.doc.Subject.Digest.String() != subject {
			continue
		}
		kind := m.doc.ArtifactType
		if kind == "" && m.doc.Config != nil {
			kind = m.doc.Config.MediaType
		}
		if wanted == "" || wanted == kind {
			index.Manifests = append(index.Manifests, ocispec.Descriptor{
				MediaType: m.mediaType, Digest: d, Size: int64(len(m.raw)), ArtifactType: kind, Annotations: m.doc.Annotations,
			})
		}
	}
	if wanted != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	answer(w, ocispec.MediaTypeImageIndex, index)
}

func answer(w http.ResponseWriter, mediaType string, v any) {
	w.Header().Set("Content-Type", mediaType)
	_ = json.NewEncoder(w).Encode(v)
}
