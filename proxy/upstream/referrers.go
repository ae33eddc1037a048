package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
)

const (
	// maxReferrers bounds a list of referrers, in all its pages.
	maxReferrers = 10_000
	maxPages     = 100
	indexType    = "application/vnd.oci.image.index.v1+json"
)

// Referrer is a manifest that refers to another one, as the list of referrers
// describes it (distribution specification, "Listing Referrers").
type Referrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       digest.Digest     `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// Referrers lists what refers to the manifest subject, from the upstream's API
// or, where there is none, from the tag that stands for it ("Referrers Tag
// Schema"). Descriptors that cannot be read are left out. Nothing is no error.
func (r *Registry) Referrers(ctx context.Context, repository string, subject digest.Digest) ([]Referrer, error) {
	what := "list of referrers of " + called(repository, subject.String())
	list, err := ask(ctx, r, what, true, func(e *endpoint, who asker) ([]Referrer, error) {
		list, ok, err := r.referrersPage(ctx, e, who, what, question{method: http.MethodGet, repository: repository, path: "/referrers/" + subject.String(), header: http.Header{"Accept": {indexType}}})
		if ok || err != nil {
			return list, err
		}
		list, ok, err = r.referrersPage(ctx, e, who, what, question{method: http.MethodGet, repository: repository, path: "/manifests/" + ReferrersTag(subject), header: http.Header{"Accept": {indexType}}})
		if !ok && err == nil {
			// Another mirror may know more.
			err = &Error{Registry: r.Name, What: what, Kind: NotFound}
		}
		return list, err
	})
	if kind, ok := KindOf(err); ok && kind == NotFound {
		return nil, nil
	}
	return list, err
}

// referrersPage reads a list with all its pages; ok is false if the endpoint
// has no such list.
func (r *Registry) referrersPage(ctx context.Context, e *endpoint, who asker, what string, q question) (list []Referrer, ok bool, err error) {
	for range maxPages {
		more, next, err := r.readReferrers(ctx, e, who, what, q)
		if err != nil || next == nil && more == nil {
			return list, len(list) > 0, err
		}
		if list = append(list, more...); len(list) > maxReferrers {
			return nil, false, r.fault(what, fmt.Sprintf("its list of referrers is longer than %d", maxReferrers), nil)
		}
		if next == nil {
			return list, true, nil
		}
		q.query = next
	}
	return nil, false, r.fault(what, fmt.Sprintf("its list of referrers has more than %d pages", maxPages), nil)
}

// readReferrers reads one page. A nil list says that there is none.
func (r *Registry) readReferrers(ctx context.Context, e *endpoint, who asker, what string, q question) ([]Referrer, url.Values, error) {
	resp, err := e.do(ctx, who, q)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return nil, nil, nil // how registries without the API answer
	default:
		return nil, nil, r.status(what, who, resp)
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != indexType {
		return nil, nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxManifest+1))
	if err != nil {
		return nil, nil, r.fault(what, "the connection broke within the list", err)
	}
	if len(raw) > MaxManifest {
		return nil, nil, r.fault(what, "a page of its list of referrers is larger than 4 MiB", nil)
	}
	list, err := ParseReferrers(raw)
	if err != nil {
		return nil, nil, r.fault(what, "its list of referrers is not readable", err)
	}
	return list, nextPage(resp.Header.Get("Link")), nil
}

// ParseReferrers reads the index that lists referrers; it returns no nil list.
func ParseReferrers(raw []byte) ([]Referrer, error) {
	var doc struct {
		Manifests []Referrer `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	list := make([]Referrer, 0, len(doc.Manifests))
	for _, d := range doc.Manifests {
		if d.Digest.Validate() == nil && d.Size >= 0 && d.MediaType != "" {
			list = append(list, d)
		}
	}
	return list, nil
}

// ReferrersTag is the tag under which a registry without the API keeps the list
// of referrers of d.
func ReferrersTag(d digest.Digest) string {
	legal := func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c) {
			return c
		}
		return '-'
	}
	cut := func(s string, n int) string { return strings.Map(legal, s[:min(n, len(s))]) }
	return cut(d.Algorithm().String(), 32) + "-" + cut(d.Encoded(), 64)
}
