package version

import (
	"fmt"
	"strings"
)

// Condition is one comparison of a range.
type Condition struct {
	Operator string // ==, !=, <, <=, >, >=
	Version  string
}

// ParseRange reads conditions joined by commas, all of which must hold:
// ">=1.2,<2". A version alone means "==".
func ParseRange(text string) ([]Condition, error) {
	var all []Condition
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		c := Condition{Operator: "=="}
		for _, op := range []string{">=", "<=", "==", "!=", ">", "<", "="} {
			if rest, ok := strings.CutPrefix(part, op); ok {
				c.Operator, part = op, strings.TrimSpace(rest)
				break
			}
		}
		if c.Operator == "=" {
			c.Operator = "=="
		}
		if part == "" || strings.ContainsAny(part, " \t<>=!()[]|*^\"") {
			return nil, fmt.Errorf("%q is not a range of versions: write comparisons joined by commas, e.g. >=1.2,<2", text)
		}
		c.Version = part
		all = append(all, c)
	}
	return all, nil
}
