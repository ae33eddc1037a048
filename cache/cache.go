// Package cache has the words in which people speak about what the proxy
// keeps: images, blobs, pins, purges. The proxy's eviction fills them in, the
// console passes them on, commands print them; the package does nothing itself.
package cache

import (
	"errors"
	"time"

	"github.com/opencontainers/go-digest"
)

var (
	// ErrNotCached is wrapped for an image or blob that is not in the cache.
	ErrNotCached = errors.New("not in the cache")
	// ErrNotPinned is wrapped for a pin that is not there.
	ErrNotPinned = errors.New("not pinned")
	// ErrPurge is wrapped for a purge that does not say what is to go.
	ErrPurge = errors.New("name images or repositories, an age, or all")
)

// Usage is how full the cache is.
type Usage struct {
	Bytes     int64     `json:"bytes"` // of blobs, manifests among them
	Blobs     int       `json:"blobs"`
	Manifests int       `json:"manifests"` // counted once for each repository
	Limit     int64     `json:"limit"`     // bytes above which images are evicted; 0: none
	Keep      string    `json:"keep"`      // how long an unused image is kept; "" for ever
	Measured  time.Time `json:"measured"`
}

// Image is what a pull brought: an index with those of its children that were
// pulled, or a manifest that no cached index names.
type Image struct {
	Repository string          `json:"repository"` // registry/path
	Digest     digest.Digest   `json:"digest"`
	Tags       []string        `json:"tags,omitempty"` // that mean it now, as far as known here
	MediaType  string          `json:"media_type"`
	Children   []digest.Digest `json:"children,omitempty"` // of an index, those that are cached
	Size       int64           `json:"size"`               // bytes stored of it
	Frees      int64           `json:"frees"`              // bytes that no other image needs
	Used       time.Time       `json:"used"`               // last pull, to some minutes
	Pinned     bool            `json:"pinned"`
	Blobs      []Blob          `json:"blobs,omitempty"` // when one image is asked for
}

// Blob is a configuration, a layer, or a manifest.
type Blob struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`    // bytes stored; 0 when it is not
	Cached bool          `json:"cached"`  // a manifest can be cached without all of its blobs
	KeptBy []string      `json:"kept_by"` // the images that name it, as repository@digest
}

// Pin keeps an image in the cache whatever its age.
type Pin struct {
	Image   string    `json:"image"` // repository:tag, whatever that means at the time, or repository@digest
	Author  string    `json:"author,omitempty"`
	Created time.Time `json:"created"`
	Cached  bool      `json:"cached"` // the image is in the cache now
}

// Purge says which images are to leave the cache: those that are named, or are
// of a named repository, or all; of these, with an age, the ones that were not
// used for so long. An age alone means all.
type Purge struct {
	Images       []string
	Repositories []string
	OlderThan    time.Duration
	All          bool
	DryRun       bool // nothing is deleted
}

// Purged is what a purge deleted, or would delete.
type Purged struct {
	Images []Image  `json:"images"`
	Pinned []string `json:"pinned,omitempty"` // left because they are pinned
	InUse  []string `json:"in_use,omitempty"` // left because they were pulled in the meantime
	Blobs  int      `json:"blobs"`
	Bytes  int64    `json:"bytes"`
	DryRun bool     `json:"dry_run"`
}
