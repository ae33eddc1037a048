package proxy

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

type routeKind string

// What can be asked for. The words are also values of metrics' labels.
const (
	routeBase      routeKind = "base"
	routeManifest  routeKind = "manifest"
	routeBlob      routeKind = "blob"
	routeTags      routeKind = "tags"
	routeReferrers routeKind = "referrers"
	routeCatalog   routeKind = "catalog"
	routeNone      routeKind = "none" // refused before it was known what is meant
)

// route is what a request asks for.
type route struct {
	kind routeKind
	// ref has Tag or Digest for a manifest, Digest for referrers, and neither
	// for blobs and tags.
	ref  image.Reference
	blob digest.Digest
}

// maxName is the longest repository name with its registry: the limit that
// distribution and its clients know.
const maxName = 255

// parseRoute reads a request's path, Host and ns. Refusals are errors of the
// distribution specification.
func parseRoute(r *http.Request, upstreams *upstream.List) (route, error) {
	none := route{kind: routeNone}
	// A slash that is written %2F is one to some readers of a path and none to
	// others; nothing in the specification needs it.
	if escaped := strings.ToLower(r.URL.EscapedPath()); strings.Contains(escaped, "%2f") || strings.Contains(escaped, "%5c") || strings.Contains(escaped, "%00") {
		return none, refuse(errcode.ErrorCodeNameInvalid, "the path contains an encoded slash, backslash or zero byte: write it plainly")
	}
	// What two readers of a query could take for two registries is refused.
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query["ns"]) > 1 {
		return none, refusal{status: http.StatusBadRequest, code: errcode.ErrorCodeNameInvalid, message: "the query cannot be read, or has ns more than once"}
	}
	path := r.URL.Path
	if path == "/v2" || path == "/v2/" {
		return route{kind: routeBase}, nil
	}
	if path == "/v2/_catalog" {
		return route{kind: routeCatalog}, nil
	}
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		return none, refusal{status: http.StatusNotFound, code: errcode.ErrorCodeUnsupported, message: "this address serves the registry protocol only, below /v2/"}
	}
	if strings.Contains(rest, "/blobs/uploads/") || strings.HasSuffix(rest, "/blobs/uploads") {
		return none, refuse(errcode.ErrorCodeUnsupported, pushMessage)
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 3 {
		return none, refusal{status: http.StatusNotFound, code: errcode.ErrorCodeUnsupported, message: "there is no such call of the registry protocol here: /v2/" + rest}
	}
	name, verb, last := strings.Join(parts[:len(parts)-2], "/"), parts[len(parts)-2], parts[len(parts)-1]
	found := route{kind: routeNone}
	which := "latest"
	switch {
	case verb == "manifests":
		found.kind, which = routeManifest, last
	case verb == "blobs":
		found.kind = routeBlob
	case verb == "referrers":
		found.kind = routeReferrers
	case verb == "tags" && last == "list":
		found.kind = routeTags
	default:
		return none, refusal{status: http.StatusNotFound, code: errcode.ErrorCodeUnsupported, message: "there is no such call of the registry protocol here: /v2/" + rest}
	}
	registry, repository, err := upstreams.Choose(query.Get("ns"), r.Host, name)
	if err != nil {
		return none, err
	}
	if found.ref, err = named(registry, repository); err != nil {
		return none, err
	}
	switch found.kind {
	case routeManifest:
		err = found.manifest(which)
	case routeBlob:
		found.blob, err = parseDigest(last)
	case routeReferrers:
		found.ref.Digest, err = parseDigest(last)
	}
	if err != nil {
		return none, err
	}
	return found, nil
}

// named checks a repository's name and gives it its normal form.
func named(registry, repository string) (image.Reference, error) {
	ref, err := image.New(registry, repository, "latest")
	// A name that reads as something else than what was sent is no name: only
	// Docker Hub's "library/" may be added.
	if err != nil || ref.Registry != registry || (ref.Repository != repository && ref.Repository != "library/"+repository) || len(ref.Name()) > maxName {
		return image.Reference{}, refuse(errcode.ErrorCodeNameInvalid,
			"%q is no repository's name: it is lower case letters, digits and single separators (. _ -), in components parted by slashes", clip(repository))
	}
	ref.Tag = ""
	return ref, nil
}

// manifest sets the tag or digest that the manifest is asked for by.
func (f *route) manifest(which string) error {
	if strings.Contains(which, ":") {
		d, err := parseDigest(which)
		f.ref.Digest = d
		return err
	}
	ref, err := image.New(f.ref.Registry, f.ref.Repository, which)
	if err != nil || ref.Tag != which || ref.Repository != f.ref.Repository {
		return refusal{status: http.StatusBadRequest, code: errcode.ErrorCodeManifestInvalid,
			message: "\"" + clip(which) + "\" is neither a tag (at most 128 letters, digits, _ . -) nor a digest"}
	}
	f.ref.Tag = which
	return nil
}

func parseDigest(s string) (digest.Digest, error) {
	d, err := digest.Parse(s)
	if err != nil {
		return "", refuse(errcode.ErrorCodeDigestInvalid, "%q is no digest: write algorithm:hex, e.g. sha256:… with 64 digits", clip(s))
	}
	return d, nil
}

// clip keeps foreign text in messages short.
func clip(s string) string {
	if len(s) > 128 {
		return strings.ToValidUTF8(s[:128], "") + "…"
	}
	return s
}
