package document

import (
	"fmt"
	"regexp"
	"sync"
)

var validName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`) })

// CheckName tells whether a policy may be called name. Names are parts of
// paths, Rego packages and object keys.
func CheckName(name string) error {
	if name == "" {
		return fmt.Errorf("a policy needs a name")
	}
	if !validName().MatchString(name) {
		return fmt.Errorf("%q cannot be a policy's name: use letters, digits, - and _, at most 128", name)
	}
	return nil
}
