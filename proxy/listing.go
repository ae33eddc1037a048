package proxy

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/distribution/distribution/v3/registry/api/errcode"

	"github.com/sallyport-dev/sallyport/image"
)

// maxQuery bounds what of a query is passed on to an upstream, in bytes.
const maxQuery = 2048

// tags serves a page of the upstream's list of tags. Names are not contents:
// the gate is not asked.
func (p *Proxy) tags(w *recorder, r *http.Request, ref image.Reference) error {
	query, ns := r.URL.Query(), r.URL.Query().Get("ns")
	query.Del("ns")
	if len(query.Encode()) > maxQuery {
		return refusal{status: http.StatusBadRequest, code: errcode.ErrorCodeUnsupported, message: "the query is longer than " + strconv.Itoa(maxQuery) + " bytes"}
	}
	limit := -1
	if text := query.Get("n"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return refuse(errcode.ErrorCodePaginationNumberInvalid, "n=%s: write how many tags at most, 0 or more", clip(text))
		}
		limit = n
	}
	tags, next := []string{}, url.Values(nil)
	if limit != 0 {
		got, err := p.content.tagList(r.Context(), ref, query)
		if err != nil {
			return err
		}
		if got.known {
			warn(w.Header(), []string{ref.Registry + " cannot be asked now: these are only the tags that were pulled through this gate"})
		}
		tags, next = page(got.tags, got.next, limit, query.Get("last"))
	}
	if next != nil {
		if ns != "" {
			next.Set("ns", ns)
		}
		w.Header().Set("Link", "<"+(&url.URL{Path: r.URL.Path, RawQuery: next.Encode()}).String()+`>; rel="next"`)
	}
	return sendJSON(w, r, "application/json", map[string]any{"name": ref.Repository, "tags": tags})
}

func sendJSON(w *recorder, r *http.Request, mediaType string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = w.Write(raw)
	return err
}
