package console

import (
	"bytes"
	"encoding/json"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/library"
)

// Policy is a policy document as the API shows it: with a field more, that
// other clients ignore, and that means nothing when the document comes back.
type Policy struct {
	policies.Document
	Source PolicySource
}

// PolicySource is where a policy comes from.
type PolicySource struct {
	Shelf    library.Shelf `json:"shelf"`
	Place    string        `json:"place"`
	Revision string        `json:"revision,omitempty"` // of a bundle
}

func shown(entries ...library.Entry) []Policy {
	all := make([]Policy, len(entries))
	for i, e := range entries {
		all[i] = Policy{e.Document, PolicySource{e.Shelf, e.Place, e.Revision}}
	}
	return all
}

// MarshalJSON writes the document with document.SourceField at its end.
func (p Policy) MarshalJSON() ([]byte, error) {
	d, err := p.Document.MarshalJSON()
	if err != nil {
		return nil, err
	}
	source, err := json.Marshal(map[string]PolicySource{document.SourceField: p.Source})
	if err != nil {
		return nil, err
	}
	// Both are objects with members.
	return append(append(bytes.TrimSuffix(d, []byte("}")), ','), source[1:]...), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Policy) UnmarshalJSON(b []byte) error {
	var field struct {
		Source PolicySource `json:"sallyport_source"`
	}
	if err := json.Unmarshal(b, &field); err != nil {
		return err
	}
	p.Source = field.Source
	return p.Document.UnmarshalJSON(b)
}
