package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// readJSON reads one JSON value. Keys that stand twice are an error: which one
// counts would depend on the reader.
func readJSON(file string, b []byte) (*tree, error) {
	r := jsonReader{file: file, text: b, decoder: json.NewDecoder(bytes.NewReader(b)), line: 1}
	r.decoder.UseNumber()
	t, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, r.fail("something follows the end of the document")
	}
	return t, nil
}

type jsonReader struct {
	file    string
	text    []byte
	decoder *json.Decoder
	line    int
	counted int64 // bytes of text whose line breaks are in line
}

func (r *jsonReader) value(depth int) (*tree, error) {
	if depth > maxDepth {
		return nil, r.fail(fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, r.wrap(err)
	}
	t := &tree{line: r.here()}
	switch token {
	case json.Delim('{'):
		t.kind = object
		return t, r.members(t, depth)
	case json.Delim('['):
		t.kind = array
		for r.decoder.More() {
			kid, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			t.kids = append(t.kids, kid)
		}
		_, err := r.decoder.Token()
		return t, r.wrap(err)
	}
	if n, ok := token.(json.Number); ok && !writable(n) {
		return nil, r.fail("this number is too large")
	}
	t.value = token
	return t, nil
}

func (r *jsonReader) members(t *tree, depth int) error {
	seen := map[string]bool{}
	for r.decoder.More() {
		token, err := r.decoder.Token()
		if err != nil {
			return r.wrap(err)
		}
		key, ok := token.(string)
		if !ok {
			return r.fail("a key must be a string")
		}
		if seen[key] {
			return r.fail(fmt.Sprintf("%q stands twice: remove one", key))
		}
		seen[key] = true
		t.keys, t.lines = append(t.keys, key), append(t.lines, r.here())
		kid, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		t.kids = append(t.kids, kid)
	}
	_, err := r.decoder.Token()
	return r.wrap(err)
}

// here is the line of the token that was read last.
func (r *jsonReader) here() int {
	offset := min(r.decoder.InputOffset(), int64(len(r.text)))
	if offset > r.counted {
		r.line += bytes.Count(r.text[r.counted:offset], []byte{'\n'})
		r.counted = offset
	}
	return r.line
}

func (r *jsonReader) fail(reason string) error {
	return &Error{File: r.file, Line: r.here(), Reason: reason}
}

func (r *jsonReader) wrap(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{File: r.file, Line: 1 + bytes.Count(r.text, []byte{'\n'}), Reason: "the JSON ends too early"}
	}
	line := r.here()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line = 1 + bytes.Count(r.text[:min(int(syntax.Offset), len(r.text))], []byte{'\n'})
	}
	return &Error{File: r.file, Line: line, Reason: "not JSON: " + err.Error()}
}

// looksLikeJSON tells the two formats apart: YAML documents in flow style are
// rare, and read the same.
func looksLikeJSON(b []byte) bool {
	trimmed := bytes.TrimLeft(b, " \t\r\n\ufeff")
	return len(trimmed) > 0 && slices.Contains([]byte("{["), trimmed[0])
}
