package author

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/sallyport-dev/sallyport/policies/schema"
)

// Tree is everything as the files of an OPA bundle, by slashed path:
// assurance/<name>.rego for each policy, documents, custom checks, tests and
// data where they stood, snippets below checks/, and the schema of input in
// schemas/input.json. The error is Faults.
func (s *Sources) Tree() (map[string][]byte, error) {
	files, from := map[string][]byte{}, map[string]string{}
	var faults Faults
	put := func(path, file string, b []byte) {
		if other, taken := from[path]; taken && !bytes.Equal(files[path], b) {
			faults = append(faults, Fault{fmt.Sprintf("would be %s, as %s would: rename one", path, other), CodeRead, Location{File: file}})
			return
		}
		files[path], from[path] = b, file
	}
	generated, err := s.Generated()
	if err != nil {
		return nil, err
	}
	for _, m := range generated {
		put(m.Path, "the package of a policy", []byte(m.Text))
	}
	own, stale := s.written(generated)
	faults = append(faults, stale...)
	for _, m := range own {
		text := []byte(m.Text)
		if m.added > 0 {
			f, err := Format(m.File, text)
			if err != nil {
				faults = append(faults, faultsOf(m.File, err)...)
				continue
			}
			text = f.New
		}
		put(m.Path, m.File, text)
	}
	for _, f := range s.kept {
		put(f.path, f.file, f.text)
	}
	for _, name := range slices.Sorted(maps.Keys(s.beside)) {
		// Where OPA has them below data, which is below the folder of the policy.
		f := s.beside[name]
		put(f.path, f.file, f.content)
	}
	put("schemas/input.json", "the schema of input", schema.Input)
	return files, faults.sorted().err()
}

// WriteTree writes a tree to a folder, which must be new or empty: what is
// there already would be part of it.
func WriteTree(dir string, tree map[string][]byte) error {
	switch entries, err := os.ReadDir(dir); {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("%s is not empty: name a new folder", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(file, tree[name], 0o666); err != nil {
			return err
		}
	}
	return nil
}
