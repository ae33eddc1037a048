package sandbox

import (
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/test/samples"
)

func TestDataFilesAreCountedByFolder(t *testing.T) {
	files := map[string]string{"/usr/bin/tool": "x", "/opt/app/a": "x", "/root/.profile": "x"}
	for i := range 5 {
		files[fmt.Sprintf("/srv/letters/%d/text", i)] = "x"
		files[fmt.Sprintf("/var/lib/app/%d", i)] = "x"
	}
	img, err := samples.NewKit(t.TempDir()).Image(samples.Spec{Bare: true, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	root, err := rootfs.Build(t.Context(), img, filepath.Join(t.TempDir(), "root.erofs"), rootfs.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if got, want := dataFiles(root), map[string]int{"/srv": 5, "/var/lib": 5, "/root": 1}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
