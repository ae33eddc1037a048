package engine

import (
	"encoding/json"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// schemasOf makes a schema of input apply to every module.
func schemasOf(schema []byte) (*ast.SchemaSet, error) {
	var parsed any
	if err := json.Unmarshal(schema, &parsed); err != nil {
		return nil, fmt.Errorf("the schema of input is not JSON: %w", err)
	}
	set := ast.NewSchemaSet()
	set.Put(ast.SchemaRootRef, parsed)
	return set, nil
}
