package label

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sallyport-dev/sallyport/image"
)

var (
	// ErrWord is of text that cannot be a label.
	ErrWord = errors.New("not a label")
	// ErrTarget is of text that a label cannot be attached to.
	ErrTarget = errors.New("not an image, repository or registry")
)

// Target is what a label is attached to: an image when Which is set, else a
// repository when Repository is set, else a registry. All in normal form.
type Target struct {
	Registry   string `json:"registry"`
	Repository string `json:"repository,omitempty"`
	Which      string `json:"which,omitempty"` // tag or digest
}

// Image is the target of the image ref: its digest when it has one, else its tag.
func Image(ref image.Reference) Target {
	return Target{Registry: ref.Registry, Repository: ref.Repository, Which: ref.Which()}
}

// Tag is the target of the image ref as it is tagged, whatever its digest.
func Tag(ref image.Reference) Target {
	return Target{Registry: ref.Registry, Repository: ref.Repository, Which: ref.Tag}
}

// Repository is the target of the repository that ref lies in.
func Repository(ref image.Reference) Target {
	return Target{Registry: ref.Registry, Repository: ref.Repository}
}

// Registry is the target of all images of host.
func Registry(host string) Target { return Target{Registry: image.NormalRegistry(host)} }

// String is the target as people write it: "ghcr.io", "ghcr.io/a/b", "ghcr.io/a/b:1".
func (t Target) String() string {
	switch {
	case t.Repository == "":
		return t.Registry
	case t.Which == "":
		return t.Registry + "/" + t.Repository
	case strings.Contains(t.Which, ":"):
		return t.Registry + "/" + t.Repository + "@" + t.Which
	}
	return t.Registry + "/" + t.Repository + ":" + t.Which
}

// Check makes sure that the target is in normal form: another spelling would be
// kept, and never found. Errors wrap ErrTarget.
func (t Target) Check() error {
	if t.Registry == "" || t.Which != "" && t.Repository == "" {
		return fmt.Errorf("%w: %q", ErrTarget, t.String())
	}
	probe := Target{Registry: t.Registry, Repository: t.Repository, Which: t.Which}
	if probe.Repository == "" {
		probe.Repository = "a/b"
	}
	if probe.Which == "" {
		probe.Which = "tag"
	}
	ref, err := image.New(probe.Registry, probe.Repository, probe.Which)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTarget, err)
	}
	if Image(ref) != probe {
		return fmt.Errorf("%w: %q: write %q", ErrTarget, t.String(), Image(ref).String())
	}
	return nil
}

// CheckWord tells whether w can be a label: 1 to 128 letters, digits, '-', '_',
// '.' or ':'. Errors wrap ErrWord.
func CheckWord(w string) error {
	if w == "" || len(w) > 128 {
		return fmt.Errorf("%w: %.40q has %d characters: 1 to 128 are possible", ErrWord, w, len(w))
	}
	for _, c := range w {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.:", c)) {
			return fmt.Errorf("%w: %q: %q is not possible: use letters, digits, '-', '_', '.' and ':'", ErrWord, w, c)
		}
	}
	return nil
}
