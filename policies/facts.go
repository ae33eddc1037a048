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
	input        *Input // without acknowledged risks
	subject      scope.Subject
	value        ast.Value
	now          time.Time
	acknowledged []Acknowledgement
}

// Prepare turns an input into Facts. The input must not change afterwards.
func (s *Set) Prepare(in *Input) (*Facts, error) {
	f := &Facts{subject: in.subject(), now: in.Now}
	if f.now.IsZero() {
		f.now = s.now()
	}
	f.input, f.acknowledged = in.acknowledged(f.now)
	f.input.Now = f.now // it is a copy
	var err error
	if f.value, err = f.input.document(); err != nil {
		return nil, fmt.Errorf("facts of %s: %w", in.Image.Digest, err)
	}
	return f, nil
}
