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

// ErrNotFound is returned for a key that holds nothing.
var ErrNotFound = errors.New("no such object")

// Root is the folder of the storage driver below which all objects lie; the
// registry's own layout is /docker beside it.
const Root = "/sallyport"

// Store reads and writes objects. It is safe for concurrent use.
type Store struct{ driver driver.StorageDriver }

// New returns the store of objects on d.
func New(d driver.StorageDriver) *Store { return &Store{driver: d} }

// Get returns the bytes under key, or ErrNotFound.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	b, err := s.driver.GetContent(ctx, file(key))
	if missing(err) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	if err != nil {
		return nil, fmt.Errorf("reading object %s: %w", key, err)
	}
	return b, nil
}

// Put stores b under key; a reader sees the old or the new bytes, never a mix.
func (s *Store) Put(ctx context.Context, key string, b []byte) error {
	if err := s.driver.PutContent(ctx, file(key), b); err != nil {
		return fmt.Errorf("writing object %s: %w", key, err)
	}
	return nil
}

// Delete removes key; removing what is not there is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	err := s.driver.Delete(ctx, file(key))
	if err == nil || missing(err) {
		return nil
	}
	return fmt.Errorf("deleting object %s: %w", key, err)
}

// List returns the keys of all objects below prefix, at any depth, sorted.
// A prefix that holds nothing gives an empty list.
func (s *Store) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	err := s.driver.Walk(ctx, file(prefix), func(fi driver.FileInfo) error {
		if !fi.IsDir() {
			keys = append(keys, strings.TrimPrefix(fi.Path(), Root+"/"))
		}
		return nil
	})
	if err != nil && !missing(err) {
		return nil, fmt.Errorf("listing objects below %s: %w", prefix, err)
	}
	sort.Strings(keys)
	return keys, nil
}

// GetJSON decodes the object under key into v.
func (s *Store) GetJSON(ctx context.Context, key string, v any) error {
	b, err := s.Get(ctx, key)
	if err != nil {
		return err
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

func file(key string) string { return path.Join(Root, path.Clean("/"+key)) }

func missing(err error) bool {
	var notFound driver.PathNotFoundError
	return errors.As(err, &notFound)
}
