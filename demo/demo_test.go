package demo_test

import (
	"archive/tar"
	"context"
	"debug/elf"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sallyport-dev/sallyport/demo"
	"github.com/sallyport-dev/sallyport/internal/tinyelf"
)

func TestImages(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for arch, machine := range machines {
		t.Run(arch, func(t *testing.T) {
			images, err := demo.Images(arch)
			if err != nil {
				t.Fatal(err)
			}
			again, err := demo.Images(arch)
			if err != nil {
				t.Fatal(err)
			}
			bad := 0
			for i, im := range images {
				a, errA := im.Image.Digest()
				b, errB := again[i].Image.Digest()
				if err := errors.Join(errA, errB); err != nil || a != b {
					t.Errorf("%s: built twice, it is %s and %s (%v)", im.Repository, a, b, err)
				}
				cf, err := im.Image.ConfigFile()
				if err != nil {
					t.Fatal(err)
				}
				if cf.Architecture != arch {
					t.Errorf("%s says it is for %s", im.Repository, cf.Architecture)
				}
				if im.Malicious {
					bad++
				}
				programs(t, im, machine)
			}
			if len(images) != 2 || bad != 1 {
				t.Errorf("%d images, %d of them malicious; a good one and a bad one make the demonstration", len(images), bad)
			}
		})
	}
}

// programs checks that every file of the image is a program for the machine.
func programs(t *testing.T, im demo.Image, machine elf.Machine) {
	t.Helper()
	content := mutate.Extract(im.Image)
	defer content.Close()
	n := 0
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		magic := make([]byte, 20)
		if _, err := io.ReadFull(r, magic); err != nil {
			t.Fatal(err)
		}
		if string(magic[:4]) != elf.ELFMAG || elf.Machine(magic[18]) != machine || h.Mode&0o111 == 0 {
			t.Errorf("%s: %s is no program for %v", im.Repository, h.Name, machine)
		}
		n++
	}
	if n == 0 {
		t.Errorf("%s holds no program", im.Repository)
	}
}

func TestNoImagesForOtherCPUs(t *testing.T) {
	if _, err := demo.Images("riscv64"); !errors.Is(err, tinyelf.ErrArch) {
		t.Errorf("got %v", err)
	}
}

func TestServe(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- demo.Serve(ctx, ln) }()

	images, err := demo.Images(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	for _, im := range images {
		ref, err := name.NewTag(ln.Addr().String()+"/"+im.Repository+":"+im.Tag, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		// The very first request must find the images.
		got, err := remote.Image(ref, remote.WithContext(ctx))
		if err != nil {
			t.Fatalf("pulling %s: %v", ref, err)
		}
		want, err := im.Image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if d, err := got.Digest(); err != nil || d != want {
			t.Errorf("%s is %s (%v), not %s", ref, d, err, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the registry ended with %v", err)
	}
	if conn, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		conn.Close()
		t.Error("the registry still answers after its end")
	}
}
