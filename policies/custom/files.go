package custom

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Limits of what is read beside a policy.
const (
	maxFile  = 4 << 20
	maxFiles = 500
)

// Files reads what a check at name, a Rego file or a folder, is made of: the
// file or all Rego below the folder, the data files (data.json, data.yaml)
// beside it, and the folder lib beside it. Tests (_test.rego) are left out.
func Files(fsys fs.FS, name string) (map[string][]byte, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q is not a path below the folder of the policy", name)
	}
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	r := reader{fsys: fsys, files: map[string][]byte{}}
	if info.IsDir() {
		return r.files, r.folder(name)
	}
	if err := r.read(name); err != nil {
		return nil, err
	}
	beside := path.Dir(name)
	for _, data := range dataFiles {
		if err := r.read(path.Join(beside, data)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if err := r.folder(path.Join(beside, "lib")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return r.files, nil
}

var dataFiles = []string{"data.json", "data.yaml", "data.yml"}

type reader struct {
	fsys  fs.FS
	files map[string][]byte
}

func (r *reader) folder(name string) error {
	return fs.WalkDir(r.fsys, name, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if file != name && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		case slices.Contains(dataFiles, d.Name()), strings.HasSuffix(file, ".rego") && !strings.HasSuffix(file, "_test.rego"):
			return r.read(file)
		}
		return nil
	})
}

func (r *reader) read(name string) error {
	f, err := r.fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return err
	case len(b) > maxFile:
		return fmt.Errorf("%s: has more than %d bytes", name, maxFile)
	case len(r.files) >= maxFiles:
		return fmt.Errorf("%s: more than %d files make up one check", name, maxFiles)
	}
	r.files[name] = b
	return nil
}

// FromFiles divides files into modules and data, merged under data.
func FromFiles(files map[string][]byte) (modules map[string]string, data map[string]any, err error) {
	modules = map[string]string{}
	for name, b := range files {
		if strings.HasSuffix(name, ".rego") {
			modules[name] = string(b)
			continue
		}
		if data != nil {
			return nil, nil, fmt.Errorf("%s: there is another data file: merge them", name)
		}
		asJSON, err := yaml.YAMLToJSON(b) // JSON is YAML too
		if err == nil {
			err = json.Unmarshal(asJSON, &data)
		}
		if err != nil || data == nil {
			return nil, nil, fmt.Errorf("%s: is not an object in JSON or YAML: %w", name, err)
		}
	}
	return modules, data, nil
}
