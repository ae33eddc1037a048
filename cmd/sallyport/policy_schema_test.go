package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPolicySchemaCommand(t *testing.T) {
	for _, c := range []struct {
		name, title string
		args        []string
	}{
		{"of documents, when nothing is said", "Assurance policy", nil},
		{"of documents", "Assurance policy", []string{"policy"}},
		{"of facts", "Facts document", []string{"facts"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _ := exits(t, 0, append([]string{"policy", "schema"}, c.args...)...)
			var got struct{ Title string }
			if err := json.Unmarshal([]byte(out), &got); err != nil || !strings.EqualFold(got.Title, c.title) {
				t.Errorf("the schema of %q, %v; want that of %q", got.Title, err, c.title)
			}
		})
	}
	if _, errOut := exits(t, exitFailed, "policy", "schema", "images"); !strings.Contains(errOut, "write policy or facts") {
		t.Errorf("an unknown schema: %s", errOut)
	}
}
