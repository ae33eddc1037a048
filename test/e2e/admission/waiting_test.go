package admission

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestWaiting deploys an image that waits for its analysis, which nobody does.
func TestWaiting(t *testing.T) {
	t.Parallel()
	const waiting = gate.Upstream + "/waiting:DTA"
	s := set(t, gate.Settings{
		Analysis: "{enabled: true, endpoint: 'http://127.0.0.1:1', token: none}",
		Webhook:  "namespaces:\n  - {names: ['*-admitted'], pending: allow}\n  - {names: ['*-blocked'], pending: block}\n  - {names: ['*-audited'], mode: audit}\n",
	}, gate.Registration{Timeout: 3})
	exact := s.images.Push(t, "waiting:DTA", nil)
	_, digest, _ := strings.Cut(exact, "@")

	t.Run("held until the deadline, then told how far it is", func(t *testing.T) {
		s.run(t, "run", "shop", "--image="+waiting).Refused(t, "(TooManyRequests)", `admission webhook "`+gate.Hook+`" denied the request`, waiting, digest[:19])
	})
	t.Run("blocked", func(t *testing.T) {
		ns := s.Namespace(t, s.gate.Label())
		s.Kubectl(t, "-n", ns, "run", "shop", "--image="+waiting).Refused(t, "denied the request", digest[:19])
	})
	for _, name := range []string{"admitted", "audited"} {
		t.Run(name, func(t *testing.T) {
			ns := s.Namespace(t, s.gate.Label())
			made := s.Kubectl(t, "-n", ns, "run", "shop", "--image="+waiting)
			made.Done(t)
			made.Says(t, "Warning: ", waiting)
		})
	}
}

// TestExempt is who is never asked about.
func TestExempt(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{
		Webhook: "exempt: {namespaces: ['*-spared'], users: [jane], service_accounts: ['*/deployer']}\n",
	}, gate.Registration{})
	s.run(t, "create", "rolebinding", "developers", "--clusterrole=edit", "--user=jane", "--user=joe", "--serviceaccount="+s.namespace+":deployer").Done(t)
	t.Run("a user", func(t *testing.T) {
		s.run(t, "run", "a", "--image="+evil, "--as=jane").Done(t)
		s.run(t, "run", "b", "--image="+evil, "--as=joe").Refused(t, s.digest[evil])
	})
	t.Run("a service account", func(t *testing.T) {
		s.run(t, "run", "c", "--image="+evil, "--as=system:serviceaccount:"+s.namespace+":deployer").Done(t)
	})
	t.Run("spared", func(t *testing.T) {
		ns := s.Namespace(t, s.gate.Label())
		s.Kubectl(t, "-n", ns, "run", "d", "--image="+evil).Done(t)
	})
}
