package admission

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestAuditEntry is the second entry of a registration, for namespaces that are
// not enforced yet: everything passes, and its user reads what would not.
func TestAuditEntry(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{}, gate.Registration{})
	other := s.Namespace(t, "e2e.sallyport.dev/audit="+s.namespace)
	const hook = "audit." + gate.Hook
	s.gate.Configure(t, s.Cluster, gate.Registration{
		Name: "audit-" + s.namespace, Hook: hook, Path: "/validate/audit", Policy: "Ignore",
		Selector: "e2e.sallyport.dev/audit: " + s.namespace,
	})
	cluster.Eventually(t, "the cluster asks", func() bool {
		return s.Kubectl(t, "-n", other, "run", "probe", "--image="+evil, "--dry-run=server").Stderr != ""
	})
	made := s.Kubectl(t, "-n", other, "run", "shop", "--image="+evil)
	made.Done(t)
	made.Says(t, "Warning: ", "sallyport would deny", evil, "label-fate")
	if note := s.AuditAnnotation(t, other, "shop", hook, "mode"); note != "audit" {
		t.Errorf("the audit log says mode %q", note)
	}
	if note := s.AuditAnnotation(t, other, "shop", hook, "decisions"); !strings.HasPrefix(note, "deny:") {
		t.Errorf("the audit log says %q, expected a decision to deny", note)
	}
	s.Kubectl(t, "-n", other, "run", "fine", "--image="+good).Silent(t)
	t.Run("what cannot be judged passes, too", func(t *testing.T) {
		s.Kubectl(t, "-n", other, "run", "unknown", "--image=registry.test/missing:1").Done(t)
	})
	t.Run("enforced namespaces are as before", func(t *testing.T) {
		s.run(t, "run", "shop", "--image="+evil).Refused(t, s.digest[evil])
	})
}
