package author

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// merge adds a data file. Two files may fill the same objects, and may say the
// same thing twice; that they contradict each other is a fault.
func (s *Sources) merge(file string, b []byte) Faults {
	asJSON, err := yaml.YAMLToJSON(b) // JSON is YAML too
	if err != nil {
		return Faults{{err.Error(), CodeData, Location{File: file}}}
	}
	var more map[string]any
	if err := json.Unmarshal(asJSON, &more); err != nil || more == nil {
		return Faults{{"holds no object: data files are objects, whose fields are data.<field>", CodeData, Location{File: file}}}
	}
	var faults Faults
	s.mergeInto(s.Data, more, nil, file, &faults)
	return faults
}

func (s *Sources) mergeInto(into, from map[string]any, path []string, file string, faults *Faults) {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		at := append(slices.Clip(path), key)
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

// origin is the file that said what stands at path.
func (s *Sources) origin(path []string) string {
	for i := len(path); i > 0; i-- {
		if file := s.data[strings.Join(path[:i], "\x00")]; file != "" {
			return file
		}
	}
	return "another file"
}
