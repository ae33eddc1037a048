package workload

import (
	"maps"
	"slices"

	kjson "sigs.k8s.io/json"
)

// Guess returns the path to what looks like a pod's template in an object of an
// unknown kind, in the form of Kind.Paths; "" when nothing does. It is for
// messages: an object may have more of them, or call other things containers.
func Guess(raw []byte) string {
	if len(raw) > maxGuess {
		return ""
	}
	var doc map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &doc); err != nil {
		return ""
	}
	return guess(doc, "", maxSteps)
}

func guess(v any, at string, depth int) string {
	if depth == 0 {
		return ""
	}
	switch v := v.(type) {
	case map[string]any:
		if at != "" && holdsContainers(v) {
			return at
		}
		if spec, ok := v["spec"].(map[string]any); ok && at != "" && holdsContainers(spec) {
			return at
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key == "status" && at == "" || key == "metadata" {
				continue
			}
			next := key
			if at != "" {
				next = at + "." + key
			}
			if _, err := parsePath(next); err != nil {
				continue // a key that no path can name
			}
			if found := guess(v[key], next, depth-1); found != "" {
				return found
			}
		}
	case []any:
		for _, item := range v {
			if found := guess(item, at+"[*]", depth-1); found != "" {
				return found
			}
		}
	}
	return ""
}

func holdsContainers(v map[string]any) bool {
	list, _ := v["containers"].([]any)
	for _, item := range list {
		c, _ := item.(map[string]any)
		if image, _ := c["image"].(string); image != "" {
			return true
		}
	}
	return false
}
