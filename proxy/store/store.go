package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"
)

// ErrNotFound is returned for what the store does not hold, or holds for
// another repository only.
var ErrNotFound = errors.New("not in the store")

// repositoriesKept bounds the repositories whose index is held in memory.
const repositoriesKept = 4096

// abandonedAfter is the age at which an upload to a remote driver cannot be
// another replica's any more.
const abandonedAfter = 24 * time.Hour

// Store is the content on a storage driver. It is safe for concurrent use, by
// several processes too.
type Store struct {
	driver       driver.StorageDriver
	log          *slog.Logger
	root         string      // the driver's folder on this machine's file system, if that is where it is
	local        string      // the folder of fillRoot there
	written      atomic.Bool // since what is in root was last synced
	guard        guard
	reading      reading
	repositories *lru.Cache[string, *Repository]
	recent       *recent
	now          func() time.Time
}

// New opens the store on d, which must be writable, and removes what earlier
// processes left half-written. Run and Close make that the next one can trust
// what it finds. A nil log is slog.Default().
func New(ctx context.Context, d driver.StorageDriver, log *slog.Logger) (*Store, error) {
	repositories, err := lru.New[string, *Repository](repositoriesKept)
	if err != nil {
		return nil, err
	}
	recent, err := newRecent()
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.Default()
	}
	s := &Store{driver: d, log: log, repositories: repositories, recent: recent, now: time.Now, reading: reading{blobs: map[digest.Digest]int{}}}
	if s.local, err = probe(ctx, d); err != nil {
		return nil, fmt.Errorf("the %s storage cannot be used: %w; check that it exists and is writable by uid %d", d.Name(), err, os.Geteuid())
	}
	if root, ok := strings.CutSuffix(s.local, filepath.FromSlash(fillRoot)); ok {
		s.root = root
		if err := s.guard.begin(s.local, s.now()); err != nil {
			return nil, fmt.Errorf("the %s storage cannot be used: %w", d.Name(), err)
		}
	} else {
		s.local = ""
	}
	if err := s.sweep(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// probe writes and reads a small file. A driver that reads from a file of this
// machine gives away where its files lie, so that blobs can be filled there
// and renamed instead of copied.
func probe(ctx context.Context, d driver.StorageDriver) (local string, err error) {
	where := path.Join(fillRoot, "writable")
	if err := d.PutContent(ctx, where, []byte("ok\n")); err != nil {
		return "", err
	}
	r, err := d.Reader(ctx, where, 0)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if f, ok := r.(*os.File); ok {
		return filepath.Abs(filepath.Dir(f.Name()))
	}
	return "", nil
}

func (s *Store) sweep(ctx context.Context) error {
	names, err := s.driver.List(ctx, fillRoot)
	if err != nil {
		return fmt.Errorf("listing unfinished uploads: %w", err)
	}
	for _, name := range names {
		if path.Ext(name) != ".upload" {
			continue
		}
		fi, err := s.driver.Stat(ctx, name)
		if err != nil || s.now().Sub(fi.ModTime()) < abandonedAfter {
			continue
		}
		if err := s.driver.Delete(ctx, name); err != nil && !missing(err) {
			return fmt.Errorf("removing the unfinished upload %s: %w", name, err)
		}
	}
	return nil
}

// FillDir is the folder on this machine whose files Adopt can rename into
// place; empty when the driver keeps its files elsewhere.
func (s *Store) FillDir() string { return s.local }

// Adopt takes the file, whose bytes have the digest d, into the store. The
// file is gone afterwards if it was renamed.
func (s *Store) Adopt(ctx context.Context, d digest.Digest, file string) error {
	if s.local != "" && filepath.Dir(file) == s.local {
		s.written.Store(true)
		if err := s.rename(file, blobPath(d)); err != nil {
			return fmt.Errorf("moving %s into the store: %w", d, err)
		}
		s.trust(d)
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	upload := path.Join(fillRoot, rand.Text()+".upload")
	if err := s.write(ctx, upload, f); err != nil {
		return fmt.Errorf("uploading %s to the store: %w", d, err)
	}
	if err := s.driver.Move(ctx, upload, blobPath(d)); err != nil {
		return errors.Join(fmt.Errorf("moving %s into place: %w", d, err), s.driver.Delete(ctx, upload))
	}
	return nil
}

// uploadPiece is how much is handed to a driver at once, in bytes.
const uploadPiece = 256 << 10

func (s *Store) write(ctx context.Context, where string, r io.Reader) error {
	w, err := s.driver.Writer(ctx, where, false)
	if err != nil {
		return err
	}
	// A file would choose small pieces, for each of which the memory driver copies
	// all that came before.
	if _, err = io.CopyBuffer(w, struct{ io.Reader }{r}, make([]byte, uploadPiece)); err == nil {
		err = w.Commit(ctx)
	}
	if err != nil {
		return errors.Join(err, w.Cancel(ctx), w.Close())
	}
	return w.Close()
}

// Size returns the size of a stored blob in bytes, or ErrNotFound.
func (s *Store) Size(ctx context.Context, d digest.Digest) (int64, error) {
	fi, err := s.driver.Stat(ctx, blobPath(d))
	if err != nil {
		return 0, s.failed("looking up", d, err)
	}
	return fi.Size(), nil
}

// RedirectURL returns an address at which r's sender gets the stored blob
// itself, for some minutes; "" when the driver gives none. It does not look
// whether the blob is there.
func (s *Store) RedirectURL(r *http.Request, d digest.Digest) (string, error) {
	u, err := s.driver.RedirectURL(r, blobPath(d))
	if unsupported := new(driver.ErrUnsupportedMethod); errors.As(err, unsupported) {
		return "", nil
	}
	if err != nil {
		return "", s.failed("signing an address of", d, err)
	}
	return u, nil
}

// Open opens a stored blob, or returns ErrNotFound. On a local file system
// what is returned is an *os.File, which the kernel can send by itself.
func (s *Store) Open(ctx context.Context, d digest.Digest) (io.ReadSeekCloser, int64, error) {
	fi, err := s.driver.Stat(ctx, blobPath(d))
	if err != nil {
		return nil, 0, s.failed("looking up", d, err)
	}
	if s.guard.doubts(d, fi.ModTime()) {
		if err := s.verify(ctx, d); err != nil {
			return nil, 0, err
		}
	}
	s.reading.begin(d)
	r, err := s.driver.Reader(ctx, blobPath(d), 0)
	if err != nil {
		s.reading.end(d)
		return nil, 0, s.failed("opening", d, err)
	}
	if f, ok := r.(*os.File); ok {
		s.reading.end(d) // an open file outlives its name
		return f, fi.Size(), nil
	}
	done := sync.OnceFunc(func() { s.reading.end(d) })
	return &object{ctx: ctx, driver: s.driver, path: blobPath(d), size: fi.Size(), open: r, done: done}, fi.Size(), nil
}

func (s *Store) failed(doing string, d digest.Digest, err error) error {
	if missing(err) {
		return fmt.Errorf("%w: %s", ErrNotFound, d)
	}
	return fmt.Errorf("%s %s in the %s storage: %w", doing, d, s.driver.Name(), err)
}

func missing(err error) bool {
	var notFound driver.PathNotFoundError
	return errors.As(err, &notFound)
}
