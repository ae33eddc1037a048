package sandbox

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

// shellOfWeb is what byte rules know, in the page of a web server.
const shellOfWeb = "<?php eval($_POST['x']);"

func programsOf(t *testing.T, files map[string]string) *rootfs.Root {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	root, err := rootfs.Build(t.Context(), img, filepath.Join(t.TempDir(), "root.erofs"), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestSearchTellsWhatItLeavesOut(t *testing.T) {
	root := programsOf(t, map[string]string{"a.php": shellOfWeb, "b.sh": "#!/bin/sh\n" + string(make([]byte, 1000)), "c.php": shellOfWeb + " // again", "d.txt": shellOfWeb[5:]})
	s := startSearch(t.Context(), root, 500)
	defer s.end()
	found, err := s.result(nil)
	if err != nil || found.Programs != 2 || found.LeftOut != 1 || found.Bytes != int64(2*len(shellOfWeb)+len(" // again")) {
		t.Errorf("found %+v, %v", found, err)
	}
	if len(found.Dormant) != 2 || found.Dormant[0].Path != "/a.php" || found.Dormant[0].Matches[0].Rule != "web-shell" {
		t.Errorf("dormant are %+v", found.Dormant)
	}
}

func TestWhatRanIsNotDormant(t *testing.T) {
	root := programsOf(t, map[string]string{"a.php": shellOfWeb, "b.php": shellOfWeb + " // again"})
	s := startSearch(t.Context(), root, maxSearched)
	defer s.end()
	<-s.done
	ran := &pass{seen: &observation.Observation{Contents: map[string]*observation.Content{s.found.Dormant[0].SHA256: {}}}}
	found, err := s.result([]*pass{ran})
	if err != nil || len(found.Dormant) != 1 || found.Dormant[0].Path != "/b.php" {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestSearchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := startSearch(ctx, programsOf(t, map[string]string{"a.php": shellOfWeb}), maxSearched)
	s.end()
	if _, err := s.result(nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
