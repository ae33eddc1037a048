package admission

import (
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

func TestGateIsDown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy string
		passes bool
	}{{"Fail", false}, {"Ignore", true}} {
		t.Run(c.policy, func(t *testing.T) {
			s := set(t, gate.Settings{}, gate.Registration{Policy: c.policy})
			s.run(t, "run", "before", "--image="+better).Done(t)
			s.gate.Kill(t)
			got := s.run(t, "run", "meanwhile", "--image="+good)
			if c.passes {
				got.Done(t)
			} else {
				got.Refused(t, "(InternalError)", `failed calling webhook "`+gate.Hook+`"`, "connection refused")
			}
			t.Run("deletions pass", func(t *testing.T) { s.run(t, "delete", "pod", "before").Done(t) })
			t.Run("after it is back, it decides again", func(t *testing.T) {
				s.gate.Run(t)
				cluster.Eventually(t, "an allowed pod is made", func() bool {
					return s.run(t, "run", "after", "--image="+good).Code == 0
				})
				s.run(t, "run", "evil", "--image="+evil).Refused(t, s.digest[evil])
			})
		})
	}
}

// TestGateIsStuck has the gate hang: the API server gives up after the time in
// the registration, and what the gate itself cannot find out in that time it
// says a second before.
func TestGateIsStuck(t *testing.T) {
	t.Parallel()
	t.Run("the gate", func(t *testing.T) {
		s := set(t, gate.Settings{}, gate.Registration{Timeout: 2})
		s.gate.Freeze(t)
		defer s.gate.Thaw(t)
		s.run(t, "run", "shop", "--image="+good).Refused(t, "(InternalError)", "failed calling webhook", "context deadline exceeded")
	})
	t.Run("its registry", func(t *testing.T) {
		s := set(t, gate.Settings{}, gate.Registration{Timeout: 5})
		release := s.images.Hang()
		defer release()
		s.run(t, "run", "shop", "--image="+gate.Upstream+"/unseen:1").Refused(t, `admission webhook "`+gate.Hook+`" denied the request`, "unseen:1")
	})
}

// TestRegistryIsDown names an image that the gate cannot look up.
func TestRegistryIsDown(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{}, gate.Registration{})
	s.run(t, "run", "shop", "--image="+gate.Upstream+"/missing:1").Refused(t,
		`admission webhook "`+gate.Hook+`" denied the request`, gate.Upstream+"/missing:1")
	s.run(t, "run", "shop", "--image=elsewhere.test/shop:1").Refused(t,
		`admission webhook "`+gate.Hook+`" denied the request`, "elsewhere.test")
	s.images.Stop()
	s.run(t, "run", "shop", "--image="+gate.Upstream+"/unseen:2").Refused(t, "denied the request", "unseen:2")
	t.Run("what is known is decided without it", func(t *testing.T) {
		exact := gate.Upstream + "/evil@" + s.digest[evil]
		s.run(t, "run", "evil", "--image="+exact).Refused(t, s.digest[evil], "label-fate")
	})
}
