package inspect

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
)

// Version is the version of Facts that this package writes. Stored facts of
// another version are not used: the bytes are inspected again.
const Version = 2

// Kind says what a manifest is to the gate.
type Kind string

// The kinds.
const (
	Image    Kind = "image"    // one platform's image: is judged
	Index    Kind = "index"    // is judged by its children
	Artifact Kind = "artifact" // nothing that an engine would run: passes
)

// Facts is what is true of a digest's bytes. It is immutable; nobody changes
// its slices and maps.
type Facts struct {
	Version   int           `json:"version"`
	Digest    digest.Digest `json:"digest"`
	MediaType string        `json:"media_type"`
	Size      int64         `json:"manifest_size"` // bytes of the manifest itself
	Kind      Kind          `json:"kind"`

	// Of an artifact.
	ArtifactType string        `json:"artifact_type,omitempty"` // media type
	Artifact     string        `json:"artifact,omitempty"`      // in a word: signature, SBOM, attestation, Helm chart …
	Subject      digest.Digest `json:"subject,omitempty"`       // what it is attached to

	// Of an index.
	Children []Child `json:"children,omitempty"`

	// Of an image.
	Config *Config `json:"config,omitempty"`
}

// Child is one entry of an index.
type Child struct {
	Digest    digest.Digest  `json:"digest"`
	MediaType string         `json:"media_type"`
	Size      int64          `json:"size"`
	Platform  image.Platform `json:"platform,omitzero"`
	// Attestation is true for entries that no engine chooses, because their
	// platform is "unknown/unknown". An entry without platform is no such
	// entry: containerd takes it after a look at its configuration.
	Attestation bool `json:"attestation,omitempty"`
}

// Config is what an image's manifest and configuration say.
type Config struct {
	Digest     digest.Digest     `json:"digest"` // of the configuration blob
	Platform   image.Platform    `json:"platform"`
	Created    time.Time         `json:"created,omitzero"`
	Author     string            `json:"author,omitempty"`
	User       string            `json:"user,omitempty"`
	Env        []string          `json:"env,omitempty"` // names only: values hold secrets
	Entrypoint []string          `json:"entrypoint,omitempty"`
	Cmd        []string          `json:"cmd,omitempty"`
	WorkingDir string            `json:"working_dir,omitempty"`
	Ports      []string          `json:"ports,omitempty"`   // "80/tcp", sorted
	Volumes    []string          `json:"volumes,omitempty"` // sorted
	Labels     map[string]string `json:"labels,omitempty"`
	History    []Step            `json:"history,omitempty"`
	Layers     []Layer           `json:"layers,omitempty"` // lowest first
	Size       int64             `json:"size"`             // bytes of configuration and layers as pulled

	// What the image says that it is built upon (org.opencontainers.image.base.name and .digest).
	BaseName   string `json:"base_name,omitempty"`
	BaseDigest string `json:"base_digest,omitempty"`
}

// Layer is one layer of an image.
type Layer struct {
	Digest    digest.Digest `json:"digest"`  // as pulled
	DiffID    digest.Digest `json:"diff_id"` // unpacked
	MediaType string        `json:"media_type"`
	Size      int64         `json:"size"` // bytes as pulled
}

// Step is one line of an image's history.
type Step struct {
	Created   time.Time `json:"created,omitzero"`
	CreatedBy string    `json:"created_by,omitempty"`
	Comment   string    `json:"comment,omitempty"`
	Empty     bool      `json:"empty_layer,omitempty"`
}
