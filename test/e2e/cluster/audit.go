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

// AuditAnnotation returns the annotation that the webhook of that name has last
// given to a request about the object. It waits for the API server to write its
// log.
func (c *Cluster) AuditAnnotation(t testing.TB, namespace, name, webhook, key string) (last string) {
	t.Helper()
	Eventually(t, "the audit log has "+webhook+"/"+key+" of "+namespace+"/"+name, func() bool {
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
			if value, ok := e.Annotations[webhook+"/"+key]; ok {
				last = value
			}
		}
		return last != ""
	})
	return last
}

// Eventually fails the test when what does not become true within three minutes,
// however slow the machine.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !condition(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited three minutes, in vain, until " + what)
		}
	}
}
