package console

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
)

// GivenPolicy is a policy that is not in force, with the files that its custom
// checks are made of, by their path beside the document.
type GivenPolicy struct {
	Document policies.Document `json:"document"`
	Files    map[string]string `json:"files,omitempty"`
}

// PreviewRequest asks what another generation would do with all known images.
type PreviewRequest struct {
	Policies []GivenPolicy  `json:"policies"`
	Removed  []string       `json:"removed,omitempty"` // names of policies that would be gone
	Only     bool           `json:"only,omitempty"`    // the policies would be all there are, beside built-in ones; else they join or replace those in force
	Before   *[]GivenPolicy `json:"before,omitempty"`  // all there are to compare with, beside built-in ones; nil: those in force
	Name     string         `json:"name,omitempty"`    // only images whose whole name contains it
	All      bool           `json:"all,omitempty"`     // every image, not only those that flip
}

// PreviewLine is one line of the answer, which comes as a stream of JSON
// documents (application/x-ndjson) in no order. One member is set. A stream
// without Done broke off.
type PreviewLine struct {
	Change   *author.Change   `json:"change,omitempty"`
	Unjudged *Unjudged        `json:"unjudged,omitempty"`
	Progress *PreviewProgress `json:"progress,omitempty"`
	Done     *PreviewSummary  `json:"done,omitempty"`
	Error    string           `json:"error,omitempty"` // why it breaks off
}

// Unjudged is an image that cannot be judged now.
type Unjudged struct {
	Image  string `json:"image"`
	Reason string `json:"reason"`
}

// PreviewProgress says how far a preview is.
type PreviewProgress struct {
	Done int `json:"done"`
	Of   int `json:"of"` // known images
}

// PreviewSummary ends a preview.
type PreviewSummary struct {
	Before   string `json:"before"` // generation
	After    string `json:"after"`
	Images   int    `json:"images"` // platforms' images that were judged
	Flips    int    `json:"flips"`
	ToDenied int    `json:"to_denied"` // of the flips
	Unjudged int    `json:"unjudged"`
	Unread   int    `json:"unread"` // judged without facts that the new policies read: nobody has looked into their layers yet
}

// Bounds of a preview, which runs rules that are not in force.
const (
	maxPreview      = 16 << 20 // bytes of the request
	previewTime     = 10 * time.Minute
	previewPatience = 10 * time.Second // until one that runs must be done
)

// previewPolicies judges all known images by given policies and tells what
// would change. Nothing is changed, and one preview runs at a time.
func (c *Console) previewPolicies(w http.ResponseWriter, r *http.Request) error {
	if err := imagesOnly(r); err != nil {
		return err
	}
	var req PreviewRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	select {
	case c.previewing <- struct{}{}:
		defer func() { <-c.previewing }()
	case <-r.Context().Done():
		return context.Cause(r.Context())
	case <-time.After(previewPatience):
		return problem(http.StatusTooManyRequests, "somebody else's preview is running: try again when it is done")
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), previewTime, errors.New("the preview took longer than "+previewTime.String()))
	defer cancel()
	before, after, err := c.generations(ctx, req)
	if err != nil {
		return err
	}
	known, err := c.parts.Gate.Known(ctx)
	if err != nil {
		return err
	}
	p := &preview{
		console: c, out: newLines(w), all: req.All, before: before, after: after,
		summary: PreviewSummary{Before: before.Generation(), After: after.Generation()},
	}
	return p.run(ctx, digests(sorted(latest(known)), req.Name))
}

// generations compiles what is compared.
func (c *Console) generations(ctx context.Context, req PreviewRequest) (before, after *policies.Set, err error) {
	if req.Before != nil {
		before, err = generationOf(ctx, *req.Before)
	} else {
		entries, err := c.parts.Policies.List(ctx)
		if err != nil {
			return nil, nil, err
		}
		docs := make([]policies.Document, len(entries))
		for i, e := range entries {
			docs[i] = e.Document
		}
		if before, err = policies.Compile(ctx, docs, policies.Options{}); err != nil {
			return nil, nil, err
		}
	}
	if err != nil {
		return nil, nil, faulty(ctx, err)
	}
	if req.Only {
		after, err = generationOf(ctx, req.Policies)
	} else {
		var docs []policies.Document
		if docs, err = documentsOf(req.Policies); err == nil {
			after, err = before.With(ctx, docs, req.Removed)
		}
	}
	return before, after, faulty(ctx, err)
}

// faulty gives err, of given policies, its status.
func faulty(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return problem(http.StatusBadRequest, "%w", err)
}

// generationOf compiles given policies, and the built-in ones that none stands
// in for.
func generationOf(ctx context.Context, given []GivenPolicy) (*policies.Set, error) {
	docs, err := documentsOf(given)
	if err != nil {
		return nil, err
	}
	if docs, err = author.WithBuiltIn(docs); err != nil {
		return nil, err
	}
	return policies.Compile(ctx, docs, policies.Options{})
}

func documentsOf(given []GivenPolicy) ([]policies.Document, error) {
	docs := make([]policies.Document, len(given))
	for i, g := range given {
		docs[i] = g.Document
		if len(g.Files) == 0 {
			continue
		}
		var err error
		if docs[i].Files, err = fileSystem(g.Files); err != nil {
			return nil, problem(http.StatusBadRequest, "policy %q: files: %w", g.Document.Name, err)
		}
	}
	return docs, nil
}

// fileSystem is files in memory: an archive is one.
func fileSystem(files map[string]string) (fs.FS, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !fs.ValidPath(name) || name == "." {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
}
