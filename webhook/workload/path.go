package workload

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"
)

// path leads through an object to what makes pods. It is written as fields
// joined by dots, with [*] behind one whose every item, or every value where it
// is a map, is meant: spec.template, spec.replicatedJobs[*].template.spec.template.
// At its end is a pod's template, a pod's spec, a container or an image's name.
type path struct {
	text  string
	steps []step
}

// step is one field, and how many [*] stand behind it.
type step struct {
	field string
	each  int
}

const (
	maxSteps = 16      // of a path
	maxPods  = 1024    // of one object
	maxGuess = 1 << 20 // bytes of an object in which a template is looked for
)

var stepForm = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_-]*)((?:\[\*\])*)$`)

func parsePath(text string) (path, error) {
	parts := strings.Split(strings.TrimPrefix(text, "."), ".")
	if len(parts) > maxSteps {
		return path{}, fmt.Errorf("the path %q has %d fields: at most %d are followed", text, len(parts), maxSteps)
	}
	p := path{text: text, steps: make([]step, len(parts))}
	for i, part := range parts {
		m := stepForm.FindStringSubmatch(part)
		if m == nil {
			return path{}, fmt.Errorf("the path %q is not understood at %q: write fields joined by dots, with [*] behind lists and maps of which every item counts, e.g. spec.templates[*].template", text, part)
		}
		p.steps[i] = step{m[1], len(m[2]) / len("[*]")}
	}
	return p, nil
}

// ends calls found with everything that the path leads to. Fields that are not
// there end it.
func (p path) ends(raw []byte, found func([]byte) error) error {
	return follow(p.steps, raw, found)
}

func follow(steps []step, raw []byte, found func([]byte) error) error {
	if len(steps) == 0 {
		return found(raw)
	}
	if kindOf(raw) != '{' {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &fields); err != nil {
		return err
	}
	value, ok := fields[steps[0].field]
	if !ok {
		return nil
	}
	return each(steps[0].each, value, func(item []byte) error { return follow(steps[1:], item, found) })
}

// each calls found with every item of the lists or maps raw, depth deep.
func each(depth int, raw []byte, found func([]byte) error) error {
	if depth == 0 {
		return found(raw)
	}
	var items []json.RawMessage
	switch kindOf(raw) {
	case '[':
		if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &items); err != nil {
			return err
		}
	case '{':
		var values map[string]json.RawMessage
		if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &values); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			items = append(items, values[key])
		}
	}
	for _, item := range items {
		if err := each(depth-1, item, found); err != nil {
			return err
		}
	}
	return nil
}

// kindOf is the first character of a JSON value: { [ " n and so on; 0 for none.
func kindOf(raw []byte) byte {
	for _, c := range raw {
		switch c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// readCustom reads an object whose pods lie at the ends of paths.
func readCustom(kind string, paths []path, raw []byte) (Object, error) {
	var doc struct {
		Metadata meta `json:"metadata"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &doc); err != nil {
		return Object{}, fmt.Errorf("the %s cannot be read: %w", kind, err)
	}
	var o Object
	doc.Metadata.into(&o)
	o.Mirror = false // only pods are
	for _, p := range paths {
		err := p.ends(raw, func(end []byte) error {
			pods, err := endOf(end)
			if err != nil {
				return err
			}
			if o.Pods = append(o.Pods, pods...); len(o.Pods) > maxPods {
				return fmt.Errorf("it has more than %d pod templates", maxPods)
			}
			return nil
		})
		if err != nil {
			return Object{}, fmt.Errorf("the %s cannot be read at %s: %w", kind, p.text, err)
		}
	}
	return o, nil
}

// endOf reads what a path may lead to: whatever of a template, a spec, a
// container and a name it is.
func endOf(raw []byte) ([]Pod, error) {
	var pods []Pod
	switch kindOf(raw) {
	case '"':
		var name string
		if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &name); err != nil {
			return nil, err
		}
		if images := distinct([]string{name}); len(images) > 0 {
			pods = append(pods, Pod{Images: images})
		}
	case '{':
		// The fields of each are not fields of the others, but for those that
		// some kinds give other meanings.
		var fields map[string]json.RawMessage
		if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &fields); err != nil {
			return nil, err
		}
		if kindOf(fields["spec"]) == '{' {
			var t template
			if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &t); err != nil {
				return nil, err
			}
			if p, ok := t.pod(); ok {
				pods = append(pods, p)
			}
		}
		if isPodSpec(fields) {
			t := template{Spec: new(podSpec)}
			if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, t.Spec); err != nil {
				return nil, err
			}
			if p, ok := t.pod(); ok {
				pods = append(pods, p)
			}
		}
		if kindOf(fields["image"]) == '"' {
			more, err := endOf(fields["image"])
			if err != nil {
				return nil, err
			}
			pods = append(pods, more...)
		}
	}
	return pods, nil
}

func isPodSpec(fields map[string]json.RawMessage) bool {
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		if kindOf(fields[list]) == '[' {
			return true
		}
	}
	return false
}
