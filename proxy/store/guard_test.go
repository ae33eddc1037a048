package store

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/internal/storagetest"
)

// crash ends a store as a machine that loses its power does: the lock is gone,
// the mark stays.
func crash(s *Store) {
	s.guard.mark.Close()
	s.guard.mark = nil
}

func TestAfterAnUncleanStop(t *testing.T) {
	dir := t.TempDir()
	d := filesystem.New(filesystem.DriverParameters{RootDirectory: dir, MaxThreads: 100})
	ctx := context.Background()
	s, err := New(ctx, d, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	whole, torn, lost, old := adopt(t, s, bytesOf(t, 10_000)), adopt(t, s, bytesOf(t, 10_000)), adopt(t, s, bytesOf(t, 10_000)), adopt(t, s, bytesOf(t, 10_000))
	m := image(t, whole, torn)
	repo := s.Repository("a.test/x")
	if err := repo.Add(ctx, m); err != nil {
		t.Fatal(err)
	}
	if err := repo.SetTag(ctx, "1", m.Digest); err != nil {
		t.Fatal(err)
	}
	// What was synced long ago is not doubted, so its damage is not looked for.
	long := time.Now().Add(-2 * doubtFor)
	if err := os.WriteFile(s.file(blobPath(old)), []byte("decayed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(s.file(blobPath(old)), long, long); err != nil {
		t.Fatal(err)
	}
	crash(s)
	for _, f := range []string{s.file(blobPath(torn)), s.file(blobPath(lost))} {
		if err := os.Truncate(f, 4096); err != nil {
			t.Fatal(err)
		}
	}
	// A link of which only the name came to the disk.
	if err := os.Truncate(s.file(tagLink("a.test/x", "1")), 0); err != nil {
		t.Fatal(err)
	}

	next := open(t, d)
	if _, _, err := next.Open(ctx, torn); !errors.Is(err, ErrNotFound) {
		t.Errorf("a damaged blob before all is verified: %v", err)
	}
	if r, _, err := next.Open(ctx, whole); err != nil {
		t.Errorf("a whole one: %v", err)
	} else {
		r.Close()
	}
	if _, err := next.Repository("a.test/x").Tag(ctx, "1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a damaged tag: %v", err)
	}
	// Stopped uncleanly again before it is done: the next one does it all.
	crash(next)
	for _, f := range next.guard.dead {
		f.Close()
	}
	next.guard.dead = nil
	last := open(t, d)
	if err := last.VerifyDoubted(ctx); err != nil {
		t.Fatal(err)
	}
	for blob, wants := range map[digest.Digest]bool{whole: true, m.Digest: true, torn: false, lost: false, old: true} {
		if _, err := last.Size(ctx, blob); (err == nil) != wants {
			t.Errorf("%s is there: %v", blob, err == nil)
		}
	}
	if last.guard.since.Load() != nil {
		t.Error("in doubt after all was verified")
	}
	// A clean stop leaves no mark.
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	if marks, _ := filepath.Glob(filepath.Join(last.local, markPrefix+"*")); len(marks) > 0 {
		t.Errorf("left: %v", marks)
	}
	if err := d.Delete(ctx, filepath.Dir(blobPath(old))); err != nil {
		t.Fatal(err)
	}
	if err := d.Delete(ctx, filepath.Dir(filepath.Dir(tagLink("a.test/x", "1")))); err != nil {
		t.Fatal(err)
	}
	storagetest.Audit(t, d)
}

func TestALivingReplicaIsNoUncleanStop(t *testing.T) {
	d := filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100})
	open(t, d)
	if second := open(t, d); second.guard.since.Load() != nil {
		t.Error("a second replica doubts what the first stores")
	}
}

func TestPathsAndBack(t *testing.T) {
	a, b := digest.FromString("a"), digest.SHA512.FromString("b")
	for _, d := range []digest.Digest{a, b} {
		if got, ok := blobAt(blobPath(d)); !ok || got != d {
			t.Errorf("%s: %s %v", blobPath(d), got, ok)
		}
		for _, name := range []string{"a.test/x", "a.test:5000/x/y-z", "[::1]:5000/x", "localhost/a_b/c__d"} {
			for p, want := range map[string]link{
				layerLink(name, d):         {repository: name, kind: layer, digest: d},
				revisionLink(name, d):      {repository: name, kind: revision, digest: d},
				tagIndexLink(name, "1", d): {repository: name, kind: tagged, tag: "1", digest: d},
			} {
				if got, ok := linkAt(p); !ok || got != want {
					t.Errorf("%s: %+v %v", p, got, ok)
				}
			}
		}
	}
	for _, p := range []string{"", "/", tagLink("a.test/x", "1"), blobsRoot, blobsRoot + "/sha256/ab/cd/data", repositoriesRoot + "/a/_layers/sha256/x/link", "/sallyport/x"} {
		if got, ok := linkAt(p); ok {
			t.Errorf("%s is %+v", p, got)
		}
		if got, ok := blobAt(p); ok {
			t.Errorf("%s is %s", p, got)
		}
	}
}
