// Package schema publishes the JSON Schemas of the documents that authors
// write and of the facts that their rules read. It holds nothing but the
// files, for validators, editors and the manual.
package schema

import _ "embed"

// Policy is the JSON Schema (draft 2020-12) of an assurance policy.
//
//go:embed assurance-policy.schema.json
var Policy []byte

// Input is the JSON Schema of the facts document, which is input in every
// Rego package.
//
//go:embed input.schema.json
var Input []byte
