package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Caps on what a configuration may ask for; it is foreign input.
const (
	maxArgs   = 1024
	maxEnv    = 4096
	maxText   = 128 << 10 // bytes of one argument or variable: Linux' MAX_ARG_STRLEN
	maxPaths  = 256       // volumes
	maxPorts  = 64        // exposed ports that are probed
	maxLayers = 1000
)

// plan is how an image is to be run, as its configuration says.
type plan struct {
	args    []string
	env     []string // of the image
	cwd     string
	user    string
	volumes []string // absolute paths
	ports   []uint16 // TCP, exposed
}

// describe is what the report says of the image before anything runs.
func describe(img v1.Image, ref image.Reference) (observation.Image, *v1.ConfigFile, error) {
	m, err := img.Manifest()
	if err != nil {
		return observation.Image{}, nil, fmt.Errorf("the manifest of %s cannot be read: %w", ref, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return observation.Image{}, nil, fmt.Errorf("the digest of %s: %w", ref, err)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return observation.Image{}, nil, fmt.Errorf("the configuration of %s cannot be read: %w", ref, err)
	}
	c := cf.Config
	return observation.Image{
		Reference: ref, Digest: digest.String(), ConfigDigest: m.Config.Digest.String(),
		Platform:   image.Platform{OS: cf.OS, Architecture: cf.Architecture, Variant: cf.Variant},
		Entrypoint: c.Entrypoint, Cmd: c.Cmd, User: c.User, WorkingDir: c.WorkingDir, Env: c.Env,
		Exposed: slices.Sorted(maps.Keys(c.ExposedPorts)), Volumes: slices.Sorted(maps.Keys(c.Volumes)), Labels: c.Labels,
	}, cf, nil
}

// notRun is the judgement on an image that cannot be run here.
func notRun(c report.Conclusion, format string, args ...any) *judge.Judgement {
	return &judge.Judgement{Verdict: c, Reason: fmt.Sprintf(format, args...)}
}

// makePlan reads the configuration. A judgement instead of a plan tells why
// there is nothing to run.
func makePlan(im observation.Image, layers int) (*plan, *judge.Judgement) {
	host := image.Host()
	switch {
	case im.Platform.OS != "" && im.Platform.OS != host.OS:
		return nil, notRun(report.Skipped, "the image is for %s, this sandbox runs %s images", im.Platform, host)
	case im.Platform.Architecture != "" && im.Platform.Architecture != host.Architecture:
		return nil, notRun(report.Skipped, "the image is for %s, this sandbox runs %s: analyse it on a machine with that CPU", im.Platform, host)
	case layers == 0:
		return nil, notRun(report.Inconclusive, "the image has no layers, so there is no program in it that could run")
	case layers > maxLayers:
		return nil, notRun(report.Inconclusive, "the image has %d layers, more than %d", layers, maxLayers)
	}
	p := &plan{args: slices.Concat(im.Entrypoint, im.Cmd), env: im.Env, user: im.User, cwd: path.Clean("/" + im.WorkingDir)}
	if len(p.args) == 0 || p.args[0] == "" {
		return nil, notRun(report.Inconclusive, "the image names no program to run: it has neither ENTRYPOINT nor CMD")
	}
	if err := p.bounded(); err != nil {
		return nil, notRun(report.Inconclusive, "the image's configuration is not plausible: %v", err)
	}
	for _, v := range im.Volumes {
		if v = path.Clean("/" + v); v != "/" && len(p.volumes) < maxPaths {
			p.volumes = append(p.volumes, v)
		}
	}
	for _, e := range im.Exposed {
		for _, port := range exposed(e) {
			if len(p.ports) < maxPorts && !slices.Contains(p.ports, port) {
				p.ports = append(p.ports, port)
			}
		}
	}
	return p, nil
}

func (p *plan) bounded() error {
	if len(p.args) > maxArgs || len(p.env) > maxEnv {
		return fmt.Errorf("%d arguments and %d variables", len(p.args), len(p.env))
	}
	for _, s := range slices.Concat(p.args, p.env, []string{p.cwd, p.user}) {
		if len(s) > maxText {
			return fmt.Errorf("a text of %d bytes", len(s))
		}
		if strings.ContainsRune(s, 0) {
			return errors.New("a text with a zero byte")
		}
	}
	return nil
}

// exposed reads "80", "80/tcp" and "8000-8010/tcp"; other protocols have no ports.
func exposed(s string) []uint16 {
	numbers, proto, _ := strings.Cut(s, "/")
	if proto != "" && !strings.EqualFold(proto, "tcp") {
		return nil
	}
	from, to, isRange := strings.Cut(numbers, "-")
	if !isRange {
		to = from
	}
	first, err1 := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	if err1 != nil || err2 != nil || first == 0 || last < first {
		return nil
	}
	var ports []uint16
	for port := first; port <= last && len(ports) < maxPorts; port++ {
		ports = append(ports, uint16(port))
	}
	return ports
}

// environment puts variables together as a container engine does: the image's
// own win, each name appears once.
func environment(image []string, defaults ...string) []string {
	var env []string
	seen := map[string]bool{}
	for _, e := range image {
		name, _, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			continue // no engine sets these, and gVisor does not start with them
		}
		env = append(env, e)
		seen[name] = true
	}
	for _, e := range defaults {
		if name, _, _ := strings.Cut(e, "="); !seen[name] {
			seen[name] = true
			env = append(env, e)
		}
	}
	return env
}
