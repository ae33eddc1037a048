package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/sallyport-dev/sallyport/policies/custom"
	"github.com/sallyport-dev/sallyport/policies/document"
)

// Add adds the documents of file, or of the folder, called name in fsys, and
// what their custom checks are made of. Tests, and what no document asks for,
// stay behind.
func (f Files) Add(fsys fs.FS, name string) error {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return f.addDocuments(fsys, name)
	}
	var faults []error
	err = fs.WalkDir(fsys, name, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != name && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && HoldsDocuments(d.Name()):
			faults = append(faults, f.addDocuments(fsys, file))
		}
		return nil
	})
	return errors.Join(append(faults, err)...)
}

// AddDocument adds a document that comes from no folder.
func (f Files) AddDocument(d document.Document) error {
	b, err := d.MarshalJSON()
	if err != nil {
		return err
	}
	return f.put("policies/"+d.Name+".json", b)
}

func (f Files) addDocuments(fsys fs.FS, name string) error {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	docs, err := document.ParseAll(name, b)
	if err != nil {
		return err
	}
	if err := f.put(name, b); err != nil {
		return err
	}
	folder := path.Dir(name)
	beside, err := fs.Sub(fsys, folder)
	if err != nil {
		return err
	}
	for _, d := range docs {
		for _, c := range d.CustomChecks {
			if c.Path == "" || strings.TrimSpace(c.Snippet) != "" {
				continue
			}
			files, err := custom.Files(beside, c.Path)
			if err != nil {
				return fmt.Errorf("%s: policy %q: custom check %s: %w", name, d.Name, c.Path, err)
			}
			for file, b := range files {
				if err := f.put(path.Join(folder, file), b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f Files) put(name string, b []byte) error {
	if was, ok := f[name]; ok && string(was) != string(b) {
		return fmt.Errorf("two files go to %s of the bundle: rename one", name)
	}
	f[name] = b
	return nil
}
