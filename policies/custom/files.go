package custom

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
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

// FromFiles divides files into modules and data. Data stand below the path of
// their folder, as for opa: what checks/age/data.yaml holds is data.checks.age.
func FromFiles(files map[string][]byte) (modules map[string]string, data map[string]any, err error) {
	modules = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".rego") {
			modules[name] = string(files[name])
			continue
		}
		var values map[string]any
		asJSON, err := yaml.YAMLToJSON(files[name]) // JSON is YAML too
		if err == nil {
			err = json.Unmarshal(asJSON, &values)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: is not an object in JSON or YAML: %w", name, err)
		}
		if data == nil {
			data = map[string]any{}
		}
		folder, err := below(data, path.Dir(name))
		if err == nil {
			err = merge(folder, values)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return modules, data, nil
}

// below is the object of data at the path of a folder, made where it is missing.
func below(data map[string]any, folder string) (map[string]any, error) {
	if folder == "." {
		return data, nil
	}
	for step := range strings.SplitSeq(folder, "/") {
		if _, ok := data[step]; !ok {
			data[step] = map[string]any{}
		}
		inner, ok := data[step].(map[string]any)
		if !ok {
			return nil, taken(step)
		}
		data = inner
	}
	return data, nil
}

func merge(data, values map[string]any) error {
	for key, v := range values {
		if _, ok := data[key]; ok {
			return taken(key)
		}
		data[key] = v
	}
	return nil
}

func taken(key string) error {
	return fmt.Errorf("%q stands in another data file, or is the name of a folder with data: rename one", key)
}
