package image

import (
	"fmt"
	"runtime"
	"strings"
)

// Platform is what an image runs on, in the words of the OCI image index
// specification ("linux", "arm64", "v8").
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"`
}

// Host is the platform that this machine runs containers of.
func Host() Platform { return Platform{OS: "linux", Architecture: runtime.GOARCH} }

// ParsePlatform reads "linux/arm64/v8".
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return Platform{}, fmt.Errorf("%q is not a platform: write os/architecture[/variant], e.g. linux/amd64", s)
	}
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// Unknown tells the children of an index that no engine chooses: attestation
// manifests carry "unknown/unknown". An empty platform is not unknown:
// containerd takes such a child after a look at its configuration, and reads an
// empty os as its own.
func (p Platform) Unknown() bool {
	return strings.EqualFold(p.OS, "unknown") || strings.EqualFold(p.Architecture, "unknown")
}
