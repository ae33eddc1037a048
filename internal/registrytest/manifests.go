package registrytest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

func (g *Registry) manifest(w http.ResponseWriter, r *http.Request, repo *repository, name, which string) {
	if r.Method == http.MethodPut {
		repo.put(w, r, name, which)
		return
	}
	d, err := digest.Parse(which)
	if err != nil {
		d = repo.tags[which]
	}
	m, ok := repo.manifests[d]
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN")
	case r.Method != http.MethodDelete:
		serve(w, r, m.mediaType, d, m.raw)
	case d.String() == which:
		delete(repo.manifests, d)
		maps.DeleteFunc(repo.tags, func(_ string, of digest.Digest) bool { return of == d })
		w.WriteHeader(http.StatusAccepted)
	default:
		delete(repo.tags, which)
		w.WriteHeader(http.StatusAccepted)
	}
}

// put stores a manifest whose parts are there. Foreign layers and subjects
// need not be ("Pushing Manifests").
func (repo *repository) put(w http.ResponseWriter, r *http.Request, name, which string) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	m := manifest{raw: raw}
	if err == nil {
		err = json.Unmarshal(raw, &m.doc)
	}
	d, bad := digest.Parse(which)
	if bad != nil {
		d = digest.FromBytes(raw)
	}
	if err != nil || bad != nil && strings.Contains(which, ":") || d.Algorithm().FromBytes(raw) != d {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID")
		return
	}
	parts := m.doc.Layers
	if m.doc.Config != nil {
		parts = append(slices.Clone(parts), *m.doc.Config)
	}
	for _, p := range parts {
		if _, ok := repo.blobs[p.Digest]; !ok && len(p.URLs) == 0 {
			refuse(w, http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")
			return
		}
	}
	for _, p := range m.doc.Manifests {
		if _, ok := repo.manifests[p.Digest]; !ok {
			refuse(w, http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")
			return
		}
	}
	if m.mediaType = r.Header.Get("Content-Type"); m.mediaType == "" {
		m.mediaType = m.doc.MediaType
	}
	repo.manifests[d] = m
	if bad != nil {
		repo.tags[which] = d
	}
	if m.doc.Subject != nil {
		w.Header().Set("OCI-Subject", m.doc.Subject.Digest.String())
	}
	created(w, "/v2/"+name+"/manifests/"+d.String(), d)
}

func serve(w http.ResponseWriter, r *http.Request, mediaType string, d digest.Digest, b []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Docker-Content-Digest", d.String())
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}
