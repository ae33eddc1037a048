package translate

import (
	"fmt"
	"strings"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/scope"
)

func requiredLabelsData(d *document.Document) (any, error)  { return labelsData(d.RequiredLabels) }
func forbiddenLabelsData(d *document.Document) (any, error) { return labelsData(d.ForbiddenLabels) }

// labelsData are conditions on input.image.labels.
func labelsData(all []document.Label) (any, error) {
	var entries []entry
	for i, l := range all {
		if strings.TrimSpace(l.Key) == "" {
			return nil, fmt.Errorf("label %d has no key", i+1)
		}
		lines := []string{"some key, value in input.image.labels"}
		if c := scope.Condition(l.Key, "key"); c != "" {
			lines = append(lines, c)
		}
		if c := scope.Condition(l.Value, "value"); l.Value != "" && c != "" {
			lines = append(lines, c)
		}
		title := l.Key
		if l.Value != "" {
			title += "=" + l.Value
		}
		entries = append(entries, entry{Number: i + 1, Title: scope.Quote(title), Text: scope.OneLine(title), Lines: lines})
	}
	return entries, nil
}
