package policies

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// plainCheck is a Check as encoding/json would write it.
type plainCheck Check

// wireCheck is a Check as clients of the API know it.
type wireCheck struct {
	plainCheck
	AssuranceType string `json:"assurance_type"`
}

// MarshalJSON writes a check as the API has it: the facts that decided stand
// beside the other fields (maximum_severity_found, dta_skipped, …). Those
// whose name is taken, as custom checks may have them, stand below "facts".
func (c Check) MarshalJSON() ([]byte, error) {
	beside := map[string]any{}
	below := map[string]any{}
	for name, v := range c.Facts {
		if checkFields[name] {
			below[name] = v
		} else {
			beside[name] = v
		}
	}
	w := wireCheck{plainCheck(c), "image"}
	w.Facts = below
	b, err := json.Marshal(w)
	if err != nil || len(beside) == 0 {
		return b, err
	}
	more, err := json.Marshal(beside)
	if err != nil {
		return nil, err
	}
	// Both are objects with members.
	return append(append(bytes.TrimSuffix(b, []byte("}")), ','), more[1:]...), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Check) UnmarshalJSON(b []byte) error {
	var w wireCheck
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*c = Check(w.plainCheck)
	for name, v := range all {
		if checkFields[name] {
			continue
		}
		if c.Facts == nil {
			c.Facts = map[string]any{}
		}
		c.Facts[name] = v
	}
	return nil
}

// checkFields are the names of the fields of a check that are no facts.
var checkFields = func() map[string]bool {
	names := map[string]bool{"assurance_type": true}
	for t, i := reflect.TypeFor[Check](), 0; i < t.NumField(); i++ {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}()
