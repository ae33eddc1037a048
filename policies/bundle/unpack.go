package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	opa "github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/loader/filter"
)

// Limits of an archive.
const (
	MaxSize   = 16 << 20 // bytes as it travels
	maxTotal  = 64 << 20 // bytes unpacked
	maxFile   = 8 << 20  // bytes of one file
	maxFiles  = 20_000
	maxLength = 512 // bytes of one file's name
)

// file is one file of an archive; its name has no leading slash.
type file struct {
	name string
	b    []byte
}

// unpack reads all files of a tar.gz within the limits.
func unpack(raw []byte) ([]file, error) {
	if len(raw) > MaxSize {
		return nil, tooLarge()
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("is not a tar.gz: %w", err)
	}
	counted := &io.LimitedReader{R: z, N: maxTotal}
	fault := func(err error) error {
		if counted.N == 0 {
			return fmt.Errorf("has more than %d bytes when it is unpacked", maxTotal)
		}
		return fmt.Errorf("is damaged: %w", err)
	}
	var files []file
	seen := map[string]bool{}
	for t := tar.NewReader(counted); ; {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fault(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		f := file{name: strings.TrimPrefix(strings.TrimPrefix(h.Name, "./"), "/")}
		switch {
		case !fs.ValidPath(f.name) || strings.Contains(f.name, `\`) || len(f.name) > maxLength:
			return nil, fmt.Errorf("holds a file called %.100q, which is no path within it", h.Name)
		case seen[f.name]:
			return nil, fmt.Errorf("holds %s twice", f.name)
		case len(files) >= maxFiles:
			return nil, fmt.Errorf("holds more than %d files", maxFiles)
		case h.Size > maxFile:
			return nil, fmt.Errorf("%s: has more than %d bytes", f.name, maxFile)
		}
		seen[f.name] = true
		if f.b, err = io.ReadAll(t); err != nil {
			return nil, fault(err)
		}
		files = append(files, f)
	}
	// To the end, so that what was cut off or changed on the way is noticed.
	if _, err := io.Copy(io.Discard, counted); err != nil {
		return nil, fault(err)
	}
	if counted.N == 0 {
		return nil, fault(nil)
	}
	if len(files) == 0 {
		return nil, errors.New("is empty")
	}
	return files, nil
}

func tooLarge() error { return fmt.Errorf("has more than %d bytes", MaxSize) }

// loader hands files to OPA's reader.
type loader struct{ files []file }

// NextFile implements opa.DirectoryLoader.
func (l *loader) NextFile() (*opa.Descriptor, error) {
	if len(l.files) == 0 {
		return nil, io.EOF
	}
	f := l.files[0]
	l.files = l.files[1:]
	return opa.NewDescriptor("/"+f.name, "/"+f.name, bytes.NewBuffer(f.b)), nil
}

// The other methods of opa.DirectoryLoader: what they set was done by unpack.

func (l *loader) WithFilter(filter.LoaderFilter) opa.DirectoryLoader { return l }
func (l *loader) WithPathFormat(opa.PathFormat) opa.DirectoryLoader  { return l }
func (l *loader) WithSizeLimitBytes(int64) opa.DirectoryLoader       { return l }
func (l *loader) WithFollowSymlinks(bool) opa.DirectoryLoader        { return l }
