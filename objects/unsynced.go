package objects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// PutUnsynced is PutJSON for what may be lost when the machine stops without
// warning in the next half minute, and is worth no wait for the disk: on a file
// system neither the file nor its folder is synced, which takes milliseconds.
// The end of this process alone loses nothing. Of an object that was lost, an
// empty file may stay, which GetJSON does not find and List lists.
//
// It is PutJSON in a store that NewLocal did not make.
func (s *Store) PutUnsynced(ctx context.Context, key string, v any) error {
	if s.root == "" {
		return s.PutJSON(ctx, key, v)
	}
	p, err := file(key)
	if err != nil {
		return err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding object %s: %w", key, err)
	}
	if err := replace(filepath.Join(s.root, filepath.FromSlash(p)), b); err != nil {
		return fmt.Errorf("writing object %s: %w", key, err)
	}
	return nil
}

// replace gives name new content, as the file system driver does but for
// syncing: readers see the old or the new one.
func replace(name string, b []byte) error {
	dir, base := filepath.Split(name)
	var tmp *os.File
	err := fs.ErrNotExist
	for try := 0; errors.Is(err, fs.ErrNotExist) && try < 10; try++ { // another replica may delete the folder when it is empty
		if err = os.MkdirAll(dir, 0o777); err == nil {
			tmp, err = os.CreateTemp(dir, base+".*"+unfinished)
		}
	}
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
