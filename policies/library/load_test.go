package library_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/library"
)

// Fifty generations come through the folder, as the kubelet swaps a ConfigMap,
// while ten thousand decisions are made: each is made by one generation, all of
// it, and none fails.
func TestFolderSwappedUnderLoad(t *testing.T) {
	const reloads, decisions, names = 50, 10_000, 3
	folder := t.TempDir()
	swap := func(n int) {
		dir := fmt.Sprintf("..gen-%d", n)
		for i := range names {
			write(t, filepath.Join(folder, dir), fmt.Sprintf("p%d.yaml", i), fmt.Sprintf("name: p%d\nonly_none_root_users: true\nsallyport: {message: generation %d}\n", i, n))
		}
		if err := os.Symlink(dir, filepath.Join(folder, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	swap(0)
	for i := range names {
		file := fmt.Sprintf("p%d.yaml", i)
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(folder, file)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	l := open(t, library.Config{Folder: folder, Debounce: time.Millisecond, Poll: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	var group sync.WaitGroup
	group.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer group.Wait()
	defer stop()

	image := &policies.Input{Image: policies.Image{Registry: "docker.io", Repository: "team/app", Tags: []string{"1"}, User: "root"}, DTA: policies.DTA{Status: "none"}}
	var made atomic.Int64
	var done atomic.Bool
	var meanings sync.Map // generation → what its policies say
	for range 4 {
		group.Go(func() {
			for !done.Load() || made.Load() < decisions {
				r, err := l.Current().Evaluate(context.Background(), image)
				if err != nil {
					t.Error(err)
					return
				}
				made.Add(1)
				said := map[string]bool{}
				for _, c := range r.Checks {
					if strings.HasPrefix(c.PolicyName, "p") {
						_, message, _ := strings.Cut(c.Message, " — ")
						said[message] = true
					}
				}
				if len(said) != 1 || len(r.Applicable) != names+1 || len(r.Faults) > 0 { // and Default
					t.Errorf("a mixed decision: %v, %v", said, r.Applicable)
					return
				}
				for message := range said {
					if before, loaded := meanings.LoadOrStore(r.Generation, message); loaded && before != message {
						t.Errorf("generation %s says %q and %q", r.Generation, before, message)
						return
					}
				}
			}
		})
	}
	for n := 1; n <= reloads; n++ {
		before := l.Current()
		swap(n)
		for end := time.Now().Add(time.Minute); l.Current() == before; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				done.Store(true)
				t.Fatalf("generation %d did not come into force: %v", n, l.Err())
			}
		}
	}
	done.Store(true)
	for made.Load() < decisions && !t.Failed() {
		time.Sleep(time.Millisecond)
	}
	if err := l.Err(); err != nil {
		t.Error(err)
	}
	stop()
	group.Wait()
	seen := 0
	meanings.Range(func(any, any) bool { seen++; return true })
	if seen < reloads/2 {
		t.Errorf("decisions met %d generations only", seen)
	}
}
