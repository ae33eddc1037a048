package scope

import (
	"encoding/json"
	"fmt"
)

// Scope is the scope of a policy as its document has it. The zero value
// includes every image.
type Scope struct {
	Expression string     `json:"expression"` // over v1, v2, … with && || ! ( ); empty includes everything
	Variables  []Variable `json:"variables"`  // the i-th is v<i>, counted from 1
}

// Variable is one term: the value of an attribute is compared with a pattern.
type Variable struct {
	Attribute string `json:"attribute"`      // image.name, aqua.label, kubernetes.namespace, …
	Value     string `json:"value"`          // "*" stands for any characters
	Name      string `json:"name,omitempty"` // of attributes with names: the label's key
}

// UnmarshalJSON reads the object of the document format, null, or a string in
// textual form, which is shorter to write by hand.
func (s *Scope) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		parsed, err := Parse(text)
		if err != nil {
			return err
		}
		*s = parsed
		return nil
	}
	type plain Scope
	return json.Unmarshal(b, (*plain)(s))
}

// Everything tells whether the scope includes every image.
func (s Scope) Everything() bool { return isBlank(s.Expression) }

// Error is what is wrong with a scope. Offset is the byte of the text where it
// was noticed, or -1.
type Error struct {
	Text   string // the expression, the textual form or the variable
	Offset int
	Reason string
}

func (e *Error) Error() string {
	text := e.Text
	if len(text) > 80 {
		text = text[:77] + "…"
	}
	if e.Offset < 0 {
		return fmt.Sprintf("%s: %s", text, e.Reason)
	}
	return fmt.Sprintf("%q, at character %d: %s", text, e.Offset+1, e.Reason)
}

func isBlank(s string) bool {
	for i := range len(s) {
		if !isSpace(s[i]) {
			return false
		}
	}
	return true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
