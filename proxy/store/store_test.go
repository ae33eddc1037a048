package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/internal/storagetest"
)

// drivers runs a test on a driver of each kind: files of this machine, and
// objects elsewhere.
func drivers(t *testing.T, test func(t *testing.T, d driver.StorageDriver)) {
	t.Run("filesystem", func(t *testing.T) {
		test(t, filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100}))
	})
	t.Run("inmemory", func(t *testing.T) { test(t, inmemory.New()) })
	t.Run("s3", func(t *testing.T) { test(t, storagetest.S3(t, nil).Driver(t)) })
}

func open(t testing.TB, d driver.StorageDriver) *Store {
	t.Helper()
	s, err := New(context.Background(), d, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func bytesOf(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// adopt puts content into the store by way of a file, as a fill does.
func adopt(t testing.TB, s *Store, content []byte) digest.Digest {
	t.Helper()
	dir := s.FillDir()
	if dir == "" {
		dir = t.TempDir()
	}
	file := filepath.Join(dir, "test.part")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	d := digest.FromBytes(content)
	if err := s.Adopt(context.Background(), d, file); err != nil {
		t.Fatal(err)
	}
	return d
}

// image is the manifest of an image with these blobs.
func image(t testing.TB, blobs ...digest.Digest) Manifest {
	t.Helper()
	var layers []string
	for _, b := range blobs[1:] {
		layers = append(layers, `{"mediaType":"l","digest":"`+b.String()+`","size":7}`)
	}
	raw := []byte(`{"schemaVersion":2,"mediaType":"` + OCIManifest + `","config":{"digest":"` + blobs[0].String() + `","size":5},"layers":[` + strings.Join(layers, ",") + `]}`)
	m, err := Parse("", digest.FromBytes(raw), raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBlobs(t *testing.T) {
	drivers(t, func(t *testing.T, drv driver.StorageDriver) {
		ctx, s := context.Background(), open(t, drv)
		content := bytesOf(t, 70_000)
		d := adopt(t, s, content)
		// Where distribution's registry would look for it.
		at := "/docker/registry/v2/blobs/sha256/" + d.Encoded()[:2] + "/" + d.Encoded() + "/data"
		if got, err := drv.GetContent(ctx, at); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%s: %v", at, err)
		}
		r, size, err := s.Open(ctx, d)
		if err != nil || size != 70_000 {
			t.Fatalf("size %d, %v", size, err)
		}
		defer r.Close()
		if _, isFile := r.(*os.File); isFile != (drv.Name() == "filesystem") {
			t.Errorf("%T on %s", r, drv.Name())
		}
		if n, err := r.Seek(-10, io.SeekEnd); n != 69_990 || err != nil {
			t.Errorf("sought to %d, %v", n, err)
		}
		if tail, err := io.ReadAll(r); err != nil || !bytes.Equal(tail, content[69_990:]) {
			t.Errorf("the tail: %d bytes, %v", len(tail), err)
		}
		if _, err := r.Seek(5, io.SeekStart); err != nil {
			t.Error(err)
		}
		if rest, err := io.ReadAll(r); err != nil || !bytes.Equal(rest, content[5:]) {
			t.Errorf("from 5: %d bytes, %v", len(rest), err)
		}
		if _, _, err := s.Open(ctx, digest.FromString("absent")); !errors.Is(err, ErrNotFound) {
			t.Errorf("absent: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		left, err := drv.List(ctx, fillRoot)
		if err != nil || len(left) != 1 {
			t.Errorf("left in %s: %v %v", fillRoot, left, err)
		}
	})
}

func TestRepositoriesDoNotShare(t *testing.T) {
	drivers(t, func(t *testing.T, drv driver.StorageDriver) {
		ctx, s := context.Background(), open(t, drv)
		config, layer := digest.FromString("config"), digest.FromString("layer")
		m := image(t, config, layer, layer)
		a, b := s.Repository("a.test:5000/x"), s.Repository("b.test/x")
		if err := a.Add(ctx, m); err != nil {
			t.Fatal(err)
		}
		if err := a.AddLayer(ctx, layer); err != nil {
			t.Fatal(err)
		}
		if err := a.SetTag(ctx, "1.0", m.Digest); err != nil {
			t.Fatal(err)
		}
		// A second process on the same storage finds all of it.
		for name, repo := range map[string]*Repository{"same process": a, "another process": open(t, drv).Repository("a.test:5000/x")} {
			if got, err := repo.Manifest(ctx, m.Digest); err != nil || !bytes.Equal(got.Raw, m.Raw) || got.MediaType != OCIManifest {
				t.Errorf("%s: manifest: %v", name, err)
			}
			if n, err := repo.Naming(ctx, layer); err != nil || len(n) != 1 || n[0] != (Named{m.Digest, 7}) {
				t.Errorf("%s: naming: %v %v", name, n, err)
			}
			if d, err := repo.Tag(ctx, "1.0"); err != nil || d != m.Digest {
				t.Errorf("%s: tag: %v %v", name, d, err)
			}
			if !repo.HasLayer(ctx, layer) || repo.HasLayer(ctx, config) {
				t.Errorf("%s: layers", name)
			}
		}
		if _, err := b.Manifest(ctx, m.Digest); !errors.Is(err, ErrNotFound) {
			t.Errorf("another repository has the manifest: %v", err)
		}
		if n, err := b.Naming(ctx, layer); err != nil || len(n) != 0 {
			t.Errorf("another repository names the layer: %v %v", n, err)
		}
		if b.HasLayer(ctx, layer) {
			t.Error("another repository has the layer")
		}
		if _, err := b.Tag(ctx, "1.0"); !errors.Is(err, ErrNotFound) {
			t.Errorf("another repository has the tag: %v", err)
		}
	})
}

func TestNamingOrderAndOtherReplicas(t *testing.T) {
	drv := inmemory.New()
	ctx, s, other := context.Background(), open(t, drv), open(t, drv)
	now := time.Now()
	s.now = func() time.Time { return now }
	layer := digest.FromString("shared")
	m1, m2 := image(t, digest.FromString("1"), layer), image(t, digest.FromString("2"), layer)
	repo := s.Repository("a.test/x")
	for _, m := range []Manifest{m1, m2} {
		if err := repo.Add(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	repo.Use(m1)
	n, err := repo.Naming(ctx, layer)
	if err != nil || len(n) != 2 || n[0].Manifest != m1.Digest {
		t.Errorf("the manifest in use is not the first: %v %v", n, err)
	}
	// What another replica stores is found, though not for every question.
	if n, _ := repo.Naming(ctx, digest.FromString("3")); len(n) != 0 {
		t.Errorf("named already: %v", n)
	}
	m3 := image(t, digest.FromString("3"), layer)
	if err := other.Repository("a.test/x").Add(ctx, m3); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * relistAfter)
	if n, err := repo.Naming(ctx, digest.FromString("3")); err != nil || len(n) != 1 || n[0].Manifest != m3.Digest {
		t.Errorf("another replica's manifest: %v %v", n, err)
	}
	all, err := repo.Manifests(ctx)
	want := []digest.Digest{m1.Digest, m2.Digest, m3.Digest}
	slices.Sort(want)
	if err != nil || !slices.Equal(all, want) {
		t.Errorf("manifests %v %v", all, err)
	}
}

func TestDamagedManifestIsNotServed(t *testing.T) {
	drv := inmemory.New()
	ctx, s := context.Background(), open(t, drv)
	m := image(t, digest.FromString("c"))
	if err := s.Repository("a.test/x").Add(ctx, m); err != nil {
		t.Fatal(err)
	}
	if err := drv.PutContent(ctx, blobPath(m.Digest), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	// The process that stored it remembers what it stored.
	if _, err := open(t, drv).Repository("a.test/x").Manifest(ctx, m.Digest); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestNewSaysThatItCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(context.Background(), filesystem.New(filesystem.DriverParameters{RootDirectory: file, MaxThreads: 25}), nil)
	if err == nil || !strings.Contains(err.Error(), "filesystem storage cannot be used") {
		t.Errorf("got %v", err)
	}
}

func TestOldUploadsAreSwept(t *testing.T) {
	drv := inmemory.New()
	ctx := context.Background()
	if err := drv.PutContent(ctx, fillRoot+"/x.upload", []byte("half")); err != nil {
		t.Fatal(err)
	}
	s := open(t, drv)
	if _, err := drv.Stat(ctx, fillRoot+"/x.upload"); err != nil {
		t.Errorf("a young upload, which may be another replica's, is gone: %v", err)
	}
	s.now = func() time.Time { return time.Now().Add(abandonedAfter + time.Hour) }
	if err := s.sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := drv.Stat(ctx, fillRoot+"/x.upload"); err == nil {
		t.Error("an old upload is still there")
	}
}

func TestRepositoryPathsDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a.test/x", "a.test:5000/x", "a.test/5000/x", "[::1]:5000/x", "[::1:5000]/x", "a.test/x/y"} {
		p := repositoryPath(name)
		if !driver.PathRegexp.MatchString(p) {
			t.Errorf("%s: %s is no path for drivers", name, p)
		}
		if old := seen[p]; old != "" {
			t.Errorf("%s and %s share %s", name, old, p)
		}
		seen[p] = name
	}
}
