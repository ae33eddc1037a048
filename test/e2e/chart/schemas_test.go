package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// schemas writes JSON Schemas of every kind of Kubernetes to a folder, in the
// layout in which kubeconform looks for them. They are made from the OpenAPI
// document in the module that the cluster of these tests is built from.
func schemas(t testing.TB) string {
	t.Helper()
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes")
	module, err := list.Output()
	if err != nil {
		t.Fatalf("where is k8s.io/kubernetes: %v", err)
	}
	raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(module)), "api", "openapi-spec", "swagger.json"))
	if err != nil {
		t.Fatal(err)
	}
	var swagger struct {
		Definitions map[string]map[string]any `json:"definitions"`
	}
	if err := json.Unmarshal(raw, &swagger); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for _, folder := range []string{"master-standalone", "master-standalone-strict"} {
		if err := os.Mkdir(filepath.Join(out, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range []string{"master-standalone", "master-standalone-strict"} {
			if err := os.WriteFile(filepath.Join(out, folder, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, d := range swagger.Definitions {
		switch {
		case strings.HasSuffix(name, ".util.intstr.IntOrString"):
			swagger.Definitions[name] = map[string]any{"type": []string{"string", "integer"}}
			continue
		case strings.HasSuffix(name, ".api.resource.Quantity"):
			swagger.Definitions[name] = map[string]any{"type": []string{"string", "number"}}
			continue
		case d["properties"] != nil && d["additionalProperties"] == nil:
			d["additionalProperties"] = false
		}
		kinds, _ := d["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 {
			continue // of several groups, as DeleteOptions: not what charts hold
		}
		k := kinds[0].(map[string]any)
		group, version, kind := k["group"].(string), k["version"].(string), k["kind"].(string)
		suffix := version
		if group != "" {
			suffix = strings.Split(group, ".")[0] + "-" + version
		}
		write(fmt.Sprintf("%s-%s.json", strings.ToLower(kind), suffix), map[string]any{"$ref": "_definitions.json#/definitions/" + name})
	}
	write("_definitions.json", map[string]any{"definitions": swagger.Definitions})
	return out
}
