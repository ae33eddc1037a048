package document

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// field is one member of a JSON object.
type field struct {
	name  string
	value json.RawMessage
}

// MarshalJSON writes a document. One that was read is written as it was, in
// the same order and with the fields that are unknown here, but for what was
// changed since; enabled and fail_cicd are always written, since readers
// disagree on what their absence means.
func (d Document) MarshalJSON() ([]byte, error) {
	fields, err := d.fields()
	if err != nil {
		return nil, err
	}
	return joinObject(fields), nil
}

// YAML writes a document for people, with the fields in the order of MarshalJSON.
func (d Document) YAML() ([]byte, error) {
	b, err := d.MarshalJSON()
	if err != nil {
		return nil, err
	}
	t, err := readJSON(d.Name, b)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(t.yaml()); err != nil {
		return nil, fmt.Errorf("policy %q as YAML: %w", d.Name, err)
	}
	return out.Bytes(), e.Close()
}

func (d Document) fields() ([]field, error) {
	now := typedFields(d)
	if d.source == nil {
		return now, nil
	}
	read, err := splitObject(d.source)
	if err != nil {
		return nil, err
	}
	original, err := decode(d.source)
	if err != nil {
		return nil, err
	}
	was := index(typedFields(original))
	current := index(now)

	var out []field
	written := map[string]bool{}
	for _, f := range read {
		written[f.name] = true
		value, known := current[f.name]
		switch {
		case !known && f.name == "sallyport" && original.Sallyport != nil:
			continue // taken out
		case known && !bytes.Equal(value, was[f.name]):
			f.value = value
		}
		out = append(out, f)
	}
	for _, f := range now {
		if written[f.name] {
			continue
		}
		if f.name == "enabled" || f.name == "fail_cicd" || !bytes.Equal(f.value, was[f.name]) {
			out = append(out, f)
		}
	}
	return out, nil
}

// typedFields are the fields of d as Go knows them.
func typedFields(d Document) []field {
	type plain Document
	b, err := marshal(plain(d))
	if err != nil {
		panic("a document holds raw JSON that is not JSON: " + err.Error())
	}
	fields, err := splitObject(b)
	if err != nil {
		panic("encoding/json wrote what is not JSON: " + err.Error())
	}
	return fields
}

func index(fields []field) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage, len(fields))
	for _, f := range fields {
		m[f.name] = f.value
	}
	return m
}

// splitObject takes a compact JSON object apart, in order.
func splitObject(b []byte) ([]field, error) {
	decoder := json.NewDecoder(bytes.NewReader(b))
	if t, err := decoder.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	var all []field
	for decoder.More() {
		t, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		f := field{name: t.(string)} // a key of a JSON object is a string
		if err := decoder.Decode(&f.value); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func joinObject(fields []field) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		appendString(&b, f.name)
		b.WriteByte(':')
		b.Write(f.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
