package policies

import (
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-dev/sallyport/policies/scope"
)

// Facts is an Input in the form in which rules read it. It is immutable and
// safe for concurrent use.
type Facts struct {
	subject scope.Subject
	value   ast.Value
	now     time.Time
	dtaDone bool
	dtaTime time.Time
}

// Prepare turns an input into Facts. The input must not change afterwards.
func (s *Set) Prepare(in *Input) (*Facts, error) {
	f := &Facts{subject: in.subject(), now: in.Now, dtaDone: in.DTA.Status == "done", dtaTime: in.DTA.Time}
	if f.now.IsZero() {
		f.now = s.now()
	}
	doc, err := in.document(f.now, &f.subject)
	if err != nil {
		return nil, fmt.Errorf("facts of %s: %w", in.Image.Digest, err)
	}
	f.value = doc
	return f, nil
}
