package demo

import (
	"context"
	"errors"
	"net"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is one image of the demonstration.
type Image struct {
	Repository string // path in the registry
	Tag        string
	Does       string // one line for people
	Malicious  bool
	Image      v1.Image
}

// Images builds the demonstration's images for a CPU as Go spells it (amd64, arm64).
func Images(arch string) ([]Image, error) { return nil, errors.ErrUnsupported }

// Serve offers Images as a registry on ln until ctx ends.
func Serve(ctx context.Context, ln net.Listener) error { return errors.ErrUnsupported }
