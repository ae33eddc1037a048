package author

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// dataFile is a data file, and its place in a tree.
type dataFile struct {
	file, path string
	content    []byte
}

func (s *Sources) mergeAll() Faults {
	var faults Faults
	for _, file := range slices.Sorted(maps.Keys(s.beside)) {
		faults = append(faults, s.merge(s.beside[file])...)
	}
	return faults
}

// merge adds a data file. Two files may fill the same objects, and may say the
// same thing twice; that they contradict each other is a fault.
func (s *Sources) merge(f *dataFile) Faults {
	file := f.file
	asJSON, err := yaml.YAMLToJSON(f.content) // JSON is YAML too
	if err != nil {
		return Faults{{err.Error(), CodeData, Location{File: file}}}
	}
	var more map[string]any
	if err := json.Unmarshal(asJSON, &more); err != nil || more == nil {
		return Faults{{"holds no object: data files are objects, whose fields are data.<folder>.<field>", CodeData, Location{File: file}}}
	}
	if folder := path.Dir(f.path); folder != "." {
		for _, step := range slices.Backward(strings.Split(folder, "/")) {
			more = map[string]any{step: more}
		}
	}
	var faults Faults
	s.mergeInto(s.Data, more, nil, file, &faults)
	return faults
}

func (s *Sources) mergeInto(into, from map[string]any, parent []string, file string, faults *Faults) {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		at := append(slices.Clip(parent), key)
		name := strings.Join(at, "\x00")
		old, there := into[key]
		if !there {
			into[key] = from[key]
			s.data[name] = file
			continue
		}
		a, isObject := old.(map[string]any)
		b, isToo := from[key].(map[string]any)
		switch {
		case isObject && isToo:
			s.mergeInto(a, b, at, file, faults)
		case !reflect.DeepEqual(old, from[key]):
			*faults = append(*faults, Fault{
				fmt.Sprintf("data.%s is something else in %s: give them different names", strings.Join(at, "."), s.origin(at)), CodeData, Location{File: file},
			})
		}
	}
}

// origin is the file that said what stands there.
func (s *Sources) origin(at []string) string {
	for i := len(at); i > 0; i-- {
		if file := s.data[strings.Join(at[:i], "\x00")]; file != "" {
			return file
		}
	}
	return "another file"
}
