// Package objects keeps what must last: small JSON documents under the same
// distribution storage driver that holds the registry's blobs.
//
// One fact is one object, so that replicas on shared storage do not overwrite
// each other. Keys are slash-separated paths below one prefix; nothing here
// knows what the documents mean.
package objects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/distribution/distribution/v3/registry/storage/driver"
)

var (
	// ErrNotFound is returned for a key that holds nothing.
	ErrNotFound = errors.New("no such object")
	// ErrKey is returned for text that cannot be a key. Key makes keys of any text.
	ErrKey = errors.New("not an object key")
)

// Root is the folder of the storage driver below which all objects lie; the
// registry's own layout is /docker beside it.
const Root = "/sallyport"

// Store reads and writes objects. It is safe for concurrent use, also by
// several processes on one storage.
type Store struct {
	driver driver.StorageDriver
	root   string // of PutUnsynced; may be empty
}

// New returns the store of objects on d.
func New(d driver.StorageDriver) *Store { return &Store{driver: d} }

// NewLocal is New for a driver that keeps each path as a file below root, as
// the one for file systems does.
func NewLocal(d driver.StorageDriver, root string) *Store { return &Store{driver: d, root: root} }

// Get returns the bytes under key, or ErrNotFound.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	p, err := file(key)
	if err != nil {
		return nil, err
	}
	b, err := s.driver.GetContent(ctx, p)
	if err == nil {
		return b, nil
	}
	if missing(err) || s.isFolder(ctx, p) || s.belowObject(ctx, p) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	return nil, fmt.Errorf("reading object %s: %w", key, err)
}

// Put stores b under key; a reader sees the old or the new bytes, never a mix.
func (s *Store) Put(ctx context.Context, key string, b []byte) error {
	p, err := file(key)
	if err != nil {
		return err
	}
	if err := s.driver.PutContent(ctx, p, b); err != nil {
		return fmt.Errorf("writing object %s: %w", key, err)
	}
	return nil
}

// Delete removes key; removing what is not there is no error. Keys below key
// stay.
func (s *Store) Delete(ctx context.Context, key string) error {
	p, err := file(key)
	if err != nil {
		return err
	}
	// Drivers delete a folder with all that is in it.
	if s.isFolder(ctx, p) {
		return nil
	}
	if err := s.driver.Delete(ctx, p); err != nil && !missing(err) && !s.belowObject(ctx, p) {
		return fmt.Errorf("deleting object %s: %w", key, err)
	}
	return nil
}

// List returns the keys of all objects below prefix, at any depth, sorted. The
// prefix is a whole number of path components; "" lists everything. A prefix
// that holds nothing gives an empty list.
func (s *Store) List(ctx context.Context, prefix string) ([]string, error) {
	from := Root
	if prefix != "" {
		var err error
		if from, err = file(prefix); err != nil {
			return nil, err
		}
	}
	// A walk ends with "not found" both when there is nothing at all and when a
	// folder vanishes under it; only the former is an answer.
	const tries = 5
	for try := 1; ; try++ {
		keys, err := s.walk(ctx, from)
		switch gone := (driver.PathNotFoundError{}); {
		case err == nil:
			sort.Strings(keys)
			return keys, nil
		case errors.As(err, &gone) && gone.Path == from:
			return nil, nil
		case s.belowObject(ctx, from):
			return nil, nil
		case !missing(err) || try == tries:
			return nil, fmt.Errorf("listing objects below %s: %w", prefix, err)
		}
	}
}

func (s *Store) walk(ctx context.Context, from string) ([]string, error) {
	if fi, err := s.driver.Stat(ctx, from); err == nil && !fi.IsDir() {
		return nil, nil
	}
	var keys []string
	err := s.driver.Walk(ctx, from, func(fi driver.FileInfo) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !fi.IsDir() && !strings.HasSuffix(fi.Path(), unfinished) {
			keys = append(keys, strings.TrimPrefix(fi.Path(), Root+"/"))
		}
		return nil
	})
	return keys, err
}

// GetJSON decodes the object under key into v.
func (s *Store) GetJSON(ctx context.Context, key string, v any) error {
	b, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return fmt.Errorf("%w: %s is empty", ErrNotFound, key) // see PutUnsynced
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("object %s is damaged: %w", key, err)
	}
	return nil
}

// PutJSON stores v under key as JSON.
func (s *Store) PutJSON(ctx context.Context, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding object %s: %w", key, err)
	}
	return s.Put(ctx, key, b)
}

func (s *Store) isFolder(ctx context.Context, p string) bool {
	fi, err := s.driver.Stat(ctx, p)
	return err == nil && fi.IsDir()
}

// file is the driver's path of key.
func file(key string) (string, error) {
	p := Root + "/" + key
	if !driver.PathRegexp.MatchString(p) || path.Clean(p) != p || strings.HasSuffix(key, unfinished) {
		return "", fmt.Errorf("%w: %q: components are letters, digits, '.', '_' and '-', neither empty nor \".\" or \"..\", and do not end in %q", ErrKey, key, unfinished)
	}
	for part := range strings.SplitSeq(key, "/") {
		if len(part) > maxComponent {
			return "", fmt.Errorf("%w: %.40q…: a component is longer than %d bytes", ErrKey, part, maxComponent)
		}
	}
	return p, nil
}

// belowObject tells whether something above p is an object, so that p cannot
// exist. Drivers say so with errors that cannot be told from real faults.
func (s *Store) belowObject(ctx context.Context, p string) bool {
	for p = path.Dir(p); p != "/"; p = path.Dir(p) {
		if fi, err := s.driver.Stat(ctx, p); err == nil {
			return !fi.IsDir()
		}
	}
	return false
}

// missing tells the error by which drivers say that nothing is there.
func missing(err error) bool {
	var notFound driver.PathNotFoundError
	return errors.As(err, &notFound)
}
