package fill

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/internal/partial"
)

// blob is what a test's source gives out.
func blob(t testing.TB, size int) ([]byte, digest.Digest) {
	t.Helper()
	b := make([]byte, size)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b, digest.FromBytes(b)
}

type bench struct {
	*Engine
	dir  string
	kept sync.Map // digest → bytes
}

func start(t testing.TB, idle time.Duration) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir()}
	e, err := New(Config{Dir: b.dir, Limit: 8, Idle: idle, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b.Engine = e
	t.Cleanup(func() {
		e.Close()
		if left, _ := os.ReadDir(b.dir); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return b
}

func (b *bench) request(d digest.Digest, size int, source Source) Request {
	return Request{Digest: d, Size: int64(size), Owner: "a", Source: source, Keep: func(_ context.Context, file string) error {
		content, err := os.ReadFile(file)
		b.kept.Store(d, content)
		return err
	}}
}

// plain gives the bytes, as many times as it is asked, from where it is asked.
func plain(content []byte) Source {
	return func(_ context.Context, offset int64) (io.ReadCloser, int64, int64, error) {
		return io.NopCloser(bytes.NewReader(content[offset:])), offset, int64(len(content)), nil
	}
}

func TestManyReadersOneFill(t *testing.T) {
	b := start(t, 0)
	content, d := blob(t, 3<<20)
	var opened atomic.Int32
	release := make(chan struct{})
	source := func(_ context.Context, offset int64) (io.ReadCloser, int64, int64, error) {
		opened.Add(1)
		first := bytes.NewReader(content[:1<<20])
		rest := bytes.NewReader(content[1<<20:])
		return io.NopCloser(io.MultiReader(first, gated{release}, rest)), 0, int64(len(content)), nil
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r, err := b.Open(context.Background(), b.request(d, len(content), source))
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			head := make([]byte, 1<<20)
			if _, err := io.ReadFull(r, head); err != nil || !bytes.Equal(head, content[:1<<20]) {
				t.Errorf("the first part before the rest came: %v", err)
			}
			rest, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(rest, content[1<<20:]) {
				t.Errorf("the rest: %d bytes, %v", len(rest), err)
			}
		}()
	}
	time.Sleep(50 * time.Millisecond) // let them all wait for the rest
	close(release)
	wg.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("the source was opened %d times", n)
	}
}

// gated is an empty stream that ends when its channel is closed.
type gated struct{ c chan struct{} }

func (g gated) Read([]byte) (int, error) { <-g.c; return 0, io.EOF }

func TestWrongBytesAreNeverGivenOutWhole(t *testing.T) {
	content, d := blob(t, 100_000)
	wrong := bytes.Clone(content)
	wrong[99_000] ^= 1
	for name, c := range map[string]struct {
		source Source
		size   int
		wants  error
	}{
		"a flipped bit":                  {plain(wrong), len(content), ErrMismatch},
		"the manifest says more":         {plain(content), len(content) + 1, ErrMismatch},
		"the manifest says less":         {plain(content), len(content) - 1, ErrMismatch},
		"more than said, unsaid by HTTP": {unsized(append(bytes.Clone(content), 'x')), len(content), ErrMismatch},
		"always short":                   {unsized(content[:50_000]), len(content), io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, 0)
			r, err := b.Open(context.Background(), b.request(d, c.size, c.source))
			if err == nil {
				defer r.Close()
				var got []byte
				got, err = io.ReadAll(r)
				if len(got) >= c.size {
					t.Errorf("gave out all %d bytes", len(got))
				}
			}
			if !errors.Is(err, c.wants) {
				t.Errorf("got %v, want %v", err, c.wants)
			}
			b.Close()
			if _, kept := b.kept.Load(d); kept {
				t.Error("kept what is not what its digest says")
			}
		})
	}
}

// unsized is a source that tells no size and begins at 0 always.
func unsized(content []byte) Source {
	return func(context.Context, int64) (io.ReadCloser, int64, int64, error) {
		return io.NopCloser(bytes.NewReader(content)), 0, -1, nil
	}
}

func TestResumesWhereTheConnectionBroke(t *testing.T) {
	content, d := blob(t, 1000)
	for name, ranges := range map[string]bool{"an upstream that knows ranges": true, "one that begins again": false} {
		t.Run(name, func(t *testing.T) {
			b := start(t, 0)
			source := func(_ context.Context, offset int64) (io.ReadCloser, int64, int64, error) {
				at := int64(0)
				if ranges {
					at = offset
				}
				end := min(int64(len(content)), offset+300)
				return io.NopCloser(io.MultiReader(bytes.NewReader(content[at:end]), broken{})), at, int64(len(content)), nil
			}
			r, err := b.Open(context.Background(), b.request(d, len(content), source))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestTheFillOutlivesItsReaders(t *testing.T) {
	b := start(t, 0)
	content, d := blob(t, 1000)
	release := make(chan struct{})
	source := func(context.Context, int64) (io.ReadCloser, int64, int64, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content[:10]), gated{release}, bytes.NewReader(content[10:]))), 0, 1000, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, err := b.Open(ctx, b.request(d, len(content), source))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("a reader whose client left got %v", err)
	}
	r.Close()
	close(release)
	deadline := time.Now().Add(time.Minute)
	for {
		if got, ok := b.kept.Load(d); ok {
			if !bytes.Equal(got.([]byte), content) {
				t.Error("kept something else")
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the fill ended with its reader")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestSeekAndEmpty(t *testing.T) {
	b := start(t, 0)
	content, d := blob(t, 1000)
	r, err := b.Open(context.Background(), b.request(d, len(content), plain(content)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := r.Seek(0, io.SeekEnd); n != 1000 || err != nil {
		t.Errorf("the end is %d %v", n, err)
	}
	if _, err := r.Seek(-100, io.SeekCurrent); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[900:]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("sought before the beginning")
	}
	empty, err := b.Open(context.Background(), b.request(digest.FromBytes(nil), 0, plain(nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if got, err := io.ReadAll(empty); err != nil || len(got) != 0 {
		t.Errorf("an empty blob: %d bytes, %v", len(got), err)
	}
}

func TestAnotherOwnerMustProveAccess(t *testing.T) {
	b := start(t, 0)
	content, d := blob(t, 1000)
	release := make(chan struct{})
	source := func(context.Context, int64) (io.ReadCloser, int64, int64, error) {
		return io.NopCloser(io.MultiReader(gated{release}, bytes.NewReader(content))), 0, 1000, nil
	}
	first, err := b.Open(context.Background(), b.request(d, len(content), source))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	other := b.request(d, len(content), source)
	other.Owner = "b"
	if _, err := b.Open(context.Background(), other); !errors.Is(err, ErrOther) {
		t.Errorf("got %v", err)
	}
	other.Proven = true
	second, err := b.Open(context.Background(), other)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	close(release)
	if got, err := io.ReadAll(second); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestSilentSourceIsGivenUp(t *testing.T) {
	b := start(t, 30*time.Millisecond)
	content, d := blob(t, 1000)
	source := func(ctx context.Context, _ int64) (io.ReadCloser, int64, int64, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content[:10]), silent{ctx})), 0, 1000, nil
	}
	r, err := b.Open(context.Background(), b.request(d, len(content), source))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }

func TestSweepKeepsFilesOfTheLiving(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"dead.part", "alive.part", "other.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(filepath.Join(dir, "alive.part"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := partial.Lock(f); err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Dir: dir, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 2 || filepath.Base(left[0]) != "alive.part" || filepath.Base(left[1]) != "other.txt" {
		t.Errorf("left: %v", left)
	}
}

func TestCloseEndsFills(t *testing.T) {
	b := start(t, 0)
	content, d := blob(t, 1000)
	source := func(ctx context.Context, _ int64) (io.ReadCloser, int64, int64, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content[:10]), silent{ctx})), 0, 1000, nil
	}
	r, err := b.Open(context.Background(), b.request(d, len(content), source))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b.Close()
	if _, err := io.ReadAll(r); !errors.Is(err, ErrClosed) {
		t.Errorf("a reader of an unfinished blob got %v", err)
	}
	if _, err := b.Open(context.Background(), b.request(d, len(content), source)); !errors.Is(err, ErrClosed) {
		t.Errorf("opened after the end: %v", err)
	}
}

// The folder's fault, whatever it is, is none of the pull's.
func TestWithoutAFolderEveryReaderGoesToTheSource(t *testing.T) {
	b := start(t, 0)
	content, d := blob(t, 1<<20)
	if err := os.Remove(b.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.dir, nil, 0o600); err != nil { // no folder, and none can be made
		t.Fatal(err)
	}
	for range 2 {
		r, err := b.Open(t.Context(), b.request(d, len(content), plain(content)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if _, kept := b.kept.Load(d); kept {
		t.Error("kept without a folder")
	}
	if err := os.Remove(b.dir); err != nil {
		t.Fatal(err)
	}
}
