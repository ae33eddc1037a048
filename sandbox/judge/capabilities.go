package judge

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// capabilities is what a rule may use: everything that gives the same answer
// to the same observation, and reaches nothing outside it.
func capabilities() *ast.Capabilities {
	all := ast.CapabilitiesForThisVersion()
	some := all.Builtins[:0:0]
	for _, b := range all.Builtins {
		if !b.Nondeterministic && !forbidden(b.Name) {
			some = append(some, b)
		}
	}
	all.Builtins = some
	all.AllowNet = []string{} // nil would mean any
	return all
}

// forbidden names built-in functions that are marked as deterministic and yet
// are not for rules: they fetch schemas, handle keys, parse code or write to
// the log.
func forbidden(name string) bool {
	for _, prefix := range []string{
		"http.", "net.lookup", "opa.", "rand.", "uuid.", "rego.", "io.jwt.", "crypto.x509.", "crypto.parse_private",
		"providers.", "graphql.", "json.match_schema", "json.verify_schema", "trace", "time.now",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
