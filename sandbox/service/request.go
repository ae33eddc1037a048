package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// Bounds of a request.
const (
	maxRequest = 64 << 10 // bytes of the body
	maxToken   = 16 << 10 // bytes of the registry token
	maxField   = 1 << 10  // bytes of any other text
	minTimeout = time.Second
	maxTimeout = 600 * time.Second
	maxOffset  = 10 * 365 * 24 * time.Hour
)

// job is a request that was understood.
type job struct {
	reference image.Reference // with the digest
	source    name.Digest     // what is fetched
	token     string
	platform  image.Platform
	profile   protocol.Profile
}

// decode reads and checks the body of POST /v1/runs. The error is for the
// caller to read.
func decode(body io.Reader) (job, error) {
	var req protocol.RunRequest
	dec := json.NewDecoder(io.LimitReader(body, maxRequest))
	if err := dec.Decode(&req); err != nil {
		return job{}, fmt.Errorf("the body is no run request of at most %d bytes: %v", maxRequest, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return job{}, errors.New("something follows the run request")
	}
	return check(req)
}

func check(req protocol.RunRequest) (job, error) {
	for field, text := range map[string]string{
		"image.ref": req.Image.Reference, "image.digest": req.Image.Digest,
		"image.platform.os": req.Image.Platform.OS, "image.platform.architecture": req.Image.Platform.Architecture,
		"image.platform.variant": req.Image.Platform.Variant,
		"source.registry":        req.Source.Registry, "source.repository": req.Source.Repository, "profile.name": req.Profile.Name,
		"profile.network": req.Profile.Network,
	} {
		if len(text) > maxField || strings.ContainsFunc(text, unprintable) {
			return job{}, fmt.Errorf("%s is longer than %d bytes or holds characters that cannot be printed", field, maxField)
		}
	}
	j := job{platform: req.Image.Platform, profile: req.Profile, token: req.Source.Token}
	if len(j.token) > maxToken || strings.ContainsFunc(j.token, notInToken) {
		return job{}, errors.New("source.token is too long, or holds characters that no bearer token has")
	}
	if j.platform.Unknown() {
		return job{}, fmt.Errorf("image.platform %q names no operating system or CPU", j.platform)
	}
	ref, err := image.Parse(req.Image.Reference)
	if err != nil {
		return job{}, fmt.Errorf("image.ref: %v", err)
	}
	d, err := digest.Parse(req.Image.Digest)
	if err != nil {
		return job{}, fmt.Errorf("image.digest %q: %v", req.Image.Digest, err)
	}
	if d.Algorithm() != digest.SHA256 {
		return job{}, fmt.Errorf("image.digest: %s is not supported, only sha256", d.Algorithm())
	}
	j.reference = ref.WithDigest(d)
	if j.source, err = source(req.Source, d); err != nil {
		return job{}, err
	}
	if t := j.profile.Timeout; t != 0 && (t < minTimeout || t > maxTimeout) {
		return job{}, fmt.Errorf("profile.timeout_ns: %v is outside %v to %v", t, minTimeout, maxTimeout)
	}
	switch j.profile.Name {
	case "", protocol.Quick, protocol.Standard, protocol.Thorough:
	default:
		return job{}, fmt.Errorf("profile.name %q is none of %s, %s and %s", j.profile.Name, protocol.Quick, protocol.Standard, protocol.Thorough)
	}
	if d := j.profile.ClockOffset; d.Abs() > maxOffset {
		return job{}, fmt.Errorf("profile.clock_offset_ns: %v is more than %v", d, maxOffset)
	}
	return j, nil
}

func source(s protocol.Source, d digest.Digest) (name.Digest, error) {
	opts := []name.Option{name.StrictValidation}
	if s.Insecure {
		opts = append(opts, name.Insecure)
	}
	registry, err := name.NewRegistry(s.Registry, opts...)
	if err != nil || s.Registry == "" {
		return name.Digest{}, fmt.Errorf("source.registry %q is not host or host:port", s.Registry)
	}
	// The library lets paths like ../x through; the grammar of references does not.
	if _, err := image.New(s.Registry, s.Repository, d.String()); err != nil {
		return name.Digest{}, fmt.Errorf("source.repository %q is not a path in a registry: %v", s.Repository, err)
	}
	return registry.Repo(s.Repository).Digest(d.String()), nil
}

func unprintable(r rune) bool { return r < 0x20 || r == 0x7f || r == '\uFFFD' }

// notInToken allows more than RFC 6750, section 2.1 (b64token), but nothing
// that could end a header line.
func notInToken(r rune) bool { return r <= 0x20 || r >= 0x7f }
