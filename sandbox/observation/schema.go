package observation

import (
	"bytes"
	_ "embed"
)

//go:embed schema.json
var schemaJSON []byte

// Schema is the JSON Schema (draft 2020-12) of an observation: what rules have
// as input. It is made from the types, and their comments, by a test.
func Schema() []byte { return bytes.Clone(schemaJSON) }
