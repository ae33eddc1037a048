package doctor

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile bounds a configuration, in bytes: real ones have a few thousand.
const maxFile = 4 << 20

// files reads a machine's files, which may lie below another root.
type files struct{ root string }

func (f files) check() error {
	if f.root == "" {
		return nil
	}
	st, err := os.Stat(f.root)
	if err == nil && !st.IsDir() {
		err = errors.New("it is no folder")
	}
	if err != nil {
		return fmt.Errorf("--root %s: %w", f.root, err)
	}
	return nil
}

func (f files) open(name string) (*os.File, error) {
	if f.root == "" || f.root == "/" {
		return os.Open(name)
	}
	// Links must not lead out of the other root: what they name there is
	// something else here.
	return os.OpenInRoot(f.root, strings.TrimLeft(filepath.Clean(name), "/"))
}

// read returns the file's content.
func (f files) read(name string) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if st, err := file.Stat(); err == nil && !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return b, err
}

// list returns the names in a folder that end with suffix, sorted; none when
// the folder is not there.
func (f files) list(dir, suffix string) ([]string, error) {
	d, err := f.open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, err
}

// has tells whether one of the files is there.
func (f files) has(names ...string) bool {
	for _, n := range names {
		file, err := f.open(n)
		if err == nil {
			file.Close()
		}
		if !missing(err) { // what may not be read is there all the same
			return true
		}
	}
	return false
}

// homes are the folders of people who may have configurations of their own.
func (f files) homes() []string {
	list := []string{"/root"}
	names, _ := f.list("/home", "")
	for _, n := range names {
		list = append(list, "/home/"+n)
	}
	return list
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
