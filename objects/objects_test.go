package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"

	"github.com/sallyport-dev/sallyport/objects"
)

// everyDriver runs test against each storage driver that works without a service.
func everyDriver(t *testing.T, test func(t *testing.T, d driver.StorageDriver)) {
	t.Run("filesystem", func(t *testing.T) {
		test(t, filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100}))
	})
	t.Run("inmemory", func(t *testing.T) { test(t, inmemory.New()) })
}

func TestStoreKeepsWhatWasPut(t *testing.T) {
	everyDriver(t, func(t *testing.T, d driver.StorageDriver) {
		ctx, s := t.Context(), objects.New(d)
		if _, err := s.Get(ctx, "a/b"); !errors.Is(err, objects.ErrNotFound) {
			t.Errorf("Get of nothing: %v, want ErrNotFound", err)
		}
		for _, text := range []string{"a longer first value", "short", ""} {
			if err := s.Put(ctx, "a/b", []byte(text)); err != nil {
				t.Fatal(err)
			}
			if b, err := s.Get(ctx, "a/b"); err != nil || string(b) != text {
				t.Errorf("Get = %q, %v, want %q", b, err, text)
			}
		}
		if _, err := s.Get(ctx, "a"); !errors.Is(err, objects.ErrNotFound) {
			t.Errorf("Get of a folder: %v, want ErrNotFound", err)
		}
		if _, err := s.Get(ctx, "a/b/c"); !errors.Is(err, objects.ErrNotFound) {
			t.Errorf("Get below an object: %v, want ErrNotFound", err)
		}
	})
}

func TestDeleteTakesOneObject(t *testing.T) {
	everyDriver(t, func(t *testing.T, d driver.StorageDriver) {
		ctx, s := t.Context(), objects.New(d)
		put(t, s, "a/b", "a/c/d")
		for _, key := range []string{"a", "a/c", "nothing", "a/b/below"} {
			if err := s.Delete(ctx, key); err != nil {
				t.Errorf("Delete(%q): %v", key, err)
			}
		}
		expect(t, s, "", "a/b", "a/c/d")
		for range 2 {
			if err := s.Delete(ctx, "a/b"); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, s, "", "a/c/d")
	})
}

func TestListGivesWhatLiesBelow(t *testing.T) {
	everyDriver(t, func(t *testing.T, d driver.StorageDriver) {
		s := objects.New(d)
		expect(t, s, "")
		expect(t, s, "labels")
		put(t, s, "labels/b", "labels/a/2", "labels/a/10", "labelsx/c", "other")
		expect(t, s, "labels", "labels/a/10", "labels/a/2", "labels/b")
		expect(t, s, "labels/a", "labels/a/10", "labels/a/2")
		expect(t, s, "labels/b")   // an object has nothing below it
		expect(t, s, "labels/b/c") // nor has what would lie there
		expect(t, s, "missing")
		expect(t, s, "", "labels/a/10", "labels/a/2", "labels/b", "labelsx/c", "other")
	})
}

func TestListSkipsWhatIsHalfWritten(t *testing.T) {
	dir := t.TempDir()
	s := objects.New(filesystem.New(filesystem.DriverParameters{RootDirectory: dir, MaxThreads: 100}))
	put(t, s, "a/b")
	// What a crash between write and rename leaves.
	if err := os.WriteFile(filepath.Join(dir, "sallyport/a/b.0b1c.tmp"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "a", "a/b")
	expect(t, s, "", "a/b")
}

func TestListWhileOthersDelete(t *testing.T) {
	everyDriver(t, func(t *testing.T, d driver.StorageDriver) {
		ctx, s := t.Context(), objects.New(d)
		put(t, s, "a/stays", "z/stays")
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Sprintf("m/%d/x", i%7)
				_ = s.Put(ctx, key, nil)
				// The whole folder goes, as when an operator cleans up.
				_ = d.Delete(ctx, objects.Root+"/m")
			}
		})
		for range 100 {
			keys, err := s.List(ctx, "")
			if err != nil {
				continue // said, not hidden
			}
			if !slices.Contains(keys, "a/stays") || !slices.Contains(keys, "z/stays") {
				t.Errorf("List lost objects that nobody touched: %v", keys)
				break
			}
		}
		close(stop)
		wg.Wait()
	})
}

func TestReplaceIsAtomic(t *testing.T) {
	everyDriver(t, func(t *testing.T, d driver.StorageDriver) {
		ctx, s := t.Context(), objects.New(d)
		values := [][]byte{bytes.Repeat([]byte("a"), 100_000), bytes.Repeat([]byte("b"), 50_000)}
		if err := s.Put(ctx, "k", values[0]); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for w := range 2 {
			wg.Go(func() {
				for range 30 {
					if err := s.Put(ctx, "k", values[w]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 200 {
			b, err := s.Get(ctx, "k")
			if err != nil || !bytes.Equal(b, values[0]) && !bytes.Equal(b, values[1]) {
				t.Fatalf("read a mix of two values (%d bytes, %v)", len(b), err)
			}
		}
		wg.Wait()
	})
}

func TestHostileKeysAreRefused(t *testing.T) {
	everyDriver(t, func(t *testing.T, d driver.StorageDriver) {
		ctx, s := t.Context(), objects.New(d)
		for _, key := range []string{
			"..", "../docker/registry", "a/../../b", "a/./b", "/a", "a/", "a//b", ".", "a b", "a:b", "a\x00b", "ä", "a\nb", "a.tmp",
			strings.Repeat("a", 250),
		} {
			if err := s.Put(ctx, key, nil); !errors.Is(err, objects.ErrKey) {
				t.Errorf("Put(%q): %v, want ErrKey", key, err)
			}
			if _, err := s.Get(ctx, key); !errors.Is(err, objects.ErrKey) {
				t.Errorf("Get(%q): %v, want ErrKey", key, err)
			}
			if err := s.Delete(ctx, key); !errors.Is(err, objects.ErrKey) {
				t.Errorf("Delete(%q): %v, want ErrKey", key, err)
			}
			if _, err := s.List(ctx, key); !errors.Is(err, objects.ErrKey) {
				t.Errorf("List(%q): %v, want ErrKey", key, err)
			}
		}
	})
}

func TestJSON(t *testing.T) {
	ctx, s := t.Context(), objects.New(inmemory.New())
	if err := s.PutJSON(ctx, "k", map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	var v map[string]int
	if err := s.GetJSON(ctx, "k", &v); err != nil || v["a"] != 1 {
		t.Errorf("GetJSON = %v, %v", v, err)
	}
	put(t, s, "damaged")
	if err := s.GetJSON(ctx, "damaged", &v); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged object: %v", err)
	}
	if err := s.PutJSON(ctx, "k", func() {}); err == nil {
		t.Error("what JSON cannot say was stored")
	}
}

func TestUnsyncedObjectsAreObjects(t *testing.T) {
	dir := t.TempDir()
	for name, s := range map[string]*objects.Store{
		"local":  objects.NewLocal(filesystem.New(filesystem.DriverParameters{RootDirectory: dir, MaxThreads: 100}), dir),
		"remote": objects.New(inmemory.New()),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			for i, key := range []string{"a/first", "a/second", "a/second", objects.Key(strings.Repeat("long/", 90), "x")} {
				if err := s.PutUnsynced(ctx, key, i); err != nil {
					t.Fatalf("%s: %v", key, err)
				}
				var got int
				if err := s.GetJSON(ctx, key, &got); err != nil || got != i {
					t.Errorf("%s: %d, %v, want %d", key, got, err, i)
				}
			}
			expect(t, s, "a", "a/first", "a/second")
			for _, key := range []string{"../a", "a//b", "a/b.tmp"} {
				if err := s.PutUnsynced(ctx, key, 1); !errors.Is(err, objects.ErrKey) {
					t.Errorf("PutUnsynced(%q): %v, want ErrKey", key, err)
				}
			}
			if err := s.PutUnsynced(ctx, "a/second/below", 1); err == nil {
				t.Error("an object lies below another")
			}
			// What a crash of the machine leaves of one.
			if err := s.Put(ctx, "a/first", nil); err != nil {
				t.Fatal(err)
			}
			var got int
			if err := s.GetJSON(ctx, "a/first", &got); !errors.Is(err, objects.ErrNotFound) {
				t.Errorf("an empty object: %d, %v, want ErrNotFound", got, err)
			}
		})
	}
}

func TestNothingHalfWrittenStaysWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	s := objects.NewLocal(filesystem.New(filesystem.DriverParameters{RootDirectory: dir, MaxThreads: 100}), dir)
	if err := s.PutUnsynced(t.Context(), "a/first", 1); err != nil {
		t.Fatal(err)
	}
	// A folder in the place of the file: it cannot be renamed there.
	if err := os.MkdirAll(filepath.Join(dir, objects.Root, "a", "b", "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.PutUnsynced(t.Context(), "a/b", 1); err == nil {
		t.Error("an object took the place of a folder")
	}
	left, err := os.ReadDir(filepath.Join(dir, objects.Root, "a"))
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestKeyGivesBackItsParts(t *testing.T) {
	for _, parts := range [][]string{
		{"labels", "localhost:5000", "library/nginx", "1.27_alpine", "DTA"},
		{"", "a", ""}, {".", ".."}, {"x.tmp"}, {"a/b"}, {"a", "b"}, {"Ünïcode\n\x00"},
		{strings.Repeat("a", 200)}, {strings.Repeat("a", 201)}, {strings.Repeat("/", 255), "b"}, {strings.Repeat("a", 199) + ".tmp"},
	} {
		key := objects.Key(parts...)
		got, err := objects.Parts(key)
		if err != nil || !slices.Equal(got, parts) {
			t.Errorf("Parts(Key(%q)) = %q, %v (key %s)", parts, got, err, key)
		}
		storable(t, key)
	}
	for _, key := range []string{"", "a//b", "a_", "_", "_z1", "_4", "_e_"} {
		if parts, err := objects.Parts(key); !errors.Is(err, objects.ErrKey) {
			t.Errorf("Parts(%q) = %q, %v, want ErrKey", key, parts, err)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add("docker.io", "library/nginx")
	f.Add("..", ".tmp")
	f.Add("", strings.Repeat(".", 300))
	f.Fuzz(func(t *testing.T, a, b string) {
		key := objects.Key(a, b)
		parts, err := objects.Parts(key)
		if err != nil || len(parts) != 2 || parts[0] != a || parts[1] != b {
			t.Fatalf("Parts(Key(%q, %q)) = %q, %v", a, b, parts, err)
		}
		storable(t, key)
	})
}

func storable(t *testing.T, key string) {
	t.Helper()
	s := objects.New(inmemory.New())
	if err := s.Put(context.Background(), key, []byte("x")); err != nil {
		t.Errorf("the key %s cannot be stored: %v", key, err)
	}
}

func put(t *testing.T, s *objects.Store, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := s.Put(t.Context(), key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
}

func expect(t *testing.T, s *objects.Store, prefix string, want ...string) {
	t.Helper()
	got, err := s.List(t.Context(), prefix)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("List(%q) = %q, %v, want %q", prefix, got, err, want)
	}
}
