package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// readYAML reads all documents of a YAML stream; empty ones are left out.
func readYAML(file string, b []byte) ([]*tree, error) {
	var all []*tree
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, yamlError(file, err)
		}
		if len(n.Content) == 0 || n.Content[0].Tag == "!!null" {
			continue
		}
		r := yamlReader{file: file, nodes: len(b) + 10_000}
		t, err := r.value(n.Content[0], 0)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

func yamlError(file string, err error) error {
	text := err.Error()
	e := &Error{File: file}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	e.Reason = "not YAML: " + text
	return e
}

type yamlReader struct {
	file  string
	nodes int // that may still be read; text without aliases has fewer than bytes
}

// value converts n to what JSON can say.
func (r *yamlReader) value(n *yaml.Node, depth int) (*tree, error) {
	if depth > maxDepth {
		return nil, r.fail(n, fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	// Aliases can make a small file endless.
	if r.nodes--; r.nodes < 0 {
		return nil, r.fail(n, "the aliases of this document make it too large")
	}
	t := &tree{line: n.Line}
	switch n.Kind {
	case yaml.AliasNode:
		return r.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		t.kind = array
		for _, c := range n.Content {
			kid, err := r.value(c, depth+1)
			if err != nil {
				return nil, err
			}
			t.kids = append(t.kids, kid)
		}
		return t, nil
	case yaml.MappingNode:
		t.kind = object
		return t, r.members(t, n, depth)
	}
	var err error
	t.value, err = r.scalar(n)
	return t, err
}

func (r *yamlReader) members(t *tree, n *yaml.Node, depth int) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			return r.fail(key, "a key must be a plain word")
		case key.Tag == "!!merge":
			return r.fail(key, "merge keys (<<) are not read: write the fields out")
		case seen[key.Value]:
			return r.fail(key, fmt.Sprintf("%q stands twice: remove one", key.Value))
		}
		seen[key.Value] = true
		kid, err := r.value(n.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		t.keys, t.lines, t.kids = append(t.keys, key.Value), append(t.lines, key.Line), append(t.kids, kid)
	}
	return nil
}

func (r *yamlReader) scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var v bool
		if err := n.Decode(&v); err != nil {
			return nil, yamlError(r.file, err)
		}
		return v, nil
	case "!!int", "!!float":
		return r.number(n)
	case "!!str", "!!timestamp": // a date is text in JSON
		return n.Value, nil
	}
	return nil, r.fail(n, fmt.Sprintf("%s has no counterpart in JSON: use text, numbers, true, false, lists and objects", n.Tag))
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// number keeps the digits as they stand where JSON can, so that large ones survive.
func (r *yamlReader) number(n *yaml.Node) (any, error) {
	if jsonNumber.MatchString(n.Value) && writable(json.Number(n.Value)) {
		return json.Number(n.Value), nil
	}
	var i int64
	if n.ShortTag() == "!!int" && n.Decode(&i) == nil {
		return json.Number(strconv.FormatInt(i, 10)), nil
	}
	var f float64
	if err := n.Decode(&f); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, r.fail(n, fmt.Sprintf("%s is not a number that JSON can write", n.Value))
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), nil
}

func (r *yamlReader) fail(n *yaml.Node, reason string) error {
	return &Error{File: r.file, Line: n.Line, Reason: reason}
}
