package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
)

// configuration is the part of an OCI image configuration that is read here.
type configuration struct {
	Created      *time.Time `json:"created"`
	Author       string     `json:"author"`
	OS           string     `json:"os"`
	Architecture string     `json:"architecture"`
	Variant      string     `json:"variant"`
	Config       struct {
		User         string              `json:"User"`
		ExposedPorts map[string]struct{} `json:"ExposedPorts"`
		Env          []string            `json:"Env"`
		Entrypoint   words               `json:"Entrypoint"`
		Cmd          words               `json:"Cmd"`
		Volumes      map[string]struct{} `json:"Volumes"`
		WorkingDir   string              `json:"WorkingDir"`
		Labels       map[string]string   `json:"Labels"`
	} `json:"config"`
	RootFS struct {
		DiffIDs []digest.Digest `json:"diff_ids"`
	} `json:"rootfs"`
	History []struct {
		Created   *time.Time `json:"created"`
		CreatedBy string     `json:"created_by"`
		Comment   string     `json:"comment"`
		Empty     bool       `json:"empty_layer"`
	} `json:"history"`
}

// words is a command line; old builders wrote a single string.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = nil
		if one != "" {
			*w = words{one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(w))
}

func parseConfig(raw []byte) (configuration, error) {
	var c configuration
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("%w: the configuration: %v", ErrInvalid, err)
	}
	return c, nil
}

// What builders say about the image that they built upon (image-spec, annotations.md); some say it as labels.
const (
	baseName   = "org.opencontainers.image.base.name"
	baseDigest = "org.opencontainers.image.base.digest"
)

// facts puts manifest and configuration together.
func (c configuration) facts(doc document) (*Config, error) {
	if len(c.RootFS.DiffIDs) != len(doc.Layers) {
		return nil, fmt.Errorf("%w: the manifest has %d layers, the configuration %d", ErrMismatch, len(doc.Layers), len(c.RootFS.DiffIDs))
	}
	f := &Config{
		Digest:     doc.Config.Digest,
		Platform:   image.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant},
		Created:    value(c.Created),
		Author:     c.Author,
		User:       c.Config.User,
		Entrypoint: c.Config.Entrypoint,
		Cmd:        c.Config.Cmd,
		WorkingDir: c.Config.WorkingDir,
		Ports:      slices.Sorted(maps.Keys(c.Config.ExposedPorts)),
		Volumes:    slices.Sorted(maps.Keys(c.Config.Volumes)),
		Labels:     c.Config.Labels,
		Size:       doc.Config.Size,
		BaseName:   cmp.Or(doc.Annotations[baseName], c.Config.Labels[baseName]),
		BaseDigest: cmp.Or(doc.Annotations[baseDigest], c.Config.Labels[baseDigest]),
	}
	for _, e := range c.Config.Env {
		name, _, _ := strings.Cut(e, "=")
		f.Env = append(f.Env, name)
	}
	for _, h := range c.History {
		f.History = append(f.History, Step{Created: value(h.Created), CreatedBy: h.CreatedBy, Comment: h.Comment, Empty: h.Empty})
	}
	for i, l := range doc.Layers {
		id := c.RootFS.DiffIDs[i]
		if err := id.Validate(); err != nil {
			return nil, fmt.Errorf("%w: diff id %q: %v", ErrInvalid, id, err)
		}
		f.Layers = append(f.Layers, Layer{Digest: l.Digest, DiffID: id, MediaType: l.MediaType, Size: l.Size})
		f.Size += l.Size
	}
	return f, nil
}

func value(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
