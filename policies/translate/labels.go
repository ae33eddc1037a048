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
		lines := labelLines(l)
		title := l.Key
		if l.Value != "" {
			title += "=" + l.Value
		}
		shown := `sprintf("%s=%s", [key, value])`
		if !strings.Contains(l.Key, "*") {
			shown = fmt.Sprintf("concat(\"=\", [%s, input.image.labels%s])", scope.Quote(l.Key), step(l.Key))
		}
		entries = append(entries, entry{Shown: shown, Number: i + 1, Title: scope.Quote(title), Text: scope.OneLine(title), Lines: lines})
	}
	return entries, nil
}

// labelLines are conditions for a label with the key and value of l, which
// they call key and value where "*" stands in the key.
func labelLines(l document.Label) []string {
	if strings.Contains(l.Key, "*") {
		lines := []string{"some key, value in input.image.labels"}
		for _, c := range []string{scope.Condition(l.Key, "key"), valueCondition(l, "value")} {
			if c != "" {
				lines = append(lines, c)
			}
		}
		return lines
	}
	label := "input.image.labels" + step(l.Key)
	if c := valueCondition(l, label); c != "" {
		return []string{c}
	}
	return []string{label + " != null"} // an empty value is one too
}

func valueCondition(l document.Label, subject string) string {
	if l.Value == "" {
		return ""
	}
	return scope.Condition(l.Value, subject)
}
