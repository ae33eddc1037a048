// Package storagetest is what tests of the storage share: an audit of what lies
// there, a driver that fails when it is told to, a file system that is full
// soon, and a server of the S3 protocol.
package storagetest

import (
	"context"
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
)

// Audit fails the test unless every stored blob is what its digest says, every
// link holds a digest, and nothing half-written is left. No process may be
// using the storage, except that its marks may lie there.
func Audit(t testing.TB, d driver.StorageDriver) {
	t.Helper()
	ctx := context.Background()
	err := d.Walk(ctx, "/", func(fi driver.FileInfo) error {
		p := fi.Path()
		if fi.IsDir() {
			return nil
		}
		switch path.Ext(p) {
		case ".part", ".upload", ".tmp":
			t.Errorf("left behind: %s", p)
			return nil
		}
		switch {
		case strings.HasPrefix(p, "/docker/registry/v2/blobs/"):
			b, err := d.GetContent(ctx, p)
			if err != nil {
				return err
			}
			parts := strings.Split(p, "/")
			if len(parts) != 9 || parts[8] != "data" {
				t.Errorf("no blob's place: %s", p)
				return nil
			}
			want := digest.NewDigestFromEncoded(digest.Algorithm(parts[5]), parts[7])
			if err := want.Validate(); err != nil {
				t.Errorf("%s: %v", p, err)
			} else if got := want.Algorithm().FromBytes(b); got != want {
				t.Errorf("%s holds bytes of %s", p, got)
			}
		case path.Base(p) == "link":
			b, err := d.GetContent(ctx, p)
			if err != nil {
				return err
			}
			if err := digest.Digest(b).Validate(); err != nil {
				t.Errorf("%s holds %q: %v", p, b, err)
			}
		}
		return nil
	})
	if none := new(driver.PathNotFoundError); err != nil && !(errors.As(err, none) && none.Path == "/") {
		t.Error(err)
	}
}
