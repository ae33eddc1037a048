package main

import (
	"encoding/json"
	"fmt"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
)

// dryApplied is what `policy apply --dry-run -o json` prints of one policy.
type dryApplied struct {
	Action string `json:"action"`         // create, change, none
	Diff   string `json:"diff,omitempty"` // of the documents as YAML
}

// applyDry shows what applying docs would change.
func (r *gateway) applyDry(cmd *cobra.Command, c *client.Client, docs []policies.Document) error {
	all := map[string]dryApplied{}
	for _, d := range docs {
		a, err := dryApply(cmd, c, d)
		if err != nil {
			return fmt.Errorf("policy %s: %w", d.Name, err)
		}
		all[d.Name] = a
		if r.output == "json" {
			continue
		}
		words := map[string]string{"create": "would be created", "change": "would be changed", "none": "is in force as it is"}
		fmt.Fprintf(cmd.OutOrStdout(), "policy %s %s\n%s", d.Name, words[a.Action], a.Diff)
	}
	if r.output == "json" {
		return printJSON(cmd.OutOrStdout(), all)
	}
	return nil
}

func dryApply(cmd *cobra.Command, c *client.Client, d policies.Document) (dryApplied, error) {
	old, err := c.Policy(cmd.Context(), d.Name)
	if client.NotFound(err) {
		return dryApplied{Action: "create"}, nil
	}
	if err != nil {
		return dryApplied{}, err
	}
	was, err := sortedYAML(old)
	if err != nil {
		return dryApplied{}, err
	}
	is, err := sortedYAML(d)
	if err != nil {
		return dryApplied{}, err
	}
	if diff := udiff.Unified("in force", "applied", was, is); diff != "" {
		return dryApplied{"change", diff}, nil
	}
	return dryApplied{Action: "none"}, nil
}

// sortedYAML is a document as YAML with its fields in the order of the
// alphabet, without those that the gate writes itself.
func sortedYAML(d policies.Document) (string, error) {
	b, err := d.MarshalJSON()
	if err != nil {
		return "", err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &fields); err != nil {
		return "", err
	}
	for _, own := range []string{"id", "lastupdate", "read_only", document.SourceField} {
		delete(fields, own)
	}
	if b, err = json.Marshal(fields); err != nil {
		return "", err
	}
	text, err := yaml.JSONToYAML(b)
	return string(text), err
}
