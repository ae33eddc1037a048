package engine

import (
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Capabilities is what Rego packages may use: no network, no clock, no
// randomness, no environment, no private keys. A decision then depends on its
// input alone and may be cached. The result is shared; do not change it.
func Capabilities() *ast.Capabilities { return restricted() }

var restricted = sync.OnceValue(func() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, forbidden)
	c.AllowNet = []string{} // nil would mean any host
	// The second syntax of Rego is still moving; authors get the first.
	c.Features = slices.DeleteFunc(c.Features, func(f string) bool { return strings.HasPrefix(f, "rego_v2") })
	return c
})

// forbiddenPrefixes are families that reach outside, hold secrets, or read
// schemas that may point elsewhere.
var forbiddenPrefixes = []string{
	"net.lookup_ip_addr", "opa.", "rego.", "io.jwt.", "crypto.x509.", "crypto.hmac.",
	"crypto.parse_private_keys", "providers.", "graphql.", "json.match_schema", "json.verify_schema", "trace", "http.", "rand.", "uuid.",
}

func forbidden(b *ast.Builtin) bool {
	if b.Nondeterministic {
		return true
	}
	return slices.ContainsFunc(forbiddenPrefixes, func(prefix string) bool {
		return strings.HasPrefix(b.Name, prefix)
	})
}
