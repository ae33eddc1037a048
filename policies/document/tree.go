package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// tree is a parsed document that still knows its lines.
type tree struct {
	line  int
	kind  treeKind
	value any // of scalars: nil, bool, string or json.Number
	keys  []string
	lines []int   // of keys
	kids  []*tree // of objects, in the order of keys; of arrays
}

type treeKind uint8

const (
	scalar treeKind = iota
	object
	array
)

// Limits of a document. A policy with 10,000 denied vulnerabilities has half a megabyte.
const (
	MaxSize  = 16 << 20 // bytes
	maxDepth = 64
)

// at finds a place by the steps of a validation error; where the steps lead
// nowhere it is the nearest place above.
func (t *tree) at(path []string) *tree {
	for _, step := range path {
		next := t.child(step)
		if next == nil {
			return t
		}
		t = next
	}
	return t
}

func (t *tree) child(step string) *tree {
	switch t.kind {
	case object:
		for i, k := range t.keys {
			if k == step {
				return t.kids[i]
			}
		}
	case array:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(t.kids) {
			return t.kids[i]
		}
	}
	return nil
}

// without is an object without a key.
func (t *tree) without(key string) *tree {
	i := slices.Index(t.keys, key)
	if i < 0 {
		return t
	}
	rest := *t
	rest.keys = slices.Delete(slices.Clone(t.keys), i, i+1)
	rest.lines = slices.Delete(slices.Clone(t.lines), i, i+1)
	rest.kids = slices.Delete(slices.Clone(t.kids), i, i+1)
	return &rest
}

// keyLine is the line of the key that leads to path.
func (t *tree) keyLine(path []string) int {
	if len(path) == 0 {
		return t.line
	}
	above := t.at(path[:len(path)-1])
	for i, k := range above.keys {
		if k == path[len(path)-1] {
			return above.lines[i]
		}
	}
	return t.at(path).line
}

// plain is the tree as encoding/json would decode it, numbers as json.Number.
func (t *tree) plain() any {
	switch t.kind {
	case object:
		m := make(map[string]any, len(t.keys))
		for i, k := range t.keys {
			m[k] = t.kids[i].plain()
		}
		return m
	case array:
		all := make([]any, len(t.kids))
		for i, k := range t.kids {
			all[i] = k.plain()
		}
		return all
	}
	return t.value
}

// appendJSON writes the tree as compact JSON, keys in their order.
func (t *tree) appendJSON(b *bytes.Buffer) {
	switch t.kind {
	case object:
		b.WriteByte('{')
		for i, k := range t.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			appendString(b, k)
			b.WriteByte(':')
			t.kids[i].appendJSON(b)
		}
		b.WriteByte('}')
	case array:
		b.WriteByte('[')
		for i, k := range t.kids {
			if i > 0 {
				b.WriteByte(',')
			}
			k.appendJSON(b)
		}
		b.WriteByte(']')
	default:
		switch v := t.value.(type) {
		case nil:
			b.WriteString("null")
		case string:
			appendString(b, v)
		case bool:
			b.WriteString(strconv.FormatBool(v))
		case json.Number:
			b.WriteString(v.String())
		}
	}
}

func appendString(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)         // a string always encodes
	b.Truncate(b.Len() - 1) // the encoder's line break
}

// yaml is the tree for the YAML encoder, in block style.
func (t *tree) yaml() *yaml.Node {
	switch t.kind {
	case object:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for i, k := range t.keys {
			n.Content = append(n.Content, stringNode(k), t.kids[i].yaml())
		}
		return n
	case array:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, k := range t.kids {
			n.Content = append(n.Content, k.yaml())
		}
		return n
	}
	switch v := t.value.(type) {
	case string:
		return stringNode(v)
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: numberTag(v), Value: v.String()}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

func stringNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func numberTag(n json.Number) string {
	if _, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return "!!int"
	}
	return "!!float"
}

// writable tells whether n has a size that readers agree on: an exponent of a
// billion is short text and a number without end.
func writable(n json.Number) bool {
	f, err := n.Float64()
	return err == nil && len(n) <= 64 && !math.IsInf(f, 0)
}

// Error is what is wrong with a document, and where.
type Error struct {
	File   string
	Line   int    // from 1; 0 when it concerns the whole file
	Field  string // as "scope.variables[0].attribute"; empty for the whole document
	Reason string // with the values that are allowed
}

func (e *Error) Error() string {
	where := e.File
	if where == "" {
		where = "policy"
	}
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", where, e.Line)
	}
	if e.Field != "" {
		return where + ": " + e.Field + ": " + e.Reason
	}
	return where + ": " + e.Reason
}
