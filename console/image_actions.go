package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/verdict"
)

// ImageName names an image in a request: by the parts of Aqua's record, or
// whole, as people write it. Other clients send the rest of the record too.
type ImageName struct {
	Registry   string `json:"registry,omitempty"`
	Repository string `json:"repository,omitempty"`
	Tag        string `json:"tag,omitempty"`
	Digest     string `json:"digest,omitempty"`
	Image      string `json:"image,omitempty"` // ours: the whole reference
}

func (c *Console) named(n ImageName) (image.Reference, error) {
	if n.Image != "" {
		return c.reference(n.Image)
	}
	which := n.Digest
	if which == "" {
		which = n.Tag
	}
	if n.Registry == "" || n.Repository == "" || which == "" {
		return image.Reference{}, problem(http.StatusBadRequest, "an image needs registry, repository and tag, or the whole name in image")
	}
	ref, err := image.New(registryName(n.Registry), n.Repository, which)
	if err != nil {
		return image.Reference{}, err
	}
	return c.cfg.Behind(ref), nil
}

// maxImages is how many images one request may name.
const maxImages = 100

// ImagesRequest is the body of all requests that name images.
type ImagesRequest struct {
	Images     []ImageName `json:"images"`
	FullRescan bool        `json:"full_rescan,omitempty"`
	Comment    string      `json:"comment,omitempty"`
	Expires    time.Time   `json:"expires,omitzero"` // ours: of a permission
}

// ScansAnswer is what was set off for each image of a request.
type ScansAnswer struct {
	Images []Scan `json:"images"`
}

func (c *Console) readImages(r *http.Request) (ImagesRequest, []image.Reference, error) {
	var list ImagesRequest
	if err := decodeLoose(r, &list); err != nil {
		return list, nil, err
	}
	if n := len(list.Images); n == 0 || n > maxImages {
		return list, nil, problem(http.StatusBadRequest, "images names %d images: name 1 to %d", n, maxImages)
	}
	refs := make([]image.Reference, len(list.Images))
	for i, n := range list.Images {
		var err error
		if refs[i], err = c.named(n); err != nil {
			return list, nil, err
		}
	}
	return list, refs, nil
}

// Scan is what a registration or a rescan set off for one image.
type Scan struct {
	Image     string         `json:"image"`
	Action    gate.Action    `json:"action"`
	Message   string         `json:"message"`
	Platforms []PlatformScan `json:"platforms"`
}

// PlatformScan is what happens to one platform's image.
type PlatformScan struct {
	Digest   string `json:"digest"`
	Platform string `json:"platform"`
	State    string `json:"state"`
}

// registerImages makes the gate look at images as if they were pulled: their
// names are remembered, and what is missing is queued.
func (c *Console) registerImages(w http.ResponseWriter, r *http.Request) error {
	_, refs, err := c.readImages(r)
	if err != nil {
		return err
	}
	return c.scanAll(w, r, refs, false)
}

// rescanImages analyses images again: what is missing, or with full_rescan all
// that some policy wants analysed.
func (c *Console) rescanImages(w http.ResponseWriter, r *http.Request) error {
	list, refs, err := c.readImages(r)
	if err != nil {
		return err
	}
	return c.scanAll(w, r, refs, list.FullRescan)
}

func (c *Console) scanAll(w http.ResponseWriter, r *http.Request, refs []image.Reference, full bool) error {
	var answer ScansAnswer
	for _, ref := range refs {
		s, err := c.scan(r.Context(), ref, full)
		if err != nil {
			return err
		}
		answer.Images = append(answer.Images, s)
	}
	return reply(w, http.StatusCreated, answer)
}

func (c *Console) scan(ctx context.Context, ref image.Reference, full bool) (Scan, error) {
	ref, err := c.find(ctx, ref)
	if err != nil {
		return Scan{}, err
	}
	d, err := c.parts.Gate.Decide(ctx, gate.Request{
		Reference: ref, Context: policies.Context{Kind: "pull"}, Client: caller(ctx).Name, Audit: "scan",
	})
	if err != nil {
		return Scan{}, err
	}
	s := Scan{Image: ref.String(), Action: d.Action, Message: d.Message, Platforms: []PlatformScan{}}
	judged, err := c.judged(ctx, ref, d)
	if err != nil {
		return Scan{}, err
	}
	for _, j := range judged {
		state, err := c.scanPlatform(ctx, ref, j, full)
		if err != nil {
			return Scan{}, err
		}
		s.Platforms = append(s.Platforms, PlatformScan{Digest: j.Digest, Platform: j.Platform.String(), State: state})
	}
	return s, nil
}

// scanPlatform has one platform's image run again, or tells how far it is.
func (c *Console) scanPlatform(ctx context.Context, ref image.Reference, j gate.Judged, full bool) (string, error) {
	if !j.Result.NeedsDTA {
		return "not analysed: no policy with the control \"dta\" includes it; label it, or widen a policy's scope", nil
	}
	if !full {
		state, err := c.progress(ctx, j)
		return state.String(), err
	}
	ref = ref.WithDigest(digestOf(j))
	facts, err := c.parts.Inspector.Facts(ctx, ref)
	if err != nil {
		return "", err
	}
	state, err := c.parts.Queue.Rescan(ctx, analysis.Job{
		Reference: ref, Platform: j.Platform,
		Subject: verdict.Subject{Digest: facts.Digest, MediaType: facts.MediaType, Size: facts.Size},
	})
	return state.String(), err
}

// allowImages lets images pass whatever the policies say.
func (c *Console) allowImages(w http.ResponseWriter, r *http.Request) error {
	return c.permit(w, r, gate.Allow)
}

// blockImages refuses images whatever the policies say.
func (c *Console) blockImages(w http.ResponseWriter, r *http.Request) error {
	return c.permit(w, r, gate.Deny)
}

func (c *Console) permit(w http.ResponseWriter, r *http.Request, action gate.Action) error {
	list, refs, err := c.readImages(r)
	if err != nil {
		return err
	}
	if !list.Expires.IsZero() && !list.Expires.After(c.cfg.Now()) {
		return problem(http.StatusBadRequest, "expires %s is past: leave it out for a permission without end", list.Expires.Format(time.RFC3339))
	}
	for _, ref := range refs {
		if err := c.parts.Permissions.Set(r.Context(), gate.Permission{
			Target: label.Image(ref), Action: action, Comment: strings.TrimSpace(list.Comment),
			Author: caller(r.Context()).Name, Created: c.cfg.Now().UTC(), Expires: list.Expires,
		}); err != nil {
			return err
		}
		c.cfg.Logger.InfoContext(r.Context(), "permission", "image", label.Image(ref).String(), "action", action, "expires", list.Expires,
			"token", caller(r.Context()).Name, "comment", list.Comment)
	}
	return noContent(w)
}

// listPermissions lists what people said about single images.
func (c *Console) listPermissions(w http.ResponseWriter, r *http.Request) error {
	all, err := c.parts.Permissions.List(r.Context())
	if err != nil {
		return err
	}
	some, err := cutPage(r, all)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, some)
}

// removePermission takes back what was said about the query's image.
func (c *Console) removePermission(w http.ResponseWriter, r *http.Request) error {
	t, err := c.target(r.URL.Query().Get("image"), kindImage)
	if err != nil {
		return err
	}
	all, err := c.parts.Permissions.List(r.Context())
	if err != nil {
		return err
	}
	var beside []string // what was said of the same repository's images: who broke the glass opened a digest
	for _, p := range all {
		if p.Target == t {
			if err := c.parts.Permissions.Remove(r.Context(), t); err != nil {
				return err
			}
			return noContent(w)
		}
		if p.Target.Registry == t.Registry && p.Target.Repository == t.Repository {
			beside = append(beside, p.Target.String())
		}
	}
	if len(beside) > 0 {
		return problem(http.StatusNotFound, "nobody allowed or blocked %s by that name; somebody did %s", t, strings.Join(beside[:min(len(beside), 5)], ", "))
	}
	return problem(http.StatusNotFound, "nobody allowed or blocked %s", t)
}

func digestOf(j gate.Judged) digest.Digest { return digest.Digest(j.Digest) }
