package rules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing/fstest"
	"time"
)

// Source is one place that rules come from. It need not be safe for concurrent use.
type Source interface {
	Name() string
	// Poll is how often to look.
	Poll() time.Duration
	// Load returns the files that are there now, and the mark of their version.
	// The error is ErrUnchanged when that is what mark stands for; "" stands for nothing.
	Load(ctx context.Context, mark string) (files fs.FS, now string, err error)
}

// ErrUnchanged is returned by Source.Load when there is nothing new.
var ErrUnchanged = errors.New("the rules have not changed")

// Bounds of a folder.
const (
	maxFolder = 64 << 20 // bytes of all files
	maxFiles  = 20_000
	maxFile   = 8 << 20
)

// Folder is the rules below a folder. Hidden files and folders are left out, so
// that those by which Kubernetes replaces mounted files are not read twice.
type Folder string

// Name implements Source.
func (f Folder) Name() string { return string(f) }

// Poll implements Source: a small folder costs little to read.
func (Folder) Poll() time.Duration { return 5 * time.Second }

// Load implements Source.
func (f Folder) Load(ctx context.Context, mark string) (fs.FS, string, error) {
	root, files, size := os.DirFS(string(f)), fstest.MapFS{}, int64(0)
	sum := sha256.New()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || path.Ext(name) != ".rego" && path.Ext(name) != ".json":
			return nil
		}
		info, err := fs.Stat(root, name)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		if size += info.Size(); info.Size() > maxFile || size > maxFolder || len(files) >= maxFiles {
			return fmt.Errorf("%s: a file is larger than %d MiB, or all are larger than %d MiB or more than %d", name, maxFile>>20, maxFolder>>20, maxFiles)
		}
		b, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%d %s %d\n", len(name), name, len(b))
		sum.Write(b)
		files[name] = &fstest.MapFile{Data: b, Mode: 0o444}
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("the folder of rules: %w", err)
	}
	now := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	if now == mark {
		return nil, mark, ErrUnchanged
	}
	return files, now, nil
}
