package cluster

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	auditLog    = "audit.log"
	auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    verbs: [create, update, patch]
    resources: [{group: ""}, {group: apps}, {group: batch}]
  - level: None
`
)

// AuditAnnotations returns those of the first request about the object that
// carries any of the webhook of that name. It waits for the API server to write
// its log.
func (c *Cluster) AuditAnnotations(t testing.TB, namespace, name, webhook string) map[string]string {
	t.Helper()
	var found map[string]string
	Eventually(t, "the audit log has an entry of "+webhook+" for "+namespace+"/"+name, func() bool {
		b, err := os.ReadFile(filepath.Join(c.dir, auditLog))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			var e struct {
				ObjectRef   struct{ Namespace, Name string }
				Annotations map[string]string
			}
			if json.Unmarshal([]byte(line), &e) != nil || e.ObjectRef.Namespace != namespace || e.ObjectRef.Name != name {
				continue // the last line may be half written
			}
			for key, value := range e.Annotations {
				if own, ok := strings.CutPrefix(key, webhook+"/"); ok {
					if found == nil {
						found = map[string]string{}
					}
					found[own] = value
				}
			}
			if found != nil {
				return true
			}
		}
		return false
	})
	return found
}

// Eventually fails the test when what does not become true within a minute,
// however slow the machine.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited a minute, in vain, until " + what)
		}
	}
}
